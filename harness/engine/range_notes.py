"""Range notes: say what a range of noise levels means on a target, where it is not what it seems.

Sampling begins at σ_max with N(0, σ_max² I) in place of the noised data, which costs E_I, the divergence between the
two, at most m₂²/(2σ_max²) nats; and it ends at σ_min, below which nothing is resolved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.engine.measurement import MOST, REPLICATES, noised_points
from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.information import Information
    from harness.targets import Distribution

START = 3.0
"""σ_max over m₂ from which E_I is at most 1/18 nat."""

RESOLVED = 0.1
"""σ_min over the least deviation of a column up to which that column keeps its shape."""

ROUNDED = 0.005
"""By which share a σ_max given to three digits may be less than it would be."""


def range_notes(law: Distribution, information: Information, sigma_min: float, sigma_max: float) -> list[str]:
    """Return a sentence for each end of a range [σ_min, σ_max] that does not suit a target.

    Arguments:
        law: of the target.
        information: its J(u), up to u = σ_max² at least.
        sigma_min: at which sampling ends.
        sigma_max: at which it begins.
    """
    said = []
    if (points := noised_points(law)) < MOST:
        said.append(
            f"J(u) and e(σ) are measured at {points * REPLICATES} noised points in place of {MOST * REPLICATES}, as "
            "the data are large; intervals hold their error"
        )
    second_moment = law.second_moment**0.5
    if sigma_max < (1 - ROUNDED) * START * second_moment:
        cost = float(information.initialization(sigma_max**2).mean())
        said.append(
            f"σ_max = {sigma_max:g} is below 3 m₂ = {START * second_moment:.3g}: a centered start costs E_I = "
            f"{cost:.2g} nats; raise σ_max or start moment-matched"
        )
    least = least_deviation(law)
    if least is not None and sigma_min > RESOLVED * least:
        said.append(
            f"σ_min = {sigma_min:g} is above a tenth of the least deviation of a column, {least:.3g}: what is finer is "
            "lost; lower σ_min"
        )
    return said


def least_deviation(law: Distribution) -> float | None:
    """Return the least deviation of a column that is not constant; None where the law does not tell."""
    try:
        deviations = law.deviations()
    except HarnessError:
        return None
    varies = deviations[deviations > 1e-12 * deviations.max()]
    return float(varies.min()) if len(varies) else None
