"""The schedule of the plain variance-exploding process dX = dW: the variance is the time."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.noise_schedules import NoiseSchedule

if TYPE_CHECKING:
    from torch import Tensor


class VeSqrt(NoiseSchedule):
    """σ(t) = √t."""

    name: ClassVar[str] = "ve-sqrt"
    formula: ClassVar[str] = "σ(t) = √t"
    source: ClassVar[str] = (
        "Wang, He, Tao, arXiv 2406.12839, section 4.2; VE in Karras et al., arXiv 2206.00364, Table 1"
    )

    def sigma(self, t: Tensor) -> Tensor:
        """Noise level at time t, elementwise."""
        return t.sqrt()

    def time(self, sigma: Tensor) -> Tensor:
        """Time σ², elementwise."""
        return sigma**2

    def rate(self, t: Tensor) -> Tensor:
        """Derivative 1/(2√t), elementwise."""
        return 0.5 / t.sqrt()
