"""KL(p_δ ‖ q_N) of a Gaussian-kernel sampler in low dimension.

Every step is Gaussian, X_{j+1} ~ N(μ_j(X_j), v_j I). Paths from x = x_N back to some level k by the forward
noising x_j ~ N(x_{j+1}, Δ_j I), and particles Y for the law before it, give

    q_N(x) = E_{x_k … x_{N−1} | x} [ w · E_Y N(x_k; μ_{k−1}(Y_{k−1}), v_{k−1} I) ]
    w = Π_{j≥k} N(x_{j+1}; μ_j(x_j), v_j I) / N(x_j; x_{j+1}, Δ_j I)

which is estimated without bias by the mean q̂ over K paths and M particles. k = N uses the last kernel alone,
which may be too narrow for the particles to overlap; a small k has wide kernels, but weights that scatter.
Where both are so, each particle is given several children by the last step but one, and k = N. The choice at
which pilot points find the least bias is taken. The weights are those of Sohl-Dickstein et al., arXiv
1503.03585, equation 9.

KL = E_{p_δ}[ln p_δ − ln q_N] is taken over exact points of p_δ with its exact density. ln q̂ is too small on
average by c_1/h + c_2/h² + …, h the number of paths and particles: the whole (T_1), the mean over halves
(T_2) and over quarters (T_4) of them are extrapolated by (8 T_1 − 6 T_2 + T_4)/3, which removes both terms.
E_{p_δ}[q̂/p_δ] = 1 is known, and E_{p_δ} of ln p_δ, x and xxᵀ is cheap to know well, from many points: control
variates. What is like a Gaussian, or like p_δ, costs hardly any error then. Their coefficients are by least squares,
for each fold of the points from the other folds (`harness_metrics.controls`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor

from harness.errors import NotApplicable
from harness.metrics import Experiment, LastKernel, Measurement
from harness_metrics.controls import adjusted, error_of_means

PATHS = 16
"""Paths K from each point."""

DEPTHS = (0, 1, 2, 4, 8, 16)
"""How many steps N − k paths may go back."""

GROUPS = 16
"""Groups of particles that are left out in turn, which shows the error that the particles make."""

PILOT = 64
"""Points on which the depth is chosen."""

CHILDREN = 8
"""Particles that one becomes in the last step but one, where no depth does well."""

MANY = 4096
"""Points from which the means of the control variates are taken."""

SMALL_GAP = 0.02
"""Gap between quarters and the whole, in nats, below which no other depth is tried."""

MODERATE_GAP = 0.2
"""Gap above which children are tried."""

HOPELESS_GAP = 2.0
"""Gap on pilot points above which nothing more is tried."""

CELLS = 2**17
"""Numbers of the kernel matrix held at a time (1 MB), so that they stay in the cache."""

LOWEST = -700.0
"""Exponent, relative to the largest, below which kernels count alike: exp is slow where its result is subnormal."""

LARGEST_GAP = 0.5
"""Largest gap between quarters and the whole, in nats, from which extrapolation is trusted."""

FARTHEST = 1e6
"""Divergence, in nats, above which differences of log densities are rounding: a sampler that has diverged."""

LARGEST_SPREAD = 0.5
"""Largest variance of q̂/p at the pilot points at which it serves as a control variate."""


_Paths = tuple[Tensor, Tensor]
"""Where K paths from each of n points end, shape (n, K, d), and their log weights, shape (n, K)."""


@dataclass(frozen=True)
class _Densities:
    """What one pass over points and particles gives.

    Attributes:
        whole: ln q̂ by everything, shape (n,).
        halves: the mean of ln q̂ over halves, shape (n,).
        quarters: the mean over quarters, shape (n,).
        without: the same without each of G groups of the particles, shapes (n, G); None in those.
    """

    whole: Tensor
    halves: Tensor
    quarters: Tensor
    without: _Densities | None = None

    @property
    def gap(self) -> float:
        """By how much quarters are worse than the whole, in nats, ≥ 0: about three times the bias."""
        return (self.whole - self.quarters).mean().item()

    def extrapolated(self) -> Tensor:
        """Ln q without the first two terms of the bias, in the shape of the others."""
        return (8 * self.whole - 6 * self.halves + self.quarters) / 3


@dataclass(frozen=True)
class _Estimator:
    """A mixture over particles, the steps N − k that paths go back to it, and the particles of one family."""

    mixture: LastKernel
    depth: int
    children: int = 1

    def densities(self, paths: _Paths) -> _Densities:
        """Densities at points from which paths of the depth went."""
        return _densities(self.mixture, paths, self.children)


def divergence(experiment: Experiment, n: int, particles: int) -> Measurement | NotApplicable:
    """Estimate the divergence in nats at n fresh points of p_δ with a number of particles (about)."""
    mixtures = _mixtures(experiment, particles)
    if len(mixtures[-1].mean) < 8:
        return NotApplicable(f"{len(mixtures[-1].mean)} particles are too few for a density; 8 are needed")
    pilot, best = _best(experiment, mixtures)
    if not pilot.gap <= HOPELESS_GAP:  # or not a number
        return _too_far_apart(best, pilot.gap)
    points = experiment.fresh(n)
    log_p = experiment.target.log_density(points, experiment.sigma_min).double()
    found = best.densities(_paths(experiment, points, best.depth))
    if not found.gap <= LARGEST_GAP:
        return _too_far_apart(best, found.gap)
    distance = (log_p - found.whole).mean().item()
    if not abs(distance) <= FARTHEST:
        return NotApplicable(f"the generated law is {distance:.2g} nats away: more than arithmetic can tell apart")
    value = log_p - found.extrapolated()
    remaining = _beyond_error(found.extrapolated() - 2 * found.whole + found.halves)
    controls, noise = _controls(experiment, points, log_p)
    ratio = (found.whole - log_p).exp() - 1
    light = _is_light(pilot.ratio, ratio)
    if light:
        controls = torch.cat([ratio[:, None], controls], 1)
        noise = torch.cat([torch.zeros_like(noise[:, :1]), noise], 1)
    value, slopes = adjusted(value, controls)
    particle_noise = _pseudo_values(found, log_p, slopes[0].item() if light else 0.0)
    error, freedom = error_of_means(value, particle_noise, noise @ slopes)
    return Measurement(value.mean().item(), error, remaining, freedom)


def _beyond_error(steps: Tensor) -> float:
    """Return the mean over the points of what the last order of extrapolation changed, as far as it exceeds its error.

    It stands for the bias that remains. Within its own error it says nothing, and that error is in the value's already.
    """
    mean, error = steps.mean().item(), steps.std().item() / len(steps) ** 0.5
    return math.copysign(max(abs(mean) - error, 0.0), mean)


def _pseudo_values(found: _Densities, log_p: Tensor, slope: float) -> Tensor:
    """Jackknife pseudo-values of the estimate over groups of particles, up to a constant; shape (G,).

    The particles are the same at every point: their share of the error does not average out over the points. It is
    that of the extrapolated value, which has more of it than ln q̂ where few particles make up a density.
    """
    assert found.without is not None
    ratio = (found.without.whole - log_p[:, None]).exp()
    values = (slope * ratio - found.without.extrapolated()).mean(0)
    return -(len(values) - 1) * values


def _too_far_apart(estimator: _Estimator, gap: float) -> NotApplicable:
    count = len(estimator.mixture.mean)
    return NotApplicable(
        f"{count} particles lie too far apart for the kernels: a quarter of them is worse by {gap:.2g} nats"
    )


def _controls(experiment: Experiment, points: Tensor, log_p: Tensor) -> tuple[Tensor, Tensor]:
    """Return ln p_δ, x and xxᵀ at the points, less their means over many others, and at those; (n, k), (m, k)."""

    def features(x: Tensor, log_density: Tensor) -> Tensor:
        rows, columns = torch.triu_indices(x.shape[1], x.shape[1])
        return torch.cat([log_density[:, None], x, x[:, rows] * x[:, columns]], 1)

    others = experiment.fresh(MANY)
    known = features(others, experiment.target.log_density(others, experiment.sigma_min).double())
    return features(points, log_p) - known.mean(0), known


def _is_light(pilot: Tensor, ratio: Tensor) -> bool:
    """Whether q̂/p − 1 can be trusted as a control variate; it is given at the pilot points and at all others.

    Where q_N is much wider than p_δ, or elsewhere, rare points carry E[q/p] = 1, and those at hand would pull
    the value. It shows in a large variance, or in a mean that is not 0 within its error. The variance is that of the
    pilot points: a choice by the points themselves would leave the control out just where its mean is above 0, a bias.
    """
    spread = ratio.var(correction=0)
    typical = bool(pilot.var(correction=0) <= LARGEST_SPREAD)
    return typical and bool(spread > 0 and ratio.mean().square() <= 9 * spread / len(ratio))


def _mixtures(experiment: Experiment, particles: int) -> list[LastKernel]:
    """The law after each step as a mixture over particles; the last step's alone where no other is known."""
    kernel = experiment.kernel
    if kernel is None:
        assert experiment.last_kernel is not None
        means = experiment.last_kernel.mean
        return [LastKernel(means[: _whole_groups(len(means))].double(), experiment.last_kernel.variance)]
    shape = (_whole_groups(particles), experiment.target.dim)
    x = experiment.start.draw(torch.randn(shape, generator=experiment.generator, dtype=torch.float64))
    mixtures = []
    for j in range(len(experiment.sigmas) - 1):
        mixtures.append(kernel(j, x))
        noise = torch.randn(shape, generator=experiment.generator, dtype=torch.float64)
        x = mixtures[-1].mean + mixtures[-1].variance ** 0.5 * noise
    return mixtures


