"""Distances of two samples, each with the jackknife's standard error.

The plug-in (V) statistics are functions of the empirical measures P_n and Q_m. With I_i the change of the
squared statistic when point i of X is given more weight, Var ≈ Σ I_i²/n² over each sample (the infinitesimal
jackknife; for V-statistics, where the point may be left out at no cost, the jackknife itself). For equal laws these
statistics are quadratic and the jackknife errs upwards (Efron, Stein, Annals of Statistics 9, 1981). The
error of the root follows by the delta method. Unbiased (U) statistics leave out the pairs of a point
with itself; theirs is the jackknife that leaves out a point, which errs upwards in the same case.

Many samples are compared with one reference: what depends on the reference alone is kept, by its content.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import torch
from torch import Tensor

from harness.errors import NotApplicable
from harness.metrics import Measurement

DIRECTIONS_SEED = 20_240_612
"""Seed of the directions of `sliced_wasserstein`: the same for every comparison."""

BLOCK = 64
"""Rows of a distance matrix held at a time, so that they stay in the cache."""

MEDIAN_POINTS = 512
"""Points of the reference whose median distance sets the kernel's width."""


LOWEST = -80.0
"""Exponent below which a kernel counts as nothing beside a point's own 1: arithmetic on subnormal numbers is slow."""

KEPT = 8
"""References of which something is kept: a worker meets a target's seeds in turn."""

Kernel = Callable[[Tensor], Tensor]
"""A function of squared distances, which it may overwrite."""


@dataclass(frozen=True)
class Reference:
    """A sample (m, d) that is equal to another exactly where their numbers are."""

    sample: Tensor = field(compare=False)
    digest: bytes

    @classmethod
    def of(cls, sample: Tensor) -> Reference:
        """Take a sample."""
        content = sample.contiguous().numpy()
        return cls(sample, hashlib.sha256(content.data).digest() + repr((content.shape, content.dtype)).encode())


def energy(x: Tensor, y: Tensor) -> Measurement:
    """Root of the energy distance of samples (n, d) and (m, d)."""
    return _discrepancy(x, Reference.of(y), _negative_distance)


def mmd(x: Tensor, y: Tensor) -> Measurement:
    """Maximum mean discrepancy of samples (n, d) and (m, d), Gaussian kernels around y's median distance."""
    reference = Reference.of(y)
    return _discrepancy(x, reference, _Gaussians(-0.25 / _squared_median(reference)))


def unbiased_energy(x: Tensor, y: Tensor) -> Measurement:
    """Energy distance of the laws of samples (n, d) and (m, d), without a root: unbiased, perhaps negative."""
    return _unbiased_discrepancy(x, Reference.of(y), _negative_distance)


def unbiased_mmd(x: Tensor, y: Tensor) -> Measurement:
    """MMD² of the laws of samples (n, d) and (m, d), kernels as in `mmd`: unbiased but for the widths, that y sets."""
    reference = Reference.of(y)
    return _unbiased_discrepancy(x, reference, _Gaussians(-0.25 / _squared_median(reference)))


def _negative_distance(squared: Tensor) -> Tensor:
    return squared.sqrt_().neg_()


@dataclass(frozen=True)
class _Gaussians:
    """The mean of exp(−r²/2s²) over s² = 2h², h², h²/2, h²/4: one exponential, then squares; scale = −1/4h²."""

    scale: float

    def __call__(self, squared: Tensor) -> Tensor:
        power = squared.mul_(self.scale).clamp_(min=LOWEST).exp_()
        total = power.clone()
        for _ in range(3):
            total += power.square_()
        return total.mul_(0.25)


@lru_cache(KEPT)
def _squared_median(y: Reference) -> float:
    """Square of h, the median distance of points; 1 where it is 0 or there is but one."""
    some = y.sample[:MEDIAN_POINTS]
    median = torch.pdist(some).square().median().item() if len(some) > 1 else 1.0
    return median or 1.0


def _discrepancy(x: Tensor, reference: Reference, kernel: Kernel) -> Measurement:
    """Root of V = mean k(X,X') + mean k(Y,Y') − 2 mean k(X,Y), k a function of the squared distance."""
    require(2, x, reference.sample)
    sums = _Sums.of(x, reference, kernel)
    value = sums.xx.sum() / sums.n**2 + sums.yy.sum() / sums.m**2 - 2 * sums.xy.sum() / (sums.n * sums.m)
    return root(value.item(), sums.variance(lambda total, count: total / count**2))


