"""The schedule of flow matching: noise over signal on a straight path from data (t = 0) to noise (t = 1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.noise_schedules import NoiseSchedule

if TYPE_CHECKING:
    from torch import Tensor


class FlowSchedule(NoiseSchedule):
    """σ(t) = t/(1 − t), 0 ≤ t < 1."""

    name: ClassVar[str] = "flow"
    formula: ClassVar[str] = "σ(t) = t/(1 − t)"
    source: ClassVar[str] = "Lipman et al., arXiv 2210.02747, section 4.1 (optimal transport path, σ_min = 0)"

    def sigma(self, t: Tensor) -> Tensor:
        """Noise level at time t, elementwise."""
        return t / (1 - t)

    def time(self, sigma: Tensor) -> Tensor:
        """Time σ/(1 + σ), elementwise."""
        return sigma / (1 + sigma)

    def rate(self, t: Tensor) -> Tensor:
        """Derivative 1/(1 − t)², elementwise."""
        return (1 - t) ** -2
