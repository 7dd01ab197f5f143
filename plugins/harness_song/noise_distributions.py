"""How score models draw noise levels: log-uniformly, or at a uniform time of a noise schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from harness.components import Part
from harness.noise_distributions import NoiseDistribution
from harness.noise_schedules import NoiseSchedule
from harness_song.noise_schedules import VpLinear

if TYPE_CHECKING:
    from torch import Tensor


class LogUniform(NoiseDistribution):
    """ln σ uniform: the levels of a geometric schedule."""

    name: ClassVar[str] = "log-uniform"
    formula: ClassVar[str] = "p = 1/σ"
    source: ClassVar[str] = "Song, Ermon, arXiv 1907.05600, section 4.2; Song et al., arXiv 2011.13456, appendix C"

    def density(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Density 1/σ, up to a factor; shape (K,)."""
        return 1 / sigma


class UniformTimeLevels(NoiseDistribution):
    """The level at a uniform time of any noise schedule, within the range that is trained on."""

    name: ClassVar[str] = "uniform-time"
    formula: ClassVar[str] = "p = dt/dσ, t uniform in the schedule σ(t)"
    source: ClassVar[str] = "Ho et al., arXiv 2006.11239, algorithm 1; Song et al., arXiv 2011.13456, eq. (7)"

    schedule: Part[NoiseSchedule] = Field(VpLinear(), description="the noise schedule")

    def density(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Density 1/σ'(t) at the time t of each level; shape (K,)."""
        return 1 / self.schedule.rate(self.schedule.time(sigma))
