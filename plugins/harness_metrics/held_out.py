"""The variational bound on −E ln q_δ(X_δ) over held-out points, for samplers whose steps are Gaussian.

q_δ is the law of what the sampler makes and X_δ = X_0 + δξ. Given X_0 the forward chain is Gaussian and so is its
reversal, so that by data processing, with b_j = u_{j+1}Δ_j/u_j and kernels N(μ_j(x), v_j I),

    −E ln q_δ(X_δ) ≤ (d/2) ln(2πeδ²) + E KL(N(X_0, u_0 I) ‖ start)
                     + ½ Σ_j [d (b_j/v_j − 1 − ln(b_j/v_j)) + E‖m_j − μ_j(X_j)‖²/v_j]
    m_j = X_0 + (u_{j+1}/u_j)(X_j − X_0),   X_j = X_0 + σ_j ξ_j.

The right side is the entropy of p_δ plus the path divergence KL(P ‖ Q), of the law that the points come from. All
designs that stop at δ have that entropy in common, so that their differences are differences of path divergences, and
need neither a score nor a density of the data. It is the discrete-time bound of Ho et al., arXiv 2006.11239, equation
5, and Kingma et al., arXiv 2107.00630, section 4, without their last term, since it stops at δ.

Only the squares depend on ξ. It is a function of the level that no design can choose, ξ(σ) = cos(θ) ξ_1 + sin(θ) ξ_2
with θ = ω ln(σ/σ_data): designs on different grids meet the same noise at the same level, which keeps differences
sharp. Levels far apart meet different noise, which keeps the sum over levels so. The lengths ‖ξ_1‖ and ‖ξ_2‖ are
stratified over a point's draws, since the squares depend on them first of all; opposite noise makes them no sharper.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from weakref import WeakKeyDictionary

import torch
from scipy.special import gammaincinv
from torch import Tensor

from harness.errors import NotApplicable
from harness.metrics import Experiment, LastKernel, Measurement, group_means
from harness.mixtures import EmpiricalDistribution
from harness.targets import Distribution
from harness_metrics.controls import error_of_means

SEED = 2_107_00630
"""Seed of the held-out points and of their noise: the same for every design of a target, whatever its seed.

The law's own stream is added: seeds that have a split each meet other noise, too, so that they are independent."""

TURN = math.pi / 2
"""Angle ω by which the noise turns where σ grows by a factor e."""

CELLS = 2**21
"""Numbers of a chunk of points (16 MB)."""

ROWS = 4096
"""Most points of a chunk."""

Noise = Callable[[float], Tensor]
"""Standard normal noise of some points at a level σ, shape (n, d), float64."""

_known: WeakKeyDictionary[Callable[[int, Tensor], LastKernel], dict[tuple[int, int], Tensor]] = WeakKeyDictionary()
"""Bounds by the kernel that they are of, which belongs to one combination: two metrics read them."""


@dataclass(frozen=True)
class Steps:
    """The steps of a sampler with Gaussian kernels on a target: what the terms of the bound are made of.

    Attributes:
        kernel: as of `Experiment`.
        sigmas: the grid.
        target: whose points they are.
    """

    kernel: Callable[[int, Tensor], LastKernel]
    sigmas: Sequence[float]
    target: Distribution

    @classmethod
    def of(cls, experiment: Experiment) -> Steps:
        """Return those of an experiment, whose sampler has kernels."""
        assert experiment.kernel is not None
        return cls(experiment.kernel, experiment.sigmas, experiment.target)


def point_bounds(experiment: Experiment, count: int, noised: int) -> Tensor:
    """Return the bound at each of up to `count` held-out points, in nats; shape (n,), float64.

    Points and noise depend on the target, `count` and `noised` alone: values of two designs are paired.

    Arguments:
        experiment: of a sampler with Gaussian kernels.
        count: most points, of `Distribution.held_out`, part 0.
        noised: points times draws of noise at each, which are averaged; there is at least one.
    """
    assert experiment.kernel is not None
    known = _known.setdefault(experiment.kernel, {})
    if (count, noised) not in known:
        generator = torch.Generator().manual_seed(SEED + experiment.target.stream)
        clean = experiment.target.held_out(count, generator)
        known[count, noised] = _ends(experiment, clean) + _averaged(Steps.of(experiment), clean, noised, generator)
    return known[count, noised].clone()


