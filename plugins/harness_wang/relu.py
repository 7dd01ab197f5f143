"""The deep ReLU score network of the paper, as a denoiser.

    S(x, σ) = W_{L+1} relu(W_L … relu(W_0 [x; σ])),    D = x + σ² S

W_0 is m × (d+1), W_1 … W_L are m × m, W_{L+1} is d × m. At the start E‖S‖² = ‖x‖² + σ², whatever the width
and depth. References: Wang, He, Tao, arXiv 2406.12839, the network of Theorem 1.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ReluDenoiser(nn.Module):
    """The denoiser D = x + σ²S; W_0 and W_{L+1} are frozen.

    Arguments:
        dim: the dimension d of the data.
        width: the width m.
        depth: the number L of trained matrices.
    """

    def __init__(self, dim: int, width: int, depth: int) -> None:
        super().__init__()
        inner = (2 / width) ** 0.5
        self.first = nn.Parameter(inner * torch.randn(width, dim + 1), requires_grad=False)
        self.hidden = nn.ParameterList([nn.Parameter(inner * torch.randn(width, width)) for _ in range(depth)])
        self.last = nn.Parameter(dim**-0.5 * torch.randn(dim, width), requires_grad=False)

    def score(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Predict the score at x of shape (n, d) and levels sigma of shape (n,); shape (n, d)."""
        h = (torch.cat([x, sigma.unsqueeze(-1)], dim=-1) @ self.first.T).relu()
        for matrix in self.hidden:
            h = (h @ matrix.T).relu()
        return h @ self.last.T

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Denoise x of shape (n, d) at the levels sigma of shape (n,); shape (n, d)."""
        return x + sigma.unsqueeze(-1) ** 2 * self.score(x, sigma)
