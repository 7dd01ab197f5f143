"""The analytic targets: declarations, and the Gaussian's own distribution."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Self

from pydantic import Field, model_validator

from harness.mixtures import EigenMixture, IsotropicMixture, MixtureDistribution
from harness.targets import Distribution, Target

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

    from harness.information import Information

MODES = 4096


class GaussianDistribution(MixtureDistribution):
    """N(m, diag(λ)): the mixture of one component, with J(u) in closed form.

    Arguments:
        mean: m, shape (d,).
        eigenvalues: λ, shape (d,).
    """

    def __init__(self, mean: Tensor, eigenvalues: Tensor) -> None:
        super().__init__(EigenMixture(mean[None, :], eigenvalues[None, :]))
        self.eigenvalues = eigenvalues

    def gaussian(self) -> tuple[Tensor, Tensor]:
        """Mean (d,) and covariance (d, d)."""
        return self.mixture.mean, self.eigenvalues.diag()

    def closed_information(self) -> Information:
        """J(u) = Σ_i 1/(λ_i + u)."""
        from harness_synthetic.information import GaussianInformation

        return GaussianInformation(self.eigenvalues.numpy(), self.mixture.mean.numpy())


class Gaussian(Target):
    """A Gaussian with a log-spaced spectrum; the mean variance is std², whatever the condition number."""

    name: ClassVar[str] = "gaussian"
    formula: ClassVar[str] = "N(mean·1, diag(λ)), λ log-spaced, max λ / min λ = condition, mean of λ = std²"
    source: ClassVar[str] = "Wang, He, Tao, arXiv 2406.12839, Lemma 13"

    dim: int = Field(2, ge=1, le=4096, description="dimension")
    std: float | tuple[float, ...] = Field(
        1.0, description="root mean square of the coordinates' standard deviations, or [one for each]"
    )
    condition: float = Field(1.0, ge=1, le=1e8, description="ratio of the largest variance to the smallest")
    mean: float = Field(0.0, description="mean of every coordinate")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        stds = self.std if isinstance(self.std, tuple) else (self.std,)
        if min(stds, default=0.0) <= 0:
            raise ValueError(f"std={self.std} should be greater than 0")
        if isinstance(self.std, tuple) and len(self.std) != self.dim:
            raise ValueError(f"std lists {len(self.std)} numbers for dim={self.dim}; give one for each coordinate")
        if isinstance(self.std, tuple) and self.condition != 1:
            raise ValueError("condition should be 1 where std lists each coordinate's own")
        return self

    def eigenvalues(self) -> np.ndarray:
        """Variances of the coordinates, shape (d,), decreasing unless listed."""
        import numpy as np

        if isinstance(self.std, tuple):
            return np.array(self.std) ** 2
        spectrum = np.geomspace(1.0, 1.0 / self.condition, self.dim)
        variances: np.ndarray = spectrum * (self.std**2 / spectrum.mean())
        return variances

    def distribution(self) -> Distribution:
        """Build the Gaussian."""
        import torch

        mean = torch.full((self.dim,), self.mean, dtype=torch.float64)
        return GaussianDistribution(mean, torch.from_numpy(self.eigenvalues()))


class Ring(Target):
    """Equal Gaussians evenly spaced on a circle in the plane."""

    name: ClassVar[str] = "ring"
    formula: ClassVar[str] = "1/K Σ_k N(radius·(cos 2πk/K, sin 2πk/K), std² I), d = 2"
    source: ClassVar[str] = "the usual two-dimensional test of generative models, e.g. Metz et al., arXiv 1611.02163"

    modes: int = Field(8, ge=1, le=MODES, description="number K of Gaussians")
    radius: float = Field(1.0, gt=0, description="radius of the circle")
    std: float = Field(0.15, gt=0, description="standard deviation of each Gaussian, per coordinate")

    def distribution(self) -> Distribution:
        """Build the ring."""
        import torch

        angle = 2 * torch.pi * torch.arange(self.modes, dtype=torch.float64) / self.modes
        means = self.radius * torch.stack([angle.cos(), angle.sin()], 1)
        return MixtureDistribution(IsotropicMixture(means, self.std**2))


class Mixture(Target):
    """A mixture in any dimension, its means drawn once from N(0, spread² I) by the seed, or listed."""

    name: ClassVar[str] = "mixture"
    formula: ClassVar[str] = "Σ_k w_k N(m_k, C_k), m_k ~ N(0, spread² I) by seed, tr C_k = dim·std²"
    source: ClassVar[str] = "Efron 2011 (Tweedie's formula); catalog of exact oracles in docs/theory.md"

    dim: int = Field(8, ge=1, le=4096, description="dimension")
    modes: int = Field(5, ge=1, le=MODES, description="number of Gaussians")
    spread: float = Field(1.0, ge=0, description="standard deviation of the drawn means, per coordinate")
    std: float = Field(0.25, gt=0, description="root mean square standard deviation of a Gaussian, per coordinate")
    condition: float = Field(
        1.0,
        ge=1,
        le=1e8,
        description="ratio of largest to smallest variance of a Gaussian, axes drawn by seed",
    )
    seed: int = Field(0, ge=0, lt=2**32, description="seed of the drawn means and axes")
    means: tuple[tuple[float, ...], ...] | None = Field(
        None, description="the means, modes lists of dim numbers, instead of drawn ones"
    )
    weights: tuple[float, ...] | None = Field(None, description="modes positive weights; equal unless given")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.means is not None:
            if len(self.means) != self.modes:
                raise ValueError(f"means lists {len(self.means)} points for modes={self.modes}; set modes to match")
            for point in self.means:
                if len(point) != self.dim:
                    raise ValueError(f"means has a point of {len(point)} numbers for dim={self.dim}; set dim to match")
        if self.weights is not None:
            if len(self.weights) != self.modes:
                raise ValueError(f"weights lists {len(self.weights)} numbers for modes={self.modes}; give one for each")
            if min(self.weights) <= 0:
                raise ValueError("weights should all be greater than 0")
        return self

    def distribution(self) -> Distribution:
        """Build the mixture."""
        return _mixture(self)


@lru_cache(maxsize=16)
def _mixture(target: Mixture) -> MixtureDistribution:
    import numpy as np
    import torch

    stream = np.random.RandomState(target.seed)  # its stream is frozen by numpy's policy
    drawn = target.spread * stream.standard_normal((target.modes, target.dim))
    means = torch.tensor(drawn if target.means is None else target.means, dtype=torch.float64)
    weights = None if target.weights is None else torch.tensor(target.weights, dtype=torch.float64)
    if target.condition == 1:
        return MixtureDistribution(IsotropicMixture(means, target.std**2, weights))
    spectrum = np.geomspace(1.0, 1.0 / target.condition, target.dim)
    bases, _ = np.linalg.qr(stream.standard_normal((target.modes, target.dim, target.dim)))
    variances = torch.from_numpy(spectrum * (target.std**2 / spectrum.mean()))
    eigenvalues = variances.expand(target.modes, -1)
    return MixtureDistribution(EigenMixture(means, eigenvalues, torch.from_numpy(bases), weights))
