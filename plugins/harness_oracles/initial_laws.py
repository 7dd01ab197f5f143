"""The start with the first two moments of the noised target.

Of all Gaussians it has the least KL(p_u ‖ start): E ln q for a Gaussian q depends on p_u's first two moments only,
and is largest where they agree. What is left is p_u's distance from being Gaussian, 0 for a Gaussian target.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.initial_laws import InitialLaw

if TYPE_CHECKING:
    from harness.initial_laws import Start
    from harness.targets import Distribution


class MomentMatched(InitialLaw):
    """The Gaussian of the noised target's own mean and covariance (for data, of the training part's)."""

    name: ClassVar[str] = "moment-matched"
    formula: ClassVar[str] = "x_0 ~ N(m, Σ + u_0 I), m = E X_0, Σ = Cov X_0"
    source: ClassVar[str] = "derived here: the Gaussian that minimises KL(p_{u_0} ‖ start) (docs/theory.md, claim 12)"
    claims_moments: ClassVar[int] = 2

    def start(self, target: Distribution, sigma: float) -> Start:
        """N(m, Σ + σ_0² I)."""
        import torch

        from harness.initial_laws import Start

        mean, covariance = target.mean_and_covariance()
        noise = sigma**2 * torch.eye(target.dim, dtype=torch.float64)
        return Start.from_covariance(mean, covariance.double() + noise)
