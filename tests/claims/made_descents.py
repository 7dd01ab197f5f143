"""Descents made up for claims 1 to 5: quick sizes, with noise of the size that real runs have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from harness_wang.claims import paths, sizes
from numpy.random import Generator

from harness.claims import Evidence
from harness.trajectories import Probes, Trajectory

Case = Literal["true", "false", "neither"]

STEPS = np.arange(0, 303, 3)
LEVELS = np.geomspace(0.05, 20, 8)
DIM = {"gaussian:dim=2": 2, "ring": 2, "digits": 64}


def trajectory(target: str, seed: int, loss: np.ndarray, **changes) -> Trajectory:
    """A run with a given loss; whatever else is not given follows from it."""
    count, levels = len(loss), len(LEVELS)
    given = {
        "gradient": 1e3 * loss,
        "residual": np.ones((count, levels)),
        "rate": np.full(count, 0.1),
        "probes": None,
    } | changes
    return Trajectory(
        target=target,
        network=paths.network(),
        weighting="edm",
        seed=seed,
        method="gradient-descent",
        dim=DIM[target],
        points=16,
        learning_rate=1e-3,
        sigma=LEVELS,
        beta=np.full(levels, 1 / levels),
        rates=LEVELS**2 / levels,
        renewed=(),
        step=STEPS,
        loss=loss,
        level_loss=np.repeat(loss[:, None] / levels, levels, axis=1),
        slowest=np.full(count, levels - 1),
        distance=np.linspace(0, 1, count),
        **given,
    )


def base(make: Callable[[str, int], Trajectory]) -> Evidence:
    """The shared runs of all targets."""
    seeds = range(paths.FIRST, paths.FIRST + paths.SEEDS)
    return Evidence(trajectories={f"base {target}": [make(target, s) for s in seeds] for target in paths.TARGETS})


def decay(case: Case, rng: Generator) -> np.ndarray:
    """A loss that falls exponentially (true), as a power of the step (false), or as a product of both."""
    k = STEPS / STEPS[-1]
    fall = rng.uniform(4, 8)
    exponential, power = fall * k, fall * np.log1p(STEPS) / np.log1p(STEPS[-1])
    share = {"true": 1.0, "false": 0.0, "neither": rng.normal(0.5, 0.25)}[case]
    # Neighbouring records err alike.
    noise = np.convolve(rng.normal(0, 0.15, len(k) + 9), np.ones(10) / 10, mode="valid")
    return np.exp(rng.normal(10, 1) - share * exponential - (1 - share) * power + noise)


def convergence(case: Case, rng: Generator) -> Evidence:
    """Claim 1."""
    return base(lambda target, seed: trajectory(target, seed, decay(case, rng)))


def gradient(case: Case, rng: Generator) -> Evidence:
    """Claim 2: L ∝ (‖∇L‖²)^q with q = 1 (bounded below), ½ (convexity alone) or ¾."""
    middle = {"true": 1.0, "false": 0.5, "neither": 0.75}[case]

    def make(target: str, seed: int) -> Trajectory:
        loss = decay("false", rng)
        q = max(middle + rng.normal(0, 0.1), 0.1)
        return trajectory(target, seed, loss, gradient=(1e3 * loss) ** (1 / q) * np.exp(rng.normal(0, 0.1, len(loss))))

    return base(make)


def smoothness(case: Case, rng: Generator) -> Evidence:
    """Claim 3: the inequality with one a and b (true); with a second-order term that does not fall with the loss."""
    violating = {"true": 0.02, "false": 0.98, "neither": 0.5}[case]

    def make(target: str, seed: int) -> Trajectory:
        loss, probes = decay("false", rng), []
        grows = rng.random() < violating
        for step in np.linspace(0, STEPS[-1], 6).round():
            here = float(loss[np.abs(STEPS - step).argmin()])
            for radius in (0.016, 0.16, 1.6):
                for _ in range(4):
                    size = rng.uniform(0.05, 0.5)
                    excess = size * np.sqrt(here) * (radius ** (4 / 3) + radius**2)
                    # Constants that grow along the way are none.
                    excess *= 20 if grows and step > STEPS[-1] / 2 else 1
                    slope = rng.normal(0, 1) * radius * np.sqrt(here)
                    probes.append((step, False, radius, here, here + slope + excess, slope))
        return trajectory(target, seed, loss, probes=Probes(*map(np.array, zip(*probes, strict=True))))

    return base(make)


def ended(rng: Generator, last: float) -> np.ndarray:
    """A loss that ends at a given logarithm."""
    loss = decay("false", rng)
    return loss * np.exp(last) / loss[-1]


def network_sizes(case: Case, rng: Generator) -> Evidence:
    """Claim 4: the last loss against width and depth, with what a seed's points share."""
    power = {"true": -0.7, "false": 0.7, "neither": 0.0}[case]
    found: dict[str, list[Trajectory]] = {}
    seeds = range(paths.FIRST, paths.FIRST + sizes.SEEDS)
    for target in paths.TARGETS:
        common = {seed: rng.normal(0, 0.5) for seed in seeds}
        rungs = [("width", size, size / sizes.WIDTHS[0]) for size in sizes.WIDTHS if size != paths.WIDTH]
        rungs += [("depth", size, size / sizes.DEPTHS[0]) for size in sizes.DEPTHS if size != paths.DEPTH]
        # Twice as wide as the least and twice as deep: the shared runs stand on both ladders.
        for what, size, ratio in [*rungs, ("base", 0, 2.0)]:
            found[f"{what}={size} {target}" if size else f"base {target}"] = [
                trajectory(target, seed, ended(rng, 2 + power * np.log(ratio) + common[seed] + rng.normal(0, 0.25)))
                for seed in seeds
            ]
    return Evidence(trajectories=found)


def residual(case: Case, rng: Generator) -> Evidence:
    """Claim 5: a bowl in ln σ (true), a hill (false) or a flat curve, before and during training."""
    x = np.linspace(-1, 1, len(LEVELS))
    shape = {"true": 1.0, "false": -1.0, "neither": 0.0}[case] * 0.6 * x**2

    def make(target: str, seed: int) -> Trajectory:
        # The norm of d normal numbers, averaged over 16 points, varies by 1/√(2d·16) of itself.
        noise = rng.normal(0, 1 / np.sqrt(32 * DIM[target]), (len(STEPS), len(LEVELS)))
        return trajectory(target, seed, decay("false", rng), residual=np.sqrt(DIM[target]) * np.exp(shape + noise))

    return base(make)


MAKERS: dict[int, Callable[[Case, Generator], Evidence]] = {
    1: convergence,
    2: gradient,
    3: smoothness,
    4: network_sizes,
    5: residual,
}
