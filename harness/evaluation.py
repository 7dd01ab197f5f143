"""The third stage: one sampled combination, and what is measured on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from torch import Generator, Tensor

    from harness.budget import Budget
    from harness.samplers import Sampler
    from harness.start import Start
    from harness.targets import Distribution
    from harness.trajectories import Trajectory


@dataclass(frozen=True)
class LastKernel:
    """The last step of a Gaussian-kernel sampler, before its noise was drawn: sample i came from N(mean_i, v I)."""

    mean: Tensor
    variance: float


@dataclass(frozen=True)
class Experiment:
    """One combination, sampled with one seed.

    Attributes:
        target: the distribution to be learned.
        sampler: the sampler.
        sigmas: the grid, N+1 numbers, decreasing; the last is δ.
        samples: what was generated, shape (n, d), float64.
        reference: a held-out sample of p_δ, shape (m, d), float64.
        simulate: runs the sampler in float64 from given points with given noise: `simulate(x, noise)` takes x of shape
            (n, d) at σ_0 and a function that returns the noise of each draw, shape (n, d).
        exact_network: whether the denoiser is the target's own.
        last_kernel: the last step's kernel, for Gaussian-kernel samplers.
        budget: the exact path divergence, where there is one.
        generator: source of randomness for the metrics, seeded for this combination alone.
        kernel: any step of a Gaussian-kernel sampler, in float64: `kernel(j, x)` is the law of the points after step
            j from points x of shape (n, d) at σ_j.
        training: how the network was trained, where gradient descent recorded it.
        initial: the law of the points at σ_0; None: N(0, σ_0² I).
    """

    target: Distribution
    sampler: Sampler
    sigmas: Sequence[float]
    samples: Tensor
    reference: Tensor
    simulate: Callable[[Tensor, Callable[[], Tensor]], Tensor]
    exact_network: bool
    last_kernel: LastKernel | None
    budget: Budget | None
    generator: Generator
    kernel: Callable[[int, Tensor], LastKernel] | None = None
    training: Trajectory | None = None
    initial: Start | None = None

    @property
    def start(self) -> Start:
        """The law of the points at σ_0."""
        from harness.start import Start

        return self.initial or Start.centered(self.sigmas[0], self.target.dim)

    @property
    def sigma_min(self) -> float:
        """The last level δ, at which the sampler stops."""
        return self.sigmas[-1]

    def fresh(self, n: int) -> Tensor:
        """Draw n points of p_δ itself (for data: the noised training part); shape (n, d), float64."""
        import torch

        clean = self.target.sample(n, self.generator)
        return clean + self.sigma_min * torch.randn(clean.shape, generator=self.generator, dtype=clean.dtype)


def mean_and_error(replicates: np.ndarray) -> tuple[float, float]:
    """Return the mean of R independent replicates and its standard error (0 where R = 1, which means exact)."""
    if replicates.size == 1:
        return float(replicates[0]), 0.0
    return float(replicates.mean()), float(replicates.std(ddof=1) / replicates.size**0.5)
