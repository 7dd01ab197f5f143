"""The one table of axes: every kind of component that a plugin may offer.

Whatever lists axes (suites, shell options, keys, rows, tables, hooks) reads it here. To add one: a line in the table, a
contract, a hook in `harness.hookspecs`, and its use in the phase of work that takes its components; rows of documents
that are older have its default. An installed package adds one by the hook `harness_axes`: a kind of
component that stands beside combinations; `Registry.axes` has those too. Nothing is imported until a contract is asked
for, so that the shell may read the table before it knows what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

from harness.errors import in_words

if TYPE_CHECKING:
    from harness.components import Component

Role = Literal["target", "design", "beside", "part"]
"""What a combination has to do with an axis: it is for one target, takes one component of each axis of the design
space, and what stands beside it (metrics, bounds) is applied to it. A part is a parameter of another component."""

Phase = Literal["grid", "training", "sampling"]
"""What a component of the design space enters: the grid that is laid out, the network that is trained, or the sampling.
The keys of results hold it there, and the jobs of these units carry it."""


NETWORK = "harness.networks:Network"
"""The contract of what is trained, or stands for it: the one axis of the training that each combination has."""


@dataclass(frozen=True)
class Axis:
    """One kind of component.

    Attributes:
        name: as in a row of a document, words joined by underscores; `Component.axis` of its contract.
        contract_path: where the contract is, `module:class`.
        role: whether a combination takes one of it.
        heading: of its column in a table; the name in words where it is not given.
        default: what a suite that does not list it has. None: a suite must list it.
        absent: what stands in the place of a component where a combination has none, as what trains a network where
            nothing is trained; empty: it always has one.
        since: the first schema version of leaderboards in which rows have it. Rows of older documents had the default.
        phase: of the design space: the phase of work that takes its components.
    """

    name: str
    contract_path: str
    role: Role = "beside"
    heading: str = ""
    default: tuple[str, ...] | None = None
    absent: str = ""
    since: int = 1
    phase: Phase | None = None

    def check(self) -> None:
        """Refuse an axis of the design space that enters no key, or that rows of older documents cannot have.

        Raises:
            ValueError: one line with the rule.
        """
        if (self.role == "design") != (self.phase is not None):
            raise ValueError(f"axis {self.name!r}: phase says where work takes it, as exactly the role design has")
        if self.phase == "training" and self.contract_path != NETWORK and not self.absent:
            raise ValueError(f"axis {self.name!r}: absent says what stands where no network is trained")
        if self.since > 1 and self.role in ("target", "design") and len(self.default or ()) != 1 and not self.absent:
            raise ValueError(f"axis {self.name!r}: default is the one component of rows before version {self.since}")

    @cached_property
    def contract(self) -> type[Component]:
        """The class that every component of the axis derives from."""
        module, _, name = self.contract_path.partition(":")
        found: type[Component] = getattr(import_module(module), name)
        return found

    @property
    def words(self) -> str:
        """The name as it stands in a sentence."""
        return in_words(self.name)

    @property
    def title(self) -> str:
        """The heading of its column in a table."""
        return self.heading or self.words

    @property
    def plural(self) -> str:
        """The key of a suite that lists its components."""
        return f"{self.name}s"

    @property
    def hook(self) -> str:
        """The hook by which a plugin offers its components."""
        return f"harness_{self.plural}"

    @property
    def option(self) -> str:
        """The option of the command line that chooses its components."""
        return f"--{self.name.replace('_', '-')}"


def of(cls: type[Component]) -> Axis:
    """Return the axis of a class, with the contract that names it first among the classes which it derives from."""
    contract = next(base for base in reversed(cls.__mro__) if vars(base).get("axis") == cls.axis)
    return AXES.get(cls.axis) or Axis(cls.axis, f"{contract.__module__}:{contract.__qualname__}")


def table(axes: Iterable[Axis]) -> Mapping[str, Axis]:
    """Return axes by name, in their order, checked."""
    found = {axis.name: axis for axis in axes}
    for axis in found.values():
        axis.check()
    return MappingProxyType(found)


AXES = table(
    [
        Axis("target", "harness.targets:Target", "target"),
        Axis("weighting", "harness.weightings:Weighting", "design", default=(), absent="none", phase="training"),
        Axis("noise_schedule", "harness.noise_schedules:NoiseSchedule", "design", "schedule", phase="grid"),
        Axis("time_discretization", "harness.time_discretizations:TimeDiscretization", "design", "grid", phase="grid"),
        Axis("network", NETWORK, "design", phase="training"),
        Axis("sampler", "harness.samplers:Sampler", "design", phase="sampling"),
        Axis(
            *("initial_law", "harness.initial_laws:InitialLaw", "design"),
            default=("centered",),
            since=2,
            phase="sampling",
        ),
        Axis("metric", "harness.metrics:Metric"),
        Axis("bound", "harness.bounds:Bound", default=()),
        Axis("preconditioning", "harness.preconditionings:Preconditioning", "part"),
        Axis("noise_distribution", "harness.noise_distributions:NoiseDistribution", "part"),
    ]
)
"""The harness's own axes, in the order in which rows and tables name them."""


@dataclass(frozen=True)
class Number:
    """A number that combinations differ in besides their components.

    Attributes:
        name: as in a row of a document.
        title: the heading of its column in a table.
        counted: whether it stands before its title in a phrase, as in 18 steps.
        training: whether it is a setting of the training, of the same name. It stands among the settings of a
            document, so that tables, pages and phrases tell it where rows differ in it alone; a row whose training
            has no such setting, or that has no training, has none.
        since: the first schema version of leaderboards in which rows have it. Rows of older documents have what their
            document says of the training.
    """

    name: str
    title: str
    counted: bool = True
    training: bool = False
    since: int = 1


NUMBERS: Mapping[str, Number] = MappingProxyType(
    {
        number.name: number
        for number in (
            Number("sigma_max", "sigma_max", counted=False),
            Number("steps", "steps"),
            Number("train_steps", "train steps"),
            Number("ema_decay", "ema decay", counted=False, training=True, since=9),
        )
    }
)
"""The numbers that combinations differ in besides their components, by their names."""


def numbers_of(row: object) -> dict[str, Any]:
    """Return the numbers of a combination, or of what has a field for each of them, by their names."""
    return {name: getattr(row, name) for name in NUMBERS}


def told_numbers(rows: Iterable[object]) -> list[str]:
    """Return the numbers that tell rows apart: all but settings of the training in which no two of them differ.

    Arguments:
        rows: any, of a document or of a plan, with a field for each number.
    """
    found = {name: {getattr(row, name) for row in rows} for rows in (list(rows),) for name in NUMBERS}
    return [name for name, number in NUMBERS.items() if not number.training or len(found[name] - {None}) > 1]


def crossed() -> dict[str, Axis]:
    """Return the axes of which every combination takes one component: the target, and those of the design space."""
    return {name: axis for name, axis in AXES.items() if axis.role in ("target", "design")}


def design() -> dict[str, Axis]:
    """Return the axes of the design space, in which the combinations of one target differ."""
    return {name: axis for name, axis in AXES.items() if axis.role == "design"}


def taken_by(phase: Phase) -> dict[str, Axis]:
    """Return the axes of the design space whose components a phase of work takes."""
    return {name: axis for name, axis in AXES.items() if axis.phase == phase}
