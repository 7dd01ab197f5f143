"""A ring whose points have labels: what a denoiser is with and without them is known in closed form."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field, model_validator

from harness.targets import Distribution, Target

if TYPE_CHECKING:
    from harness_guidance.labelled_mixture import LabelledMixture


class LabelledRing(Target):
    """Equal Gaussians on a circle in the plane, of classes by turns."""

    name: ClassVar[str] = "labelled-ring"
    formula: ClassVar[str] = "1/K Σ_k N(radius (cos 2πk/K, sin 2πk/K), std² I), of label k mod classes"
    source: ClassVar[str] = "ring, with labels"

    modes: int = Field(8, ge=2, le=1024, description="number K of Gaussians")
    classes: int = Field(4, ge=2, le=1024, description="number of classes")
    radius: float = Field(1.0, gt=0, description="radius of the circle")
    std: float = Field(0.1, gt=0, description="standard deviation of each Gaussian, per coordinate")

    @model_validator(mode="after")
    def _each_has_some(self) -> Self:
        if self.modes < self.classes:
            raise ValueError(f"modes={self.modes} are fewer than classes={self.classes}, each of which has one")
        return self

    def distribution(self) -> Distribution:
        """Build the ring."""
        return _ring(self)


@lru_cache(maxsize=16)
def _ring(target: LabelledRing) -> LabelledMixture:
    import torch

    from harness_guidance.labelled_mixture import LabelledMixture

    places = torch.arange(target.modes)
    angle = 2 * torch.pi * places.double() / target.modes
    means = target.radius * torch.stack([angle.cos(), angle.sin()], 1)
    return LabelledMixture(means, target.std, places % target.classes)
