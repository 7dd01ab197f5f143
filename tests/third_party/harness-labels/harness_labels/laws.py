"""A mixture of isotropic Gaussians in which the label of a point is the Gaussian that it was drawn from."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from harness.mixtures import IsotropicMixture, MixtureDistribution


class LabelledMixture(MixtureDistribution):
    """Equal Gaussians N(means_k, std² I), k the label.

    Arguments:
        means: of the classes, shape (K, d), float64.
        std: standard deviation of each class, per coordinate.
        shape: of a point; its product is d.
    """

    def __init__(self, means: Tensor, std: float, shape: tuple[int, ...]) -> None:
        super().__init__(IsotropicMixture(means, std**2))
        self.means, self.std = means, std
        self.shape, self.classes = shape, len(means)

    def sample(self, n: int, generator: Generator) -> Tensor:
        """Draw n points, shape (n, d)."""
        return self.labelled(n, generator)[0]

    def labelled(self, n: int, generator: Generator) -> tuple[Tensor, Tensor]:
        """Draw n points of shape (n, d) and their labels, int64 of shape (n,)."""
        labels = torch.randint(self.classes, (n,), generator=generator)
        noise = torch.randn(n, self.dim, generator=generator, dtype=torch.float64)
        return self.means[labels] + self.std * noise, labels

    def class_weights(self) -> Tensor:
        """Return the probability of each class, shape (K,)."""
        return torch.full((self.classes,), 1 / self.classes, dtype=torch.float64)

    def moments_given(self, x: Tensor, sigma: Tensor | float, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Given the class x comes from N(m, (std² + σ²) I): the mean of X_0 lies between x and m."""
        clean, noise = self.std**2, torch.as_tensor(sigma, dtype=torch.float64).square().reshape(-1, 1)
        part = noise / (clean + noise)
        mean = x + part * (self.means[labels] - x)
        return mean.to(x.dtype), (self.dim * clean * part[:, 0]).expand(len(x)).to(x.dtype)
