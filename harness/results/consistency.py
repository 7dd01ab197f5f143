"""Consistency: what in a leaderboard follows from its rows, made again from them.

Reading a leaderboard checks its contract (`harness.results.leaderboard`). What is beside the rows, and could be changed
without breaking that, is computed again here as far as a document tells what it was made of: violations, the order by
bounds, ranks, effects that average out, and that every combination of the product is there. Rank sets and intervals
follow from each seed's values, which a document does not hold; `harness verify --rows` makes rows again.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.axes import crossed, taken_by
from harness.registry.references import Reference
from harness.results.labels import labels
from harness.results.leaderboard import Leaderboard, Row
from harness.results.ranking import violations
from harness.results.statistics.kendall import kendall

CLOSE = 1e-9
"""Relative difference of two numbers that are one, but for the order of a sum."""

OVERFLOWS = 1e150
"""Means from which on the spread over seeds may have no square."""

_Own = tuple[int, int, float | None]
"""How many steps a combination samples and trains, and which moving average it keeps."""

SLACK = 0.05
"""What the seconds of units, each by the clock of its worker, may be together above those of the call."""


@dataclass(frozen=True)
class Objection:
    """Something in a publication that does not follow from the rest of it: where, and what would."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


def inconsistencies(board: Leaderboard) -> list[Objection]:
    """Return what in a leaderboard does not follow from its rows."""
    sections = _sections(board)
    return [
        *_limits(board),
        *_intervals(board),
        *_seeds(board),
        *_unnamed(board),
        *_times(board),
        *_violations(board),
        *itertools.chain.from_iterable(_ranks(board, rows) for rows in sections.values()),
        *_agreement(board, sections),
        *_effects(board),
        *itertools.chain.from_iterable(_missing(board, rows) for rows in sections.values()),
    ]


def _sections(board: Leaderboard) -> dict[str, list[tuple[int, Row]]]:
    """Return the rows of each target with their places in the document, by the target's key."""
    found: dict[str, list[tuple[int, Row]]] = defaultdict(list)
    for place, row in enumerate(board.rows):
        found[row.target.key].append((place, row))
    return found


def _limits(board: Leaderboard) -> Iterator[Objection]:
    """Find values and limits below what a metric can be; up to version 2 limits knew of no least value."""
    for place, row in enumerate(board.rows if board.setup is not None else ()):
        for name, estimate in row.metrics.items() if row.ok else ():
            least = board.declared.least(name)
            lowest = estimate.value if estimate.low is None else estimate.low
            if lowest < least:
                yield Objection(f"rows[{place}].metrics.{name}", f"{lowest:g} is below {least:g}, the least there is")


def _intervals(board: Leaderboard) -> Iterator[Objection]:
    """Find means over seeds without an interval; up to version 2 documents did not tell how rows were made."""
    for place, row in enumerate(board.rows if board.setup is not None else ()):
        for name, estimate in row.metrics.items() if row.ok else ():
            # The square of a larger spread is beyond the numbers, and so is its interval.
            if estimate.n_seeds > 1 and None in (estimate.low, estimate.high) and abs(estimate.value) < OVERFLOWS:
                yield Objection(f"rows[{place}].metrics.{name}", f"has no interval, of {estimate.n_seeds} seeds")


def _seeds(board: Leaderboard) -> Iterator[Objection]:
    """Find seeds that no row has a value of."""
    most = max((each.n_seeds for row in board.rows for each in row.metrics.values()), default=None)
    if board.setup is not None and most is not None and most < len(board.setup.seeds):
        yield Objection("setup.seeds", f"{len(board.setup.seeds)}, but no metric has values of more than {most}")


def _unnamed(board: Leaderboard) -> Iterator[Objection]:
    """Find grids and networks that no row has."""
    for listed, field in (("grids", "grid"), ("networks", "trained")):
        named = {getattr(row, field) for row in board.rows}
        for place in range(len(getattr(board, listed))):
            if place not in named:
                yield Objection(f"{listed}[{place}]", "no row has it")


def _times(board: Leaderboard) -> Iterator[Objection]:
    """Find times that cannot be: of one network two, of all less than of its parts, more than all workers had."""
    trained: dict[int, float] = {}
    for place, row in enumerate(board.rows):
        if row.trained is not None:
            own = row.seconds.get("train", 0.0)
            if not _same(own, trained.setdefault(row.trained, own)):
                other = f"{own:g}, but another row of these networks has {trained[row.trained]:g}"
                yield Objection(f"rows[{place}].seconds.train", other)
    if board.computation is None:
        return
    # A race gives rows of one training more seeds than others, from the first on.
    parts: dict[str | None, float] = {}
    for place, seconds in trained.items():
        first = board.networks[place].checkpoints[0]
        parts[first] = max(seconds, parts.get(first, 0.0))
    told, least = board.computation.core_seconds, math.fsum(parts.values())
    if told < least * (1 - CLOSE):
        yield Objection("computation.core_seconds", f"{told:g}, but to train the networks alone took {least:g}")
    for place, call in enumerate(board.computation.calls):
        most = call.workers * call.wall_seconds
        if call.core_seconds > most * (1 + SLACK) + 1:
            had = f"{call.workers} workers in {call.wall_seconds:g} s had {most:g}"
            yield Objection(f"computation.calls[{place}].core_seconds", f"{call.core_seconds:g}, but {had}")


