"""Places: the ranks of one target's outcomes by a metric, each with its confidence set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from harness.errors import HarnessError
from harness.metrics import Measurement
from harness.quantities import Declarations
from harness.results import statistics
from harness.results.outcomes import Outcome


@dataclass(frozen=True)
class Place:
    """A rank with its confidence set."""

    rank: int
    low: int
    high: int


def places(section: Sequence[Outcome], metric: str, declared: Declarations) -> list[Place]:
    """Return the place of each outcome of one target."""
    found = [o.measured(metric) if o.ok else {} for o in section]
    ranked = [i for i, measured in enumerate(found) if measured]
    last = Place(len(ranked) + 1, len(ranked) + 1, len(section))
    found_places = [last] * len(section)
    if not ranked:
        return found_places
    seeds = sorted({seed for measured in found for seed in measured})
    values = _matrix([found[i] for i in ranked], seeds, lambda m: m.value)
    errors = _matrix([found[i] for i in ranked], seeds, lambda m: m.standard_error)
    sets = statistics.rank_sets(
        *(values, errors, [section[i].shared_network for i in ranked]),
        compared_by=declared.compared_by(metric),
        groups=_groups([found[i] for i in ranked], seeds, metric),
    )
    for row, i in enumerate(ranked):
        found_places[i] = Place(int(sets.rank[row]), int(sets.low[row]), int(sets.high[row]))
    return found_places


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
