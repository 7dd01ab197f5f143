"""The preconditioned module: a denoiser from any network and any preconditioning."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from harness.preconditionings import Preconditioning


def told_once(levels: Tensor) -> Tensor:
    """Return levels of shape (n,), or the first alone, shape (1,), where all are one number in memory.

    Samplers give a module one level for all points, expanded to (n,). What is made of levels alone need then be made
    once, and spreads over the points; nothing is read from the numbers, so that derivatives and stacks pass.
    """
    return levels[:1] if levels.stride() == (0,) else levels


class Preconditioned(nn.Module):
    """D(x, σ) = c_skip x + c_out F(c_in x; c_noise) (`harness.preconditionings`).

    Arguments:
        function: F, called with c_in x of the shape of x, c_noise of shape (n,), and labels where it is given any;
            returns the shape of x.
        preconditioning: the coefficients.
        sigma_data: standard deviation of the data, per coordinate.

    Raises:
        TypeError: F is no module.
    """

    sigma_data: Tensor

    def __init__(self, function: nn.Module, preconditioning: Preconditioning, sigma_data: float) -> None:
        super().__init__()
        if not isinstance(function, nn.Module):
            raise TypeError(f"function: type {type(function).__name__}; it must be a torch.nn.Module")
        self.function = function
        self._preconditioning = preconditioning
        # A buffer, not a number: it follows the module to its dtype and device.
        self.register_buffer("sigma_data", torch.tensor(sigma_data))

    def forward(self, x: Tensor, sigma: Tensor, *labels: Tensor) -> Tensor:
        """Denoise x of shape (n, *shape) at the levels sigma of shape (n,); the shape of x.

        Raises:
            ValueError: F returns another shape, which the sum would spread over that of x without a word.
        """
        c = self._preconditioning.coefficients(told_once(sigma), self.sigma_data)
        each = (-1,) + (1,) * (x.ndim - 1)
        raw: Tensor = self.function(c.inner.reshape(each) * x, c.noise.expand(len(x)), *labels)
        if raw.shape != x.shape:
            raise ValueError(f"function: shape {tuple(raw.shape)} of {tuple(x.shape)}; it must keep the shape")
        return c.skip.reshape(each) * x + c.out.reshape(each) * raw
