"""What a time discretization must be: N + 1 levels that fall from σ_max to σ_min, and settle as N grows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch

from harness.errors import NotApplicable
from harness.properties import Property
from harness.time_discretizations import GridRequest, TimeDiscretization

STEPS = (2, 3, 5, 16, 32)
"""Numbers of steps that a grid is asked for; the last two tell how it settles."""

SETTLED = 0.5
"""How far the shares of steps above a level may differ between 16 steps and 32; the best grid for few steps need not
look like that for many."""

SHORTER = 0.9
"""Most that the longest step in ln σ of 32 steps may be, over that of 2: some rules keep one long step at an end."""


def declared(rule: TimeDiscretization, request: GridRequest) -> GridRequest:
    """Return a request with what a rule declares that it needs, and nothing else."""
    return replace(
        request,
        information=request.information if rule.needs_information else None,
        sampler=request.sampler if rule.needs_sampler else None,
        score_error=request.score_error if rule.needs_score_error else None,
        law=request.law if rule.needs_law else None,
        population=request.population if rule.needs_population else None,
    )


def grid_properties(rule: TimeDiscretization, request: GridRequest, steps: Sequence[int] = STEPS) -> list[Property]:
    """Measure the grids of a rule.

    Arguments:
        rule: the rule.
        request: what there is to know; the rule is given what it declares. Its number of steps does not matter.
        steps: numbers of steps; of those for which the rule does not apply nothing is said.

    Raises:
        Exception: whatever the rule raises, `NotApplicable` aside.
    """
    request = declared(rule, request)
    grids: dict[int, np.ndarray] = {}
    for n in steps:
        try:
            levels = rule.levels(replace(request, steps=n))
        except NotApplicable:
            continue
        kept = levels.dtype == torch.float64 and levels.shape == (n + 1,)
        kept = kept and bool(levels.isfinite().all() and (levels > 0).all())
        grids[n] = levels.numpy() if kept else np.array([])
    shaped = {n: grid for n, grid in grids.items() if grid.size}
    share = len(shaped) / len(grids) if grids else 0.0
    found = [Property("share of grids of N + 1 finite levels above 0, in double precision", 1.0, share, 0.0)]
    if share < 1:
        return found
    return [*found, *_ends(shaped, request), _falling(shaped), *_settling(shaped), _repeatable(rule, request, shaped)]


def _ends(grids: dict[int, np.ndarray], request: GridRequest) -> list[Property]:
    ends = ((0, request.sigma_max, "first level over σ_max"), (-1, request.sigma_min, "last level over σ_min"))
    return [
        Property(name, 1.0, max((float(grid[at] / level) for grid in grids.values()), key=lambda x: abs(x - 1)), 1e-6)
        for at, level, name in ends
    ]


def _falling(grids: dict[int, np.ndarray]) -> Property:
    """Of relative steps below a thousandth of a part in 10⁹ the border makes equal levels."""
    falls = np.concatenate([grid[1:] < grid[:-1] * (1 - 1e-12) for grid in grids.values()])
    return Property("share of steps that fall", 1.0, float(falls.mean()), 0.0)


def _settling(grids: dict[int, np.ndarray]) -> list[Property]:
    if len(grids) < 2:
        return []
    few, many = sorted(grids)[-2:]
    shares = [_share_above(grids[n]) for n in (few, many)]
    at = np.linspace(np.log(grids[many][-1]), np.log(grids[many][0]), 501)
    apart = float(np.abs(shares[0](at) - shares[1](at)).max())
    longest = [float(-np.diff(np.log(grid)).min()) for grid in (grids[min(grids)], grids[many])]
    return [
        Property(f"shares of steps above a level, {few} against {many} steps", 0.0, apart, SETTLED * 16 / few),
        Property(f"longest step in ln σ, {many} steps over {min(grids)}", 0.0, longest[1] / longest[0], SHORTER),
    ]


def _share_above(grid: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    places, shares = np.log(grid[::-1]), np.linspace(1, 0, len(grid))
    return lambda at: np.interp(at, places, shares)


def _repeatable(rule: TimeDiscretization, request: GridRequest, grids: dict[int, np.ndarray]) -> Property:
    few = min(grids)
    state = torch.get_rng_state()
    torch.rand(3)
    before = torch.get_rng_state()
    again = rule.levels(replace(request, steps=few)).numpy()
    held = [np.array_equal(again, grids[few]), torch.equal(before, torch.get_rng_state())]
    torch.set_rng_state(state)
    return Property("same bits again, random state left alone", 1.0, sum(held) / 2, 0.0)