def _violations(board: Leaderboard) -> Iterator[Objection]:
    # Violations of older documents did not know the error of a bound.
    for place, row in enumerate(board.rows if board.setup is not None else ()):
        found = violations(row.metrics, row.bounds, row.bound_highs, row.budget, board.declared)
        if [each.model_dump() for each in found] != [each.model_dump() for each in row.violations]:
            told, own = (", ".join(f"{v.metric} above {v.bound}" for v in each) for each in (row.violations, found))
            yield Objection(f"rows[{place}].violations", f"tells {told or 'none'}; its numbers make {own or 'none'}")


def _ranks(board: Leaderboard, rows: Sequence[tuple[int, Row]]) -> Iterator[Objection]:
    """Find ranks that are not one more than the number of better rows, where all have equally many seeds."""
    metric = board.ranking(rows[0][1].target).metric
    ranked = [(place, row) for place, row in rows if row.ok and metric in row.metrics]
    if len({row.metrics[metric].n_seeds for _, row in ranked}) > 1:
        return
    values = sorted(row.metrics[metric].value for _, row in ranked)
    for place, row in ranked:
        better = int(np.searchsorted(values, row.metrics[metric].value))
        if row.rank != 1 + better:
            yield Objection(
                f"rows[{place}].rank", f"{row.rank}, but {better} rows of its target have a smaller {metric}"
            )


def _agreement(board: Leaderboard, sections: dict[str, list[tuple[int, Row]]]) -> Iterator[Objection]:
    """Find values of Kendall's τ that are not those of the rows."""
    label = labels(board.rows)
    for place, entry in enumerate(board.agreement):
        target = board.named(entry.target)[0]
        metric = board.ranking(target).metric
        rows = [row for _, row in sections[target.key] if row.ok and metric in row.metrics]
        if entry.sampler is not None:
            rows = [row for row in rows if label("sampler", row.component("sampler")) == entry.sampler]
        limits = [(row.bounds.get(entry.bound), row.metrics[metric].value) for row in rows]
        pairs = [(limit, value) for limit, value in limits if limit is not None]
        found = kendall(*np.array(pairs).reshape(-1, 2).T)
        own = None if found is None else found.value
        if entry.n != len(pairs):
            yield Objection(
                f"agreement[{place}].n", f"{entry.n}, but {len(pairs)} rows have {entry.bound} and {metric}"
            )
        elif not _same(own, entry.kendall_tau):
            yield Objection(f"agreement[{place}].kendall_tau", f"{entry.kendall_tau}, but the rows make {own}")


def _effects(board: Leaderboard) -> Iterator[Objection]:
    """Find axes whose effects do not average out, as what is relative to its own average must."""
    axes: dict[tuple[str, str | None, str], list[float]] = defaultdict(list)
    for effect in board.effects:
        size = effect.size if effect.factor is None else math.log(effect.factor)
        axes[effect.target, effect.among, effect.axis].append(size)
    for (target, among, axis), sizes in axes.items():
        if abs(math.fsum(sizes)) > 1e-6 * max(1e-3, *map(abs, sizes)):
            yield Objection(f"effects of {axis} among {among or 'all'} on {target}", "do not average to no effect")


def _missing(board: Leaderboard, rows: Sequence[tuple[int, Row]]) -> Iterator[Objection]:
    """Find that combinations are not there which the product of the others has.

    Under a total of evaluations the numbers of steps depend on the training and the sampler. Of a race, which drops
    rows, and of a suite that keeps a part of its product, nothing is said: what the latter keeps, `definitions` knows.
    """
    if board.vary_at_most is not None or board.environment.get("looks") is not None:
        return
    found = {_parts(row, name) for _, row in rows for name in row.combinations(crossed())}
    numbers: dict[tuple[str, str], set[_Own]] = defaultdict(set)
    for training, sampler, _, own in found:
        numbers[training, sampler].add(own)
    others = math.prod(len(set(axis)) for axis in zip(*(rest for _, _, rest, _ in found), strict=True))
    trainings, samplers = ({pair[i] for pair in numbers} for i in (0, 1))
    longest = {
        training: max(len(own) for pair, own in numbers.items() if pair[0] == training) for training in trainings
    }
    expected = sum(longest.values()) * len(samplers) * others
    if expected != len(found):
        target = labels(board.rows)("target", rows[0][1].target)
        yield Objection(f"rows of {target}", f"{len(found)} combinations; the product that they are of has {expected}")


def _parts(row: Row, name: Mapping[str, Reference]) -> tuple[str, str, tuple[str, ...], _Own]:
    """Return of one name of a row its training, its sampler, what both are crossed with, and its own numbers."""
    keys = {axis: each.key for axis, each in name.items()}
    training = " ".join(keys.pop(axis) for axis in taken_by("training"))
    sampler, rest = keys.pop("sampler"), [key for axis, key in keys.items() if axis != "target"]
    return training, sampler, (*rest, repr(row.sigma_max)), (row.steps, row.train_steps, row.ema_decay)


def _same(a: float | None, b: float | None) -> bool:
    return a == b or (a is not None and b is not None and math.isclose(a, b, rel_tol=CLOSE, abs_tol=CLOSE))
