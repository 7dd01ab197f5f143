"""The registry: every component that the installed plugins offer, by axis and name.

A name is bare (`heun`) or qualified by its distribution (`diffusion-harness/heun`). A bare name means the harness's own
component wherever it has one; of those that only foreign distributions offer, one that two of them offer means neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from harness import components
from harness.axes import AXES, Axis, of
from harness.components import Component, ComponentError, Request
from harness.errors import did_you_mean, in_words
from harness.registry.provenance import (
    Provenance,
    dependencies,
    folders_apart,
    is_own,
    library_version,
    normalize,
    source_digest,
    source_root,
)
from harness.registry.references import Reference
from harness.targets import Target


@dataclass(frozen=True)
class Problem:
    """What was wrong with a plugin: its entry point, its distribution and the reason in one line."""

    plugin: str
    distribution: str
    reason: str


@dataclass(frozen=True)
class PluginInfo:
    """One entry point of the group `harness`.

    Attributes:
        entry_point: its name.
        distribution: the installed distribution that declares it.
        version: that distribution's version.
        status: whether it was loaded, failed, or was left out by HARNESS_PLUGINS.
        reason: why it failed; empty otherwise.
        components: the names it offers on each axis.
    """

    entry_point: str
    distribution: str
    version: str
    status: Literal["ok", "failed", "off"]
    reason: str = ""
    components: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Offer:
    """A component class, and the plugin that offers it."""

    cls: type[Component]
    plugin: PluginInfo

    @property
    def qualified(self) -> str:
        """The name that stays unique between distributions."""
        return f"{self.plugin.distribution}/{self.cls.name}"


class Registry:
    """All components, immutable once made.

    Attributes:
        axes: the axes, by name.
        plugins: every entry point found, sorted by distribution and name.
        problems: everything that was wrong with them, names that several foreign ones offer included.
    """

    def __init__(
        self,
        entries: Iterable[Offer],
        plugins: Sequence[PluginInfo] = (),
        problems: Sequence[Problem] = (),
        axes: Mapping[str, Axis] = AXES,
    ) -> None:
        self.axes = axes
        self.plugins = tuple(plugins)
        self._entries: dict[str, dict[str, list[Offer]]] = {axis: {} for axis in axes}
        for entry in entries:
            self._entries[entry.cls.axis].setdefault(entry.cls.name, []).append(entry)
        self._of_class = {e.cls: e for named in self._entries.values() for es in named.values() for e in reversed(es)}
        self._problems = tuple(problems)
        self.problems = (*problems, *self._clashes())
        self._references: dict[tuple[type[Component], str], Reference] = {}

    @classmethod
    def from_classes(
        cls, classes: Iterable[type[Component]], distribution: str = "local", version: str = "0"
    ) -> Registry:
        """Make a registry of classes that no installed plugin offers, with their axes."""
        plugin = PluginInfo("local", distribution, version, "ok")
        entries = [Offer(each, plugin) for each in classes]
        further = {axis.name: axis for each in entries if (axis := of(each.cls)).name not in AXES}
        return cls(entries, [plugin], axes={**AXES, **further})

    def with_classes(self, classes: Iterable[type[Component]], distribution: str = "local") -> Registry:
        """Return the registry with those of some classes that no plugin offers, as those of a distribution."""
        plugin = PluginInfo(distribution, distribution, "0", "ok")
        own = {cls: None for cls in classes if cls not in self._of_class}
        known = [offer for named in self._entries.values() for offers in named.values() for offer in offers]
        entries = [*known, *(Offer(cls, plugin) for cls in own)]
        return Registry(entries, [*self.plugins, plugin], self._problems, self.axes)

    def classes(self, axis: str) -> dict[str, type[Component]]:
        """Return the classes of an axis by name, sorted; where several have one name, foreign ones appear qualified."""
        found = {}
        for name, entries in self._entries[axis].items():
            meant = _meant(entries)
            for entry in entries:
                if entry is meant:
                    found[name] = entry.cls
                elif sum(e.qualified == entry.qualified for e in entries) == 1:
                    found[entry.qualified] = entry.cls
        return dict(sorted(found.items()))

    def find(self, axis: str, name: str) -> type[Component]:
        """Return the class of a bare or qualified name.

        Raises:
            ComponentError: no plugin offers it (with candidates), or several foreign ones do (naming each).
        """
        distribution, slash, bare = name.rpartition("/")
        entries = self._entries[axis].get(bare, [])
        if slash:
            entries = [e for e in entries if normalize(e.plugin.distribution) == normalize(distribution)]
        if (meant := _meant(entries)) is not None:
            return meant.cls
        if entries:
            raise ComponentError(_clash(axis, name, entries))
        raise ComponentError(f"unknown {in_words(axis)} {name!r}; {self._candidates(axis, name)}")

    def make(self, axis: str, request: Request) -> list[Component]:
        """Make every component that a request means.

        Raises:
            ComponentError: an unknown name or parameter, a value of the wrong type or range, or a library that is
                not installed.
        """
        cls = _able(self.find(axis, request.name))
        return [components.build(cls, self._with_parts(cls, settings)) for settings in request.settings()]

    def _with_parts(self, cls: type[Component], settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters with a component where one is to stand, in place of what was written for it.

        Raises:
            ComponentError: as `make`, or it means several.
        """
        found = dict(settings)
        for name, axis in cls.part_axes().items():
            if name not in found or isinstance(form := found[name], Component):
                continue
            found[name] = self._part(cls, name, axis, form)
        return found

    def _part(self, cls: type[Component], name: str, axis: str, form: Any) -> Component:
        """Return the one component that is written for a parameter; raises as `_with_parts`."""
        several = [] if isinstance(form, Mapping) else _written_as_list(form)
        if not several and form and isinstance(form, (str, Mapping)):
            made = self.parse(axis, form)
            if len(made) == 1:
                return made[0]
            several = [self.label(each) for each in made]
        if several:
            values = ",".join(components.format_value(each) for each in several)
            rule = f"give several as values of their own: {name}={values}"
        else:
            example, known = self._own(axis), ", ".join(self.classes(axis))
            rule = f"it must be the name of one {in_words(axis)}, as {name}={example}; known: {known}"
        raise ComponentError(f"{in_words(cls.axis)} {cls.name!r}: {name}={form!r} is not valid: {rule}")

    def _own(self, axis: str) -> str:
        """Return a name on an axis for an example: one of the harness's own, where it has any."""
        classes = self.classes(axis)
        own = (name for name, cls in classes.items() if is_own(self._of_class[cls].plugin.distribution))
        return next(own, next(iter(classes), "…"))

    def parse(self, axis: str, form: str | Mapping[str, Any]) -> list[Component]:
        """Make every component that a string `name:param=value,value` or a table `{name = …}` means."""
        if isinstance(form, str):
            return self.make(axis, components.parse_request(form))
        return self.make(axis, components.request_from_table(form))

    def label(self, component: Component) -> str:
        """Return the component's short form, qualified where its bare name means another or none.

        A class that no plugin offers has nothing to be qualified by.
        """
        label = component.label(self._parts(component))
        meant = _meant(self._entries[component.axis].get(component.name, []))
        own = self._of_class.get(type(component))
        if own is None or (meant is not None and meant.cls is type(component)):
            return label
        return f"{own.plugin.distribution}/{label}"

    def _parts(self, component: Component) -> dict[str, str]:
        """Return what its parameters that are components are called: another's as `distribution/name` where it must."""
        return {name: self.label(getattr(component, name)) for name in component.part_axes()}

    def provenance(self, cls: type[Component]) -> Provenance:
        """Return where a class comes from; the files of its package are read at the first call.

        Raises:
            ComponentError: no plugin of this registry offers the class.
        """
        entry = self._of_class.get(cls)
        if entry is None:
            raise ComponentError(f"{cls.__module__}.{cls.__qualname__} is offered by no loaded plugin")
        root = source_root(cls)
        source = "" if root is None else source_digest(root, folders_apart(cls))
        name = entry.plugin.distribution
        needed = () if is_own(name) else dependencies(name)
        return Provenance(name, entry.plugin.version, source, tuple(sorted({*needed, *library_version(cls)})))

    def reference(self, component: Component, read: Component | None = None) -> Reference:
        """Return what identifies a component in a result; `read`: what reads its file in its place, from elsewhere."""
        params = {**component.parameters(), **self._parts(component)}
        reader = read or component
        content = reader.content_digest() if isinstance(reader, Target) else ""
        parts = [self.reference(part).digest for part in component.inner_components()]
        key = (type(component), components.digest(params, content, parts))
        if key not in self._references:
            origin = self.provenance(type(component))
            known = (component.axis, component.name, params, origin.distribution, origin.version, origin.source)
            further = [*([content] if content else []), *([origin.dependencies] if origin.dependencies else []), *parts]
            self._references[key] = Reference(
                name=component.name,
                params=params,
                distribution=origin.distribution,
                version=origin.version,
                digest=components.digest(*known, *further),
            )
        return self._references[key]

    def remake(self, axis: str, reference: Reference, path: Path | None = None) -> Component:
        """Return the component that a result names.

        Arguments:
            axis: its axis.
            reference: how the result names it.
            path: where the file or folder that it reads lies now; None: where it did.

        Raises:
            ComponentError: it is not installed, reads none, or is no longer what it was: its code, its parameters, a
                file it reads.
        """
        built = self.rebuild(axis, reference)
        made = built if path is None else _elsewhere(built, path)
        if self.reference(built, made).digest != reference.digest:
            was = f"{in_words(axis)} {reference.name} of {reference.distribution} {reference.version}"
            if path is not None:
                raise ComponentError(f"{path} is not what {was} read for these results, or its code has changed")
            what = "its code or a file that it reads" if axis == "target" else "its code"
            raise ComponentError(f"{was} is no longer what made these results: {what} has changed; run the suite again")
        return made

    def rebuild(self, axis: str, reference: Reference) -> Component:
        """Return the component of this name and these parameters, whatever its code is today.

        Raises:
            ComponentError: it is not installed, or does not take the parameters.
        """
        cls = _able(self.find(axis, f"{reference.distribution}/{reference.name}"))
        return components.build(cls, self._with_parts(cls, reference.params))

    def _clashes(self) -> list[Problem]:
        return [
            Problem(entry.plugin.entry_point, entry.plugin.distribution, _clash(axis, name, entries))
            for axis, named in self._entries.items()
            for name, entries in sorted(named.items())
            if _meant(entries) is None
            for entry in entries
        ]

    def _candidates(self, axis: str, name: str) -> str:
        hint = did_you_mean(name, self.classes(axis))
        if name.count("/"):
            bare = name.rpartition("/")[2]
            hint = did_you_mean(name, [e.qualified for e in self._entries[axis].get(bare, [])] or self.classes(axis))
        failed = [plugin.entry_point for plugin in self.plugins if plugin.status != "ok"]
        return f"{hint} (not loaded: {', '.join(failed)}; see harness plugins)" if failed else hint


