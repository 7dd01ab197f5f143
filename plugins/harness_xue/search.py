"""The bound that DM-NonUniform minimises, and the local search.

With h the length of the step to λ + h, H_0 = e^h − 1 and H_k = h^k e^h − k H_{k−1} are ∫_0^h e^{x}x^k dx with the
sign and the shift that make e^λ H_k the moments about its beginning: so a step from λ_j, with the points at λ_{j−i} =
λ_j − δ_i, has
J_i = e^{λ_j} ∫_0^h e^x Π_{k≠i} (x + δ_k)/(δ_k − δ_i) dx. The first and the last step are of order 1, the second and the
last but one of order 2, all others of order 3. Up to 7 steps the source adds the first three steps' errors in
squares, so that they cannot cancel; beyond, all errors of one denoised point are added with their signs.
"""

from __future__ import annotations

import warnings

import numpy as np
import torch
from scipy.optimize import LinearConstraint, minimize
from torch import Tensor

SHORT, APART = 7, 3
"""Up to so many steps, the errors of the first three do not cancel."""


def bound(lam: Tensor, error: str) -> Tensor:
    """Return the bound of a grid λ_0 < … < λ_N, shape (N+1,); a number."""
    sigma = (-lam).exp()
    size = sigma if error == "pixel" else sigma**2 / (1 + sigma**2).sqrt()
    steps = len(lam) - 1
    orders = torch.tensor([_order(j, steps) for j in range(steps)])
    apart = APART if steps <= SHORT else 0
    alone, signed = lam.new_zeros(()), lam.new_zeros(steps)
    for order in (1, 2, 3):
        j = (orders == order).nonzero()[:, 0]
        back = torch.arange(order)
        parts = size[j[:, None] - back] * torch.stack(_weights(lam, j, order), 1)
        if order == 1:
            alone = alone + parts.abs().sum()
            continue
        together = j >= apart
        alone = alone + parts[~together].square().sum(1).sqrt().sum()
        signed = signed.index_add(0, (j[:, None] - back)[together].flatten(), parts[together].flatten())
    return alone + signed.abs().sum()


def _order(j: int, steps: int) -> int:
    if j in (0, steps - 1):
        return 1
    return 2 if j in (1, steps - 2) else 3


def _weights(lam: Tensor, j: Tensor, order: int) -> list[Tensor]:
    """Return J_i of the denoised points at λ_j, λ_{j−1}, …, for steps of one order, each of the shape of j."""
    h, scale = lam[j + 1] - lam[j], lam[j].exp()
    grown, zeroth = h.exp(), h.expm1()
    if order == 1:
        return [scale * zeroth]
    first = h * grown - zeroth
    one = lam[j] - lam[j - 1]
    if order == 2:
        return [scale * (first + one * zeroth) / one, -scale * first / one]
    second = h * h * grown - 2 * first
    two = lam[j] - lam[j - 2]
    return [
        scale * (second + (one + two) * first + one * two * zeroth) / (one * two),
        -scale * (second + two * first) / (one * (two - one)),
        scale * (second + one * first) / (two * (two - one)),
    ]


def search(start: Tensor, error: str) -> Tensor:
    """Return the grid of locally least bound; shape (N+1,).

    Arguments:
        start: λ, increasing, shape (N+1,), float64; its ends stay.
        error: how wrong denoised points are: `pixel` or `latent`.
    """
    ends = start[:1], start[-1:]

    def value_and_slope(inner: np.ndarray) -> tuple[float, np.ndarray]:
        lam = torch.tensor(inner, dtype=torch.float64, requires_grad=True)
        value = bound(torch.cat([ends[0], lam, ends[1]]), error)
        (slope,) = torch.autograd.grad(value, lam)
        return float(value.detach()), slope.numpy()

    steps = len(start) - 1
    differences = np.eye(steps, steps - 1) - np.eye(steps, steps - 1, -1)
    least = np.zeros(steps)
    least[0], least[-1] = float(start[0]), -float(start[-1])
    inside = LinearConstraint(differences, least, np.inf)
    with warnings.catch_warnings():
        # The bound has corners: a step that changes no slope is no reason to warn.
        warnings.filterwarnings("ignore", message="delta_grad", category=UserWarning)
        found = minimize(value_and_slope, start[1:-1].numpy(), jac=True, method="trust-constr", constraints=[inside])
    return torch.cat([ends[0], torch.from_numpy(found.x), ends[1]])
