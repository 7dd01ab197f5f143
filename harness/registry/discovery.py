"""Discovery: every entry point of the group `harness` is loaded apart from the others.

A plugin is a module (or any object) whose functions marked with `harness.hookimpl` return component classes.
One that fails to import, misspells a hook or offers something malformed contributes nothing, is reported, and
costs nothing else. A foreign one is first loaded by a child process (`harness.registry.probe`). All are imported before
any is asked for its components, as one may register the axis that another's belong to: the order in which plugins are
found does not matter.
"""

from __future__ import annotations

import inspect
import math
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from importlib import metadata
from typing import Any, get_args, get_origin

import pluggy
from pydantic import BaseModel
from pydantic.errors import PydanticUserError

from harness import components, hookspecs
from harness.axes import AXES, Axis, table
from harness.components import Component
from harness.errors import ContractError, HarnessError, did_you_mean, failure_line, place_of
from harness.libraries import Library
from harness.registry import probe, process_state
from harness.registry.provenance import GROUP, apart, is_own, normalize
from harness.registry.registry import Offer, PluginInfo, Problem, Registry

__all__ = ["PluginError", "check_class", "load", "load_telling"]

AXES_HOOK = "harness_axes"
"""The hook that registers axes; each axis has a hook of its own."""

RESERVED = frozenset({"axis", "formula", "name", "source"})
"""Words that no parameter may be named: they mean something else in a suite file or a table."""

LONGEST = 60
"""Characters of a component's name at most: it stands in columns of tables."""

SECONDS_TO_LOAD = 60.0
"""A plugin that takes longer to import is given up."""


class PluginError(HarnessError):
    """A plugin that was asked for does not exist, or one that exists is malformed."""


class _TooSlow(BaseException):
    """Raised in a plugin that outruns its time; no `except Exception` of its own may catch it."""


@dataclass
class _Plugin:
    """One entry point on its way: the object that it names, once that is imported, and what it turned out to be."""

    entry_point: metadata.EntryPoint
    info: PluginInfo
    limit: float
    loaded: Any = None
    axes: list[Axis] = field(default_factory=list)
    classes: list[type[Component]] = field(default_factory=list)
    unmet: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)

    def probe(self) -> None:
        """Give up a foreign plugin that would end or stop the process that loads it."""
        if self.info.status == "ok" and not is_own(self.info.distribution):
            reason = probe.obstacle(self.entry_point, self.info.distribution, self.info.version)
            if reason:
                self.info = replace(self.info, status="failed", reason=reason)

    def step(self, function: Callable[[_Plugin], None]) -> None:
        """Do something with the plugin, unless it has failed or is left out; whatever it raises is its own failure."""
        if self.info.status != "ok":
            return
        try:
            # Standard output is the command's, whatever a plugin prints.
            with redirect_stdout(sys.stderr), _time_limit(self.limit), self._state_kept():
                function(self)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit too
            self.info = replace(self.info, status="failed", reason=_one_line(error))

    @contextmanager
    def _state_kept(self) -> Iterator[None]:
        """Note what a foreign plugin changes of the process, and put it back."""
        if is_own(self.info.distribution):
            yield
            return
        before, functions = process_state.read(), process_state.functions()
        try:
            yield
        finally:
            changed = [*process_state.put_back(before), *process_state.put_functions_back(functions)]
            self.changed += [what for what in changed if what not in self.changed]


def load(only: str | None = None, *, probing: bool = False) -> Registry:
    """Load the plugins.

    Arguments:
        only: names of entry points, joined by commas: load just these (empty: none). None: what the
            environment variable HARNESS_PLUGINS says, and all where it is unset.
        probing: whether this process is there to see what happens to one that loads them.

    Raises:
        PluginError: `only` names an entry point that does not exist.
    """
    found, problems = _discover()
    chosen = _chosen(found, os.environ.get("HARNESS_PLUGINS") if only is None else only)
    # A probe is ended from outside.
    limit = math.inf if probing else SECONDS_TO_LOAD
    plugins = [_Plugin(e, info if e in chosen else replace(info, status="off"), limit) for e, info in found]
    for each in plugins if not probing else ():
        each.probe()
    for each in plugins:
        each.step(_import)
    for each in plugins:
        each.step(lambda plugin: _refuse_axes_of_others(plugin, plugins))
    axes = table([*AXES.values(), *(axis for each in plugins if each.info.status == "ok" for axis in each.axes)])
    manager = _manager(axis.hook for axis in axes.values())
    for each in plugins:
        each.step(lambda plugin: _ask(plugin, axes, manager))
    for each in plugins:
        each.info = replace(each.info, components=_names(each.classes, axes))
        # Where some are left out, the axis of an optional hook may be among what they register.
        wrong = [each.info.reason] if each.info.status == "failed" else each.unmet * (len(chosen) == len(found))
        wrong = [*wrong, *(f"changed {what} when it was loaded; it was put back" for what in each.changed)]
        problems += [Problem(each.info.entry_point, each.info.distribution, reason) for reason in wrong]
    entries = [Offer(cls, each.info) for each in plugins for cls in each.classes]
    return Registry(entries, [each.info for each in plugins], problems, axes)


