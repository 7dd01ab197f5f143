"""Preconditionings: the change of variables between what is trained, F, and the denoiser D.

    D(x, σ) = c_skip(σ) x + c_out(σ) F(c_in(σ) x; c_noise(σ))

Each prediction of the field is one: of the noise (c_skip = 1, c_out = −σ), of the clean point (c_skip = 0, c_out = 1),
of the velocity, and what lies between. It is a component that crosses any `harness.networks.Backbone`, as the value of
the parameter `precondition`: `mlp:precondition=v`. Source: Karras et al., arXiv 2206.00364, eq. (7) and Table 1.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from pydantic import Field

from harness.components import Component

if TYPE_CHECKING:
    from torch import Tensor


class Coefficients(NamedTuple):
    """The four functions of σ at some levels; all of the shape of σ.

    c_noise (`noise`) is what F is told of the level. It is of order one over the levels that matter, as the Fourier
    features of a network expect it: a time is in [0, 1], a number of M steps is divided by M − 1.
    """

    skip: Tensor
    out: Tensor
    inner: Tensor
    noise: Tensor


class Preconditioning(Component):
    """A choice of c_skip, c_out, c_in (`inner`) and c_noise."""

    axis: ClassVar[str] = "preconditioning"
    claims_unit_input: ClassVar[bool] = False
    """Whether c_in X has unit variance a coordinate, on data of the scale that `data_scale` says."""
    claims_unit_target: ClassVar[bool] = False
    """Whether (X_0 − c_skip X)/c_out, which F is to match, has unit variance there."""

    def data_scale(self, sigma_data: float) -> float:
        """Return the deviation of the data for which it claims what it claims: that which it is told of."""
        return sigma_data

    @abstractmethod
    def coefficients(self, sigma: Tensor, sigma_data: Tensor) -> Coefficients:
        """Return the coefficients.

        Arguments:
            sigma: noise levels, of any shape and any float dtype, positive.
            sigma_data: standard deviation of the data, per coordinate: a tensor of no dimension, of the same dtype.
        """


class UnitPreconditioning(Preconditioning):
    """A preconditioning that its source states for data of standard deviation one.

    On other data it is what the source says after they are divided by `scale`: with s the scale,
    D(x, σ)/s = c_skip(σ/s) x/s + c_out(σ/s) F(c_in(σ/s) x/s; c_noise(σ/s)). By default s = 1: to the letter, whatever
    the data are like.
    """

    scale: float | None = Field(1.0, gt=0, description="data scale that counts as 1; null: the target's own")

    def data_scale(self, sigma_data: float) -> float:
        """Return the scale that counts as one."""
        return sigma_data if self.scale is None else self.scale

    @abstractmethod
    def unit_coefficients(self, sigma: Tensor) -> Coefficients:
        """Return the coefficients for data of standard deviation one, at levels of any shape."""

    def coefficients(self, sigma: Tensor, sigma_data: Tensor) -> Coefficients:
        """Return the coefficients in units of the scale, each of the shape of sigma."""
        scale = sigma_data if self.scale is None else self.scale
        skip, out, inner, noise = self.unit_coefficients(sigma / scale)
        return Coefficients(skip, out * scale, inner / scale, noise)


def nearest_level(sigma: Tensor, levels: Sequence[float]) -> Tensor:
    """Return the index of the nearest of increasing levels, for networks that know these levels alone.

    Arguments:
        sigma: noise levels, of any shape and any float dtype.
        levels: at least one.

    Returns:
        Whole numbers in the shape and dtype of sigma.
    """
    import torch

    known = sigma.new_tensor(levels)
    return torch.bucketize(sigma, (known[1:] + known[:-1]) / 2).to(sigma.dtype)