def _unbiased_discrepancy(x: Tensor, reference: Reference, kernel: Kernel) -> Measurement:
    """U: as V, but no point is paired with itself. Its mean is that of the laws; it may be negative."""
    require(3, x, reference.sample)
    sums = _Sums.of(x, reference, kernel)

    def mean(total: Tensor, count: int) -> Tensor:
        return (total - count * sums.at_zero) / (count * (count - 1))

    value = mean(sums.xx.sum(), sums.n) + mean(sums.yy.sum(), sums.m) - 2 * sums.xy.sum() / (sums.n * sums.m)
    return Measurement(value.item(), max(sums.variance(mean), 0.0) ** 0.5)


@dataclass(frozen=True)
class _Sums:
    """Sums of a kernel over the pairs of each point, itself among them.

    Attributes:
        xx: Σ_j k(x_i, x_j), shape (n,).
        yy: Σ_j k(y_i, y_j), shape (m,).
        xy: Σ_j k(x_i, y_j), shape (n,).
        yx: Σ_i k(x_i, y_j), shape (m,).
        at_zero: k of a point and itself, shape (1,).
    """

    xx: Tensor
    yy: Tensor
    xy: Tensor
    yx: Tensor
    at_zero: Tensor

    @classmethod
    def of(cls, x: Tensor, reference: Reference, kernel: Kernel) -> _Sums:
        """Sum; both samples are moved to the mean of the reference, which changes no distance but its rounding."""
        y = reference.sample
        centre = y.mean(0)
        x, y = x - centre, y - centre
        rows_xx, rows_yy = _symmetric_row_sums(x, kernel), _own_row_sums(reference, kernel)
        return cls(rows_xx, rows_yy, *_row_and_column_sums(x, y, kernel), kernel(x.new_zeros(1)))

    @property
    def n(self) -> int:
        """Points of X."""
        return len(self.xx)

    @property
    def m(self) -> int:
        """Points of Y."""
        return len(self.yy)

    def variance(self, mean: Callable[[Tensor, int], Tensor]) -> float:
        """Return the jackknife's variance of mean(X,X') + mean(Y,Y') − 2 mean(X,Y).

        Arguments:
            mean: of the pairs of a sample of so many points, from the sum over all pairs, a point's with itself too.
        """
        n, m, total, at_zero = self.n, self.m, self.xy.sum(), self.at_zero
        without_x = mean(self.xx.sum() - 2 * self.xx + at_zero, n - 1) - 2 * (total - self.xy) / ((n - 1) * m)
        without_y = mean(self.yy.sum() - 2 * self.yy + at_zero, m - 1) - 2 * (total - self.yx) / (n * (m - 1))
        return float((n - 1) * without_x.var(correction=0) + (m - 1) * without_y.var(correction=0))


@lru_cache(2 * KEPT)
def _own_row_sums(reference: Reference, kernel: Kernel) -> Tensor:
    """Sums of k(y_i, y_j) over all j, shape (m,)."""
    return _symmetric_row_sums(reference.sample - reference.sample.mean(0), kernel)


def _squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """‖x_i − y_j‖², shape (n, m)."""
    norms = x.square().sum(1, keepdim=True) + y.square().sum(1)
    return norms.addmm_(x, y.T, alpha=-2).clamp_(min=0)


def _row_and_column_sums(x: Tensor, y: Tensor, kernel: Kernel) -> tuple[Tensor, Tensor]:
    """Sums of k(x_i, y_j) over j, shape (n,), and over i, shape (m,)."""
    rows, columns = [], y.new_zeros(len(y))
    for start in range(0, len(x), BLOCK):
        values = kernel(_squared_distances(x[start : start + BLOCK], y))
        rows.append(values.sum(1))
        columns += values.sum(0)
    return torch.cat(rows), columns


def _symmetric_row_sums(x: Tensor, kernel: Kernel) -> Tensor:
    """Sums of k(x_i, x_j) over all j, shape (n,), from the blocks on and above the diagonal."""
    sums = x.new_zeros(len(x))
    for start in range(0, len(x), BLOCK):
        stop = start + BLOCK
        squared = _squared_distances(x[start:stop], x[start:])
        squared.fill_diagonal_(0)
        values = kernel(squared)
        sums[start:stop] += values.sum(1)
        sums[stop:] += values[:, BLOCK:].sum(0)
    return sums


