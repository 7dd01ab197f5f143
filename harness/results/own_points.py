"""Own points: what the seeds of a target still share where each has a split of its own, as measurements tell it.

A measurement says of its error that all seeds share it, or how groups of points that all seeds share scatter. Where
seeds compare with points of their own that is no longer so. With ō the share of the points that two of S seeds have in
common, in the mean over pairs, the mean over seeds and the variance of its S values are

    Var M̄ = [τ² + σ²(1 + (S − 1)ō)]/S,     E s² = τ² + σ²(1 − ō),

σ² the squared error over the points of one seed, τ² what varies between seeds besides. So s²/S lacks σ²ō: of the error
within a run, the share ō is common to all seeds (`results.statistics.intervals.mean_interval` adds it), and the rest
shows in their spread. The groups of the points of S seeds scatter, in their mean over seeds, by σ²/S: times √(Sō) their
deviations are the part that is missing. Folds of one partition have no point in common: ō = 0, and the spread over
seeds says all.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from harness.metrics import Measurement


def of_own_points(measured: Sequence[Measurement | None], common: float) -> list[Measurement | None]:
    """Return the measurements of two seeds or more, as statistics take them, where seeds have splits of their own.

    Arguments:
        measured: of each seed; None where there is no value.
        common: ō, the share of the points that two seeds have in common, from 0 to 1.
    """
    scale = math.sqrt(len(measured) * common)
    return [None if m is None else replace(m, shared=False, groups=_scaled(m, scale)) for m in measured]


def _scaled(m: Measurement, scale: float) -> tuple[float, ...]:
    return tuple(m.value + scale * (mean - m.value) for mean in m.groups) if scale else ()