def _elsewhere(component: Component, path: Path) -> Component:
    """Return a component that reads its file, or its folder, at another place.

    Raises:
        ComponentError: it reads none.
    """
    if "path" not in type(component).model_fields:
        raise ComponentError(
            f"{in_words(component.axis)} {component.name} reads no file, so that {path} is not asked for"
        )
    return component.model_copy(update={"path": str(path)})


def _able(cls: type[Component]) -> type[Component]:
    """Return a class of which components can be made here.

    Raises:
        ComponentError: it runs a library that is not installed.
    """
    if cls.library is not None and cls.library.version() is None:
        raise ComponentError(f"{in_words(cls.axis)} {cls.name!r} {cls.library.absence}")
    return cls


def _written_as_list(form: Any) -> list[str]:
    """Return the names of components that are written as one list of them; none where it is no such list."""
    if isinstance(form, str):
        bare = form.removeprefix("[").removesuffix("]")
        form = bare.split(",") if "," in bare and not set(bare) & set(':"{') else []
    named = isinstance(form, list) and all(isinstance(each, str) and each.strip() for each in form)
    return [each.strip() for each in form] if named else []


def _meant(entries: Sequence[Offer]) -> Offer | None:
    """Return which of those that share a name it means: the harness's own, or the only one; else None."""
    own = [entry for entry in entries if is_own(entry.plugin.distribution)]
    found = own or entries
    return found[0] if len(found) == 1 else None


def _clash(axis: str, name: str, entries: Sequence[Offer]) -> str:
    offered = f"{in_words(axis)} {name!r} is offered by"
    qualified = sorted({entry.qualified for entry in entries})
    if len(qualified) == 1:
        names = " and ".join(entry.plugin.entry_point for entry in entries)
        return f"{offered} plugins {names} of one distribution, {entries[0].plugin.distribution}"
    return f"{offered} {len(qualified)} distributions; write {' or '.join(qualified)}"
