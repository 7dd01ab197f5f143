"""Spaces: what a recommendation chooses from, and how its race goes: a suite without targets, with a section [race]."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

from pydantic import Field, ValidationError, field_validator

from harness.components import ComponentError
from harness.errors import HarnessError, NotApplicable
from harness.networks import Backbone
from harness.suites.combinations import Combination, expand
from harness.suites.compute import most_steps
from harness.suites.model import Suite, SuiteError, read_toml, toml_content
from harness.suites.sections import Count, SuiteSection

if TYPE_CHECKING:
    from harness.components import Component
    from harness.metrics import Metric
    from harness.registry.registry import Registry
    from harness.targets import Target

DEFAULT = "default"
"""The space that ships."""

Form = Annotated[str, Field(min_length=1)]


class Pair(SuiteSection):
    """A sampler and a grid, each as a component is written."""

    sampler: Form
    time_discretization: Form


class FieldDefault(Pair):
    """The design that the field uses; `preconditioning` is that of networks that have one."""

    weighting: Form
    preconditioning: Form


class RaceSection(SuiteSection):
    """How the race over a space goes.

    Attributes:
        seeds: at each look, of the designs that may still be best.
        first_seed: of these; the others follow it.
        evaluations: of the network, a sample.
        references: the samplers and grids by which trainings are compared at first.
        default: what the field uses.
        start: the initial law where σ_max is 3 m₂ or more; `start_below` where it is less.
        reader: the target that reads a file, by its parameter `path`.
    """

    seeds: Annotated[tuple[Annotated[int, Field(strict=True, ge=2, le=1000)], ...], Field(min_length=1)]
    first_seed: Annotated[int, Field(strict=True, ge=0, le=2**31 - 1001)] = 0
    evaluations: Count
    references: Annotated[tuple[Pair, ...], Field(min_length=1)]
    default: FieldDefault
    start: Form
    start_below: Form
    reader: Form

    @field_validator("seeds")
    @classmethod
    def _increasing(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if any(a >= b for a, b in itertools.pairwise(seeds)):
            raise ValueError("must increase from look to look")
        return seeds


class Space:
    """What a recommendation chooses from.

    Attributes:
        race: how its race goes.
    """

    def __init__(self, content: Mapping[str, Any], origin: str) -> None:
        """Take the content of a TOML file.

        Raises:
            SuiteError: a key is unknown, missing or has a forbidden value.
        """
        rest = dict(content)
        try:
            self.race = RaceSection.model_validate(rest.pop("race", {}))
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, ("race", *first["loc"])))
            raise SuiteError(f"{origin}: {place}: {first['msg'].removeprefix('Value error, ')}") from error
        for key in ("targets", "steps", "seeds", "initial_laws", "noise", "compute"):
            if key in rest:
                raise SuiteError(f"{origin}: {key}: follows from the data and from [race]; leave it out of a space")
        self._content, self._origin = rest, origin
        suite = self.suite(["any"], 0.1, 1.0, self.race.start)  # what else is wrong is told before data are read
        if len(suite.rank_by) > 1:
            raise SuiteError(f"{origin}: rank_by: names {len(suite.rank_by)} metrics; a race is decided by one")

    @classmethod
    def load(cls, name_or_path: str) -> Space:
        """Read a space: the one that ships, by its name, or a TOML file, by its path.

        Raises:
            SuiteError: it cannot be read, or is malformed.
        """
        if name_or_path == DEFAULT:
            file = resources.files("harness") / "suites" / "spaces" / f"{DEFAULT}.toml"
            return cls(toml_content(file.read_text(encoding="utf-8"), f"{DEFAULT}.toml", "a space"), f"{DEFAULT}.toml")
        return cls(read_toml(name_or_path, "a space"), name_or_path)

    def changed(
        self,
        *,
        evaluations: int | None = None,
        seeds: int | None = None,
        first_seed: int | None = None,
        train_steps: int | None = None,
        metric: str | None = None,
        networks: Sequence[str] = (),
        registry: Registry,
    ) -> Space:
        """Return the space with what a user chose in place of its own.

        A network that has a preconditioning and names none is crossed with those of the space's networks.

        Raises:
            SuiteError: a value is forbidden.
        """
        race: dict[str, Any] = self.race.model_dump(mode="json")
        content = dict(self._content)
        if evaluations is not None:
            race["evaluations"] = evaluations
        if seeds is not None:
            kept = [count for count in self.race.seeds if count < seeds]
            race["seeds"] = [*kept, seeds] if kept else [seeds]
        if first_seed is not None:
            race["first_seed"] = first_seed
        if train_steps is not None:
            content["training"] = {**content.get("training", {}), "steps": [train_steps]}
        if metric is not None:
            content |= {"metrics": [_deciding(registry, metric)], "rank_by": metric}
        if networks:
            content["networks"] = self._crossed(networks, registry)
        return Space({**content, "race": race}, self._origin)

    def _crossed(self, networks: Sequence[str], registry: Registry) -> list[str]:
        own = [each for form in self._content["networks"] for each in _parsed(registry, "network", form)]
        around = dict.fromkeys(registry.label(each.precondition) for each in own if isinstance(each, Backbone))
        found = []
        for form in networks:
            plain = all(isinstance(each, Backbone) for each in _parsed(registry, "network", form))
            if plain and around and "precondition=" not in form:
                joint = "," if ":" in form else ":"
                form = f"{form}{joint}precondition={','.join(around)}"
            found.append(form)
        return found

    def suite(self, targets: Sequence[object], sigma_min: float, sigma_max: float, start: str) -> Suite:
        """Return the suite of the space on a target and a range of levels, with all seeds that its race may give."""
        content = {
            **self._content,
            "targets": list(targets),
            "initial_laws": [start],
            "noise": {"sigma_min": sigma_min, "sigma_max": sigma_max},
            "steps": [2],
            "seeds": list(range(self.race.first_seed, self.race.first_seed + self.race.seeds[-1])),
        }
        return Suite.from_mapping(content, self._origin).as_typed("targets")

    def combinations(self, suite: Suite, registry: Registry) -> list[Combination]:
        """Return every design of the space, each with the steps that its evaluations allow; the field's default is one.

        Raises:
            SuiteError: a component is unknown, or a sampler takes more evaluations than there are for two steps.
        """
        found = [self._stepped(c) for c in expand(suite, registry)]
        oracle = next((c.network for c in found if c.weighting is None), None)
        if oracle is not None:
            raise SuiteError(
                f"network {registry.label(oracle)} is not trained; a recommendation is of networks that are"
            )
        default = self.default_design(found, registry)
        return found if any(c == default for c in found) else [*found, default]

    def _stepped(self, c: Combination) -> Combination:
        try:
            steps = most_steps(c.sampler, self.race.evaluations)
        except (HarnessError, NotApplicable) as error:
            raise SuiteError(f"sampler {c.sampler.label()}: {error}") from error
        if steps < 2:
            rule = f"{self.race.evaluations} evaluations are less than two steps take"
            raise SuiteError(f"sampler {c.sampler.label()}: {rule}; raise --nfe")
        return replace(c, steps=steps)

    def pairs(self, registry: Registry) -> list[tuple[Component, Component]]:
        """Return the references: a sampler and a grid each."""
        return [
            (_one(registry, "sampler", pair.sampler), _one(registry, "time_discretization", pair.time_discretization))
            for pair in self.race.references
        ]

    def default_design(self, among: Sequence[Combination], registry: Registry) -> Combination:
        """Return the field's default on the first network of some combinations, in its preconditioning if it has one.

        Raises:
            SuiteError: a component is unknown.
        """
        default = self.race.default
        around = _one(registry, "preconditioning", default.preconditioning)
        networks = [c.network for c in among]
        fitting = (n for n in networks if isinstance(n, Backbone) and n.precondition == around)
        network: Component = next(fitting, networks[0])
        if isinstance(network, Backbone) and network.precondition != around:
            network = network.model_copy(update={"precondition": around})
        chosen = {
            "network": network,
            "weighting": _one(registry, "weighting", default.weighting),
            "sampler": _one(registry, "sampler", default.sampler),
            "time_discretization": _one(registry, "time_discretization", default.time_discretization),
        }
        return self._stepped(replace(among[0], components={**among[0].components, **chosen}))


def _parsed(registry: Registry, axis: str, form: str | Mapping[str, Any]) -> list[Component]:
    try:
        return list(registry.parse(axis, form))
    except ComponentError as error:
        raise SuiteError(str(error)) from error


def _deciding(registry: Registry, form: str) -> str:
    """Return what a user wrote as the metric that decides; told here, as the space's own file is not to blame.

    Raises:
        SuiteError: it is unknown, means several, or orders nothing.
    """
    found = cast("list[Metric]", _parsed(registry, "metric", form))
    if len(found) != 1:
        raise SuiteError(f"metric {form!r} means {len(found)} metrics; a race is decided by one")
    if found[0].compared_by == "nothing":
        classes = cast("dict[str, type[Metric]]", registry.classes("metric"))
        ordering = [name for name, cls in classes.items() if cls.compared_by != "nothing"]
        raise SuiteError(f"metric {form!r} orders no designs: smaller is not better; by these: {', '.join(ordering)}")
    return form


def _one(registry: Registry, axis: str, form: str) -> Component:
    found = _parsed(registry, axis, form)
    if len(found) != 1:
        raise SuiteError(f"{form!r} means {len(found)} components where [race] of a space needs one")
    return found[0]


def target_of(registry: Registry, data: str, reader: str) -> Target:
    """Return the target that a word means: a target by its short form, else a file or folder that `reader` reads.

    Raises:
        SuiteError: it is neither, or means several targets.
    """
    name = data.partition(":")[0]
    if name in registry.classes("target") or (":" in data and not Path(data).exists()):
        return cast("Target", _one(registry, "target", data))
    if not Path(data).exists():
        file, comma, settings = data.partition(",")
        if comma and Path(file).exists():
            raise SuiteError(f"{data!r} is no file; parameters take the target's name: {reader}:path={file},{settings}")
        known = ", ".join(registry.classes("target"))
        raise SuiteError(f"{data!r} is no file, no folder and no target; targets: {known}")
    (found,) = _parsed(registry, "target", {"name": reader, "path": data})
    return cast("Target", found)
