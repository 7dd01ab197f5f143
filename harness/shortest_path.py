"""The grid of least total cost, where each step has a cost c(σ, σ') of its own: a shortest path.

Dynamic programming finds the best grid of N steps among M log-spaced levels exactly, in N·M² operations (the best to
the lattice's resolution): with V_0
the cost of reaching a level in no step, V_{n+1}(σ') = min_σ V_n(σ) + c(σ, σ'). Then the levels leave the lattice: each
gets a few candidates around it, the best path through all of them is found at once, and the candidates close in as
long as it gains. Every round keeps the path before it, so that the cost never rises.
References: Bellman, Dynamic Programming, 1957.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

Cost = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Cost of steps from σ to σ' < σ: two arrays of shape (K,) to one."""

CELLS, CELLS_A_STEP = 256, 12
"""Cells of the lattice, of equal width in ln σ: at least so many, and so many for each step."""

DIRECT = 64
"""Most steps that are placed on the lattice; more are interpolated from these and then closed in on."""

CANDIDATES = 7
"""Places that each level may take in a round."""

CLOSEST = 0.005
"""Least distance of two levels, as a share of their mean distance: one that is of no use would fall upon another."""

ROUNDS = 200
FINEST = 1e-5
"""Share of the distance to its neighbours at which a level is placed well enough."""


def shortest_grid(cost: Cost, sigma_max: float, sigma_min: float, steps: int) -> np.ndarray:
    """Return the levels of the grid of least cost, shape (N+1,), decreasing.

    Arguments:
        cost: of any steps, finite.
        sigma_max: the first level.
        sigma_min: the last level.
        steps: the number N of steps.
    """
    direct = min(steps, DIRECT)
    cells = max(CELLS, CELLS_A_STEP * direct)
    lattice = np.linspace(np.log(sigma_max), np.log(sigma_min), cells + 1)
    levels = lattice[_best_lattice_path(_lattice_costs(cost, lattice), direct)]
    if steps > direct:
        levels = _interpolated(_refined(cost, levels), steps)
    best: np.ndarray = np.exp(_refined(cost, levels))
    return best


def _lattice_costs(cost: Cost, lattice: np.ndarray) -> np.ndarray:
    """Return the cost of each step between two levels, shape (M, M); infinite where it would not lead down."""
    size = len(lattice)
    start, end = np.triu_indices(size, 1)
    costs = np.full((size, size), np.inf)
    sigma = np.exp(lattice)
    costs[start, end] = cost(sigma[start], sigma[end])
    return costs


def _best_lattice_path(costs: np.ndarray, steps: int) -> np.ndarray:
    """Return the indices of the best path of so many steps from the first level to the last, shape (N+1,)."""
    reached = np.full(len(costs), np.inf)
    reached[0] = 0.0
    return np.array(_best_path(reached, [costs] * steps, len(costs) - 1))


def _best_path(reached: np.ndarray, layers: Iterable[np.ndarray], end: int) -> list[int]:
    """Return the places of the best path through L steps to the one that is its end, L + 1 of them.

    Arguments:
        reached: the cost of each place to begin at, shape (K,).
        layers: the costs of each step, from every place to every other, shape (K, K).
        end: the last place.
    """
    before = []
    for layer in layers:
        through = reached[:, None] + layer
        before.append(through.argmin(0))
        reached = through.min(0)
    path = [end]
    for best in reversed(before):
        path.append(int(best[path[-1]]))
    return path[::-1]


def _interpolated(levels: np.ndarray, steps: int) -> np.ndarray:
    """Return more log levels, laid as densely in each part of the range as the ones given."""
    from scipy.interpolate import PchipInterpolator

    coarse = PchipInterpolator(np.linspace(0, 1, len(levels)), levels)
    finer: np.ndarray = coarse(np.linspace(0, 1, steps + 1))
    return finer


def _refined(cost: Cost, levels: np.ndarray) -> np.ndarray:
    """Return log levels moved to where the cost is least, by rounds of small dynamic programmes."""
    reach = 0.5
    for _ in range(ROUNDS):
        moved, at_edge = _round(cost, levels, reach)
        levels = moved
        if not at_edge:
            reach *= 0.5
        if reach < FINEST:
            break
    return levels


def _round(cost: Cost, levels: np.ndarray, reach: float) -> tuple[np.ndarray, bool]:
    """Return the best path through candidates around the levels, and whether one moved as far as it could.

    Arguments:
        cost: of any steps.
        levels: log levels, shape (N+1,), decreasing; the ends stay.
        reach: how far a level may move, as a share of the distance to its nearer neighbour.
    """
    gaps = -np.diff(levels)
    room = np.concatenate([[0.0], np.minimum(gaps[:-1], gaps[1:]), [0.0]])
    offsets = np.linspace(-1, 1, CANDIDATES)
    # Half a gap from either side would meet.
    places = levels[:, None] + 0.999 * reach * room[:, None] * offsets
    start = np.repeat(places[:-1, :, None], CANDIDATES, axis=2)
    end = np.repeat(places[1:, None, :], CANDIDATES, axis=1)
    costs = cost(np.exp(start).ravel(), np.exp(end).ravel()).reshape(start.shape)
    costs[start - end < _closest(gaps)] = np.inf
    middle = CANDIDATES // 2
    chosen = np.array([middle, *_best_path(costs[0, middle], costs[1:], middle)])
    at_edge = bool(np.isin(chosen[1:-1], (0, CANDIDATES - 1)).any())
    return places[np.arange(len(levels)), chosen], at_edge


def _closest(gaps: np.ndarray) -> float:
    return min(CLOSEST * float(gaps.mean()), float(gaps.min()) * (1 - 1e-9))
