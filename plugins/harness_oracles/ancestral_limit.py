"""The grid uniform in ∫ √(M′(u)) d ln u, M(u) the least mean squared error.

It is what the best grid for the ancestral sampler with the exact score tends to as the steps become many
(`harness_oracles.fisher`); on N(0, c²I) it is uniform in ln(σ²/(σ² + c²)), and the best at every number of steps.

In the signal-to-noise ratio γ = 1/u, r = d/M plays the part that d/J has in u (`harness_oracles.fisher_limit`): r − γ
lies in [d/m₂², ∞) (M ≤ m₂²/(1 + γm₂²/d), the best linear denoiser's) and never decreases (−dM/dγ = E‖Cov‖² ≥ M²/d). So
r − γ is clipped and made monotone, and r is taken as linear over each cell, with slope r′ ≥ 1:

    √(dM/du) d ln u = √(d r′)/r dγ,    whose integral over a cell is √d ln(r₂/r₁)/√r′
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.time_discretizations import GridRequest, TimeDiscretization
from harness_oracles.fisher_limit import CELLS, equal_lengths

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from harness.information import Information

LEAST = 1e-12
"""Least M that counts, as a share of du: on a finite data set it vanishes near the points."""


class DenoisingGeometry(TimeDiscretization):
    """Uniform in ∫ √(M′(u)) d ln u, M the least mean squared error of denoising."""

    name: ClassVar[str] = "dgc"
    formula: ClassVar[str] = "equal steps of ∫ √(M′(u)) d ln u, u = σ², M(u) = E‖X_0 − E[X_0|X_σ]‖²"
    source: ClassVar[str] = "limit of the ancestral sampler's least divergence, derived here; cf. arXiv 2607.26285"
    needs_information: ClassVar[bool] = True

    def levels(self, request: GridRequest) -> Tensor:
        """Return the grid, shape (N+1,).

        Raises:
            HarnessError: the request carries no information.
        """
        import numpy as np
        import torch

        gamma = np.geomspace(request.sigma_max**-2, request.sigma_min**-2, CELLS + 1)
        inverse = _inverse_error(request.information_for(self), gamma)
        return torch.from_numpy(equal_lengths(gamma, inverse, request.fractions().numpy()) ** -0.5)


def _inverse_error(information: Information, gamma: np.ndarray) -> np.ndarray:
    """Return r = d/M at increasing signal-to-noise ratios, shape (K,), with r − γ ≥ d/m₂² and non-decreasing."""
    import numpy as np
    from scipy.optimize import isotonic_regression

    dim = information.dim
    error = information.mmse(1 / gamma).mean(axis=0)
    least = LEAST * dim / gamma
    error = np.clip(error, least, np.maximum(least, dim / (gamma + dim / information.second_moment)))
    excess: np.ndarray = isotonic_regression(dim / error - gamma).x
    return np.asarray(gamma + excess)
