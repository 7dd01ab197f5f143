"""The exact error budget of a Gaussian-kernel sampler: the path divergence, term by term.

For steps X' ~ N(x + Δ_j S(x, σ_j), v_j I) along u_0 > … > u_N, with Δ_j = u_j − u_{j+1}, P the true reverse chain and Q
the sampler, started from a Gaussian (`harness.initial_laws`):

    KL(P ‖ Q) = E_I + Σ_j KL_j
    KL_j = ½[d ln(v_j/Δ_j) + (dΔ_j − Δ_j² J(u_j) + Δ_j² e_j)/v_j − d] + ½ ∫_{u_{j+1}}^{u_j} J du

It is reported as E_I + E_S + E_D + E_V: the score and discretization errors of the exponential integrator (v_j = Δ_j),
E_S = ½ Σ Δ_j e_j and E_D = ½ Σ ∫ (J(u) − J(u_j)) du, and what another variance adds (negative where it helps).
The page departs from this (Wang, He, Tao, arXiv 2406.12839, Lemma 9): it has ½σ² where Girsanov's theorem, with
dX = √(2σ²) dW and drifts 2σ²∇log p and 2σ²S, gives (2σ²)²/(2·2σ²) = σ², and a factor 2 of (a + b)² ≤ 2a² + 2b², which
is not needed: along the reverse path the score is a martingale, so score error and discretization are orthogonal. In u,
du = 2σ² dt, the constant of both is ½. References: Theorem 2 there, its constants made exact (docs/theory.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from harness.information import Information, ScoreError


@dataclass(frozen=True)
class Budget:
    """The terms of the path divergence in nats, each with R replicates, shape (R,).

    `interpolation` is the estimated error of the total that comes from J(u) being interpolated between levels, the
    same in all replicates; 0 where J is a closed form.
    """

    initialization: np.ndarray
    score: np.ndarray
    discretization: np.ndarray
    variance: np.ndarray
    interpolation: float = 0.0

    @property
    def total(self) -> np.ndarray:
        """The path divergence, shape (R,).

        Rounding may leave less than nothing of what is known exactly; noise is left as it is, without bias.
        """
        total: np.ndarray = self.initialization + self.score + self.discretization + self.variance
        return total.clip(min=0.0) if len(total) == 1 else total


def step_divergences(
    sigma: np.ndarray,
    sigma_next: np.ndarray,
    variances: np.ndarray,
    information: Information,
    score_error: ScoreError,
) -> np.ndarray:
    """Return KL_j of any steps from σ to σ', which need not follow one another; shape (R, K), in nats.

    Arguments:
        sigma: the levels σ, shape (K,).
        sigma_next: the levels σ' < σ, shape (K,).
        variances: the kernel's variance of each step, shape (K,).
        information: the target's J(u).
        score_error: the network's e(σ).
    """
    levels, place = np.unique(np.concatenate([sigma, sigma_next]), return_inverse=True)
    start, end = np.split(place, 2)
    u = levels**2
    cumulative = np.cumsum(information.fisher_integral(u[::-1])[:, ::-1], axis=1)
    below = np.pad(cumulative, ((0, 0), (1, 0)))
    terms = _step_terms(
        u[start] - u[end],
        variances,
        information.fisher(u)[:, start],
        below[:, start] - below[:, end],
        score_error(levels)[:, start],
        information.dim,
    )
    return sum(terms, start=np.zeros(len(sigma)))


def _step_terms(
    delta: np.ndarray, variances: np.ndarray, fisher: np.ndarray, area: np.ndarray, error: np.ndarray, dim: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the score error, discretization and variance terms of steps, each of shape (R, K)."""
    score = 0.5 * (delta * error)
    discretization = 0.5 * (area - delta * fisher)
    # KL_j less its two terms above; exactly 0 where v_j = Δ_j.
    excess = dim * np.log(variances / delta) + (dim * delta - delta**2 * (fisher - error)) * (1 / variances - 1 / delta)
    return score, discretization, 0.5 * excess


def budget(
    sigmas: np.ndarray,
    variances: np.ndarray,
    information: Information,
    score_error: ScoreError,
    initialization: np.ndarray | None = None,
) -> Budget:
    """Return the exact budget.

    What interpolation costs is taken to be no more than what it changes when every second level is left out: a
    fifteenth of that for a spline on fine levels, which those of a measurement need not be.

    Arguments:
        sigmas: the grid, shape (N+1,), decreasing.
        variances: the kernel's variance v_j of each step, shape (N,).
        information: the target's J(u).
        score_error: the network's e(σ).
        initialization: E_I of the sampler's start (`Start.divergence`), shape (R,); None: it starts at N(0, u_0 I).
    """
    terms = _terms(sigmas, variances, information, score_error, initialization)
    coarse = information.coarser()
    if coarse is None:
        return terms
    other = _terms(sigmas, variances, coarse, score_error, initialization)
    return replace(terms, interpolation=float((terms.total - other.total).mean()))


def _terms(
    sigmas: np.ndarray,
    variances: np.ndarray,
    information: Information,
    score_error: ScoreError,
    initialization: np.ndarray | None,
) -> Budget:
    u = sigmas**2
    delta = u[:-1] - u[1:]
    fisher, area = information.fisher(u[:-1]), information.fisher_integral(u)
    score, discretization, excess = _step_terms(
        delta, variances, fisher, area, score_error(sigmas[:-1]), information.dim
    )
    return Budget(
        initialization=information.initialization(float(u[0])) if initialization is None else initialization,
        score=score.sum(-1),
        discretization=discretization.sum(-1),
        variance=excess.sum(-1),
    )
