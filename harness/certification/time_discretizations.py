"""Time discretizations: grids in the time of two schedules, for a law whose curves are measured (docs/levels.md)."""

from __future__ import annotations

from dataclasses import replace

from harness.certification.cases import LogarithmTime, ReverseKernel, StraightPath, grid_law
from harness.certification.measurements import PropertyGroup
from harness.engine.grid_properties import grid_properties
from harness.information import NoScoreError
from harness.properties import Property
from harness.time_discretizations import GridRequest, TimeDiscretization


def request_of(seed: int) -> GridRequest:
    """Return what grids are asked for: all that there is to know of the law of a seed."""
    law, information, sigma_min, sigma_max = grid_law(seed)
    path, kernel = StraightPath(), ReverseKernel()
    # Of the exact score J_θ = J.
    return GridRequest(2, sigma_min, sigma_max, path, information, kernel, NoScoreError(), law, information)


def on_straight_paths(rule: TimeDiscretization, seed: int) -> list[Property]:
    """Measure its grids where times are those of straight paths."""
    return grid_properties(rule, request_of(seed))


def in_logarithm(rule: TimeDiscretization, seed: int) -> list[Property]:
    """Measure its grids where time is ln σ; nothing new of a rule that does not look at it."""
    found = grid_properties(rule, replace(request_of(seed), schedule=LogarithmTime()))
    return [replace(each, name=f"{each.name}, in the time ln σ") for each in found]


MEASUREMENTS = {
    "time_discretization": (
        PropertyGroup("grids", on_straight_paths),
        PropertyGroup("grids in the time ln σ", in_logarithm),
    )
}