def sliced_wasserstein(x: Tensor, y: Tensor, projections: int) -> Measurement:
    """Sliced 2-Wasserstein distance of samples (n, d) and (m, d).

    In one dimension W_2² = ∫(F⁻¹ − G⁻¹)² dt, and its derivative in the weight of a point is Kantorovich's
    potential φ, φ' = 2(x − T(x)), T the transport (Santambrogio, Optimal transport for applied
    mathematicians, Proposition 7.17).
    """
    require(2, x, y)
    a, order_a = _projected(x, projections)
    b, order_b = _projected_reference(Reference.of(y), projections)
    value = _squared_wasserstein(a, b).mean().item()
    variance = 0.0
    for own, order, other in ((a, order_a, b), (b, order_b, a)):
        potential = torch.empty_like(own).scatter_(1, order, _potential(own, _transport(own, other)))
        variance += potential.mean(0).var().item() / own.shape[1]
    return root(value, variance)


@lru_cache(KEPT)
def _projected_reference(reference: Reference, projections: int) -> tuple[Tensor, Tensor]:
    return _projected(reference.sample, projections)


def _projected(x: Tensor, projections: int) -> tuple[Tensor, Tensor]:
    """Sort the projections of points (n, d) on each direction: values and order, both of shape (k, n)."""
    values = directions(projections, x.shape[1]).to(x) @ x.T
    # numpy sorts with vector instructions, about four times as fast.
    order = torch.from_numpy(values.numpy().argsort(axis=1))
    return values.gather(1, order), order


@lru_cache(KEPT)
def directions(projections: int, dim: int) -> Tensor:
    """Unit vectors, shape (k, d): the same in every process."""
    generator = torch.Generator().manual_seed(DIRECTIONS_SEED)
    normal = torch.randn(projections, dim, generator=generator, dtype=torch.float64)
    return torch.nn.functional.normalize(normal, dim=1)


def _squared_wasserstein(a: Tensor, b: Tensor) -> Tensor:
    """W_2² of sorted rows (k, n) and (k, m), shape (k,): both quantile functions are steps."""
    n, m = a.shape[1], b.shape[1]
    if n == m:
        return (a - b).square_().mean(1)
    # Breakpoints i/n and j/m in units of 1/(nm), exactly; one that both have bounds an interval of width 0.
    ends = torch.cat([torch.arange(1, n + 1) * m, torch.arange(1, m) * n]).sort().values
    starts = torch.cat([ends.new_zeros(1), ends[:-1]])
    width = (ends - starts).to(a) / (n * m)
    gap = a[:, starts // m] - b[:, starts // n]
    return gap.square_().mv(width)


def _transport(own: Tensor, other: Tensor) -> Tensor:
    """Mean of where the monotone transport takes the mass of each sorted point, shape of `own`."""
    n, m = own.shape[1], other.shape[1]
    if n == m:
        return other
    cumulative = torch.cat([other.new_zeros(len(other), 1), other.cumsum(1)], 1)
    at = torch.arange(n + 1) * m
    whole = (at // n).clamp(max=m - 1)
    part = (at - whole * n).to(own) / n
    integral = cumulative[:, whole] + part * other[:, whole]
    return integral.diff(dim=1) * (n / m)


def _potential(own: Tensor, transported: Tensor) -> Tensor:
    """Kantorovich's potential at each sorted point, by the trapezoidal rule, zero at the first."""
    slope = own - transported
    steps = own.diff(dim=1) * (slope[:, 1:] + slope[:, :-1])
    return torch.cat([own.new_zeros(len(own), 1), steps.cumsum(1)], 1)


def require(least: int, x: Tensor, y: Tensor) -> None:
    """Refuse samples from which no error is seen.

    Raises:
        NotApplicable: one has fewer points than `least`.
    """
    if min(len(x), len(y)) < least:
        raise NotApplicable(f"samples of {len(x)} and {len(y)} points; a distance needs {least} or more of each")


def root(value: float, variance: float) -> Measurement:
    """Root of a squared distance with its standard error.

    Where the error of the square is no longer small against it, √(v + e) − √v takes the place of the tangent.
    """
    value, error = max(value, 0.0), max(variance, 0.0) ** 0.5
    return Measurement(value**0.5, (value + error) ** 0.5 - value**0.5)
