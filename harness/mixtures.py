"""Gaussian mixtures under noise, exactly.

p_0 = Σ_k w_k N(m_k, C_k). With u = σ² the noised law is Σ_k w_k N(m_k, C_k + uI), and given X_σ = x

    r_k(x) ∝ w_k N(x; m_k, C_k + uI)                          responsibility of component k
    μ_k(x) = x − u (C_k + uI)⁻¹ (x − m_k)                     mean of X_0 under component k
    D(x)   = Σ_k r_k μ_k                                      the denoiser E[X_0 | X_σ = x]
    tr Cov = Σ_k r_k [u tr C_k (C_k + uI)⁻¹ + ‖μ_k − x‖²] − ‖D − x‖²

A finite data set is the mixture of equal weights and C_k = 0: its denoiser is the softmax-weighted mean of
the points.

Squared distances are divided by u, which may be tiny, so everything is computed in float64, and only the
result is given in the dtype of x. Rows are taken in chunks, which bounds memory and keeps the work in
cache; there are no in-place operations, so `torch.func.jvp` goes through.
References: Robbins 1956 and
Efron 2011 (Tweedie's formula); Karras et al., arXiv 2206.00364, appendix B.3 (finite data).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, ClassVar

from harness.errors import HarnessError
from harness.targets import Distribution

if TYPE_CHECKING:
    import numpy as np
    from torch import Generator, Tensor

CHUNK = 2**17
"""Numbers in the largest temporary tensor (1 MB), unless the fewest rows take more."""


def split_order(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return which of so many points are in the two held-out parts, a fifth each, and which are trained on, int64."""
    import numpy as np

    # RandomState's stream is frozen by numpy's policy: the split never changes under a later release.
    order = np.random.RandomState(0).permutation(count)
    size = max(1, round(0.2 * count))
    return order[:size], order[size : 2 * size], order[2 * size :]


