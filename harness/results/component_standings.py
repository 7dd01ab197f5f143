"""Component standings: what boards tell of each component: how its choices do, its best designs, its certificates.

Whatever its parameters and versions, a component is one: its axis, its name, and the distribution that offers it. Of
metrics and bounds documents tell the labels alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from harness import DISTRIBUTION
from harness.axes import AXES, design
from harness.components import ComponentError, parse_request
from harness.registry.references import Reference
from harness.results.labels import labels
from harness.results.leaderboard import CertificateSummary, Effect, Leaderboard, Row
from harness.results.sections import TargetSection, bounds_of, metrics_of, sections, target_label

Told = Literal["better", "worse", "not told", "no interval"]
"""What an effect's interval says of a choice, against the mean of the choices that it is compared with."""


@dataclass(frozen=True)
class ComponentName:
    """What a component is the same by on every board."""

    axis: str
    distribution: str
    name: str

    @classmethod
    def of(cls, axis: str, reference: Reference) -> ComponentName:
        """Return it of a component of a row."""
        return cls(axis, reference.distribution, reference.name)

    @property
    def absent(self) -> bool:
        """Whether it stands where a combination has no component of the axis, as what trains where nothing does."""
        return self.distribution == DISTRIBUTION and self.name == AXES[self.axis].absent

    @classmethod
    def labelled(cls, axis: str, label: str) -> ComponentName:
        """Return it of a metric or a bound, by its label in a document."""
        try:
            name = parse_request(label).name
        except (ComponentError, ValueError):
            name = label.partition(":")[0]
        distribution, _, name = name.rpartition("/")
        return cls(axis, distribution or DISTRIBUTION, name or label)

    def __str__(self) -> str:
        return self.name if self.distribution == DISTRIBUTION else f"{self.distribution}/{self.name}"


@dataclass(frozen=True)
class Verdict:
    """An effect of one of a component's choices on one target of a board."""

    board: str
    target: str
    effect: Effect

    @property
    def told(self) -> Told:
        """Whether its interval leaves out no effect, and on which side."""
        low, high = self.effect.low, self.effect.high
        if low is None or high is None:
            return "no interval"
        return "better" if high < self.effect.neutral else "worse" if low > self.effect.neutral else "not told"


@dataclass(frozen=True)
class Appearance:
    """A component on one target of a board, among the trained designs there or among the oracles.

    Attributes:
        labels: under which it stands there.
        trained: which of the two.
        designs: how many of the ranked ones have it.
        others: how many have it not.
        best: the best of those that have it.
        overlaps: whether the rank set of that overlaps with that of the best of all, or it is that.
    """

    board: str
    target: str
    labels: Sequence[str]
    trained: bool
    designs: int
    others: int
    best: Row
    overlaps: bool


@dataclass
class ComponentStanding:
    """What boards tell of one component.

    Attributes:
        boards: that have it, in their order.
        origins: the distributions with versions that it came from.
        verdicts: on its choices.
        appearances: on each target that has ranked designs with it.
        certificates: what boards tell of it, by the name of the board.
    """

    name: ComponentName
    boards: dict[str, None] = field(default_factory=dict)
    origins: dict[str, None] = field(default_factory=dict)
    verdicts: list[Verdict] = field(default_factory=list)
    appearances: list[Appearance] = field(default_factory=list)
    certificates: list[tuple[str, CertificateSummary]] = field(default_factory=list)


def component_standings(boards: Mapping[str, Leaderboard]) -> list[ComponentStanding]:
    """Return what boards tell of each component that stands on one, axis by axis, by name.

    Arguments:
        boards: by any names.
    """
    found: dict[ComponentName, ComponentStanding] = {}
    for title, board in boards.items():
        shown = sections(board)
        for axis, reference in board.components():
            each = _entry(found, ComponentName.of(axis, reference), title)
            each.origins[f"{reference.distribution} {reference.version}"] = None
        for name in _beside(shown):
            _entry(found, name, title)
        for each_told in board.certificates:
            name = ComponentName.of(each_told.axis, each_told.component)
            found[name].certificates.append((title, each_told))
        for name, verdict in _verdicts(title, board):
            found[name].verdicts.append(verdict)
        for section in shown:
            for name, appearance in _appearances(title, section):
                found[name].appearances.append(appearance)
    order = list(AXES)
    return sorted(
        (each for each in found.values() if not each.name.absent),
        key=lambda each: (order.index(each.name.axis), str(each.name)),
    )


def _entry(found: dict[ComponentName, ComponentStanding], name: ComponentName, board: str) -> ComponentStanding:
    each = found.setdefault(name, ComponentStanding(name))
    each.boards[board] = None
    return each


def _beside(shown: Sequence[TargetSection]) -> Iterator[ComponentName]:
    """Yield metrics and bounds."""
    for each in shown:
        yield from (ComponentName.labelled("metric", label) for label in metrics_of(each, each.rows))
        yield from (ComponentName.labelled("bound", label) for label in bounds_of(each.rows))


def _verdicts(title: str, board: Leaderboard) -> Iterator[tuple[ComponentName, Verdict]]:
    """Yield each effect of a choice that is a component, by its label among the rows."""
    label = labels(board.rows)
    chosen = {(axis, label(axis, each)): ComponentName.of(axis, each) for axis, each in board.components()}
    for effect in board.effects:
        if (name := chosen.get((effect.axis, effect.choice))) is not None:
            yield name, Verdict(title, target_label(effect.target, board), effect)


def _appearances(title: str, section: TargetSection) -> Iterator[tuple[ComponentName, Appearance]]:
    """Yield the components of the ranked designs of a target, of trained ones and of oracles."""
    for trained in (True, False):
        rows = [row for row in section.ranked if (row.train_steps > 0) == trained]
        for axis in design():
            having: dict[ComponentName, list[Row]] = {}
            for row in rows:
                for name in {ComponentName.of(axis, each): None for each in row.names(axis)}:
                    having.setdefault(name, []).append(row)
            for name, mine in having.items():
                yield name, _appearance(title, section, name, rows, mine)


def _appearance(
    title: str, section: TargetSection, name: ComponentName, rows: Sequence[Row], mine: Sequence[Row]
) -> Appearance:
    best, axis = mine[0], name.axis
    own = (each for row in mine for each in row.names(axis) if ComponentName.of(axis, each) == name)
    return Appearance(
        title,
        section.target,
        list(dict.fromkeys(section.labels(axis, each) for each in own)),
        best.train_steps > 0,
        len(mine),
        len(rows) - len(mine),
        best,
        best.rank_low <= rows[0].rank_high,
    )
