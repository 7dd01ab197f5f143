"""Known designs: samplings of Gaussians by affine steps, whose paths and results have closed forms.

In the eigenbasis of the target, N(m, diag λ), each coordinate is by itself. A step from u to u' < u, Δ = u − u', takes
x to αx + β, and adds noise of variance v. The score that it goes by is wrong in a known way,

    S = (1 + a) ∇log p_u + b w/σ,  ‖w‖ = 1,      e(σ) = a² J(u) + b²/u

Of the true reverse chain X'|X ~ N(m + κ(X − m), s), κ = (λ + u')/(λ + u), s = κΔ. So KL(P ‖ Q) is the divergence of
the starts and, of each step and coordinate, ½[ln(v/s) + (s + (κ − α)²(λ + u) + (m − αm − β)²)/v − 1]. It is computed
here from these steps alone, with neither J nor e.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, Literal

import numpy as np
import torch
from torch import Tensor

from harness.bounds import Design
from harness.budget import budget
from harness.certification.cases import CorrelatedGaussian, ReverseKernel, stream
from harness.engine.known_laws import GaussianLaw
from harness.engine.sampler_orders import geometric, polynomial, uneven
from harness.information import Information, ScoreError
from harness.initial_laws import Start
from harness.quantities import Quantity
from harness.samplers import GaussianKernelSampler, Sampler, SamplerRun
from harness.weighting_tables import WeightingTable

Step = Literal["frozen", "reverse", "euler"]


class FrozenKernel(GaussianKernelSampler):
    """Steps with the score frozen: of variance Δ."""

    name: ClassVar[str] = "frozen-kernel"

    def step_variances(
        self, sigma: np.ndarray, sigma_next: np.ndarray, information: Information | None, score_error: ScoreError | None
    ) -> np.ndarray:
        """Return Δ, shape (K,)."""
        variances: np.ndarray = sigma**2 - sigma_next**2
        return variances


class StraightFlow(Sampler):
    """Euler's method on the probability flow."""

    name: ClassVar[str] = "straight-flow"

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Return (σ'/σ)x + (1 − σ'/σ)D."""
        kept = run.sigma_next / run.sigma
        return kept * x + (1 - kept) * run.denoiser(x, run.sigma)


SAMPLERS: Mapping[Step, Sampler] = {"frozen": FrozenKernel(), "reverse": ReverseKernel(), "euler": StraightFlow()}


class KnownScoreError(ScoreError):
    """E(σ) = a² J(σ²) + b²/σ².

    Arguments:
        law: whose J it is.
        factor: a.
        shift: b.
    """

    replicates = 1

    def __init__(self, law: Information, factor: float, shift: float) -> None:
        self._law, self._factor, self._shift = law, factor, shift

    def __call__(self, sigma: np.ndarray) -> np.ndarray:
        """Return e at each level, shape (1, len(sigma))."""
        levels = np.asarray(sigma, dtype=np.float64)
        error: np.ndarray = self._factor**2 * self._law.fisher(levels**2) + (self._shift / levels) ** 2
        return error


@dataclass(frozen=True)
class KnownDesign:
    """A sampling of N(m, diag λ) by N steps.

    Attributes:
        mean: m, shape (d,).
        variances: λ ≥ 0, shape (d,).
        sigmas: the grid, shape (N+1,), decreasing.
        step: which steps.
        factor: a, how much too large the score is, relatively.
        shift: b.
        start: mean and deviations of the start, each of shape (d,); None: N(0, σ_0² I).
        weighting: the total weighting that the network was trained with; None: it was not trained.
    """

    mean: np.ndarray
    variances: np.ndarray
    sigmas: np.ndarray
    step: Step
    factor: float = 0.0
    shift: float = 0.0
    start: tuple[np.ndarray, np.ndarray] | None = None
    weighting: WeightingTable | None = field(default=None, compare=False)

    @property
    def dim(self) -> int:
        """The dimension d."""
        return len(self.mean)

    @property
    def sampler(self) -> Sampler:
        """The sampler whose steps these are."""
        return SAMPLERS[self.step]

    @cached_property
    def law(self) -> GaussianLaw:
        """The target, with J(u)."""
        return GaussianLaw(self.mean.tolist(), self.variances.tolist())

    @cached_property
    def target(self) -> CorrelatedGaussian:
        """The target as a distribution, in its eigenbasis."""
        return CorrelatedGaussian(torch.from_numpy(self.mean), torch.from_numpy(np.diag(self.variances)))

    @property
    def initial(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and deviations of the start, each of shape (d,)."""
        return self.start or (np.zeros(self.dim), np.full(self.dim, self.sigmas[0]))

    def denoise(self, x: Tensor, sigma: float) -> Tensor:
        """Return D of the wrong score, x + σ²S; of the shape and dtype of x (n, d)."""
        exact = self.law.denoise(x, sigma)
        return x + (1 + self.factor) * (exact - x) + self.shift * sigma / math.sqrt(self.dim)

    def step_variances(self) -> np.ndarray | None:
        """Return the variance of each step, shape (N,); None where steps draw no noise."""
        if not isinstance(self.sampler, GaussianKernelSampler):
            return None
        return self.sampler.variances(self.sigmas, None, None)

    def affine(self, j: int) -> tuple[np.ndarray, np.ndarray]:
        """Return α and β of step j, each of shape (d,)."""
        sigma, after = self.sigmas[j : j + 2]
        # x + h S, with S = −(1 + a)(x − m)/(λ + u) + b w/σ.
        h = sigma**2 - after**2 if self.step != "euler" else sigma * (sigma - after)
        slope = -h * (1 + self.factor) / (self.variances + sigma**2)
        return 1 + slope, -slope * self.mean + h * self.shift / sigma / math.sqrt(self.dim)

    @cached_property
    def generated(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and variances of q_N, each of shape (d,)."""
        mean, deviations = self.initial
        variances, noise = deviations**2, self.step_variances()
        for j in range(len(self.sigmas) - 1):
            alpha, beta = self.affine(j)
            mean, variances = alpha * mean + beta, alpha**2 * variances + (0.0 if noise is None else noise[j])
        return mean, variances

    @cached_property
    def truth(self) -> dict[Quantity, float]:
        """What is known of the result: of each quantity its value."""
        mean, variances = self.generated
        noised = self.variances + self.sigmas[-1] ** 2
        known: dict[Quantity, float] = {
            "marginal-kl": _divergence(self.mean, noised, mean, variances),
            "reverse-kl": _divergence(mean, variances, self.mean, noised),
            "w2": math.sqrt(float(((mean - self.mean) ** 2 + (np.sqrt(variances) - np.sqrt(noised)) ** 2).sum())),
        }
        if self.step != "euler":
            known["path-kl"] = self._path_divergence()
        if self.dim == 1:
            known |= _on_the_line(float(self.mean[0]), float(noised[0]), float(mean[0]), float(variances[0]))
        return known

    def _path_divergence(self) -> float:
        """Return KL(P ‖ Q) in nats."""
        u, noise = self.sigmas**2, self.step_variances()
        assert noise is not None
        mean, deviations = self.initial
        total = _divergence(self.mean, self.variances + u[0], mean, deviations**2)
        for j, v in enumerate(noise):
            alpha, beta = self.affine(j)
            spread = self.variances + u[j]
            kappa = (self.variances + u[j + 1]) / spread
            own = kappa * (u[j] - u[j + 1])
            apart = (kappa - alpha) ** 2 * spread + (self.mean - alpha * self.mean - beta) ** 2
            total += 0.5 * float((np.log(v / own) + (own + apart) / v - 1).sum())
        return total

    def design(self) -> Design:
        """Return it as bounds see it."""
        error = KnownScoreError(self.law, self.factor, self.shift)
        noise, initial = self.step_variances(), self.begin()
        terms = None
        if noise is not None:
            u, moments = float(self.sigmas[0]) ** 2, self.target.mean_and_covariance()
            first = None if initial is None else initial.divergence(u, self.law, *moments)
            terms = budget(self.sigmas, noise, self.law, error, first)
        # As in a run: no bound may change what the next one sees.
        levels = self.sigmas.copy()
        levels.flags.writeable = False
        return Design(
            sampler=self.sampler,
            sigmas=levels,
            variances=noise,
            dim=self.dim,
            second_moment=self.law.second_moment,
            information=self.law,
            score_error=error,
            budget=terms,
            target=self.target,
            initial=initial,
            weighting=self.weighting,
        )

    def begin(self) -> Start | None:
        """Return the start; None for N(0, σ_0² I)."""
        if self.start is None:
            return None
        mean, deviations = self.start
        return Start(torch.from_numpy(mean), torch.from_numpy(np.diag(deviations)))


def _divergence(mean: np.ndarray, variances: np.ndarray, other_mean: np.ndarray, other: np.ndarray) -> float:
    """KL(N(m, diag λ) ‖ N(n, diag V)) in nats."""
    ratio = variances / other
    return 0.5 * float((ratio - 1 - np.log(ratio) + (mean - other_mean) ** 2 / other).sum())


def _on_the_line(mean: float, variance: float, other_mean: float, other: float) -> dict[Quantity, float]:
    """Total variation and W_1 of two Gaussians on the line, by sums on a fine grid."""
    from scipy.special import ndtr

    reach = 12 * math.sqrt(max(variance, other)) + abs(mean - other_mean)
    x = np.linspace(mean - reach, mean + reach, 200_001)
    laws = ((mean, variance), (other_mean, other))
    below = [ndtr((x - m) / math.sqrt(v)) for m, v in laws]
    densities = [np.exp(-0.5 * (x - m) ** 2 / v) / math.sqrt(2 * math.pi * v) for m, v in laws]
    step = float(x[1] - x[0])
    return {
        "total-variation": 0.5 * float(np.abs(densities[0] - densities[1]).sum()) * step,
        "w1": float(np.abs(below[0] - below[1]).sum()) * step,
    }


GRIDS = (geometric, polynomial, uneven)


def known_designs(seed: int, count: int = 40) -> list[KnownDesign]:
    """Return designs: the extremes first, where bounds are nearly tight, then such as a seed draws."""
    return [*_extremes(), *(_drawn(stream(seed, 20, k)) for k in range(count))]


def _extremes() -> list[KnownDesign]:
    """A point at the origin and off it, a wide law, a score of which the error is all there is; by all steps."""
    point, off = (np.zeros(2), np.full(2, 1e-14)), (np.array([3.0, -2.0]), np.full(2, 1e-14))
    wide = (np.zeros(3), np.array([1.0, 9.0, 100.0]))
    grids = (geometric(20, 50.0, 0.01), geometric(1, 1.0, 0.8), np.sqrt(np.linspace(4.0, 0.01, 9)))
    laws = (point, off, wide)
    exact = [KnownDesign(law[0], law[1], grid, step) for law in laws for grid in grids for step in SAMPLERS]
    far, tables = geometric(200, 1.0, 0.5), (_table(-1.0), _table(1.0))
    wrong = [
        KnownDesign(point[0], point[1], far, step, shift=5.0, weighting=each) for step in SAMPLERS for each in tables
    ]
    return [*exact, *wrong]


def _drawn(numbers: np.random.Generator) -> KnownDesign:
    dim = int(numbers.integers(1, 5))
    scale = np.exp(numbers.uniform(-2, 2))
    variances = scale**2 * np.exp(numbers.uniform(-4, 1, dim))
    mean = scale * numbers.standard_normal(dim) * numbers.integers(0, 2)
    high = scale * np.exp(numbers.uniform(0.5, 4))
    grid = GRIDS[numbers.integers(3)](
        int(np.exp(numbers.uniform(0.7, 4.5))), high, high * np.exp(-numbers.uniform(1, 6))
    )
    step = list(SAMPLERS)[numbers.integers(3)]
    made = KnownDesign(mean, variances, grid, step)
    if numbers.random() < 0.5:
        made = replace(made, factor=numbers.uniform(-0.3, 0.3), shift=numbers.uniform(-0.5, 0.5))
        made = replace(made, weighting=_table(numbers.uniform(-2, 1)))
    if numbers.random() < 0.3:
        made = replace(made, start=(mean + 0.1 * scale, np.sqrt(variances + grid[0] ** 2) * 1.1))
    return made


def _table(power: float) -> WeightingTable:
    """Return a weighting β = σ^power over all levels that occur, half of it as density."""
    sigma = np.geomspace(1e-5, 1e5, 2001)
    return WeightingTable(sigma, 1 / sigma, sigma ** (power + 1))
