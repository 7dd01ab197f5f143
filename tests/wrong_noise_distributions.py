"""Wrong noise distributions: each is one that ships with a slip in it."""

import torch
from harness_karras.noise_distributions import LogNormal
from harness_karras.noise_schedules import EdmSchedule
from harness_song.noise_distributions import LogUniform, UniformTimeLevels


class Negative(LogNormal):
    """A difference of two."""

    name = "negative"

    def density(self, sigma, sigma_data):
        return super().density(sigma, sigma_data) - 0.1 / sigma


class NotANumber(LogUniform):
    name = "not-a-number"

    def density(self, sigma, sigma_data):
        return (sigma - 0.01).sqrt()


class Overflows(LogUniform):
    name = "overflows"

    def density(self, sigma, sigma_data):
        return (sigma**2).exp()


class Nowhere(LogUniform):
    name = "nowhere"

    def density(self, sigma, sigma_data):
        return 0 * sigma


class Normalised(LogNormal):
    """Divided by its sum over whatever levels are asked for."""

    name = "normalised"

    def density(self, sigma, sigma_data):
        density = super().density(sigma, sigma_data)
        return density / density.sum()


class AmongOthers(LogNormal):
    """By the largest level that is asked for."""

    name = "among-others"

    def density(self, sigma, sigma_data):
        return super().density(sigma / sigma.max(), sigma_data)


class Shifted(LogNormal):
    """Each level has the density of its neighbour."""

    name = "shifted-by-one"

    def density(self, sigma, sigma_data):
        return super().density(sigma, sigma_data).roll(1)


class SingleInside(LogNormal):
    name = "single-inside"

    def density(self, sigma, sigma_data):
        return super().density(sigma.float(), sigma_data)


class SingleWithin(LogNormal):
    """Single precision on the way, which two levels by themselves do not show."""

    name = "single-within"

    def density(self, sigma, sigma_data):
        return super().density(sigma, sigma_data)[: len(sigma) - 1]


class Jittered(LogNormal):
    name = "jittered"

    def density(self, sigma, sigma_data):
        return super().density(sigma, sigma_data) * (1 + 1e-12 * torch.rand(sigma.shape, dtype=sigma.dtype))


class InPlace(LogUniform):
    name = "in-place"

    def density(self, sigma, sigma_data):
        return sigma.mul_(1 / sigma_data).reciprocal()


class Narrow(LogNormal):
    """A third of the levels next to one: what the table of levels cannot hold."""

    name = "narrow"

    def density(self, sigma, sigma_data):
        peak = (-0.5 * (sigma.log() / 0.001) ** 2).exp() / sigma
        return super().density(sigma, sigma_data) + 500 * peak


class Scattered(UniformTimeLevels):
    """Counted by how many of the levels that are asked for lie near."""

    name = "scattered"

    def density(self, sigma, sigma_data):
        return torch.gradient(torch.linspace(0, 1, max(len(sigma), 2), dtype=sigma.dtype), spacing=1.0)[0][: len(sigma)]


WRONG = [
    Negative(mean=2.0),
    NotANumber(),
    Overflows(),
    Nowhere(),
    Normalised(),
    AmongOthers(),
    Shifted(),
    SingleInside(),
    SingleWithin(),
    Jittered(),
    InPlace(),
    Narrow(),
    Scattered(schedule=EdmSchedule()),
]
