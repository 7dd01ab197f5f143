"""Networks that are told the class, and a preconditioning by an angle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from harness.components import Part
from harness.data_spec import DataSpec
from harness.errors import NotApplicable
from harness.networks import Backbone
from harness.preconditionings import Coefficients, Preconditioning

if TYPE_CHECKING:
    from torch import Tensor, nn


class Trigonometric(Preconditioning):
    """Level σ is the angle t = arctan(σ/σ_data) between data and noise; F predicts the velocity in t."""

    name = "trigonometric"
    formula = "c_skip = cos² t, c_out = −σ_data sin t, c_in = cos t/σ_data, c_noise = t, t = arctan(σ/σ_data)"
    source = "Lu and Song, arXiv 2410.11081, section 3"

    def coefficients(self, sigma: Tensor, sigma_data: Tensor) -> Coefficients:
        angle = (sigma / sigma_data).atan()
        cos, sin = angle.cos(), angle.sin()
        return Coefficients(skip=cos**2, out=-sigma_data * sin, inner=cos / sigma_data, noise=angle)


class ClassMLP(Backbone):
    """Two layers on the point, the noise level and the class, one-hot."""

    name = "class-mlp"
    formula = "F(x, c, y) = W₂ silu(W₁ (x, c, e_y) + b₁) + b₂"

    width: int = Field(32, ge=1, description="hidden units")
    precondition: Part[Preconditioning] = Field(Trigonometric(), description="the preconditioning around it")

    @property
    def conditional(self) -> bool:
        return True

    def function(self, data: DataSpec) -> nn.Module:
        from harness_labels.modules import ClassMLPFunction

        return ClassMLPFunction(data.dim, data.classes, self.width)


class ClassConvolution(Backbone):
    """Two convolutions on an image, told the noise level and, if asked to be, the class as constant channels."""

    name = "class-convolution"
    formula = "F(x, c, y) = conv(silu(conv(x, c, e_y)))"
    shaped = True

    channels: int = Field(8, ge=1, description="hidden channels")
    labels: bool = Field(False, description="whether it is told the class")
    precondition: Part[Preconditioning] = Field(Trigonometric(), description="the preconditioning around it")

    @property
    def conditional(self) -> bool:
        return self.labels

    def function(self, data: DataSpec) -> nn.Module:
        if len(data.shape) != 3:
            raise NotApplicable(f"class-convolution takes images (C, H, W), not points of shape {data.shape}")
        from harness_labels.modules import ConvolutionFunction

        return ConvolutionFunction(data.shape[0], data.classes if self.labels else 0, self.channels)