def _whole_groups(particles: int) -> int:
    """The most particles, up to a number, that make groups of equal size with as many in each quarter."""
    size = 4 * _groups(particles)
    return particles // size * size if size else 0


def _groups(particles: int) -> int:
    return min(GROUPS, particles // 4)


@dataclass(frozen=True)
class _Pilot:
    """What an estimator does at the pilot points: its gap in nats, and q̂/p − 1 at each."""

    gap: float
    ratio: Tensor


def _best(experiment: Experiment, mixtures: Sequence[LastKernel]) -> tuple[_Pilot, _Estimator]:
    """Return the estimator whose gap on pilot points is smallest, and its pilot; depths are tried until it grows."""
    steps = len(mixtures)
    points = experiment.fresh(PILOT)
    log_p = experiment.target.log_density(points, experiment.sigma_min).double()
    found: list[tuple[_Pilot, _Estimator]] = []

    def try_out(each: _Estimator, paths: _Paths) -> float:
        densities = each.densities(paths)
        found.append((_Pilot(densities.gap, (densities.whole - log_p).exp() - 1), each))
        return densities.gap

    least = math.inf
    for depth, paths in zip(range(steps), _walks_back(experiment, points), strict=False):
        if depth not in DEPTHS:
            continue
        gap = try_out(_Estimator(mixtures[steps - 1 - depth], depth), paths)
        least = min(least, gap)
        if least < SMALL_GAP or gap > 2 * least or depth == DEPTHS[-1]:
            break
    if MODERATE_GAP < least <= HOPELESS_GAP and steps > 1:
        try_out(_with_children(experiment, mixtures[-2]), _paths(experiment, points, 0))
    return min(found, key=lambda pair: pair[0].gap)


def _with_children(experiment: Experiment, before: LastKernel) -> _Estimator:
    """Return the last step's mixture over children of the particles; a family's are neighbours."""
    assert experiment.kernel is not None
    means = before.mean.repeat_interleave(CHILDREN, 0)
    noise = torch.randn(means.shape, generator=experiment.generator, dtype=torch.float64)
    last = experiment.kernel(len(experiment.sigmas) - 2, means + before.variance**0.5 * noise)
    return _Estimator(last, 0, CHILDREN)


def _walks_back(experiment: Experiment, points: Tensor) -> Iterator[_Paths]:
    """Yield the paths from points (n, d) after no step, one step, … all but one; at first each is alone."""
    n, dim = points.shape
    yield points[:, None], points.new_zeros(n, 1)
    x = points.repeat_interleave(PATHS, 0)
    log_weight = x.new_zeros(len(x))
    for j in range(len(experiment.sigmas) - 2, 0, -1):
        assert experiment.kernel is not None
        step = experiment.sigmas[j] ** 2 - experiment.sigmas[j + 1] ** 2
        noise = torch.randn(x.shape, generator=experiment.generator, dtype=torch.float64)
        before = x + step**0.5 * noise
        kernel = experiment.kernel(j, before)
        exponent = 0.5 * (noise.square() - (x - kernel.mean).square() / kernel.variance).sum(1)
        log_weight = log_weight + exponent + 0.5 * dim * math.log(step / kernel.variance)
        x = before
        yield x.view(n, PATHS, dim), log_weight.view(n, PATHS)


def _paths(experiment: Experiment, points: Tensor, depth: int) -> _Paths:
    """Return the paths from points (n, d) after a number of steps."""
    return next(islice(_walks_back(experiment, points), depth, None))


def _densities(mixture: LastKernel, paths: _Paths, children: int = 1) -> _Densities:
    """Densities q̂ at points from which paths went to a mixture."""
    ends, log_weights = paths
    # Quarters are of consecutive particles, and so are the groups within each: families stay together.
    groups = _groups(len(mixture.mean) // children)
    parts: list[tuple[Tensor, ...]] = []
    for offset, weights in _kernel_blocks(mixture, ends, log_weights):
        rows, width = weights.shape[:2]
        bundles = 4 if width >= 4 else 1
        cells = weights.view(rows, bundles, width // bundles, 4, groups, -1).mean((2, 5))
        whole = cells.mean(3)
        others = (whole[..., None] * groups - cells).movedim(3, 1) / max(groups - 1, 1)
        logs = [log + offset for log in _logarithms(whole)]
        parts.append((*logs, *(log + offset[:, None] for log in _logarithms(others))))
    a, b, c, d, e, f = (torch.cat(part) for part in zip(*parts, strict=True))
    return _Densities(a, b, c, _Densities(d, e, f))


def _logarithms(quarters: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean logarithms of everything, of halves and of quarters, shape (…), of densities by quarters (…, bundles, 4)."""
    # A quarter far from the point may have density 0 in float64: its logarithm is kept finite.
    quarters = quarters.clamp(min=1e-300)
    leading, bundles = quarters.shape[:-2], quarters.shape[-2]
    halves = quarters.reshape(*leading, max(bundles // 2, 1), -1, 2, 2).mean((-3, -1))
    return quarters.mean((-2, -1)).log(), halves.log().mean((-2, -1)), quarters.log().mean((-2, -1))


def _kernel_blocks(mixture: LastKernel, ends: Tensor, log_weights: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield by blocks of points log offsets (rows,) and the kernels without them (rows, K, M)."""
    _, paths, dim = ends.shape
    centre = mixture.mean.mean(0)
    means, precision = mixture.mean - centre, 1 / mixture.variance
    half_squares = 0.5 * precision * means.square().sum(1)
    constant = -0.5 * dim * math.log(2 * math.pi * mixture.variance)
    size = max(CELLS // (paths * len(means)), 1)
    for start in range(0, len(ends), size):
        block = ends[start : start + size].reshape(-1, dim) - centre
        own = log_weights[start : start + size].reshape(-1) - 0.5 * precision * block.square().sum(1)
        exponent = torch.addmm(own[:, None] - half_squares, block, means.T, alpha=precision)
        exponent = exponent.view(-1, paths, len(means))
        offset = exponent.amax((1, 2))
        yield offset + constant, exponent.sub_(offset[:, None, None]).clamp_(min=LOWEST).exp_()
