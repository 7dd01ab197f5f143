"""Levels again: the grids of a leaderboard, laid out once more where that takes no more than their rule and schedule.

A grid that reads the target, a sampler or a network is not, nor one that another distribution's code takes part in.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from harness import DISTRIBUTION
from harness.axes import taken_by
from harness.engine.jobs import LayOutGridJob
from harness.engine.units.lay_out_grid import lay_out_grid
from harness.errors import HarnessError, one_line
from harness.results.consistency import Objection
from harness.results.leaderboard import Leaderboard, Row

if TYPE_CHECKING:
    from harness.components import Component
    from harness.noise_schedules import NoiseSchedule
    from harness.registry.registry import Registry
    from harness.time_discretizations import TimeDiscretization

CLOSE = 1e-11
"""Relative difference of two levels that are one: they are told to 12 digits, of which rounding may change the last."""


@dataclass(frozen=True)
class LevelsAgain:
    """What came of it.

    Attributes:
        laid_out: how many of the document's grids were laid out again.
        of: how many there are.
        findings: levels that are others, of components whose code is installed.
        notes: levels that are others, of components whose code is not what it was.
    """

    laid_out: int
    of: int
    findings: list[Objection]
    notes: list[str]


def levels_again(board: Leaderboard, registry: Registry) -> LevelsAgain:
    """Lay the grids of a leaderboard out again, each for every row that says it has it.

    Arguments:
        board: the leaderboard.
        registry: where components come from.
    """
    findings, notes, done = [], [], set()
    for place, row in _askers(board):
        try:
            again = _laid_out(row, board, registry)
        except HarnessError as error:
            notes.append(f"grids[{place}] cannot be laid out again: {one_line(error)}")
            continue
        if again is None:
            continue
        done.add(place)
        if not np.allclose(again.levels, board.grids[place].sigmas, rtol=CLOSE, atol=0.0):
            names = " with ".join(row.component(axis).name for axis in taken_by("grid"))
            what = f"are not what {names} lays out"
            if again.same_code:
                findings.append(Objection(f"grids[{place}].sigmas", what))
            else:
                notes.append(f"grids[{place}].sigmas {what} by the code that is installed, which is another")
    return LevelsAgain(len(done), len(board.grids), findings, notes)


def _askers(board: Leaderboard) -> Iterator[tuple[int, Row]]:
    """Yield each grid with a row of each rule and schedule of the harness's own that is said to have made it."""
    seen: set[tuple[object, ...]] = set()
    for row in board.rows:
        references = [row.component(axis) for axis in taken_by("grid")]
        asked = (row.grid, *(each.key for each in references))
        if row.grid is None or asked in seen or any(each.distribution != DISTRIBUTION for each in references):
            continue
        seen.add(asked)
        yield row.grid, row


@dataclass(frozen=True)
class _Again:
    """A grid as it is laid out now, and whether by the code of then."""

    levels: list[float]
    same_code: bool


def _laid_out(row: Row, board: Leaderboard, registry: Registry) -> _Again | None:
    """Return a row's grid as it is laid out now; None of one that reads more than its schedule.

    Raises:
        HarnessError: a component is not installed, or breaks its contract.
    """
    parts: dict[str, Component] = {axis: registry.rebuild(axis, row.component(axis)) for axis in taken_by("grid")}
    rule = cast("TimeDiscretization", parts["time_discretization"])
    schedule = cast("NoiseSchedule", parts["noise_schedule"])
    if board.setup is None or row.sigma_max is None or rule.needs_information or rule.needs_sampler:
        return None
    if rule.needs_score_error or rule.needs_law or rule.needs_population:
        return None
    ends = board.setup.sigma_min, row.sigma_max
    (record,) = lay_out_grid(LayOutGridJob("", rule, schedule, row.steps, *ends, components=parts))
    same = all(registry.reference(part).digest == row.component(axis).digest for axis, part in parts.items())
    return _Again(record.payload["sigmas"], same)
