"""Ways down: recorded trainings that were never made, whose losses are numbers that are known."""

from __future__ import annotations

import numpy as np

from harness.certification.cases import stream
from harness.trajectories import Trajectory, slowest_level

LEVELS = np.array([0.5, 1.0, 2.0])


def ways_down(seed: int) -> list[Trajectory]:
    """Return three: of losses that fall exactly at the rate of the slowest level, that fall faster, and unevenly."""
    numbers = stream(seed, 30)
    rate = np.array([2.0, 2.0, 0.5, 3.0, 1.0])
    step = np.array([0, 1, 5, 6, 16])
    exactly = np.concatenate([[1.0], np.cumprod((1 - 0.08 * rate[:-1]) ** np.diff(step))])
    uneven = np.concatenate([[1.0], np.cumprod(1 - numbers.uniform(0.02, 0.3, 4))])
    return [_way(step, 7.0 * exactly, rate), _way(step, exactly**1.5, rate), _way(step, 0.3 * uneven, rate)]


def _way(step: np.ndarray, loss: np.ndarray, rate: np.ndarray) -> Trajectory:
    beta = np.array([0.2, 0.5, 0.3])
    level_loss = loss[:, None] * np.array([0.2, 0.5, 0.3])
    rates = beta * LEVELS**2
    return Trajectory(
        target="known",
        network="known",
        weighting="known",
        seed=0,
        method="gradient-descent",
        objective="fixed",
        dim=2,
        points=4,
        learning_rate=0.1,
        sigma=LEVELS,
        beta=beta,
        rates=rates,
        renewed=(),
        step=step,
        loss=loss,
        level_loss=level_loss,
        residual=np.ones((len(step), len(LEVELS))),
        gradient=np.ones(len(step)),
        slowest=np.array([slowest_level(each, rates) for each in level_loss]),
        rate=rate,
        distance=np.linspace(0.0, 1.0, len(step)),
    )
