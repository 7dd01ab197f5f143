"""Samplers.

A sampler starts from Gaussian points (`harness.initial_laws`), N(0, σ_0² I) unless another law is chosen, and steps
down a grid σ_0 > … > σ_N > 0 of noise levels. The base class owns the loop; a sampler writes one `step`. With D = D(x,
σ), Δ = σ² − σ'² and S = (D − x)/σ².
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from harness.components import Component

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from harness.information import Information, ScoreError

Denoiser = Callable[["Tensor", float], "Tensor"]
"""Maps points of shape (n, d) and one noise level to denoised points of shape (n, d)."""


@dataclass
class SamplerRun:
    """One run of a sampler along one grid: what `step` may read and keep.

    Attributes:
        denoiser: the denoiser D(x, σ); each call is one function evaluation.
        sigmas: the grid σ_0 > … > σ_N, N+1 numbers.
        noise: returns a fresh standard normal tensor, of the shape of the points; each sample has its own stream.
        variances: per-step noise variances v_j, for Gaussian-kernel samplers.
        index: the current step j, from 0; the step goes from `sigmas[j]` to `sigmas[j + 1]`.
        memory: whatever a multistep method keeps between steps; empty at the start.
        without_labels: the denoiser that is told no labels, each call an evaluation too; None where the network is
            given none, or was never trained without (`TrainableNetwork.label_dropout`).
    """

    denoiser: Denoiser
    sigmas: Sequence[float]
    noise: Callable[[], Tensor]
    variances: Sequence[float] | None = None
    index: int = 0
    memory: dict[str, Any] = field(default_factory=dict)
    without_labels: Denoiser | None = None

    @property
    def sigma(self) -> float:
        """Noise level σ at the start of the current step."""
        return self.sigmas[self.index]

    @property
    def sigma_next(self) -> float:
        """Noise level σ' at the end of the current step."""
        return self.sigmas[self.index + 1]

    @property
    def steps(self) -> int:
        """Number N of steps in the whole grid."""
        return len(self.sigmas) - 1


class Sampler(Component):
    """A rule for one step from σ to σ'."""

    axis: ClassVar[str] = "sampler"

    @property
    def deterministic(self) -> bool:
        """Whether no step draws noise, so that the sampler is a map of its starting point."""
        return True

    @property
    def claimed_order(self) -> float | None:
        """Order p of convergence that is claimed: from a σ_0 far above the data the error at σ_N falls as N^−p.

        Strong along the probability flow of a sampler without noise, weak of one with noise; on grids whose
        neighbouring steps become equal as N grows. None: none is claimed, such as where a bias stays.
        """
        return None

    @property
    def claimed_order_uneven(self) -> float | None:
        """The same where the ratio of neighbouring steps is only bounded; the same number, unless overridden."""
        return self.claimed_order

    def evaluations(self, steps: int) -> int:
        """Evaluations of the denoiser that a sample takes on a grid of so many steps: one a step, unless overridden."""
        return steps

    @abstractmethod
    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Return the points at `run.sigma_next`, from the points x at `run.sigma`, both of shape (n, d)."""

    def plain_step(self) -> str:
        """Return the step as plain Python for files that stand alone; empty where it is not written down.

        It defines `step(denoise, x, levels, j, normal, memory)`, which returns the points at `levels[j + 1]` from the
        points x at `levels[j]` by arithmetic on them alone. It may import `math`. `normal()` draws fresh standard
        normal noise of the shape of x; `memory` is a dictionary that is empty at the start. The file also has `UNIT`,
        how much of the levels' unit a level is that is 1 in the parameters of the sampler, and for Gaussian kernels
        `VARIANCES`, of each step.
        """
        return ""

    def sample(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Take the points x of shape (n, d) at σ_0 down the whole grid; return those at σ_N."""
        for index in range(run.steps):
            run.index = index
            x = self.step(run, x)
        return x


class GaussianKernelSampler(Sampler):
    """A sampler whose step is X' ~ N(x + Δ S(x, σ), v I): only the variance v is a choice.

    The mean is the one of the true reverse chain (Tweedie), which makes the path divergence a sum of exact terms
    (`harness.budget`).
    """

    needs_information: ClassVar[bool] = False
    """Whether `step_variances` reads the target's Fisher information and the network's score error."""

    @property
    def needs_population(self) -> bool:
        """Whether these are to be of the population: J_θ of the network by held-out losses, and no score error."""
        return False

    @property
    def deterministic(self) -> bool:
        """A Gaussian kernel draws noise at every step."""
        return False

    @property
    def claimed_order(self) -> float | None:
        """Weak order 1, of any variance Δ + O(Δ²)."""
        return 1

    @abstractmethod
    def step_variances(
        self,
        sigma: np.ndarray,
        sigma_next: np.ndarray,
        information: Information | None,
        score_error: ScoreError | None,
    ) -> np.ndarray:
        """Variance v > 0 of steps from σ to σ', elementwise: of any steps, which need not follow one another.

        A step's variance depends on its two ends only: that makes the best grid a shortest path.

        Arguments:
            sigma: the levels σ, shape (K,), float64.
            sigma_next: the levels σ' < σ, shape (K,).
            information: the target's Fisher information J(u), where `needs_information`.
            score_error: the network's score error e(σ), where `needs_information`.

        Returns:
            Shape (K,), finite, positive.
        """

    def curves(
        self, information: Information | None, score_error: ScoreError | None, population: Information | None
    ) -> tuple[Information | None, ScoreError | None]:
        """Return the two curves that `step_variances` is given, as it declares.

        Arguments:
            information: the target's J(u).
            score_error: the network's e(σ).
            population: J_θ = J − e of the network by held-out losses; None where they were not measured.
        """
        if not self.needs_information:
            return None, None
        from harness.information import NoScoreError

        return (population, NoScoreError()) if self.needs_population else (information, score_error)

    def variances(
        self, sigmas: np.ndarray, information: Information | None, score_error: ScoreError | None
    ) -> np.ndarray:
        """Variance of each step of a grid of shape (N+1,); shape (N,)."""
        return self.step_variances(sigmas[:-1], sigmas[1:], information, score_error)

    def mean(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Mean x + Δ S(x, σ) of the current step's kernel, shape (n, d)."""
        kept = run.sigma_next**2 / run.sigma**2
        mean: Tensor = kept * x + (1 - kept) * run.denoiser(x, run.sigma)
        return mean

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Draw from the current step's kernel."""
        if run.variances is None:
            raise ValueError(f"sampler {self.name} needs the variances of its steps")
        moved: Tensor = self.mean(run, x) + run.variances[run.index] ** 0.5 * run.noise()
        return moved

    def plain_step(self) -> str:
        """Return the step as plain Python, the same for all Gaussian kernels: they differ in their variances alone."""
        return PLAIN_KERNEL


PLAIN_KERNEL = """\
def step(denoise, x, levels, j, normal, memory):
    kept = (levels[j + 1] / levels[j]) ** 2
    return kept * x + (1 - kept) * denoise(x, levels[j]) + VARIANCES[j] ** 0.5 * normal()
"""
