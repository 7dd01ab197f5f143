"""A mixture of equal Gaussians, each of a class."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from harness.mixtures import IsotropicMixture, MixtureDistribution


class LabelledMixture(MixtureDistribution):
    """1/K Σ_k N(m_k, std² I), the label of component k known.

    Arguments:
        means: m_k, shape (K, d), float64.
        std: the deviation of each.
        labels: of the components, shape (K,), int64, every class 0 … classes − 1 among them.
    """

    def __init__(self, means: Tensor, std: float, labels: Tensor) -> None:
        super().__init__(IsotropicMixture(means, std**2))
        self._means, self._std, self._labels = means, std, labels
        self.classes = int(labels.max()) + 1
        self._parts = [IsotropicMixture(means[labels == label], std**2) for label in range(self.classes)]

    def labelled(self, n: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """Draw points and their labels, shapes (n, d) and (n,)."""
        component = torch.randint(len(self._means), (n,), generator=generator)
        noise = torch.randn(n, self.dim, generator=generator, dtype=torch.float64)
        return self._means[component] + self._std * noise, self._labels[component]

    def sample(self, n: int, generator: Generator) -> Tensor:
        """Draw the points alone, shape (n, d)."""
        return self.labelled(n, generator)[0]

    def class_weights(self) -> Tensor:
        """Return the share of each class, shape (classes,)."""
        return self._labels.bincount(minlength=self.classes).double() / len(self._labels)

    def moments_given(self, x: Tensor, sigma: Tensor | float, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Return E[X_0 | X_σ = x, label], shape (n, d), and the trace of the covariance, shape (n,)."""
        level = torch.as_tensor(sigma, dtype=torch.float64).expand(len(x))
        mean, variance = torch.empty_like(x), x.new_empty(len(x))
        for label, part in enumerate(self._parts):
            own = labels == label
            mean[own], variance[own] = part.moments(x[own], level[own])
        return mean, variance
