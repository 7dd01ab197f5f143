"""Weightings and noise distributions: β = p·ω, and the objective that training then has (docs/levels.md)."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from harness.certification.cases import level_range, spread
from harness.certification.measurements import Measurement
from harness.engine.weighting_properties import learned_limit, weighting_properties
from harness.noise_distributions import NoiseDistribution
from harness.properties import Property
from harness.weightings import LearnedWeighting, LossWeighting, Weighting


class Counted(LossWeighting):
    """Each level counts by how often it is drawn: what a noise distribution does by itself."""

    name: ClassVar[str] = "counted"

    def omega(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Return 1, shape (K,)."""
        return sigma.new_ones(sigma.shape)


def measured(weighting: Weighting, seed: int) -> list[Property]:
    """Measure a weighting over the range of levels, and for the scale of data, of a seed."""
    return weighting_properties(weighting, *level_range(seed), spread(seed))


def of_distribution(levels: NoiseDistribution, seed: int) -> list[Property]:
    """Measure a noise distribution, by the weighting that it makes alone."""
    return measured(Counted(levels=levels), seed)


def limit(weighting: Weighting, seed: int) -> list[Property]:
    """Measure what a learned weighting tends to, on losses that are known."""
    return learned_limit(weighting, seed) if isinstance(weighting, LearnedWeighting) else []


MEASUREMENTS = {
    "weighting": (Measurement("β = p·ω", measured), Measurement("what is learned", limit)),
    "noise_distribution": (Measurement("β = p", of_distribution),),
}
