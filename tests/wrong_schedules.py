"""Wrong noise schedules: each is one that ships with a slip in it."""

import math

import torch
from harness_nichol.noise_schedules import CosineSchedule
from harness_song.noise_schedules import VeGeometric, VpLinear

from harness.noise_schedules import NoiseSchedule


class RateWithoutHalf(VpLinear):
    name = "rate-without-half"

    def rate(self, t):
        return 2 * super().rate(t)


class RateOfTheLogarithm(VeGeometric):
    name = "rate-of-the-logarithm"

    def rate(self, t):
        return super().rate(t) / self.sigma(t)


class RateOfTheVariance(CosineSchedule):
    name = "rate-of-the-variance"

    def rate(self, t):
        return 2 * self.sigma(t) * super().rate(t)


class RateOfTheInverse(VpLinear):
    name = "rate-of-the-inverse"

    def rate(self, t):
        return 1 / super().rate(t)


class TimeWithoutTheTwo(VpLinear):
    """The root of β_d t² + β_min t in place of β_d t²/2 + β_min t."""

    name = "time-without-the-two"

    def time(self, sigma):
        grown = (sigma**2).log1p()
        return 2 * grown / ((self.beta_min**2 + 4 * self.beta_d * grown).sqrt() + self.beta_min)


class TimeOfAnotherOffset(CosineSchedule):
    name = "time-of-another-offset"

    def time(self, sigma):
        return CosineSchedule(s=0.009).time(sigma)


class VarianceForLevel(VpLinear):
    name = "variance-for-level"

    def sigma(self, t):
        return super().sigma(t) ** 2


class Backwards(VeGeometric):
    """σ_max at t = 0."""

    name = "backwards"

    def sigma(self, t):
        return super().sigma(1 - t)

    def time(self, sigma):
        return 1 - super().time(sigma)

    def rate(self, t):
        return -super().rate(1 - t)


class SwappedEnds(VeGeometric):
    name = "swapped-ends"

    def sigma(self, t):
        return self.sigma_max * (self._log_ratio * t).exp()


class Saturated(CosineSchedule):
    """β clipped near the end, as in the discrete process, so that no time is above one level."""

    name = "saturated"

    def sigma(self, t):
        return super().sigma(t).clamp(max=20)


class WholeSteps(CosineSchedule):
    """Rounded to one of a thousand steps, with nothing between."""

    name = "whole-steps"

    def sigma(self, t):
        return super().sigma((1000 * t).round() / 1000 + 0 * t)


class BySinglePrecision(VpLinear):
    name = "by-single-precision"

    def sigma(self, t):
        return super().sigma(t.float()).to(t.dtype)


class AlwaysDouble(VpLinear):
    name = "always-double"

    def time(self, sigma):
        return super().time(sigma.double())


class RelativeToTheLargest(VeGeometric):
    """Times in units of the largest that is asked for."""

    name = "relative-to-the-largest"

    def rate(self, t):
        return super().rate(t) * t.abs().max() / t.abs().max().clamp(min=1)


class InPlace(VpLinear):
    name = "in-place"

    def time(self, sigma):
        return super().time(sigma.mul_(1.0).clamp_(max=50.0))


class Jittered(VpLinear):
    name = "jittered"

    def sigma(self, t):
        return super().sigma(t) * (1 + 1e-15 * torch.rand(t.shape, dtype=t.dtype))


class Cancelling(VpLinear):
    """√(e^x − 1) without the form that keeps its digits."""

    name = "cancelling"

    def sigma(self, t):
        return ((t * (0.5 * self.beta_d * t + self.beta_min)).exp() - 1).sqrt()


class NotANumber(NoiseSchedule):
    name = "not-a-number"

    def sigma(self, t):
        return t

    def time(self, sigma):
        return (sigma - 1).sqrt()

    def rate(self, t):
        return t * 0 + 1


class Degrees(CosineSchedule):
    """θ in degrees in one place."""

    name = "degrees"

    def time(self, sigma):
        return super().time(sigma) * 180 / math.pi


WRONG = [
    RateWithoutHalf,
    RateOfTheLogarithm,
    RateOfTheVariance,
    RateOfTheInverse,
    TimeWithoutTheTwo,
    TimeOfAnotherOffset,
    VarianceForLevel,
    Backwards,
    SwappedEnds,
    Saturated,
    WholeSteps,
    BySinglePrecision,
    AlwaysDouble,
    RelativeToTheLargest,
    InPlace,
    Jittered,
    Cancelling,
    NotANumber,
    Degrees,
]
