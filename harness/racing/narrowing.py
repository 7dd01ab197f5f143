"""Narrowing: what theory says of a target before anything is trained: the range of noise levels, and the start.

- σ_max: the start N(0, σ_max² I) costs at most m₂²/(2σ_max²) nats (docs/theory.md), 1/18 nat at 3 m₂. Where 3 m₂ is
  above `HIGHEST` deviations, as of images, the start has the mean and covariance of the data, which takes what is
  linear off that cost, and σ_max is `HIGHEST`: levels above are steps that resolve nothing.
- σ_min: a tenth of the least deviation of a column keeps the shape of that column; between `LOWEST` and `COARSEST`
  deviations, as columns that hardly vary set no scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.engine.range_notes import RESOLVED, START, least_deviation

if TYPE_CHECKING:
    from harness.targets import Distribution

HIGHEST = 20.0
"""σ_max in deviations of the data from which a matched start is taken in place of higher levels."""

LOWEST, COARSEST = 0.01, 0.05
"""Between which σ_min lies, in deviations of the data."""

UNEVEN = 1000.0
"""Deviation of the data over the least of a column above which no range of levels suits both."""

LARGEST = 4096
"""Coordinates up to which a start with the covariance of the data is made; it has their square of numbers."""


@dataclass(frozen=True)
class Range:
    """The range of noise levels, in units of the target.

    Attributes:
        sigma_min: at which sampling ends.
        sigma_max: at which it starts.
        matched: whether it starts with mean and covariance of the data.
        reasons: why, a sentence each.
        uneven: the deviation of the data over the least of a column; None up to `UNEVEN`, or where columns tell none.
    """

    sigma_min: float
    sigma_max: float
    matched: bool
    reasons: tuple[str, ...]
    uneven: float | None = None


def narrowed(law: Distribution) -> Range:
    """Return the range that suits a target."""
    enough, unit = START * law.second_moment**0.5, law.sigma_data
    matched = enough > HIGHEST * unit and law.dim <= LARGEST
    sigma_max = HIGHEST * unit if matched else max(enough, START * unit)
    least = least_deviation(law)
    wanted = COARSEST * unit if least is None else RESOLVED * least
    sigma_min = min(max(wanted, LOWEST * unit), COARSEST * unit)
    said = (
        f"σ_max = {sigma_max:.3g}: 3 m₂ is {enough:.3g}; "
        + ("the start has mean and covariance of the data" if matched else "a centered start costs 0.06 nats at most"),
        f"σ_min = {sigma_min:.3g}: {_why(wanted, unit, least)}",
    )
    uneven = None if least is None or unit <= UNEVEN * least else unit / least
    return Range(_short(sigma_min), _short(sigma_max), matched, said, uneven)


def _why(wanted: float, unit: float, least: float | None) -> str:
    if least is None or wanted > COARSEST * unit:
        return f"{COARSEST:g} deviations of the data"
    if wanted < LOWEST * unit:
        return f"{LOWEST:g} deviations of the data; some columns vary less than ten times that"
    return "a tenth of the least deviation of a column"


def _short(level: float) -> float:
    """Return a level to three digits: what is typed again elsewhere should be the same."""
    return float(f"{level:.3g}")
