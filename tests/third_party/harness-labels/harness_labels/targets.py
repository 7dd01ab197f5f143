"""Labelled targets: each class is one isotropic Gaussian, so that the law given the label is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from harness.targets import Distribution, Target

if TYPE_CHECKING:
    from torch import Tensor


class Clusters(Target):
    """Classes on the unit circle in the plane."""

    name = "clusters"
    formula = "1/K Σ_k N((cos 2πk/K, sin 2πk/K), std² I); the label of a point is its k"

    classes: int = Field(3, ge=2, le=16, description="number K of classes")
    std: float = Field(0.2, gt=0, description="standard deviation of each class, per coordinate")

    def distribution(self) -> Distribution:
        import torch

        angle = 2 * torch.pi * torch.arange(self.classes, dtype=torch.float64) / self.classes
        return labelled(torch.stack([angle.cos(), angle.sin()], 1), self.std, (2,))


class Dots(Target):
    """Images of one channel and 2 × 2 pixels; class k has pixel k lit."""

    name = "dots"
    formula = "1/4 Σ_k N(e_k, std² I) on images (1, 2, 2); the label of an image is its k"

    std: float = Field(0.2, gt=0, description="standard deviation of each class, per pixel")

    def distribution(self) -> Distribution:
        import torch

        return labelled(torch.eye(4, dtype=torch.float64), self.std, (1, 2, 2))


def labelled(means: Tensor, std: float, shape: tuple[int, ...]) -> Distribution:
    from harness_labels.laws import LabelledMixture

    return LabelledMixture(means, std, shape)
