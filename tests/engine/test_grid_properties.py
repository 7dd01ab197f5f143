"""Every time discretization that is installed passes; plausible wrong ones do not."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from harness_karras.noise_schedules import EdmSchedule
from harness_karras.time_discretizations import Polynomial
from harness_nichol.noise_schedules import CosineSchedule
from harness_song.samplers import Ancestral
from harness_song.time_discretizations import Exponential
from harness_stancevic.time_discretizations import Entropic
from variants import failed, offered

from harness.engine.grid_properties import declared, grid_properties
from harness.engine.laws import distribution
from harness.engine.measurement import measure_information
from harness.information import NoScoreError
from harness.registry.discovery import load
from harness.time_discretizations import GridRequest, TimeDiscretization

REGISTRY = load()
GRIDS = offered(REGISTRY, "time_discretization")


@pytest.fixture(scope="module")
def request_():
    law = distribution(REGISTRY.parse("target", "ring")[0])
    information = measure_information(law, 0.05, 20.0)
    return GridRequest(2, 0.05, 20.0, CosineSchedule(), information, Ancestral(), NoScoreError(), law)


@pytest.mark.parametrize("rule", GRIDS, ids=lambda rule: rule.label())
def test_every_grid_that_is_installed(rule, request_):
    assert failed(grid_properties(rule, request_)) == []


@pytest.mark.parametrize("schedule", ["ve-sqrt", "flow", "vp-linear", "ddpm", "sigmoid"])
@pytest.mark.parametrize("name", ["polynomial", "exponential", "uniform-time", "beta", "trailing", "linspace"])
def test_grids_in_time_on_other_schedules(name, schedule, request_):
    rule, schedule = REGISTRY.parse("time_discretization", name)[0], REGISTRY.parse("noise_schedule", schedule)[0]
    assert failed(grid_properties(rule, replace(request_, schedule=schedule))) == []


def test_a_rule_is_given_what_it_declares(request_):
    given = declared(Entropic(), request_)
    assert given.information is request_.information
    assert given.law is given.sampler is given.score_error is None


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


@pytest.mark.parametrize("cls", WRONG, ids=lambda cls: cls.name)
def test_a_wrong_grid_is_rejected(cls, request_):
    assert failed(grid_properties(cls(), request_))


class Undeclared(Entropic):
    """Reads what it does not declare."""

    name = "undeclared"
    needs_information = False


def test_one_that_reads_what_it_does_not_declare_raises(request_):
    with pytest.raises(Exception, match="needs the target's Fisher information"):
        grid_properties(Undeclared(), request_)


class NeverApplies(Wrong):
    name = "never-applies"

    def levels(self, request):
        from harness.errors import NotApplicable

        raise NotApplicable("to nothing")


def test_one_that_skips_everything_fails(request_):
    assert failed(grid_properties(NeverApplies(), request_))


def test_the_right_one_that_the_wrong_ones_derive_from_passes(request_):
    Right = type("Right", (Wrong,), {"name": "right", "__module__": __name__})
    assert failed(grid_properties(Right(), request_)) == []
    np.testing.assert_allclose(Right().levels(replace(request_, schedule=EdmSchedule())).numpy(), [20, 1, 0.05])
