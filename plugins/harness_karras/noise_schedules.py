"""The schedule of EDM: time is the noise level."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.noise_schedules import NoiseSchedule

if TYPE_CHECKING:
    from torch import Tensor


class EdmSchedule(NoiseSchedule):
    """σ(t) = t."""

    name: ClassVar[str] = "edm"
    formula: ClassVar[str] = "σ(t) = t"
    source: ClassVar[str] = "Karras et al., arXiv 2206.00364, Table 1"

    def sigma(self, t: Tensor) -> Tensor:
        """Noise level t, elementwise."""
        return t

    def time(self, sigma: Tensor) -> Tensor:
        """Time σ, elementwise."""
        return sigma

    def rate(self, t: Tensor) -> Tensor:
        """Derivative 1, elementwise."""
        return t.new_ones(t.shape)