def load_telling(tell: Callable[[str], None]) -> Registry:
    """Load the plugins; `tell` is told what is wrong with any, a line each. Raises as `load`."""
    registry = load()
    for problem in registry.problems:
        tell(f"plugin {problem.plugin} ({problem.distribution}): {problem.reason}")
    return registry


def _names(classes: Sequence[type[Component]], axes: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the names of classes on each axis that has one."""
    names = {axis: tuple(sorted(cls.name for cls in classes if cls.axis == axis)) for axis in axes}
    return {axis: offered for axis, offered in names.items() if offered}


def _discover() -> tuple[list[tuple[metadata.EntryPoint, PluginInfo]], list[Problem]]:
    """Find the entry points, sorted by distribution and name; unreadable metadata is a problem of its own."""
    found: dict[str, list[tuple[metadata.EntryPoint, PluginInfo]]] = {}
    problems = []
    for distribution in metadata.distributions():
        try:
            entry_points = distribution.entry_points.select(group=GROUP)
            name, version = (distribution.name, distribution.version) if entry_points else ("", "")
        except Exception as error:
            where = str(getattr(distribution, "_path", "a distribution"))
            problems.append(Problem("entry_points.txt", where, f"cannot be read: {_one_line(error)}"))
            continue
        if entry_points and normalize(name) not in found:  # the first on the path hides later ones, as in imports
            infos = [(each, PluginInfo(each.name, name, version, "ok")) for each in entry_points]
            found[normalize(name)] = sorted(infos, key=lambda pair: (pair[0].name, pair[0].value))
    return [pair for name in sorted(found) for pair in found[name]], problems


def _chosen(found: Sequence[tuple[metadata.EntryPoint, PluginInfo]], only: str | None) -> list[metadata.EntryPoint]:
    if only is None:
        return [entry_point for entry_point, _ in found]
    chosen = []
    for word in filter(None, (word.strip() for word in only.split(","))):
        matching = [e for e, info in found if word in (info.entry_point, f"{info.distribution}/{info.entry_point}")]
        if not matching:
            hint = did_you_mean(word, (info.entry_point for _, info in found))
            raise PluginError(f"HARNESS_PLUGINS: no plugin {word!r} is installed; {hint}")
        chosen += matching
    return chosen


def _import(plugin: _Plugin) -> None:
    """Import a plugin, and note the axes that it registers.

    Raises:
        PluginError: an axis is malformed. What the plugin raises passes through.
    """
    plugin.loaded = plugin.entry_point.load()
    _refuse_unmarked(plugin.loaded, [AXES_HOOK])
    axes = []
    if hasattr(plugin.loaded, AXES_HOOK):
        with _registered(plugin, _manager([])) as manager:
            axes = _answers(manager, AXES_HOOK, "axes")
    for axis in axes:
        _check_axis(axis)
    plugin.axes = axes


def _check_axis(axis: object) -> None:
    """Refuse what is no axis that a plugin may register.

    Raises:
        PluginError: the rule that it breaks.
    """
    if not isinstance(axis, Axis):
        raise PluginError(f"{AXES_HOOK} returned {axis!r}, no harness.axes.Axis")
    what = f"{AXES_HOOK}: axis {axis.name!r}"
    if not re.fullmatch("[a-z]+(_[a-z]+)*", axis.name):
        raise PluginError(f"{what}: a name is lower-case words joined by underscores")
    if axis.role != "beside":
        raise PluginError(f"{what} has role {axis.role!r}; one that a plugin registers stands beside combinations")
    if axis.hook in {AXES_HOOK, *(own.hook for own in AXES.values())}:
        raise PluginError(f"{what} is one of the harness")
    contract = axis.contract
    if not isinstance(contract, type) or not issubclass(contract, Component) or contract.axis != axis.name:
        raise PluginError(f"{what}: {axis.contract_path} is no subclass of harness.components.Component of that axis")


def _refuse_axes_of_others(plugin: _Plugin, plugins: Sequence[_Plugin]) -> None:
    """Refuse a plugin that registers an axis which another one registers too: neither has it.

    Raises:
        PluginError: the axis, and who registers it.
    """
    for axis in plugin.axes:
        both = [other.info.entry_point for other in plugins if axis.name in [each.name for each in other.axes]]
        if len(both) > 1:
            raise PluginError(f"axis {axis.name!r} is registered by plugins {' and '.join(both)}")


def _ask(plugin: _Plugin, axes: Mapping[str, Axis], manager: pluggy.PluginManager) -> None:
    """Note the classes that a plugin offers, checked, and its hooks of axes that nobody registers.

    Raises:
        PluginError: it misspells a hook, or offers something malformed. What it raises passes through.
    """
    hooks = {axis.hook: axis for axis in axes.values()}
    _refuse_unmarked(plugin.loaded, hooks)
    with _registered(plugin, manager):
        for name, optional in _unknown(manager).items():
            hint = did_you_mean(name, [AXES_HOOK, *hooks])
            if not optional:
                raise PluginError(f"unknown hook {name!r}; {hint}")
            plugin.unmet.append(f"hook {name!r} is of an axis that no plugin registers; {hint}")
        plugin.classes = [cls for hook, axis in hooks.items() for cls in _classes(manager, hook, axis)]


def _manager(hooks: Iterable[str]) -> pluggy.PluginManager:
    """Return a manager that knows our hooks, and those of axes that plugins register."""
    manager = pluggy.PluginManager("harness")
    manager.add_hookspecs(hookspecs)
    for hook in hooks:
        if not hasattr(hookspecs, hook):
            manager.add_hookspecs(hookspecs.registered(hook))
    return manager


@contextmanager
def _registered(plugin: _Plugin, manager: pluggy.PluginManager) -> Iterator[pluggy.PluginManager]:
    """Have a plugin registered alone: what one registers can neither hide nor end another's."""
    name = plugin.entry_point.name
    try:
        manager.register(plugin.loaded, name=name)
        yield manager
    finally:
        if manager.has_plugin(name):
            manager.unregister(name=name)


def _refuse_unmarked(plugin: object, hooks: Iterable[str]) -> None:
    for hook in hooks:
        function = getattr(plugin, hook, None)
        if function is not None and not hasattr(function, "harness_impl"):
            raise PluginError(f"{hook} is not marked with @harness.hookimpl")


def _unknown(manager: pluggy.PluginManager) -> dict[str, bool]:
    """Return the hooks that a plugin implements and that do not exist, and whether it marks each as optional."""
    callers = {name: caller for name, caller in vars(manager.hook).items() if isinstance(caller, pluggy.HookCaller)}
    unknown = {name: caller.get_hookimpls() for name, caller in callers.items() if not caller.has_spec()}
    return {name: all(made.optionalhook for made in made_of) for name, made_of in unknown.items() if made_of}


def _answers(manager: pluggy.PluginManager, hook: str, what: str) -> list[Any]:
    """Return what a plugin's hook returns: a list, empty where it has no such hook.

    Raises:
        PluginError: it is no list.
    """
    caller: pluggy.HookCaller = getattr(manager.hook, hook)
    if not caller.get_hookimpls():
        return []
    answers = caller()
    if len(answers) != 1 or not isinstance(answers[0], (list, tuple)):
        given = type(answers[0]).__name__ if answers else "None"
        raise PluginError(f"{hook} returned {given}; it must return a list of {what}")
    return list(answers[0])


def _classes(manager: pluggy.PluginManager, hook: str, axis: Axis) -> list[type[Component]]:
    classes = _answers(manager, hook, "classes")
    names = set()
    for cls in classes:
        check_class(axis, cls)
        if "<locals>" in cls.__qualname__:
            rule = "worker processes find classes at the top level of modules"
            raise PluginError(f"{hook}: {cls.name} is defined in a function; {rule}")
        if cls.name in names:
            raise PluginError(f"{hook} offers the name {cls.name!r} twice")
        names.add(cls.name)
    return classes


def check_class(axis: Axis, cls: Any) -> None:
    """Check one class that a plugin offers against the contract of the axis.

    Raises:
        PluginError: it breaks the contract; the message names the rule.
    """
    hook, contract = axis.hook, axis.contract
    if not isinstance(cls, type) or not issubclass(cls, contract):
        raise PluginError(f"{hook} returned {cls!r}, no subclass of {contract.__module__}.{contract.__name__}")
    name = getattr(cls, "name", None)
    if not isinstance(name, str) or not components.NAME.fullmatch(name):
        rule = "lower-case words joined by hyphens"
        raise PluginError(f"{hook}: {cls.__qualname__}.name is {name!r}; a name is {rule}")
    if len(name) > LONGEST:
        raise PluginError(f"{hook}: a name has at most {LONGEST} characters; {name[:LONGEST]}… has {len(name)}")
    what = f"{hook}: {name}"
    if not isinstance(cls.library, (Library, type(None))):
        raise PluginError(f"{what} has library {cls.library!r}; it is a harness.libraries.Library, or None")
    if cls.axis != contract.axis:
        raise PluginError(f"{what} has axis {cls.axis!r}; it must keep {contract.axis!r}")
    if inspect.isabstract(cls):
        missing = ", ".join(sorted(cls.__abstractmethods__))
        raise PluginError(f"{what} does not define {missing}")
    _check_properties(what, cls)
    try:
        cls.check_class()
    except ContractError as error:
        raise PluginError(f"{what} {error}") from error
    if contract.makes_results and (folder := apart(cls)):
        raise PluginError(f"{what} lies in its package's folder {folder!r}, which no digest covers; move it elsewhere")
    _check_parameters(what, cls, contract)


def _check_properties(what: str, cls: type[Component]) -> None:
    """Refuse a method in place of a property: what asks for it would take the method itself for a yes."""
    properties = {
        name: base for base in cls.__mro__ for name, value in vars(base).items() if isinstance(value, property)
    }
    for name, base in properties.items():
        if inspect.isfunction(next(vars(each)[name] for each in cls.__mro__ if name in vars(each))):
            rule = f"it is a property of {base.__name__}: write @property above it"
            raise PluginError(f"{what} has {name} as a method; {rule}")


def _check_parameters(what: str, cls: type[Component], contract: type[Component]) -> None:
    if not cls.model_config.get("frozen") or cls.model_config.get("extra") != "forbid":
        raise PluginError(f"{what} changes the model configuration; components are frozen and forbid extra parameters")
    for parameter, declared in cls.model_fields.items():
        if parameter in RESERVED or hasattr(contract, parameter):
            raise PluginError(f"{what}: no parameter may be named {parameter!r}; it is a word of the contract")
        if _holds(declared.annotation, Set):
            raise PluginError(f"{what}: parameter {parameter!r} holds a set, whose order is by chance; take a tuple")
        if parameter not in cls.part_axes() and _holds(declared.annotation, Component):
            rule = "a component is a parameter by itself, as Part[Preconditioning]"
            raise PluginError(f"{what}: parameter {parameter!r} holds components inside another type; {rule}")
    if any(field.is_required() for field in cls.model_fields.values()):
        return
    defaults = cls()
    components.digest(components.build(cls, {p: getattr(defaults, p) for p in cls.model_fields}).parameters())


def _holds(annotation: object, kind: type, above: tuple[object, ...] = ()) -> bool:
    """Whether values of a type are of a kind, or have such in them."""
    found = get_origin(annotation) or annotation
    if isinstance(found, type) and issubclass(found, kind):
        return True
    inner = list(get_args(annotation))
    if isinstance(found, type) and issubclass(found, BaseModel) and found not in above:
        inner += [each.annotation for each in found.model_fields.values()]
        above = (*above, found)
    return any(_holds(each, kind, above) for each in inner)


@contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """End the block after some seconds; in the main thread only, where signals arrive."""
    signals = threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer")
    if not signals or math.isinf(seconds):
        yield
        return

    def give_up(*_: object) -> None:
        raise _TooSlow(f"took longer than {seconds:g} s to load")

    before = signal.signal(signal.SIGALRM, give_up)
    timer = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, before)


def _one_line(error: BaseException) -> str:
    if isinstance(error, _TooSlow):
        return str(error)
    if isinstance(error, PydanticUserError) and error.code == "model-field-missing-annotation":
        given = re.findall("[`'](.+?)[`']", error.message)[0]
        rule = "a parameter is annotated; what is fixed is a property where the contract has one, or else a ClassVar"
        error = ContractError(f"{given} is not annotated: {rule}{place_of(error)}")
    return failure_line(error)
