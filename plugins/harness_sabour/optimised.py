"""The grid of least divergence of the stochastic DDIM sampler, whichever sampler visits it.

A step that freezes the denoiser at σ_j has KL_j = ∫ σ⁻³ E‖D(X_σ, σ) − D(X_{σ_j}, σ_j)‖² dσ over the step (Girsanov).
The exact denoiser is a martingale on the way down, so that the expectation is M(σ_j) − M(σ), M the least mean squared
error: the divergence is known from the target's curve alone, and is that of the sampler `ancestral`. The source
estimates it by sampling and moves one level at a time, from the image model's own grid, until an early stop; here the
minimum itself is found (`harness.shortest_path`). `fisher` minimises the divergence of the sampler that is used, and
is the same for `ancestral` with the exact score.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.time_discretizations import GridRequest, TimeDiscretization

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


class AlignYourSteps(TimeDiscretization):
    """The levels of least divergence of the step that freezes the exact denoiser."""

    name: ClassVar[str] = "ays"
    formula: ClassVar[str] = "argmin Σ_j ∫ (M(σ_j) − M(σ)) σ⁻³ dσ over σ_1 > … > σ_{N−1}"
    source: ClassVar[str] = (
        "Sabour, Fidler, Kreis, arXiv 2404.14507, section 3 (objective); minimum: dynamic programming"
    )
    needs_information: ClassVar[bool] = True

    def levels(self, request: GridRequest) -> Tensor:
        """Return the grid, shape (N+1,).

        Raises:
            HarnessError: the request carries no information.
        """
        import torch

        from harness.budget import step_divergences
        from harness.information import NoScoreError
        from harness.shortest_path import shortest_grid

        information = request.information_for(self)

        def cost(sigma: np.ndarray, sigma_next: np.ndarray) -> np.ndarray:
            variances = (sigma_next / sigma) ** 2 * (sigma**2 - sigma_next**2)
            divergences = step_divergences(sigma, sigma_next, variances, information, NoScoreError())
            total: np.ndarray = divergences.mean(0)
            return total

        return torch.from_numpy(shortest_grid(cost, request.sigma_max, request.sigma_min, request.steps))
