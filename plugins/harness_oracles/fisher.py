"""The grid of least path divergence for its sampler, target and network: a shortest path.

For steps X' ~ N(x + Δ S(x, σ), v I) the path divergence is E_I + Σ_j KL_j (`harness.budget`), and KL_j depends on the
two ends of its step only, through the Fisher information J(u), the score error e(σ) and the sampler's variance v. So
the best N levels between σ_max and σ_min are a shortest path (`harness.shortest_path`). On N(0, c²I) with the
exact score they are uniform in ln(σ² + c²) for the exponential integrator and in ln(σ²/(σ² + c²)) for the ancestral
sampler. A sampler whose steps are no Gaussian kernel has no path divergence: it gets the exponential integrator's grid.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.errors import HarnessError
from harness.samplers import GaussianKernelSampler
from harness.time_discretizations import GridRequest, TimeDiscretization

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from harness.information import Information
    from harness.shortest_path import Cost

EVEN = 1e-10
"""Cost in nats of (ln σ/σ')²: of grids that cost the same the most even one is taken."""


class Fisher(TimeDiscretization):
    """The levels of least path divergence, for each sampler its own; the score error counts where it is known."""

    name: ClassVar[str] = "fisher"
    formula: ClassVar[str] = "argmin Σ_j KL_j(σ_j, σ_{j+1}; J, e, v) over σ_1 > … > σ_{N−1}"
    source: ClassVar[str] = "minimum of the exact path divergence (docs/theory.md, section 2) by dynamic programming"
    needs_information: ClassVar[bool] = True
    needs_sampler: ClassVar[bool] = True
    needs_score_error: ClassVar[bool] = True

    def levels(self, request: GridRequest) -> Tensor:
        """Return the grid, shape (N+1,).

        Raises:
            HarnessError: the request carries no information.
        """
        import torch

        from harness.shortest_path import shortest_grid

        cost = _cost(request, request.information_for(self))
        return torch.from_numpy(shortest_grid(cost, request.sigma_max, request.sigma_min, request.steps))


def _cost(request: GridRequest, information: Information) -> Cost:
    """Return the cost of a step: KL_j in nats, the mean over the replicates of the two curves."""
    import numpy as np

    from harness.budget import step_divergences
    from harness.information import NoScoreError

    sampler, error = request.sampler, request.score_error or NoScoreError()

    def cost(sigma: np.ndarray, sigma_next: np.ndarray) -> np.ndarray:
        variances = sigma**2 - sigma_next**2
        if isinstance(sampler, GaussianKernelSampler):
            curves = (information, error) if sampler.needs_information else (None, None)
            variances = sampler.step_variances(sigma, sigma_next, *curves)
            _check(sampler, sigma, sigma_next, variances)
        divergences = step_divergences(sigma, sigma_next, variances, information, error)
        total: np.ndarray = divergences.mean(0) + EVEN * np.log(sigma / sigma_next) ** 2
        return total

    return cost


def _check(sampler: GaussianKernelSampler, sigma: np.ndarray, sigma_next: np.ndarray, variances: np.ndarray) -> None:
    """Refuse a variance that no step has: as the least of all costs a NaN would win."""
    import numpy as np

    good = np.isfinite(variances) & (variances > 0)
    if not good.all():
        k = int((~good).argmax())
        raise HarnessError(
            f"sampler {sampler.label()}: the variance of a step from σ = {sigma[k]:g} to {sigma_next[k]:g} is"
            f" {variances[k]:g}; time discretization 'fisher' tries steps of every length: all must be positive"
        )
