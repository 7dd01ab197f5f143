"""Noise schedules: an increasing map with its inverse and its derivative (docs/levels.md)."""

from __future__ import annotations

from harness.certification.cases import level_range
from harness.certification.measurements import Measurement
from harness.engine.schedule_properties import schedule_properties
from harness.noise_schedules import NoiseSchedule
from harness.properties import Property


def measured(schedule: NoiseSchedule, seed: int) -> list[Property]:
    """Measure a schedule over the range of levels of a seed."""
    return schedule_properties(schedule, *level_range(seed))


MEASUREMENTS = {"noise_schedule": (Measurement("σ(t), its inverse and its derivative", measured),)}
