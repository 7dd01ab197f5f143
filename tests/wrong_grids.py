"""Wrong time discretizations: each is right but for one slip."""

from dataclasses import replace

import torch
from harness_karras.time_discretizations import Polynomial
from harness_song.time_discretizations import Exponential

from harness.time_discretizations import TimeDiscretization


class Wrong(TimeDiscretization):
    """A grid that is right but for what a subclass does."""

    def levels(self, request):
        return Exponential().levels(request)


class OneTooFew(Wrong):
    name = "one-too-few"

    def levels(self, request):
        return Exponential().levels(replace(request, steps=request.steps - 1))


class FinalZero(Wrong):
    """N levels, then 0, as EDM counts."""

    name = "final-zero"

    def levels(self, request):
        levels = Exponential().levels(replace(request, steps=request.steps - 1))
        return torch.cat([levels, levels.new_zeros(1)])


class SkipsTheFirst(Wrong):
    """Fractions 1/(N + 1), …: σ_max is never visited."""

    name = "skips-the-first"

    def levels(self, request):
        return Exponential().levels(replace(request, steps=request.steps + 1))[1:]


class StopsShort(Wrong):
    """j/(N + 1) for j/N: σ_min is never reached."""

    name = "stops-short"

    def levels(self, request):
        return Exponential().levels(replace(request, steps=request.steps + 1))[:-1]


class Overshoots(Wrong):
    """j/(N − 1) for j/N, clipped at the end."""

    name = "overshoots"

    def levels(self, request):
        part = (torch.arange(request.steps + 1, dtype=torch.float64) / max(request.steps - 1, 1)).clamp(max=1)
        return request.sigma_max * (request.sigma_min / request.sigma_max) ** part


class Rising(Wrong):
    name = "rising"

    def levels(self, request):
        return super().levels(request).flip(0)


class Variances(Wrong):
    """σ² where σ is asked for."""

    name = "variances"

    def levels(self, request):
        return super().levels(request) ** 2


class RootMissing(Polynomial):
    """The ρ-th power forgotten."""

    name = "root-missing"

    def _spaced(self, first, last, fraction):
        root = (last / first) ** (1 / self.rho)
        return first * (1 - fraction + fraction * root)


class TimesForLevels(Wrong):
    """Times of the schedule, not turned into levels."""

    name = "times-for-levels"

    def levels(self, request):
        first, last = request.time_range()
        return torch.lerp(first, last, request.fractions())


class SinglePrecision(Wrong):
    name = "single-precision"

    def levels(self, request):
        return super().levels(request).float()


class ToThreeDigits(Wrong):
    """Rounded as for print, so that neighbours meet."""

    name = "to-three-digits"

    def levels(self, request):
        return (100 * Polynomial(rho=20).levels(request)).round() / 100


class WholeSteps(Wrong):
    """Whole steps of twenty: more steps than there are meet."""

    name = "whole-steps"

    def levels(self, request):
        place = (20 * request.fractions()).round() / 20
        return request.sigma_max * (request.sigma_min / request.sigma_max) ** place


class FewAreMoved(Wrong):
    """The table of ten steps, whatever the number: the rest is put at the end."""

    name = "few-are-moved"

    def levels(self, request):
        place = request.fractions() * request.steps / 2
        return request.sigma_max * (request.sigma_min / request.sigma_max) ** (1 - (1 - place.clamp(max=1)) ** 1e-9)


class CrowdedAtTheTop(Wrong):
    """All levels but the last within a few percent of σ_max."""

    name = "crowded-at-the-top"

    def levels(self, request):
        levels = request.sigma_max * (1 - 0.05 * request.fractions())
        levels[-1] = request.sigma_min
        return levels


class Jittered(Wrong):
    name = "jittered"

    def levels(self, request):
        levels = super().levels(request)
        levels[1:-1] *= 1 + 1e-6 * torch.rand(request.steps - 1, dtype=torch.float64)
        return levels


class Seeded(Wrong):
    """Repeatable, but by setting the seed that others draw from."""

    name = "seeded"

    def levels(self, request):
        torch.manual_seed(0)
        levels = super().levels(request)
        levels[1:-1] *= 1 + 1e-6 * torch.rand(request.steps - 1, dtype=torch.float64)
        return levels


class Remembers(Wrong):
    """Levels depend on what was asked before."""

    name = "remembers"

    def levels(self, request):
        self.__dict__["calls"] = self.__dict__.get("calls", 0) + 1
        levels = super().levels(request)
        levels[1:-1] *= 1 + 1e-9 * self.__dict__["calls"]
        return levels


class NotANumber(Wrong):
    name = "not-a-number"

    def levels(self, request):
        levels = super().levels(request)
        levels[1] = float("nan")
        return levels


WRONG = [
    OneTooFew,
    FinalZero,
    SkipsTheFirst,
    StopsShort,
    Overshoots,
    Rising,
    Variances,
    RootMissing,
    TimesForLevels,
    SinglePrecision,
    ToThreeDigits,
    WholeSteps,
    FewAreMoved,
    CrowdedAtTheTop,
    Jittered,
    Seeded,
    Remembers,
    NotANumber,
]
