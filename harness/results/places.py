"""Places: the ranks of one target's outcomes by a metric, each with its confidence set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.errors import HarnessError
from harness.metrics import Measurement
from harness.quantities import Declarations
from harness.results.outcomes import Outcome
from harness.results.power import SeedsNeeded, settling
from harness.results.statistics.comparisons import Compared
from harness.results.statistics.intervals import CONFIDENCE


@dataclass(frozen=True)
class RankPlace:
    """A rank with its confidence set."""

    rank: int
    low: int
    high: int


def places(section: Sequence[Outcome], metric: str, declared: Declarations, looks: int = 1) -> list[RankPlace]:
    """Return the place of each outcome of one target; sets hold for so many looks at the evidence together."""
    ranked = [i for i, outcome in enumerate(section) if outcome.ok and outcome.measured(metric)]
    last = RankPlace(len(ranked) + 1, len(ranked) + 1, len(section))
    found_places = [last] * len(section)
    if not ranked:
        return found_places
    sets = _compared([section[i] for i in ranked], metric, declared).ranks(_level(looks))
    for row, i in enumerate(ranked):
        found_places[i] = RankPlace(int(sets.rank[row]), int(sets.low[row]), int(sets.high[row]))
    return found_places


def seeds_needed(section: Sequence[Outcome], metric: str, declared: Declarations, looks: int = 1) -> SeedsNeeded | None:
    """Return what it takes to tell the best outcome of one target from its ties; None where seeds do not say."""
    ranked = [outcome for outcome in section if outcome.ok and outcome.measured(metric)]
    return settling(_compared(ranked, metric, declared), _level(looks)) if ranked else None


def order_values(section: Sequence[Outcome], metric: str, declared: Declarations) -> list[float]:
    """Return what puts outcomes with values in order, the smaller the better: their means, of equal seeds.

    Where some lack seeds that others have, their means say which seeds they have as well (`Compared.order`).
    """
    return [float(each) for each in _compared(section, metric, declared).order] if section else []


def _level(looks: int) -> float:
    return (1 - CONFIDENCE) / looks


def _compared(ranked: Sequence[Outcome], metric: str, declared: Declarations) -> Compared:
    found = matrices(ranked, metric)
    by = declared.compared_by(metric)
    return Compared.of(found.values, found.errors, found.networks, compared_by=by, groups=found.groups)


@dataclass(frozen=True)
class Matrices:
    """What outcomes were measured to be on the seeds of any of them, as `harness.results.statistics` takes it.

    Attributes:
        values: shape (n, S), NaN where an outcome lacks a seed.
        errors: the error of each within its run, shape (n, S).
        networks: for each outcome a label of what it shares with others beyond the seed.
        groups: means over groups of points that all share, shape (n, S, G); None where there are none.
    """

    values: np.ndarray
    errors: np.ndarray
    networks: Sequence[object]
    groups: np.ndarray | None


def matrices(outcomes: Sequence[Outcome], metric: str) -> Matrices:
    """Return what a metric gave for outcomes of one target, each with at least one finite value.

    Raises:
        HarnessError: values came with several numbers of groups.
    """
    found = [outcome.measured(metric) for outcome in outcomes]
    seeds = sorted({seed for measured in found for seed in measured})
    return Matrices(
        _matrix(found, seeds, lambda m: m.value),
        _matrix(found, seeds, lambda m: m.standard_error),
        [outcome.shared_network for outcome in outcomes],
        _groups(found, seeds, metric),
    )


def _matrix(
    measured: Sequence[Mapping[int, Measurement]], seeds: Sequence[int], read: Callable[[Measurement], float]
) -> np.ndarray:
    return np.array([[read(row[seed]) if seed in row else np.nan for seed in seeds] for row in measured])


def _groups(measured: Sequence[Mapping[int, Measurement]], seeds: Sequence[int], metric: str) -> np.ndarray | None:
    """Return the means over groups of shared points, (n, seeds, G), NaN where a value has none; None where none has."""
    sizes = sorted({len(m.groups) for row in measured for m in row.values() if m.groups})
    if len(sizes) > 1:
        told = f"metric {metric} came with {' and with '.join(map(str, sizes))} groups of points on one target"
        raise HarnessError(f"{told}; they must be the same points for every design")
    if not sizes:
        return None
    groups = np.full((len(measured), len(seeds), sizes[0]), np.nan)
    for row, found in enumerate(measured):
        for column, seed in enumerate(seeds):
            if seed in found and found[seed].groups:
                groups[row, column] = found[seed].groups
    return groups
