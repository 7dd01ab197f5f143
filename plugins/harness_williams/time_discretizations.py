"""Equal steps of the score's change, as a corrector sees it.

From one level to the next the score at one point changes. The cost of a step is σ² E‖s(X, σ) − s(X, σ')‖², the work
of a Langevin corrector whose steps are of size σ²; the best grid has equal steps of

    ∫ √δ dσ,    δ(σ) = σ² E‖∂_σ s(X_σ, σ)‖²

On N(0, c²) it is 2(arsinh(σ/c) − σ/√(σ² + c²)). The expectation is over points of the target noised to the middle of
a cell, between whose ends the exact score is differenced: the same clean points and noise in each cell, so that the
curve is smooth. The source estimates it by the score of its network. Its other cost, of a predictor, needs second
derivatives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.time_discretizations import GridRequest, TimeDiscretization

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from harness.targets import Distribution

POINTS = 256
"""Points that the expectation is taken over."""

WIDTH = 0.1
"""Width of a cell in ln σ; the difference is then off by a part in a thousand."""

CELLS = 96
"""Levels at which the expectation is taken, at most a sixth of a cell of ln σ apart for a range of usual width."""


class ScoreOptimal(TimeDiscretization):
    """Uniform in ∫ √δ dσ, δ how fast the score changes at a point of its own level."""

    name: ClassVar[str] = "score-optimal"
    formula: ClassVar[str] = "equal steps of ∫ √δ dσ, δ = σ² E‖∂_σ s(X_σ, σ)‖², s = ∇log p_σ"
    source: ClassVar[str] = "Williams, Campbell, Doucet, Syed, arXiv 2412.07877 (corrector-optimised)"
    needs_law: ClassVar[bool] = True

    def levels(self, request: GridRequest) -> Tensor:
        """Return the grid, shape (N+1,).

        Raises:
            HarnessError: the request carries no law.
        """
        import numpy as np

        from harness.equal_lengths import equal_steps

        law = request.law_for(self)
        known = np.linspace(np.log(request.sigma_min), np.log(request.sigma_max), CELLS + 1)
        changes = np.log(score_changes(law, np.exp(known)))

        def length(sigma: np.ndarray) -> np.ndarray:
            rate: np.ndarray = np.exp(np.interp(np.log(sigma), known, changes))
            return rate

        return equal_steps(request, length)


def score_changes(law: Distribution, sigma: np.ndarray) -> np.ndarray:
    """Return σ√δ at levels of shape (K,): the length by ln σ; shape (K,), positive."""
    import math

    import numpy as np
    import torch

    generator = torch.Generator().manual_seed(0)
    clean = law.sample(POINTS, generator)
    noise = torch.randn(clean.shape, generator=generator, dtype=clean.dtype)
    found = []
    for level in sigma.tolist():
        x = clean + level * noise
        high, low = level * math.exp(WIDTH / 2), level * math.exp(-WIDTH / 2)
        change = (law.denoise(x, high) - x) / high**2 - (law.denoise(x, low) - x) / low**2
        # √δ = σ ‖∂_σ s‖, and dσ = σ d ln σ.
        found.append(level * level * float(change.square().sum(1).mean().sqrt()) / (high - low))
    return np.array(found).clip(min=1e-300)
