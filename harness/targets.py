"""Targets: the distributions to be learned.

A `Target` is the declaration (parameters, validated); its `distribution()` is the thing itself, with tensors. Points
are float64 of shape (n, d), flat also where one has a shape of its own (`Distribution.shape`); labels, where there are
any, are int64 of shape (n,). X_σ = X_0 + σξ.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from harness.components import Component
from harness.data_spec import DataSpec
from harness.data_units import DataUnits
from harness.errors import HarnessError, NotApplicable

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from harness.information import Information


class Distribution(ABC):
    """A law p_0 on R^d whose noised versions p_σ have a known denoiser.

    For a finite data set p_0 is the empirical measure of its training part.

    Attributes:
        dim: the dimension d.
        second_moment: m₂² = E‖X_0‖².
        sigma_data: root mean square deviation of one coordinate from its mean.
        shape: of one point, as (C, H, W) of an image; its product is d. Empty: a vector, (d,).
        classes: number of classes of labelled points; 0 where they have no labels.
        finite: whether p_0 is an empirical measure (its samples are the training data).
        size: number of points of an empirical measure; 0 for any other law.
        notes: what a reader of results must know of the data, a sentence each.
        stream: which of the random streams serves what is drawn once for a law and shared by all that is measured on
            it; another for each split of one data set, so that what is measured on two splits is independent.
    """

    dim: int
    second_moment: float
    sigma_data: float
    shape: tuple[int, ...] = ()
    classes: int = 0
    finite: bool = False
    size: int = 0
    notes: tuple[str, ...] = ()
    stream: int = 0

    @property
    def data(self) -> DataSpec:
        """What a network is built for."""
        return DataSpec(self.shape or (self.dim,), self.sigma_data, self.classes)

    @abstractmethod
    def sample(self, n: int, generator: Generator) -> Tensor:
        """Draw n points from p_0 (for data: with replacement from the training part); shape (n, d), float64."""

    @abstractmethod
    def denoise(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        """Exact E[X_0 | X_σ = x]; x of shape (n, d), sigma a number or of shape (n,); any float dtype."""

    @abstractmethod
    def log_density(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        """Log density of X_σ at x in nats, σ > 0; shape (n,)."""

    @abstractmethod
    def posterior_variance(self, x: Tensor, sigma: Tensor | float) -> Tensor:
        """Exact tr Cov(X_0 | X_σ = x), shape (n,)."""

    def moments(self, x: Tensor, sigma: Tensor | float) -> tuple[Tensor, Tensor]:
        """Both of `denoise` and `posterior_variance`; override it where one pass gives both."""
        return self.denoise(x, sigma), self.posterior_variance(x, sigma)

    @abstractmethod
    def held_out(self, n: int, generator: Generator, part: int = 0) -> Tensor:
        """Up to n points that training never sees, shape (≤ n, d): references for sample metrics.

        `part` 0 and 1 are independent of one another: one is the reference, the other stands for a perfect
        generator. Data without a point left for a part is an error.
        """

    def labelled(self, n: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """Draw what `sample` draws from the same state of the generator, and the labels: (n, d) and (n,), int64.

        Raises:
            HarnessError: the points have no labels.
        """
        raise HarnessError(f"distribution {_named(self)} has {self.classes} classes and no labelled(n, generator)")

    def held_out_labelled(self, n: int, generator: Generator, part: int = 0) -> tuple[Tensor, Tensor]:
        """Up to n points that training never sees, as `held_out`, and their labels: (≤ n, d) and (≤ n,), int64.

        Of a law that is no finite data set, fresh draws of `labelled` are that.

        Raises:
            NotApplicable: the labels of points that are held out are not known.
            HarnessError: the points have no labels.
        """
        import torch

        if self.finite:
            raise NotApplicable(f"distribution {_named(self)} tells no labels of its held-out points")
        seed = int(torch.randint(2**62, (1,), generator=generator))
        return self.labelled(n, torch.Generator().manual_seed(seed + 1 + part))

    def class_weights(self) -> Tensor:
        """Return the probability of each class, shape (classes,), float64, of sum 1; raises as `labelled`."""
        raise HarnessError(
            f"distribution {_named(self)} has {self.classes} classes and no class_weights(): shape (classes,)"
        )

    def moments_given(self, x: Tensor, sigma: Tensor | float, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Exact E[X_0 | X_σ = x, label], shape (n, d), and tr Cov(X_0 | X_σ = x, label), shape (n,).

        What a network that is given labels learns, and how far that leaves the point open.

        Arguments:
            x: points, shape (n, d).
            sigma: a number or of shape (n,).
            labels: of each point, shape (n,), int64.

        Raises:
            HarnessError: the points have no labels.
        """
        rule = "the mean (n, d) and trace of the covariance (n,) of X_0 given x and label"
        raise HarnessError(f"distribution {_named(self)} has {self.classes} classes and no moments_given(): {rule}")

    def gaussian(self) -> tuple[Tensor, Tensor] | None:
        """Mean (d,) and covariance (d, d) where p_0 is a Gaussian, else None."""
        return None

    def mean_and_covariance(self) -> tuple[Tensor, Tensor]:
        """Exact mean (d,) and covariance (d, d) of p_0, float64; for data, of the training part.

        Raises:
            HarnessError: the distribution does not give them.
        """
        known = self.gaussian()
        if known is None:
            rule = "the exact mean (d,) and covariance (d, d) of p_0"
            raise HarnessError(f"distribution {_named(self)} has no mean_and_covariance(): {rule}")
        return known

    def deviations(self) -> Tensor:
        """Standard deviation of each coordinate of p_0, shape (d,), float64; for data, of the training part.

        Raises:
            HarnessError: as `mean_and_covariance`.
        """
        return self.mean_and_covariance()[1].diagonal().clamp_min(0).sqrt()

    def closed_information(self) -> Information | None:
        """J(u) in closed form where it is known; None: it is measured."""
        return None


def _named(law: Distribution) -> str:
    return f"{type(law).__module__}.{type(law).__qualname__}"


class Target(Component):
    """The declaration of a distribution to be learned."""

    axis: ClassVar[str] = "target"

    @abstractmethod
    def distribution(self) -> Distribution:
        """Build the distribution. It must depend on nothing but the parameters (and, for files, their content)."""

    def for_seed(self, seed: int) -> Target:
        """Return the target that a seed of a suite has: what it trains on, and what it is measured by.

        By default the target itself, whatever the seed. Data of few points may give each seed a split of its own
        (cross-fitting): then the spread over seeds has that of the split. It depends on nothing but the parameters, the
        content and the seed, and is its own target for every seed.
        """
        return self

    def held_out_rows(self, part: int = 0) -> frozenset[int] | None:
        """Return which points of a data set stand in a held-out part, by their places in it.

        By it the error that several seeds share is known, where they have targets of their own. None: it is not told;
        then two different targets have no point in common.
        """
        return None

    def data_units(self) -> DataUnits:
        """Return how its points relate to the user's data; by default they are these."""
        law = self.distribution()
        return DataUnits(law.shape or (law.dim,))

    def content_digest(self) -> str:
        """Digest of whatever the distribution reads besides its parameters (a file's bytes); empty for nothing."""
        return ""
