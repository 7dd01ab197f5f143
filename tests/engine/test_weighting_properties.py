"""Every weighting and noise distribution that is installed passes; plausible wrong ones do not."""

import math

import pytest
from harness_hang import MinSnr
from harness_hoogeboom.weightings import SigmoidWeighting
from harness_karras.weightings import EdmWeighting
from harness_lipman.weightings import FlowWeighting
from harness_salimans.weightings import PredictionError
from harness_song.noise_distributions import UniformTimeLevels
from variants import failed, offered
from wrong_weightings import WRONG

from harness.engine.weighting_properties import weighting_properties
from harness.registry.discovery import load

REGISTRY = load()
WEIGHTINGS = offered(REGISTRY, "weighting")
DISTRIBUTIONS = offered(REGISTRY, "noise_distribution")
SCHEDULES = offered(REGISTRY, "noise_schedule")


@pytest.mark.parametrize("weighting", WEIGHTINGS, ids=lambda weighting: weighting.label())
def test_every_weighting_that_is_installed(weighting):
    assert failed(weighting_properties(weighting)) == []


@pytest.mark.parametrize("levels", DISTRIBUTIONS, ids=lambda levels: levels.label())
@pytest.mark.parametrize("cls", [PredictionError, SigmoidWeighting])
def test_every_noise_distribution_that_is_installed(cls, levels):
    assert failed(weighting_properties(cls(levels=levels))) == []


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: schedule.label())
def test_a_uniform_time_of_every_schedule_that_is_installed(schedule):
    assert failed(weighting_properties(PredictionError(levels=UniformTimeLevels(schedule=schedule)))) == []


@pytest.mark.parametrize("cls", WRONG, ids=lambda cls: cls.name)
def test_a_wrong_weighting_is_rejected(cls):
    assert failed(weighting_properties(cls()))


def test_dependence_on_the_unit_is_told_and_no_fault():
    def moved(weighting):
        (found,) = [p for p in weighting_properties(weighting) if p.claimed is None]
        return found.measured

    assert moved(MinSnr(levels="log-uniform")) == pytest.approx(0, abs=1e-12)
    # Flow matching is stated for data of scale 1: β = 1 moves by nothing as a shape, its logit-normal levels do.
    assert moved(FlowWeighting(levels="logit-normal")) > 0.5
    assert not math.isnan(moved(EdmWeighting()))
