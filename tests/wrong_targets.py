"""Wrong targets: each is one that ships with a slip in it."""

import math
from typing import ClassVar

import torch
from harness_synthetic.information import GaussianInformation
from harness_synthetic.targets import GaussianDistribution, Ring

from harness.mixtures import EmpiricalDistribution, IsotropicMixture, MixtureDistribution
from harness.targets import Target


class Right(Target):
    """A mixture of three Gaussians in the plane; a subclass has another law of it."""

    name = "right"
    law: ClassVar[type] = MixtureDistribution

    def distribution(self):
        means = torch.tensor([[1.0, 0.5], [-0.7, 0.2], [0.1, -1.3]])
        weights = torch.tensor([0.5, 0.3, 0.2])
        return self.law(IsotropicMixture(means, 0.25**2, weights))


class RightData(Target):
    """Ninety points of three classes; a subclass has another law of them."""

    name = "right-data"
    law: ClassVar[type] = EmpiricalDistribution

    def distribution(self):
        points = torch.randn(150, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        classes = torch.arange(150) % 3
        return self.law.split(points + torch.eye(3, 2)[classes], "ninety points", classes)


class RightGaussian(Target):
    """A Gaussian with its J(u); a subclass has another law of it."""

    name = "right-gaussian"
    law: ClassVar[type] = GaussianDistribution

    def distribution(self):
        return self.law(torch.tensor([0.5, -1.0], dtype=torch.float64), torch.tensor([2.0, 0.3], dtype=torch.float64))


def wrong(right, **methods):
    """Return a law with other methods."""
    return type("WrongLaw", (right,), methods)


def equally(law):
    """Return its mixture with equal weights."""
    return IsotropicMixture(law.mixture.offsets + law.mixture.center, 0.25**2)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


def blurred(points, deviation, generator):
    return points + deviation * torch.randn(points.shape, generator=generator, dtype=points.dtype)


class TheNextLevel(Right):
    """D of a level a twentieth higher."""

    name = "the-next-level"
    law: ClassVar[type] = wrong(MixtureDistribution, moments=lambda self, x, s: self.mixture.moments(x, 1.05 * s))


class DensityWithoutWeights(Right):
    """The density of equal weights."""

    name = "density-without-weights"
    law: ClassVar[type] = wrong(MixtureDistribution, log_density=lambda self, x, s: equally(self).log_density(x, s))


class WithoutConstant(Right):
    """ln p up to a constant."""

    name = "without-constant"
    law: ClassVar[type] = wrong(
        MixtureDistribution, log_density=lambda self, x, s: self.mixture.log_density(x, s) + 0.3
    )


class WithoutDeterminant(Right):
    """ln p without (d/2) ln 2π(c + σ²)."""

    name = "without-determinant"
    law: ClassVar[type] = wrong(
        MixtureDistribution,
        log_density=lambda self, x, s: self.mixture.log_density(x, s) + math.log(2 * math.pi * (0.25**2 + s**2)),
    )


class HalfTheVariance(Right):
    name = "half-the-variance"
    law: ClassVar[type] = wrong(
        MixtureDistribution, posterior_variance=lambda self, x, s: self.mixture.moments(x, s)[1] / 2
    )


class VarianceInMoments(Right):
    """moments() and posterior_variance() disagree."""

    name = "variance-in-moments"
    law: ClassVar[type] = wrong(
        MixtureDistribution, moments=lambda self, x, s: (self.mixture.denoise(x, s), 0 * self.mixture.moments(x, s)[1])
    )


class TooWide(Right):
    """Samples of a deviation a tenth too large."""

    name = "too-wide"
    law: ClassVar[type] = wrong(
        MixtureDistribution, sample=lambda self, n, g: blurred(self.mixture.sample(n, g), 0.12, g)
    )


class EqualWeights(Right):
    """Samples of equal weights."""

    name = "equal-weights"
    law: ClassVar[type] = wrong(MixtureDistribution, sample=lambda self, n, g: equally(self).sample(n, g))


class MomentOfOneCoordinate(Right):
    """second_moment divided by d."""

    name = "moment-of-one-coordinate"

    def distribution(self):
        law = super().distribution()
        law.second_moment /= law.dim
        return law


class ScaleOfAll(Right):
    """σ_data of all coordinates together."""

    name = "scale-of-all"

    def distribution(self):
        law = super().distribution()
        law.sigma_data *= law.dim**0.5
        return law


class OwnRandomness(Right):
    """Samples by the random state of the process."""

    name = "own-randomness"
    law: ClassVar[type] = wrong(
        MixtureDistribution, sample=lambda self, n, g: self.mixture.sample(n, torch.Generator().manual_seed(0))
    )


class OfTheProcess(Right):
    name = "of-the-process"
    law: ClassVar[type] = wrong(
        MixtureDistribution,
        sample=lambda self, n, g: self.mixture.sample(n, torch.Generator().manual_seed(int(torch.randint(99, (1,))))),
    )


class AmongOthers(Right):
    """D depends on the other points."""

    name = "among-others"
    law: ClassVar[type] = wrong(
        MixtureDistribution,
        moments=lambda self, x, s: (
            self.mixture.denoise(x, s) + 1e-6 * x.mean(0),
            self.mixture.moments(x, s)[1],
        ),
        denoise=lambda self, x, s: self.mixture.denoise(x, s) + 1e-6 * x.mean(0),
    )


class NoHeldOut(RightData):
    """Held-out points are those to train on."""

    name = "no-held-out"
    law: ClassVar[type] = wrong(EmpiricalDistribution, held_out=lambda self, n, g, part=0: self.train[part::2][:n])


class OnePart(RightData):
    """Both held-out parts are one."""

    name = "one-part"
    law: ClassVar[type] = wrong(EmpiricalDistribution, held_out=lambda self, n, g, part=0: self.parts[0][:n])


class Smoothed(RightData):
    """The denoiser of points that are smeared, sold as that of the points."""

    name = "smoothed-points"

    def distribution(self):
        law = super().distribution()
        law.mixture = IsotropicMixture(law.train, 0.05**2)
        return law


class OneShort(RightData):
    """The denoiser leaves the last point out."""

    name = "one-short"

    def distribution(self):
        law = super().distribution()
        law.mixture = IsotropicMixture(law.train[:-1])
        return law


class LabelsShifted(RightData):
    """Each point has the label of the next."""

    name = "labels-shifted"
    law: ClassVar[type] = wrong(
        EmpiricalDistribution,
        moments_given=lambda self, x, s, labels: EmpiricalDistribution.moments_given(self, x, s, (labels + 1) % 3),
    )


class EqualClasses(RightData):
    """Weights of classes that are no weights of these."""

    name = "equal-classes"
    law: ClassVar[type] = wrong(EmpiricalDistribution, class_weights=lambda self: torch.tensor([0.6, 0.2, 0.2]))


class InformationOfData(RightGaussian):
    """J without the noise: Σ 1/λ at every level."""

    name = "information-of-data"
    law: ClassVar[type] = wrong(
        GaussianDistribution,
        closed_information=lambda self: GaussianInformation(1.05 * self.eigenvalues.numpy(), self.mixture.mean.numpy()),
    )


class CenteredInformation(RightGaussian):
    """KL(p_u ‖ N(0, uI)) without the mean."""

    name = "centered-information"
    law: ClassVar[type] = wrong(
        GaussianDistribution,
        closed_information=lambda self: GaussianInformation(self.eigenvalues.numpy(), 0 * self.mixture.mean.numpy()),
    )


class CovarianceOfRoots(RightGaussian):
    """Deviations for variances."""

    name = "covariance-of-roots"
    law: ClassVar[type] = wrong(
        GaussianDistribution, mean_and_covariance=lambda self: (self.mixture.mean, self.eigenvalues.sqrt().diag())
    )


class Elsewhere(Ring):
    """The circle a tenth larger where samples are drawn."""

    name = "elsewhere"

    def distribution(self):
        law = super().distribution()
        law.sample = Ring(radius=1.1).distribution().sample
        return law


RIGHT = [Right(), RightData(), RightGaussian()]
WRONG = [
    TheNextLevel(),
    DensityWithoutWeights(),
    WithoutConstant(),
    WithoutDeterminant(),
    HalfTheVariance(),
    VarianceInMoments(),
    TooWide(),
    EqualWeights(),
    MomentOfOneCoordinate(),
    ScaleOfAll(),
    OwnRandomness(),
    OfTheProcess(),
    AmongOthers(),
    NoHeldOut(),
    OnePart(),
    Smoothed(),
    OneShort(),
    LabelsShifted(),
    EqualClasses(),
    InformationOfData(),
    CenteredInformation(),
    CovarianceOfRoots(),
    Elsewhere(),
]
