"""Sections: a leaderboard seen target by target, with the words that name its combinations."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import fmean

from harness.axes import NUMBERS, design, numbers_of, told_numbers
from harness.components import format_value
from harness.quantities import Declarations
from harness.results.labels import Labels, labels
from harness.results.leaderboard import Agreement, Calibration, Leaderboard, Row, Settling
from harness.results.references import find

HEADERS = {name: axis.title for name, axis in design().items()} | {n.name: n.title for n in NUMBERS.values()}
"""What tells combinations apart, field by field, as a reader calls it."""

UNKNOWN = "unknown"
"""What stands for a number that a document of an older version does not tell."""

NONE = "n/a"
"""What stands for a setting of the training where there is no training, or none that has it."""


@dataclass(frozen=True)
class TargetSection:
    """The rows of one target.

    Attributes:
        target: its label.
        metric: the one that ranks its rows.
        effects_by: the one that effects are of.
        ranked: the finished rows that have a value by the ranking metric, best first.
        unmeasured: the finished rows that have none: it does not apply to them.
        failed: the failed rows.
        diverged: the rows whose samples left the scale of the data.
        inapplicable: the rows that do not apply.
        unfinished: the rows of which something is not computed yet.
        floors: each metric of a held-out sample of the same size.
        agreement: of each bound's order with the measured order.
        labels: of the components of the whole leaderboard.
        changed: the parameters that differ from their defaults, by the digest of the component.
        settling: what it takes to tell the best row from its ties.
        over_points: the metrics by which intervals of differences are known to hold for other points.
    """

    target: str
    metric: str
    effects_by: str
    ranked: tuple[Row, ...]
    failed: tuple[Row, ...]
    floors: Mapping[str, Calibration]
    agreement: tuple[Agreement, ...]
    labels: Labels
    changed: Mapping[str, Sequence[str]] = field(default_factory=dict)
    unfinished: tuple[Row, ...] = ()
    diverged: tuple[Row, ...] = ()
    inapplicable: tuple[Row, ...] = ()
    unmeasured: tuple[Row, ...] = ()
    settling: Settling | None = None
    over_points: frozenset[str] = frozenset()

    @property
    def finished(self) -> tuple[Row, ...]:
        """The rows with everything that applies to them, the ranked first."""
        return self.ranked + self.unmeasured

    @property
    def rows(self) -> tuple[Row, ...]:
        """All rows, the failed last."""
        return self.finished + self.diverged + self.inapplicable + self.unfinished + self.failed

    @property
    def merged(self) -> int:
        """How many combinations are other names of a design that has a row."""
        return sum(len(row.same_as) for row in self.rows)

    @property
    def violations(self) -> int:
        """How many rows are above one of their bounds."""
        return sum(bool(row.violations) for row in self.rows)

    def within_floor(self) -> int | None:
        """Return how many ranked rows are as good as a perfect generator, as far as the metric tells; None without it.

        The value of such a row is no higher than the interval of a perfect generator, and no row is told to be better.
        That its own interval reaches down there is not enough: the noisier a row, the further that reaches.
        """
        return len(self._at_floor()) if self.metric in self.floors else None

    def _at_floor(self) -> list[Row]:
        """Return the rows that `within_floor` counts; none without a floor."""
        if (floor := self.floors.get(self.metric)) is None:
            return []
        top = floor.value if floor.high is None else floor.high
        return [row for row in self.ranked if row.metrics[self.metric].value <= top and row.rank_low == 1]

    def copying(self, declared: Declarations) -> tuple[Row, ...]:
        """Return the ranked rows that are as good as a perfect generator, or better, and copy training points.

        A row does where the whole interval of a metric that tells lies below what that declares
        (`harness.quantities.Measured.copies_below`): to be as near to held-out data as these are to one another is then
        no sign of having learned their law.
        """
        return tuple(row for row in self._at_floor() if _copies(row, declared))

    def constants(self) -> dict[str, str]:
        """Return the fields in which no two rows differ, with their value."""
        return dict(self._constants)

    @cached_property
    def _constants(self) -> dict[str, str]:
        first, *others = self.rows
        own = {axis: [name.key for name in first.names(axis)] for axis in design()}
        alike = {axis for axis, keys in own.items() if all([n.key for n in row.names(axis)] == keys for row in others)}
        alike |= {each for each in NUMBERS if all(getattr(row, each) == getattr(first, each) for row in others)}
        return {field: value for field, value in self.all_names_of(first).items() if field in alike}

    @cached_property
    def fields(self) -> list[str]:
        """The fields that tell rows apart: every axis, and the numbers but for settings that all rows have."""
        return [*design(), *told_numbers(self.rows)]

    def names_of(self, row: Row) -> dict[str, str]:
        """Return what tells a row apart, by field: the labels of its components, and its numbers in words."""
        names = {axis: self.labels(axis, row.component(axis)) for axis in design()}
        return names | {name: _number(name, v) for name, v in numbers_of(row).items() if name in self.fields}

    def all_names_of(self, row: Row) -> dict[str, str]:
        """Return what `names_of` does, with all names of its design on an axis: a = b."""
        joined = {axis: " = ".join(self.labels(axis, name) for name in row.names(axis)) for axis in design()}
        return self.names_of(row) | joined

    def common(self) -> list[str]:
        """Return, in words, what no two rows differ in, as far as it is known: components with what they were given."""
        known = {name: value for name, value in self.constants().items() if value != UNKNOWN}
        return [in_words(f, self._in_full(f) if f in design() else v, noun=True) for f, v in known.items()]

    def _in_full(self, axis: str) -> str:
        """Return all names of what every row has on an axis, with the parameters that differ from their defaults."""
        names = self.rows[0].names(axis)
        return " = ".join(self.labels.with_settings(axis, name, self.changed.get(name.digest, ())) for name in names)

    def combination(self, row: Row, without: Iterable[str] = ()) -> list[str]:
        """Return the words that name a row, leaving out some fields unless nothing were left."""
        names, left_out = self.all_names_of(row), set(without)
        left_out |= {field for field, value in names.items() if value == NONE}
        return [in_words(f, v) for f, v in names.items() if f not in left_out or left_out >= set(names)]


def _number(name: str, value: float | None) -> str:
    unknown = NONE if NUMBERS[name].training else UNKNOWN
    return unknown if value is None else format_value(value)


def _copies(row: Row, declared: Declarations) -> bool:
    known = ((entry, declared.copies_below(name)) for name, entry in row.metrics.items())
    return any((entry.value if entry.high is None else entry.high) < limit for entry, limit in known)


def in_words(field: str, value: str, noun: bool = False) -> str:
    """Return the value of a field as a phrase: a count takes its noun, a component where it is asked for."""
    if field in NUMBERS and NUMBERS[field].counted:
        return f"{value} {HEADERS[field]}"
    return f"{HEADERS[field]} {value}" if noun or field in NUMBERS else value


def sections(board: Leaderboard) -> list[TargetSection]:
    """Return the sections of a leaderboard, in the order in which its targets first occur."""
    label = labels(board.rows)
    groups: dict[str, list[Row]] = {}
    for row in board.rows:
        groups.setdefault(row.target.key, []).append(row)
    return [_section(board, label, rows) for rows in groups.values()]


def metrics_of(section: TargetSection, rows: Sequence[Row]) -> list[str]:
    """Return the metrics that some rows of a target have: the one that ranks first, the others as they occur."""
    return list(dict.fromkeys([section.metric, *(name for row in rows for name in row.metrics)]))


def bounds_of(rows: Sequence[Row]) -> list[str]:
    """Return the bounds that apply to at least one row, as they occur."""
    return list(dict.fromkeys(name for row in rows for name, value in row.bounds.items() if value is not None))


def divergence_of(declared: Declarations, rows: Sequence[Row], ranking: Sequence[str]) -> str | None:
    """Return the metric that bounds are divided by: a divergence, one that a bound of these rows limits where any is.

    Of several it is one that ranks, else a marginal divergence.

    Arguments:
        declared: what metrics measure and bounds limit.
        rows: any.
        ranking: the metrics that rank them.
    """
    bounds = bounds_of(rows)
    metrics = dict.fromkeys([*ranking, *(name for row in rows for name in row.metrics)])

    def place(metric: str) -> tuple[bool, bool, bool]:
        limited = any(declared.limits(bound, metric) for bound in bounds)
        return not limited, metric not in ranking, declared.quantity(metric) != "marginal-kl"

    return min(filter(declared.is_divergence, metrics), key=place, default=None)


def ratio(row: Row, metric: str | None, declared: Declarations) -> float | None:
    """Return the row's tightest bound over a measured divergence; None where one lacks or is 0, but for rounding.

    A bound that is the divergence itself is not set against it.
    """
    if metric is None or metric not in row.metrics or row.metrics[metric].value <= 0:
        return None
    others = {name: v for name, v in row.bounds.items() if not declared.same(name, metric)}
    known = [value for name, value in others.items() if value is not None and declared.limits(name, metric)]
    if not known or min(known) <= 0:
        return None
    return min(known) / row.metrics[metric].value


def target_label(name: str, board: Leaderboard) -> str:
    """Return the label under which the target that an entry beside the rows names is shown."""
    (target,) = board.named(name)
    return Labels(("target", each) for each in board.targets.values())("target", target)


def choices(board: Leaderboard) -> list[tuple[str, str, str]]:
    """Return every (among, axis, choice) that has an effect, axis by axis: counts by size, names by mean effect.

    Among which networks is empty where a document does not tell.
    """
    sizes: dict[tuple[str, str, str], list[float]] = {}
    for effect in board.effects:
        size = effect.size if effect.factor is None else math.log(effect.factor)
        sizes.setdefault((effect.among or "", effect.axis, effect.choice), []).append(size)
    axes = list(dict.fromkeys(axis for _, axis, _ in sizes))
    kinds = list(dict.fromkeys(among for among, _, _ in sizes))

    def place(key: tuple[str, str, str]) -> tuple[int, int, float, float]:
        among, axis, choice = key
        size = float(choice) if axis in NUMBERS else 0.0
        return axes.index(axis), kinds.index(among), size, fmean(sizes[key])

    return sorted(sizes, key=place)


def _section(board: Leaderboard, label: Labels, rows: list[Row]) -> TargetSection:
    target = rows[0].target
    metric = board.ranking(target).metric
    ordered = sorted(rows, key=lambda row: row.rank)
    return TargetSection(
        target=label("target", target),
        metric=metric,
        effects_by=board.ranking(target).effects_by,
        ranked=tuple(row for row in ordered if row.ok and metric in row.metrics),
        unmeasured=tuple(row for row in ordered if row.ok and metric not in row.metrics),
        failed=tuple(row for row in ordered if row.status == "failed" and not row.unfinished),
        diverged=tuple(row for row in ordered if row.diverged),
        inapplicable=tuple(row for row in ordered if not row.applicable),
        unfinished=tuple(row for row in ordered if row.unfinished),
        floors={entry.metric: entry for entry in board.calibration if find(entry.target, [target])},
        agreement=tuple(entry for entry in board.agreement if find(entry.target, [target])),
        labels=label,
        settling=board.ranking(target).settling,
        over_points=frozenset(board.ranking(target).over_points or ()),
        changed={} if board.setup is None else board.setup.changed,
    )
