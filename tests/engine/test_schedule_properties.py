"""Every schedule that is installed passes; plausible wrong ones do not."""

import pytest
from harness_song.noise_schedules import VeGeometric
from variants import failed, offered
from wrong_schedules import WRONG

from harness.engine.schedule_properties import schedule_properties
from harness.registry.discovery import load

SCHEDULES = offered(load(), "noise_schedule")


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: schedule.label())
def test_every_schedule_that_is_installed(schedule):
    assert failed(schedule_properties(schedule)) == []


def test_one_that_starts_above_the_range_is_measured_too():
    assert failed(schedule_properties(VeGeometric(sigma_min=1.0, sigma_max=50.0))) == []


@pytest.mark.parametrize("cls", WRONG, ids=lambda cls: cls.name)
def test_a_wrong_schedule_is_rejected(cls):
    assert failed(schedule_properties(cls()))
