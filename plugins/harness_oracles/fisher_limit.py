"""The grid uniform in ∫ √(−J′(u)) du.

It is what the best grid for the exponential integrator with the exact score tends to as the steps become many
(`harness_oracles.fisher`).

J is known on a fine grid of u = σ², perhaps with Monte-Carlo noise, so its derivative is taken through a
quantity that theory constrains. Let r = d/J. Then r − u lies in [0, m₂²/d] (J ≤ d/u, and J ≥ d/(u + m₂²/d) by
Cramér–Rao) and never decreases (−J′ = E‖∇² log p‖² ≥ (E tr ∇² log p)²/d = J²/d). So r − u is clipped and made
monotone, and r is taken as linear over each cell, with slope r′ ≥ 1:

    √(−J′) = √(d r′)/r,    ∫ √(−J′) du over a cell = √d ln(r₂/r₁)/√r′

No cell has zero length, and on N(0, c²I), where r = u + c², the grid is exactly uniform in ln(σ² + c²).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.time_discretizations import GridRequest, TimeDiscretization

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from harness.information import Information

CELLS = 512
"""Cells between u_min and u_max, of equal width in ln u; J varies over widths of order 1."""


class FisherLimit(TimeDiscretization):
    """Uniform in ∫ √(−J′(u)) du, J the Fisher information of the target noised with variance u."""

    name: ClassVar[str] = "fisher-limit"
    formula: ClassVar[str] = "equal steps of ∫ √(−J′(u)) du, u = σ², J(u) = E‖∇log p_u‖²"
    source: ClassVar[str] = (
        "limit of the least discretization error (docs/theory.md, section 2); J′: Costa, IEEE IT 31 (1985)"
    )
    needs_information: ClassVar[bool] = True

    def levels(self, request: GridRequest) -> Tensor:
        """Return the grid, shape (N+1,).

        Raises:
            HarnessError: the request carries no information.
        """
        import numpy as np
        import torch

        u = np.geomspace(request.sigma_min**2, request.sigma_max**2, CELLS + 1)
        inverse = _inverse_information(request.information_for(self), u)
        fractions = 1 - request.fractions().numpy()
        return torch.from_numpy(np.sqrt(equal_lengths(u, inverse, fractions)))


def _inverse_information(information: Information, u: np.ndarray) -> np.ndarray:
    """Return r = d/J(u), shape (K,), with r − u in [0, m₂²/d] and non-decreasing."""
    import numpy as np
    from scipy.optimize import isotonic_regression

    dim = information.dim
    spread = information.second_moment / dim
    fisher = np.clip(information.fisher(u).mean(axis=0), dim / (u + spread), dim / u)
    excess: np.ndarray = isotonic_regression(dim / fisher - u).x
    return np.asarray(u + excess)


def equal_lengths(u: np.ndarray, inverse: np.ndarray, fractions: np.ndarray) -> np.ndarray:
    """Return the u below which the given fractions of the length ∫ √r′/r du lie, r linear in each cell; shape (N+1,).

    Arguments:
        u: edges of the cells, shape (K,), increasing.
        inverse: r at each, shape (K,), increasing.
        fractions: shape (N+1,), between 0 and 1.
    """
    import numpy as np

    root_slope = np.sqrt(np.diff(inverse) / np.diff(u))
    length = np.concatenate([[0.0], np.cumsum(np.log(inverse[1:] / inverse[:-1]) / root_slope)])
    wanted = fractions * length[-1]
    cell = np.clip(np.searchsorted(length, wanted, side="right") - 1, 0, len(u) - 2)
    rise = inverse[cell] * np.expm1((wanted - length[cell]) * root_slope[cell])
    return np.asarray(u[cell] + rise / root_slope[cell] ** 2)