def _averaged(
    steps: Steps,
    clean: Tensor,
    noised: int,
    generator: torch.Generator,
    counts: Callable[[float], bool] = lambda sigma: True,
) -> Tensor:
    """Return the sum over those steps that count at each point, the mean over its draws of noise; shape (n,)."""
    chunks = _chunks(clean, max(1, noised // len(clean)), steps.target.sigma_data, generator)
    each = (torch.stack([_steps(steps, rows, noise, counts) for noise in noises]).mean(0) for rows, noises in chunks)
    return torch.cat(list(each))


def why_not(experiment: Experiment) -> NotApplicable | None:
    """Return why there is no bound of a path; None where there is one."""
    if experiment.kernel is None:
        return NotApplicable(f"sampler {experiment.sampler.name} has no Gaussian kernel, so no path to bound it by")
    if experiment.target.sigma_data == 0:
        return NotApplicable("the data have no scale: the training points are all alike")
    return None


def gap(steps: Steps, count: int, noised: int, low: float, high: float) -> Measurement:
    """Return by how much the terms of steps that leave levels σ, low ≤ σ < high, are larger of held-out points.

    Means over up to `count` held-out points and as many to train on, drawn at random, of a finite data set; the error
    is that of both. Both meet as many draws of noise.

    Arguments:
        steps: on an `EmpiricalDistribution`.
        count: as of `point_bounds`, and of the training points.
        noised: as there.
        low: least level that counts.
        high: the level from which on none does.
    """
    target = steps.target
    assert isinstance(target, EmpiricalDistribution)
    generator = torch.Generator().manual_seed(SEED + target.stream)
    unseen = target.held_out(count, generator)
    # The noise of the held-out points is that of `point_bounds`.
    chosen = torch.randperm(len(target.train), generator=torch.Generator().manual_seed(SEED))[: len(unseen)]
    points = unseen, target.train[chosen]
    terms = [_averaged(steps, clean, noised, generator, lambda sigma: low <= sigma < high) for clean in points]
    error, freedom = error_of_means(*terms)
    ours, theirs = (each.mean().item() for each in terms)
    return Measurement(ours - theirs, error, freedom=freedom, shared=True)


def mean_over_points(bounds: Tensor) -> Measurement:
    """Return the mean with its error over n ≥ 2 points: of one design, or of the difference of two, point by point.

    All seeds and designs meet the same points: the spread over seeds does not show their error, and the means over
    groups of them show what a difference of two designs has of it.
    """
    error, freedom = error_of_means(bounds)
    groups = group_means(bounds.numpy())
    return Measurement(bounds.mean().item(), error, freedom=freedom, shared=True, groups=groups)


def path_bound(experiment: Experiment, clean: Tensor, noise: Noise) -> Tensor:
    """Return the bound at points for one draw of noise, in nats; shape (n,), float64.

    Arguments:
        experiment: of a sampler with Gaussian kernels.
        clean: X_0, shape (n, d), float64.
        noise: of these points.
    """
    return _ends(experiment, clean) + _steps(Steps.of(experiment), clean, noise)


def _ends(experiment: Experiment, clean: Tensor) -> Tensor:
    """(d/2) ln(2πeδ²) + KL(N(x, u_0 I) ‖ start) at each point x, shape (n,)."""
    start, dim = experiment.start, experiment.target.dim
    at_its_mean = start.convex_bound(experiment.sigmas[0] ** 2, start.mean, clean.new_zeros(dim, dim))
    entropy = 0.5 * dim * math.log(2 * math.pi * math.e * experiment.sigma_min**2)
    return entropy + at_its_mean + 0.5 * start.whiten(clean).square().sum(1)


def _steps(steps: Steps, clean: Tensor, noise: Noise, counts: Callable[[float], bool] = lambda sigma: True) -> Tensor:
    """Return the sum over steps of the divergences of their kernels, of those whose first level counts, shape (n,)."""
    total = torch.zeros(len(clean), dtype=torch.float64)
    for j, (sigma, after) in enumerate(pairwise(map(float, steps.sigmas))):
        if not counts(sigma):
            continue
        kept = after**2 / sigma**2
        shift = sigma * noise(sigma)
        kernel = steps.kernel(j, clean + shift)
        ratio = after**2 * (1 - kept) / kernel.variance
        square = (clean + kept * shift - kernel.mean).square().sum(1)
        total += 0.5 * (steps.target.dim * (ratio - 1 - math.log(ratio)) + square / kernel.variance)
    return total


def _chunks(
    clean: Tensor, draws: int, scale: float, generator: torch.Generator
) -> Iterator[tuple[Tensor, list[Noise]]]:
    """Yield points (n, d) in chunks with their draws of noise."""
    size = max(1, min(ROWS, CELLS // (draws * clean.shape[1])))
    for rows in torch.split(clean, size):
        first, second = (_stratified(draws, rows, generator) for _ in range(2))
        yield rows, [_turning(a, b, scale) for a, b in zip(first, second, strict=True)]


def _stratified(draws: int, like: Tensor, generator: torch.Generator) -> Tensor:
    """Return standard normal noise, shape (draws, n, d): a point's lengths lie one in each stratum of their law.

    Strata that mirror one another hold mirrored quantiles: what is linear in them cancels.
    """
    n, dim = like.shape
    noise = torch.randn(draws, n, dim, generator=generator, dtype=like.dtype)
    within, half = torch.rand(draws, n, generator=generator, dtype=like.dtype), draws // 2
    within[draws - half :] = 1 - within[:half].flip(0)
    quantile = (torch.arange(draws)[:, None] + within) / draws
    order = torch.rand(draws, n, generator=generator, dtype=like.dtype).argsort(0)
    square = 2 * torch.from_numpy(gammaincinv(dim / 2, quantile.gather(0, order).numpy()))
    scaled: Tensor = noise * (square.sqrt() / noise.norm(dim=2))[..., None]
    return scaled


def _turning(first: Tensor, second: Tensor, scale: float) -> Noise:
    """Return noise that turns with the level in units of a scale, from two independent draws."""

    def noise(sigma: float) -> Tensor:
        angle = TURN * math.log(sigma / scale)
        return math.cos(angle) * first + math.sin(angle) * second

    return noise
