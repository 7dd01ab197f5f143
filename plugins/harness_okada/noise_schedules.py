"""The constant-rate schedule where it is known in closed form: data N(0, c²), noised to N(0, c² + σ²).

frechet       W₂ = √(c² + (σ + δ)²) − √(c² + σ²):             t = √(c² + σ²) − c
fisher-rao    ds² = ½ (d ln(c² + σ²))²:                        t = ln(1 + σ²/c²)

both up to the unit of time. The source measures the Fréchet distance of image features.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from harness.noise_schedules import NoiseSchedule

if TYPE_CHECKING:
    from torch import Tensor


class ConstantRateSchedule(NoiseSchedule):
    """The law of noised Gaussian data moves by equal distances in equal times."""

    name: ClassVar[str] = "constant-rate"
    formula: ClassVar[str] = "σ(t) = √(t(t + 2c)) (frechet) or c√(e^t − 1) (fisher-rao)"
    source: ClassVar[str] = "Okada et al., arXiv 2411.12188; on a Gaussian in closed form, derived here"

    distance: Literal["frechet", "fisher-rao"] = Field("frechet", description="how the change of a law is measured")
    scale: float = Field(1.0, gt=0, description="standard deviation c of the data")

    def sigma(self, t: Tensor) -> Tensor:
        """Noise level at time t, elementwise."""
        if self.distance == "frechet":
            return (t * (t + 2 * self.scale)).sqrt()
        return self.scale * t.expm1().sqrt()

    def time(self, sigma: Tensor) -> Tensor:
        """Time of the level σ, elementwise."""
        if self.distance == "frechet":
            return sigma**2 / ((self.scale**2 + sigma**2).sqrt() + self.scale)
        return ((sigma / self.scale) ** 2).log1p()

    def rate(self, t: Tensor) -> Tensor:
        """Derivative (t + c)/σ, or (σ² + c²)/(2σ), elementwise."""
        sigma = self.sigma(t)
        if self.distance == "frechet":
            return (t + self.scale) / sigma
        return 0.5 * (sigma + self.scale**2 / sigma)
