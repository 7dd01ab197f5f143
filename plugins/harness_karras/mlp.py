"""EDM preconditioning around a multilayer perceptron.

    D(x, σ) = c_skip x + c_out F(c_in x; c_noise),    c_noise = ln σ / 4
    c_skip = s²/(σ² + s²),  c_out = σs/√(σ² + s²),  c_in = 1/√(σ² + s²),    s = σ_data

On data of variance s² the input of F, and the target (x_0 − c_skip x)/c_out that F is to match, have unit
variance. References: Karras et al., arXiv 2206.00364, eq. (7), Table 1 and appendix B.6.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn


def preconditioning(sigma: Tensor, sigma_data: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return c_skip, c_out and c_in, of the shape of sigma."""
    total = (sigma**2 + sigma_data**2).sqrt()
    return (sigma_data / total) ** 2, sigma * sigma_data / total, 1 / total


class PreconditionedMlp(nn.Module):
    """The denoiser D(x, σ), SiLU between layers, the last layer started at zero.

    Arguments:
        dim: the dimension d of the data.
        width: units in each hidden layer.
        depth: number of hidden layers.
        features: number of frequencies f ~ N(0, 1); each gives the inputs cos 2πfc and sin 2πfc, c = ln σ/4.
        sigma_data: the data scale s.
    """

    frequencies: Tensor
    sigma_data: Tensor

    def __init__(self, dim: int, width: int, depth: int, features: int, sigma_data: float) -> None:
        super().__init__()
        # A buffer, not a number: stacked modules may differ in it.
        self.register_buffer("sigma_data", torch.tensor(sigma_data))
        self.register_buffer("frequencies", torch.randn(features))
        widths = [dim + 2 * features, *[width] * depth]
        layers: list[nn.Module] = []
        for fan_in, fan_out in pairwise(widths):
            layers += [nn.Linear(fan_in, fan_out), nn.SiLU()]
        last = nn.Linear(width, dim)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.layers = nn.Sequential(*layers, last)

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Denoise x of shape (n, d) at the levels sigma of shape (n,); shape (n, d)."""
        sigma = sigma.unsqueeze(-1)
        c_skip, c_out, c_in = preconditioning(sigma, self.sigma_data)
        phase = 2 * math.pi * (sigma.log() / 4) * self.frequencies
        raw: Tensor = self.layers(torch.cat([c_in * x, phase.cos(), phase.sin()], dim=-1))
        return c_skip * x + c_out * raw
