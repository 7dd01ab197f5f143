"""Networks computed from the target's own denoiser: exact, and off by a stated amount.

A unit vector field v(x) times a size gives an error whose mean square is known without measuring: with
S = s + (size·√d/σ)·h(σ)·v(x), ‖v‖ = 1, e(σ) = E‖S − s‖² = size²·d·h(σ)²/σ² exactly. In the noise prediction
the error is σ(S − s): `size` is its root mean square per coordinate, where a network that predicts 0 has at
most 1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from harness.networks import OracleNetwork

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from harness.targets import Distribution


class Exact(OracleNetwork):
    """The target's own denoiser: what training can at best reach."""

    name: ClassVar[str] = "exact"
    formula: ClassVar[str] = "D(x, σ) = E[X_0 | X_σ = x]"
    source: ClassVar[str] = "Tweedie's formula; Karras et al., arXiv 2206.00364, appendix B.3"

    def denoise(self, target: Distribution, x: Tensor, sigma: float) -> Tensor:
        """Exact denoised points, shape (n, d)."""
        return target.denoise(x, sigma)

    def score_error(self, sigma: np.ndarray, dim: int) -> np.ndarray:
        """Return zeros."""
        return 0.0 * sigma


class Inexact(OracleNetwork):
    """The exact score plus an error of stated size: a network trained less, by hand."""

    name: ClassVar[str] = "inexact"
    formula: ClassVar[str] = "S = ∇log p_σ + (size·√d/σ)·h(σ)·v(x), ‖v‖ = 1, h = exp(−½(ln(σ/level)/width)²) or 1"
    source: ClassVar[str] = "Wang, He, Tao, arXiv 2406.12839, section 4.2 (less and better trained scores)"

    size: float = Field(0.1, ge=0, le=100, description="error of the noise prediction, root mean square per coordinate")
    level: float | None = Field(
        None, gt=0, description="noise level around which the error is concentrated; all levels unless given"
    )
    width: float = Field(1.0, gt=0, description="width of that concentration in ln σ")

    def denoise(self, target: Distribution, x: Tensor, sigma: float) -> Tensor:
        """Exact denoised points plus the error σ·size·√d·h(σ)·v(x), shape (n, d)."""
        amount = sigma * self.size * math.sqrt(x.shape[1]) * self._profile(sigma)
        scale = math.sqrt(sigma**2 + target.sigma_data**2)
        return target.denoise(x, sigma) + amount * unit_field(x / scale)

    def score_error(self, sigma: np.ndarray, dim: int) -> np.ndarray:
        """e(σ) = size²·d·h(σ)²/σ²."""
        import numpy as np

        profile = np.array([self._profile(float(s)) for s in sigma])
        error: np.ndarray = self.size**2 * dim * profile**2 / sigma**2
        return error

    def _profile(self, sigma: float) -> float:
        if self.level is None:
            return 1.0
        return math.exp(-0.5 * (math.log(sigma / self.level) / self.width) ** 2)


def unit_field(x: Tensor) -> Tensor:
    """Return a smooth field of unit vectors at points x of shape (n, d).

    Pairs of coordinates hold a vector that turns with x; an odd coordinate left over is 0. In one dimension
    the only smooth field is constant.
    """
    import torch

    n, d = x.shape
    if d == 1:
        return torch.ones_like(x)
    pairs = d // 2
    # Each pair turns with the coordinates of the next pair, so that the field is no gradient.
    angle = 2 * x[:, : 2 * pairs].reshape(n, pairs, 2).sum(2).roll(-1, 1)
    turned = torch.stack([angle.cos(), angle.sin()], 2).reshape(n, 2 * pairs) / math.sqrt(pairs)
    return torch.cat([turned, x.new_zeros(n, d - 2 * pairs)], 1)
