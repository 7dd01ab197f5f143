"""Wrong initial laws: each is one that ships with a slip in it."""

import torch
from harness_oracles.initial_laws import MomentMatched
from harness_song.initial_laws import Centered

from harness.initial_laws import Start


class Variance(Centered):
    """σ² for σ."""

    name = "variance-for-level"

    def start(self, target, sigma):
        return Start.centered(sigma**2, target.dim)


class OneHundredth(Centered):
    """A hundredth too wide."""

    name = "one-hundredth"

    def start(self, target, sigma):
        return Start.centered(1.01 * sigma, target.dim)


class OfTheProcess(Centered):
    """σ_max of EDM, whatever the level."""

    name = "of-the-process"

    def start(self, target, sigma):
        return Start.centered(80.0, target.dim)


class AwayWithTheLevel(Centered):
    """The mean grows with the level."""

    name = "away-with-the-level"

    def start(self, target, sigma):
        return Start(torch.full((target.dim,), 0.1 * sigma, dtype=torch.float64), float(sigma))


class Random(Centered):
    name = "random-mean"

    def start(self, target, sigma):
        return Start(torch.rand(target.dim, dtype=torch.float64), float(sigma))


class WithoutNoise(MomentMatched):
    """The covariance of the data alone."""

    name = "without-noise"

    def start(self, target, sigma):
        mean, covariance = target.mean_and_covariance()
        return Start.from_covariance(mean, covariance)


class LevelForVariance(MomentMatched):
    """Σ + σI."""

    name = "level-for-variance"

    def start(self, target, sigma):
        mean, covariance = target.mean_and_covariance()
        return Start.from_covariance(mean, covariance + sigma * torch.eye(target.dim))


class AxesAlone(MomentMatched):
    """Correlations are left out."""

    name = "axes-alone"

    def start(self, target, sigma):
        mean, covariance = target.mean_and_covariance()
        return Start(mean, (covariance.diagonal() + sigma**2).sqrt().diag())


class RootForFactor(MomentMatched):
    """The upper root for the lower one: FᵀF in place of FFᵀ."""

    name = "root-for-factor"

    def start(self, target, sigma):
        right = super().start(target, sigma)
        return Start(right.mean, right.factor.T.contiguous())


class CovarianceForFactor(MomentMatched):
    name = "covariance-for-factor"

    def start(self, target, sigma):
        right = super().start(target, sigma)
        return Start(right.mean, right.covariance)


class WrongSign(MomentMatched):
    """−E X_0."""

    name = "wrong-sign"

    def start(self, target, sigma):
        right = super().start(target, sigma)
        return Start(-right.mean, right.factor)


class SecondMoment(MomentMatched):
    """E X_0X_0ᵀ for the covariance."""

    name = "second-moment"

    def start(self, target, sigma):
        mean, covariance = target.mean_and_covariance()
        spread = covariance + torch.outer(mean, mean) + sigma**2 * torch.eye(target.dim)
        return Start.from_covariance(mean, spread)


class ClaimsTheMean(Centered):
    name = "claims-the-mean"
    claims_moments = 1


class OneNumber(Centered):
    """A mean of one coordinate."""

    name = "one-number"

    def start(self, target, sigma):
        return Start(torch.zeros(1, dtype=torch.float64), float(sigma))


class Singular(MomentMatched):
    name = "singular"

    def start(self, target, sigma):
        right = super().start(target, sigma)
        factor = right.factor.clone()
        factor[:, -1] = 0
        return Start(right.mean, factor)


WRONG = [
    Variance(),
    OneHundredth(),
    OfTheProcess(),
    AwayWithTheLevel(),
    Random(),
    WithoutNoise(),
    LevelForVariance(),
    AxesAlone(),
    RootForFactor(),
    CovarianceForFactor(),
    WrongSign(),
    SecondMoment(),
    ClaimsTheMean(),
    OneNumber(),
    Singular(),
]
