"""Teacher trajectories, the error of Euler steps between any two of their levels, and the best path through them.

The teacher is the improved pseudo-linear multistep method of order 4 on the probability flow dx/dσ = (x − D)/σ, with
the target's own denoiser. `dev` is the distance from the line through the ends of the trajectory, of where an Euler
step from level j to i arrives, less that of the trajectory itself at level i; it may be negative. In the source the
trajectory's is that of the same level as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from harness_zhang.samplers import EQUAL_STEPS
from torch import Tensor

if TYPE_CHECKING:
    from harness.targets import Distribution

RHO = 7.0


def teacher_levels(sigma_max: float, sigma_min: float, count: int) -> Tensor:
    """Return the polynomial grid of exponent 7, shape (count,), float64, decreasing."""
    part = torch.linspace(0, 1, count, dtype=torch.float64)
    first, last = sigma_max ** (1 / RHO), sigma_min ** (1 / RHO)
    levels: Tensor = (first + part * (last - first)) ** RHO
    levels[0], levels[-1] = sigma_max, sigma_min
    return levels


def trajectories(law: Distribution, levels: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return points and slopes along exact trajectories, each of shape (levels, count, d); the last slope is 0."""
    generator = torch.Generator().manual_seed(0)
    x = levels[0] * torch.randn(count, law.dim, generator=generator, dtype=torch.float64)
    points, slopes = [x], []
    for sigma, after in zip(levels[:-1].tolist(), levels[1:].tolist(), strict=True):
        slopes.append((x - law.denoise(x, sigma)) / sigma)
        weights = EQUAL_STEPS[min(len(slopes), 4) - 1]
        newest = reversed(slopes[-len(weights) :])
        x = x + (after - sigma) * torch.stack([w * slope for w, slope in zip(weights, newest, strict=True)]).sum(0)
        points.append(x)
    return torch.stack(points), torch.stack([*slopes, torch.zeros_like(x)])


def step_errors(law: Distribution, levels: Tensor, count: int, metric: str) -> np.ndarray:
    """Return the mean error of an Euler step from each level to each later one, shape (L, L); 0 elsewhere."""
    points, slopes = trajectories(law, levels, count)
    costs = np.zeros((len(levels), len(levels)))
    own = distance_from_chord(points, points[0], points[-1])
    for j in range(len(levels) - 1):
        arrived = points[j] + (levels[j + 1 :, None, None] - levels[j]) * slopes[j]
        if metric == "dev":
            errors = distance_from_chord(arrived, points[0], points[-1]) - own[j + 1 :]
        else:
            errors = torch.linalg.vector_norm(arrived - points[j + 1 :], ord=1 if metric == "l1" else 2, dim=2)
        costs[j, j + 1 :] = errors.mean(1).numpy()
    return costs


def distance_from_chord(points: Tensor, start: Tensor, end: Tensor) -> Tensor:
    """Return the distance of points of shape (K, n, d) from the lines through two points each; shape (K, n)."""
    chord = end - start
    direction = chord / torch.linalg.vector_norm(chord, dim=1, keepdim=True)
    offset = end - points
    along = (offset * direction).sum(2, keepdim=True)
    distance: Tensor = torch.linalg.vector_norm(offset - along * direction, dim=2)
    return distance


def best_path(costs: np.ndarray, steps: int, gamma: float) -> list[int]:
    """Return the numbers of the levels of the path of least cost, from the first to the last; N+1 of them.

    Arguments:
        costs: of steps from level j to level i > j, shape (L, L), L > N.
        steps: the number N of steps.
        gamma: factor on the cost of what follows a step.
    """
    size = len(costs)
    later = np.triu(np.ones((size, size), dtype=bool), 1)
    known = np.where(later, costs, np.inf)
    # What remains, with k steps left, from each level; then which level comes next.
    left, following = known[:, -1], []
    for _ in range(steps - 1):
        through = known + gamma * left
        following.append(through.argmin(1))
        left = through.min(1)
    path = [0]
    for after in reversed(following):
        path.append(int(after[path[-1]]))
    return [*path, size - 1]
