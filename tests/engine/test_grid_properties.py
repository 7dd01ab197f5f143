"""Every time discretization that is installed passes; plausible wrong ones do not."""

from dataclasses import replace

import numpy as np
import pytest
from harness_karras.noise_schedules import EdmSchedule
from harness_nichol.noise_schedules import CosineSchedule
from harness_song.samplers import Ancestral
from harness_stancevic.time_discretizations import Entropic
from variants import failed, offered
from wrong_grids import WRONG, Wrong

from harness.engine.grid_properties import declared, grid_properties
from harness.engine.laws import distribution
from harness.engine.measurement import measure_information
from harness.information import NoScoreError
from harness.registry.discovery import load
from harness.time_discretizations import GridRequest

REGISTRY = load()
GRIDS = offered(REGISTRY, "time_discretization")


@pytest.fixture(scope="module")
def request_():
    law = distribution(REGISTRY.parse("target", "ring")[0])
    information = measure_information(law, 0.05, 20.0)
    known = information, Ancestral(), NoScoreError(), law
    return GridRequest(2, 0.05, 20.0, CosineSchedule(), *known, population=information)


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
    assert given.law is given.sampler is given.score_error is given.population is None


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