class GaussianMixture(ABC):
    """A mixture Σ_k w_k N(m_k, C_k) of K Gaussians on R^d; subclasses know the form of the covariances.

    Arguments:
        means: m_k, shape (K, d).
        weights: w_k, positive, shape (K,), normalised here; None for equal weights.

    Attributes:
        fewest: rows that are taken at once at least.
    """

    fewest: ClassVar[int] = 1

    def __init__(self, means: Tensor, weights: Tensor | None = None) -> None:
        import torch

        means = means.to(torch.float64)
        weights = torch.ones(len(means), dtype=torch.float64) if weights is None else weights.to(torch.float64)
        self.weights = weights / weights.sum()
        # Distances are expanded into products, so the origin is put where the products are smallest.
        self.center = self.weights @ means
        self.offsets = means - self.center

    @property
    def dim(self) -> int:
        """The dimension d."""
        return self.offsets.shape[1]

    @property
    def mean(self) -> Tensor:
        """E X_0, shape (d,)."""
        return self.center

    @property
    def covariance(self) -> Tensor:
        """Cov X_0 = Σ_k w_k [C_k + (m_k − E X_0)(m_k − E X_0)ᵀ], shape (d, d)."""
        weighted = self.weights[:, None] * self.offsets
        total: Tensor = weighted.T @ self.offsets + self._within()
        return (total + total.T) / 2

    @property
    def spread(self) -> float:
        """E‖X_0 − E X_0‖²: the trace of the covariance."""
        return float(self.weights @ (self.offsets.square().sum(1) + self._traces()))

    def denoise(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        """E[X_0 | X_σ = x], shape (n, d), in the dtype of x; sigma a number or of shape (n,)."""
        pieces = []
        for y, u in self._chunks(x, sigma):
            logits, state = self._terms(y, u)
            pieces.append(y + self.center + self._shift(y, u, logits.softmax(1), state))
        return _join(pieces).to(x.dtype)

    def log_density(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        """Log density of X_σ at x in nats, shape (n,), in the dtype of x; σ > 0, or every C_k is regular."""
        return _join([self._terms(y, u)[0].logsumexp(1) for y, u in self._chunks(x, sigma)]).to(x.dtype)

    def moments(self, x: Tensor, sigma: Tensor | float) -> tuple[Tensor, Tensor]:
        """E[X_0 | X_σ = x], shape (n, d), and tr Cov(X_0 | X_σ = x), shape (n,), in the dtype of x."""
        means, traces = [], []
        for y, u in self._chunks(x, sigma):
            logits, state = self._terms(y, u)
            r = logits.softmax(1)
            shift = self._shift(y, u, r, state)
            means.append(y + self.center + shift)
            traces.append((self._around(u, r, state) - shift.square().sum(1)).clamp_min(0))
        return _join(means).to(x.dtype), _join(traces).to(x.dtype)

    def sample(self, n: int, generator: Generator) -> Tensor:
        """Draw n points, shape (n, d), float64."""
        import torch

        component = torch.multinomial(self.weights, n, replacement=True, generator=generator)
        return self.center + self.offsets[component] + self._scatter(component, generator)

    def _chunks(self, x: Tensor, sigma: Tensor | float) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield centred points (rows, d) and their noise variances (rows or 1, 1), in float64."""
        import torch

        level = sigma if isinstance(sigma, torch.Tensor) else torch.tensor(sigma, dtype=torch.float64)
        u = level.to(torch.float64).square().reshape(-1, 1)
        y = x.to(torch.float64) - self.center
        rows = max(self.fewest, CHUNK // self._width())
        for start in range(0, max(len(y), 1), rows):
            yield y[start : start + rows], u if len(u) == 1 else u[start : start + rows]

    @abstractmethod
    def _width(self) -> int:
        """Numbers that one row takes in the largest temporary."""

    @abstractmethod
    def _traces(self) -> Tensor:
        """Trace of each C_k, shape (K,)."""

    @abstractmethod
    def _within(self) -> Tensor:
        """Σ_k w_k C_k, shape (d, d)."""

    @abstractmethod
    def _scatter(self, component: Tensor, generator: Generator) -> Tensor:
        """Deviations X_0 − m_k of samples of the given components, shape (n, d)."""

    @abstractmethod
    def _terms(self, y: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        """Log of w_k N(y; m_k, C_k + uI), shape (n, K); and what the next two need."""

    @abstractmethod
    def _shift(self, y: Tensor, u: Tensor, r: Tensor, state: Tensor) -> Tensor:
        """D − x, shape (n, d), from the responsibilities r of shape (n, K)."""

    @abstractmethod
    def _around(self, u: Tensor, r: Tensor, state: Tensor) -> Tensor:
        """E[‖X_0 − x‖² | X_σ = x], shape (n,), from the responsibilities r of shape (n, K)."""


class IsotropicMixture(GaussianMixture):
    """Components with C_k = c_k I; c_k = 0 allowed.

    Arguments:
        means: m_k, shape (K, d).
        variances: c_k ≥ 0: a number, or shape (K,).
        weights: w_k, shape (K,); None for equal weights.
    """

    # A product of matrices with three rows takes ten times as long a row (36,000 components in 784 dimensions).
    fewest: ClassVar[int] = 32

    def __init__(self, means: Tensor, variances: Tensor | float = 0.0, weights: Tensor | None = None) -> None:
        import torch

        super().__init__(means, weights)
        c = torch.as_tensor(variances, dtype=torch.float64)
        self.variances = c.reshape(1) if c.ndim == 0 else c
        self._norms = self.offsets.square().sum(1)

    def _width(self) -> int:
        return len(self.offsets)

    def _traces(self) -> Tensor:
        return self.dim * self.variances.expand(len(self.offsets))

    def _within(self) -> Tensor:
        import torch

        variance = self.weights @ self.variances.expand(len(self.offsets))
        return variance * torch.eye(self.dim, dtype=torch.float64)

    def _scatter(self, component: Tensor, generator: Generator) -> Tensor:
        import torch

        std = self.variances.sqrt().expand(len(self.offsets))[component, None]
        shape = (len(component), self.dim)
        if not bool(self.variances.any()):
            return torch.zeros(shape, dtype=torch.float64)
        return std * torch.randn(shape, generator=generator, dtype=torch.float64)

    def _terms(self, y: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        import torch

        squares = torch.addmm(self._norms, y, self.offsets.T, alpha=-2) + y.square().sum(1, keepdim=True)
        v = self.variances + u
        constant = self.weights.log() - 0.5 * self.dim * (2 * torch.pi * v).log()
        return torch.addcmul(constant, squares, -0.5 / v), squares

    def _shift(self, y: Tensor, u: Tensor, r: Tensor, state: Tensor) -> Tensor:
        shrink = u / (self.variances + u)
        if len(self.variances) == 1:
            return shrink * (r @ self.offsets - y)
        pull = r * shrink
        return pull @ self.offsets - y * pull.sum(1, keepdim=True)

    def _around(self, u: Tensor, r: Tensor, state: Tensor) -> Tensor:
        shrink = u / (self.variances + u)
        if len(self.variances) == 1:
            return (self.dim * self.variances * shrink)[:, 0] + shrink.square()[:, 0] * (r * state).sum(1)
        return (r * (self.dim * self.variances * shrink + shrink.square() * state)).sum(1)


class EigenMixture(GaussianMixture):
    """Components with full covariances C_k = Q_k diag(λ_k) Q_kᵀ.

    Arguments:
        means: m_k, shape (K, d).
        eigenvalues: λ_k ≥ 0, shape (K, d).
        bases: Q_k with the eigenvectors as columns, shape (K, d, d); None for the coordinate axes.
        weights: w_k, shape (K,); None for equal weights.
    """

    def __init__(
        self, means: Tensor, eigenvalues: Tensor, bases: Tensor | None = None, weights: Tensor | None = None
    ) -> None:
        import torch

        super().__init__(means, weights)
        self.eigenvalues = eigenvalues.to(torch.float64)
        self.bases = None if bases is None else bases.to(torch.float64)

    @classmethod
    def from_covariances(cls, means: Tensor, covariances: Tensor, weights: Tensor | None = None) -> EigenMixture:
        """Make the mixture from symmetric positive semidefinite covariances of shape (K, d, d)."""
        import torch

        values, bases = torch.linalg.eigh(covariances.to(torch.float64))
        return cls(means, values.clamp_min(0), bases, weights)

    def _width(self) -> int:
        return self.eigenvalues.numel()

    def _traces(self) -> Tensor:
        return self.eigenvalues.sum(1)

    def _within(self) -> Tensor:
        import torch

        weighted = self.weights[:, None] * self.eigenvalues
        if self.bases is None:
            return weighted.sum(0).diag()
        return torch.einsum("kde,ke,kfe->df", self.bases, weighted, self.bases)

    def _scatter(self, component: Tensor, generator: Generator) -> Tensor:
        import torch

        z = torch.randn((len(component), self.dim), generator=generator, dtype=torch.float64)
        z = z * self.eigenvalues.sqrt()[component]
        if self.bases is None:
            return z
        out = torch.zeros_like(z)
        for k, basis in enumerate(self.bases):
            chosen = component == k
            out[chosen] = z[chosen] @ basis.T
        return out

    def _terms(self, y: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
        import torch

        away = y[:, None, :] - self.offsets
        if self.bases is not None:
            away = torch.einsum("nkd,kde->nke", away, self.bases)
        v = self.eigenvalues + u[:, :, None]
        quadratic = (away.square() / v + (2 * torch.pi * v).log()).sum(2)
        return self.weights.log() - 0.5 * quadratic, away

    def _shift(self, y: Tensor, u: Tensor, r: Tensor, state: Tensor) -> Tensor:
        import torch

        shrink = u[:, :, None] / (self.eigenvalues + u[:, :, None])
        pull = -r[:, :, None] * shrink * state
        if self.bases is None:
            return pull.sum(1)
        return torch.einsum("nke,kde->nd", pull, self.bases)

    def _around(self, u: Tensor, r: Tensor, state: Tensor) -> Tensor:
        shrink = u[:, :, None] / (self.eigenvalues + u[:, :, None])
        return (r * (self.eigenvalues * shrink + (shrink * state).square()).sum(2)).sum(1)


class MixtureDistribution(Distribution):
    """A Gaussian mixture as a target; fresh draws serve as held-out points."""

    def __init__(self, mixture: GaussianMixture) -> None:
        self.mixture = mixture
        self.dim = mixture.dim
        self.second_moment = mixture.spread + float(mixture.mean.square().sum())
        self.sigma_data = (mixture.spread / mixture.dim) ** 0.5

    def sample(self, n: int, generator: Generator) -> Tensor:
        """Draw n points from p_0; shape (n, d), float64."""
        return self.mixture.sample(n, generator)

    def denoise(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        """Exact E[X_0 | X_σ = x], shape (n, d), in the dtype of x."""
        return self.mixture.denoise(x, sigma)

    def log_density(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        """Log density of X_σ at x in nats, shape (n,)."""
        return self.mixture.log_density(x, sigma)

    def posterior_variance(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        """Exact tr Cov(X_0 | X_σ = x), shape (n,)."""
        return self.mixture.moments(x, sigma)[1]

    def moments(self, x: Tensor, sigma: Tensor | float) -> tuple[Tensor, Tensor]:
        """Exact mean and trace of the covariance of X_0 given X_σ = x, in one pass."""
        return self.mixture.moments(x, sigma)

    def mean_and_covariance(self) -> tuple[Tensor, Tensor]:
        """Mean (d,) and covariance (d, d) of p_0."""
        return self.mixture.mean, self.mixture.covariance

    def held_out(self, n: int, generator: Generator, part: int = 0) -> Tensor:
        """Draw n fresh points; parts are independent even from the same state of the generator."""
        import torch

        seed = int(torch.randint(2**62, (1,), generator=generator))
        return self.mixture.sample(n, torch.Generator().manual_seed(seed + 1 + part))


class EmpiricalDistribution(MixtureDistribution):
    """The empirical measure of a training part, with two parts held out.

    Arguments:
        train: the points of p_0, shape (n, d).
        parts: what training never sees: reference, and stand-in for a perfect generator.
        source: what the data is called in an error.
        labels: of the training points, integers from 0, shape (n,); None where they have none.
        held_out_labels: of the points of each part; None where they are not known.

    Attributes:
        labels: the same, int64.
    """

    finite = True

    def __init__(
        self,
        train: Tensor,
        parts: tuple[Tensor, Tensor],
        source: str,
        labels: Tensor | None = None,
        held_out_labels: tuple[Tensor, Tensor] | None = None,
    ) -> None:
        import torch

        super().__init__(IsotropicMixture(train))
        self.labels = None if labels is None else labels.long()
        self.classes = 0 if self.labels is None else int(self.labels.max()) + 1
        self._given: dict[int, IsotropicMixture] = {}
        self.train = train.to(torch.float64)
        self.size = len(train)
        self.parts = tuple(part.to(torch.float64) for part in parts)
        self.source = source
        self._part_labels = held_out_labels

    @classmethod
    def split(
        cls,
        points: Tensor,
        source: str,
        labels: Tensor | None = None,
        places: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
    ) -> EmpiricalDistribution:
        """Split points (n, d) and their labels (n,).

        Arguments:
            points: all of them.
            source: what the data is called in an error.
            labels: of all points; None where they have none.
            places: which of them are in the two held-out parts, and which are trained on; by default a fixed
                permutation holds out twice 20 %.
        """
        import torch

        first, second, train = map(torch.from_numpy, places or split_order(len(points)))
        parts = points[first], points[second]
        if labels is None:
            return cls(points[train], parts, source)
        return cls(points[train], parts, source, labels[train], (labels[first].long(), labels[second].long()))

    def mapped(self, change: Callable[[Tensor], Tensor]) -> EmpiricalDistribution:
        """Return the measure of all points, held-out ones too, as a map leaves them; each keeps its label.

        Arguments:
            change: the map of points, from shape (n, d) to (n, k).
        """
        first, second = (change(part) for part in self.parts)
        return EmpiricalDistribution(change(self.train), (first, second), self.source, self.labels, self._part_labels)

    def deviations(self) -> Tensor:
        """Standard deviation of each coordinate of the training part, shape (d,)."""
        return self.train.std(0, correction=0)

    def sample(self, n: int, generator: Generator) -> Tensor:
        """Draw n training points with replacement; shape (n, d), float64."""
        import torch

        return self.train[torch.randint(len(self.train), (n,), generator=generator)]

    def labelled(self, n: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """Draw n training points with replacement, and their labels; shapes (n, d) and (n,)."""
        import torch

        drawn = torch.randint(len(self.train), (n,), generator=generator)
        return self.train[drawn], self._known_labels()[drawn]

    def class_weights(self) -> Tensor:
        """Share of each class among the training points, shape (classes,)."""
        return self._known_labels().bincount(minlength=self.classes).double() / len(self.train)

    def moments_given(self, x: Tensor, sigma: Tensor | float, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Exact moments under the empirical measure of the training points of each label's class."""
        import torch

        mean, variance = torch.empty_like(x), x.new_empty(len(x))
        for label in sorted(set(labels.tolist())):
            chosen = labels == label
            level = sigma[chosen] if isinstance(sigma, torch.Tensor) and sigma.ndim else sigma
            mean[chosen], variance[chosen] = self._of_class(label).moments(x[chosen], level)
        return mean, variance

    def _known_labels(self) -> Tensor:
        if self.labels is None:
            raise HarnessError(f"{self.source}: the points have no labels")
        return self.labels

    def _of_class(self, label: int) -> IsotropicMixture:
        if label not in self._given:
            self._given[label] = IsotropicMixture(self.train[self._known_labels() == label])
        return self._given[label]

    def held_out(self, n: int, generator: Generator, part: int = 0) -> Tensor:
        """Up to n held-out points of a part, without replacement, in random order.

        Raises:
            HarnessError: the part holds no point.
        """
        return self.parts[part][self._drawn(n, generator, part)]

    def held_out_labelled(self, n: int, generator: Generator, part: int = 0) -> tuple[Tensor, Tensor]:
        """The points that `held_out` draws from the same state of the generator, and their labels."""
        if self._part_labels is None:
            return super().held_out_labelled(n, generator, part)
        drawn = self._drawn(n, generator, part)
        return self.parts[part][drawn], self._part_labels[part][drawn]

    def _drawn(self, n: int, generator: Generator, part: int) -> Tensor:
        """Return the indices of up to n points of a part, in random order; raises as `held_out`."""
        import torch

        points = self.parts[part]
        if len(points) == 0:
            raise HarnessError(f"{self.source}: no point is left for held-out part {part}; give more data")
        return torch.randperm(len(points), generator=generator)[:n]


def _join(pieces: list[Tensor]) -> Tensor:
    import torch

    return pieces[0] if len(pieces) == 1 else torch.cat(pieces)
