"""Preconditionings: the change of variables between what is trained, F, and the denoiser D.

    D(x, σ) = c_skip(σ) x + c_out(σ) F(c_in(σ) x; c_noise(σ))

Each prediction of the field is one: of the noise (c_skip = 1, c_out = −σ), of the clean point (c_skip = 0, c_out = 1),
of the velocity, and what lies between. It is a component that crosses any `harness.networks.Backbone`, as the value of
the parameter `precondition`: `mlp:precondition=v`. Source: Karras et al., arXiv 2206.00364, eq. (7) and Table 1.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from harness.components import Component

if TYPE_CHECKING:
    from torch import Tensor


class Coefficients(NamedTuple):
    """The four functions of σ at some levels; all of the shape of σ."""

    skip: Tensor
    out: Tensor
    inner: Tensor
    noise: Tensor


class Preconditioning(Component):
    """A choice of c_skip, c_out, c_in (`inner`) and c_noise."""

    axis: ClassVar[str] = "preconditioning"

    @abstractmethod
    def coefficients(self, sigma: Tensor, sigma_data: Tensor) -> Coefficients:
        """Return the coefficients.

        Arguments:
            sigma: noise levels, of any shape and any float dtype, positive.
            sigma_data: standard deviation of the data, per coordinate: a tensor of no dimension, of the same dtype.
        """
