"""The grid of least path divergence for its sampler, target and network: a shortest path.

For steps X' ~ N(x + Δ S(x, σ), v I) the path divergence is E_I + Σ_j KL_j (`harness.budget`), and KL_j depends on the
two ends of its step only, through the Fisher information J(u), the score error e(σ) and the sampler's variance v. So
the best N levels between σ_max and σ_min are a shortest path (`harness.shortest_path`). On N(0, c²I) with the
exact score they are uniform in ln(σ² + c²) for the exponential integrator and in ln(σ²/(σ² + c²)) for the ancestral
sampler. A sampler whose steps are no Gaussian kernel has no path divergence: it gets the exponential integrator's grid.

J and e enter by J − e alone, but for what no grid changes. With `law=population` this is J_θ of the network by its
losses on held-out points (`harness.loss_curve`): the levels are best for the law behind the data, not for copying them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.errors import HarnessError
from harness.samplers import GaussianKernelSampler
from harness.time_discretizations import GridRequest, TimeDiscretization
from harness.two_laws import OfTwoLaws

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from harness.information import Information, ScoreError
    from harness.shortest_path import Cost

EVEN = 1e-10
"""Cost in nats of (ln σ/σ')²: of grids that cost the same the most even one is taken."""


class Fisher(OfTwoLaws, TimeDiscretization):
    """The levels of least path divergence, for each sampler its own; the score error counts where it is known."""

    name: ClassVar[str] = "fisher"
    formula: ClassVar[str] = "argmin Σ_j KL_j(σ_j, σ_{j+1}; J, e, v) over σ_1 > … > σ_{N−1}"
    source: ClassVar[str] = (
        "minimum of the exact path divergence (docs/theory.md, sections 2, 9) by dynamic programming"
    )
    needs_information: ClassVar[bool] = True
    needs_sampler: ClassVar[bool] = True
    needs_score_error: ClassVar[bool] = True

    def levels(self, request: GridRequest) -> Tensor:
        """Return the grid, shape (N+1,).

        Raises:
            HarnessError: the request carries no information, or none of the population where that is read.
        """
        import torch

        from harness.shortest_path import shortest_grid

        cost = _cost(request, *self._curves(request))
        return torch.from_numpy(shortest_grid(cost, request.sigma_max, request.sigma_min, request.steps))

    def _curves(self, request: GridRequest) -> tuple[Information, ScoreError]:
        """Return J and e of the target's own law, or J_θ of the population and no error."""
        from harness.information import NoScoreError

        if self.needs_population:
            return request.population_for(self), NoScoreError()
        return request.information_for(self), request.score_error or NoScoreError()


def _cost(request: GridRequest, information: Information, error: ScoreError) -> Cost:
    """Return the cost of a step: KL_j in nats by two curves, the mean over their replicates."""
    import numpy as np

    from harness.budget import step_divergences
    from harness.information import NoScoreError

    sampler = request.sampler
    known = request.information, request.score_error or NoScoreError(), request.population

    def cost(sigma: np.ndarray, sigma_next: np.ndarray) -> np.ndarray:
        variances = sigma**2 - sigma_next**2
        if isinstance(sampler, GaussianKernelSampler):
            variances = sampler.step_variances(sigma, sigma_next, *sampler.curves(*known))
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
