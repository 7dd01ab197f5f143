"""Descents made up for claims 1 to 5: quick sizes, with noise of the size that real runs have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from harness_claims.claim import Evidence
from harness_wang.claims import paths, residual, sizes
from numpy.random import Generator
from paper_level import evidence

from harness.trajectories import Probes, Trajectory

Case = Literal["true", "false", "neither"]

STEPS = np.arange(0, 303, 3)
LEVELS = np.geomspace(0.05, 20, 8)
SEEDS = range(paths.FIRST_QUICK, paths.FIRST_QUICK + paths.SEEDS)
DIM = {"gaussian:dim=2": 2, "ring": 2, "digits": 64}


def trajectory(target: str, seed: int, loss: np.ndarray, **changes) -> Trajectory:
    """A run with a given loss; whatever else is not given follows from it."""
    count, levels = len(loss), len(LEVELS)
    given = {
        "gradient": 1e3 * loss,
        "residual": np.ones((count, levels)),
        "rate": np.full(count, 0.1),
        "probes": None,
        "step": STEPS,
    } | changes
    return Trajectory(
        target=target,
        network=paths.network(),
        weighting="edm",
        seed=seed,
        method="gradient-descent",
        objective="fixed",
        dim=DIM[target],
        points=16,
        learning_rate=1e-3,
        sigma=LEVELS,
        beta=np.full(levels, 1 / levels),
        rates=LEVELS**2 / levels,
        renewed=(),
        loss=loss,
        level_loss=np.repeat(loss[:, None] / levels, levels, axis=1),
        slowest=np.full(count, levels - 1),
        distance=np.linspace(0, 1, count),
        **given,
    )


def base(make: Callable[[str, int], Trajectory]) -> Evidence:
    """The shared runs of all targets."""
    return evidence(trajectories={f"base {target}": [make(target, s) for s in SEEDS] for target in paths.TARGETS})


CENTRE = 0.3936
"""The mean share of the exponential at which neither fits better."""


def decay(case: Case, rng: Generator) -> np.ndarray:
    """A loss that falls exponentially (true), as a power of the step (false), or as a product of both.

    The product is centred: an exponential and a power describe it equally well in the mean over seeds.
    """
    k = STEPS / STEPS[-1]
    fall = rng.uniform(4, 8)
    exponential, power = fall * k, fall * np.log1p(STEPS) / np.log1p(STEPS[-1])
    share = {"true": 1.0, "false": 0.0, "neither": rng.normal(CENTRE, 0.25)}[case]
    # Neighbouring records err alike.
    noise = np.convolve(rng.normal(0, 0.15, len(k) + 9), np.ones(10) / 10, mode="valid")
    return np.exp(rng.normal(10, 1) - share * exponential - (1 - share) * power + noise)


def convergence(case: Case, rng: Generator) -> Evidence:
    """Claim 1."""
    return base(lambda target, seed: trajectory(target, seed, decay(case, rng)))


THREE_QUARTERS = 0.7643
"""The q whose fitted exponent is ¾ in the mean: noise in the gradient takes something off."""


def gradient(case: Case, rng: Generator) -> Evidence:
    """Claim 2: L ∝ (‖∇L‖²)^q with q = 1 (bounded below), ½ (convexity alone) or ¾, as a noisy gradient shows it."""
    middle = {"true": 1.0, "false": 0.5, "neither": THREE_QUARTERS}[case]

    def make(target: str, seed: int) -> Trajectory:
        loss = decay("false", rng)
        q = max(middle + rng.normal(0, 0.1), 0.1)
        return trajectory(target, seed, loss, gradient=(1e3 * loss) ** (1 / q) * np.exp(rng.normal(0, 0.1, len(loss))))

    return base(make)


def least_squares(rng: Generator) -> Evidence:
    """Claims 1 and 2: least squares with eigenvalues from 0.001 to 1 and step size 1.

    Here ‖∇L‖² ≥ 2λ_min L and L_k ≤ (1 − λ_min)^{2k} L_0, so that a bound like Theorem 1's holds; but the rate falls
    from that of the large eigenvalues to that of the least.
    """
    eigenvalues, k = np.geomspace(1e-3, 1, 128), STEPS[:, None]

    def make(target: str, seed: int) -> Trajectory:
        squares = (1 - eigenvalues) ** (2 * k) * rng.normal(size=128) ** 2
        loss, squared = 0.5 * (eigenvalues * squares).sum(1), (eigenvalues**2 * squares).sum(1)
        assert (squared >= 2 * eigenvalues[0] * loss).all()
        assert (loss <= loss[0] * (1 - eigenvalues[0]) ** (2 * STEPS)).all()
        return trajectory(target, seed, loss, gradient=squared)

    return base(make)


RADII = (0.016, 0.16, 1.6)


def probed(rng: Generator, steps: np.ndarray, loss: np.ndarray, power: float, late: float) -> Probes:
    """Perturbations at some steps, with an excess ∝ L^power at a radius; at a small loss so many times more."""
    step, radius = (each.ravel() for each in np.meshgrid(steps, np.repeat(RADII, 4), indexing="ij"))
    here = np.repeat(loss, len(step) // len(loss))
    size = rng.uniform(0.05, 0.5, len(step)) * np.where(here < 0.05 * loss[0], late, 1.0)
    excess = size * here**power * (radius ** (4 / 3) + radius**2)
    slope = rng.normal(0, 1, len(step)) * radius * np.sqrt(here)
    return Probes(step, np.zeros(len(step), bool), radius, here, here + slope + excess, slope)


def perturbed(rng: Generator, power: float = 0.5, late: float = 1.0, share: float = 1.0) -> Evidence:
    """Claim 3: an excess ∝ L^power that at a small loss is `late` times more, for a share of the seeds."""
    found: dict[str, list[Trajectory]] = {}
    for target in paths.TARGETS:
        for seed in SEEDS:
            scale, steepness = np.exp(rng.normal(10, 0.3)), rng.normal(1.15, 0.03)
            loss = scale * (1.0 + STEPS) ** -steepness
            grown = late if rng.random() < share else 1.0
            some = np.linspace(0, len(STEPS) - 1, 6).round().astype(int)
            probes = probed(rng, STEPS[some], loss[some], power, grown)
            found.setdefault(f"base {target}", []).append(trajectory(target, seed, loss, probes=probes))
            if seed % 2 == 0:
                first = np.arange(1 + paths.OPENING)
                loss = scale * (1.0 + first) ** -steepness
                probes = probed(rng, first, loss, power, grown)
                run = trajectory(target, seed, loss, step=first, probes=probes)
                found.setdefault(f"opening {target}", []).append(run)
    return evidence(trajectories=found)


def smoothness(case: Case, rng: Generator) -> Evidence:
    """Claim 3: one a and b for all but a few seeds (true); an excess that grows as √L falls (false); half the seeds."""
    if case == "false":
        return perturbed(rng, power=-0.5)
    return perturbed(rng, late=20, share={"true": 0.005, "neither": 0.5}[case])


def ended(rng: Generator, last: float) -> np.ndarray:
    """A loss that ends at a given logarithm."""
    loss = decay("false", rng)
    return loss * np.exp(last) / loss[-1]


def network_sizes(case: Case, rng: Generator) -> Evidence:
    """Claim 4: the last loss falls with both sizes, rises with both, or depends on neither."""
    power = {"true": -0.7, "false": 0.7, "neither": 0.0}[case]
    return ladders(rng, power, power)


def ladders(rng: Generator, width: float, depth: float) -> Evidence:
    """Claim 4: powers of the last loss in width and depth, with what a seed's points share."""
    found: dict[str, list[Trajectory]] = {}
    seeds = SEEDS[: sizes.SEEDS]
    for target in paths.TARGETS:
        common = {seed: rng.normal(0, 0.5) for seed in seeds}
        rungs = [("width", size, size / sizes.WIDTHS[0]) for size in sizes.WIDTHS if size != paths.WIDTH]
        rungs += [("depth", size, size / sizes.DEPTHS[0]) for size in sizes.DEPTHS if size != paths.DEPTH]
        # Twice as wide as the least and twice as deep: the shared runs stand on both ladders.
        # The powers meet there.
        powers = {"width": width, "depth": depth, "base": 0.0}
        for what, size, ratio in [*rungs, ("base", 0, 2.0)]:
            found[f"{what}={size} {target}" if size else f"base {target}"] = [
                trajectory(
                    target, seed, ended(rng, 2 + powers[what] * np.log(ratio / 2) + common[seed] + rng.normal(0, 0.25))
                )
                for seed in seeds
            ]
    return evidence(trajectories=found)


def residuals(case: Case, rng: Generator) -> Evidence:
    """Claim 5: a bowl in ln σ (true), a hill (false), or a flat curve with both ends at the margin."""
    x = np.linspace(-1, 1, len(LEVELS))
    ends = np.zeros(len(x))
    ends[[0, -1]] = np.log(residual.ARM)
    return curves(rng, {"true": 0.6 * x**2, "false": -0.6 * x**2, "neither": ends}[case])


def one_arm(rng: Generator, low: bool) -> Evidence:
    """Claim 5: a curve that rises towards one end, and is flat towards the other."""
    x = np.linspace(-1, 1, len(LEVELS))
    return curves(rng, 0.6 * np.clip(-x if low else x, 0, None) ** 2)


def curves(rng: Generator, shape: np.ndarray) -> Evidence:
    """Claim 5: a logarithm of the residual over the levels, before and during training."""

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
    5: residuals,
}

PARTS: dict[int, dict[str, Callable[[Generator], Evidence]]] = {
    1: {"least squares": least_squares},
    2: {"least squares": least_squares},
    3: {
        "excess ∝ L^0": lambda rng: perturbed(rng, power=0.0),
        "excess ∝ L^−1": lambda rng: perturbed(rng, power=-1.0),
        "constants grow by 5": lambda rng: perturbed(rng, late=5.0),
    },
    4: {
        "wider is higher": lambda rng: ladders(rng, 0.7, -0.7),
        "deeper is higher": lambda rng: ladders(rng, -0.7, 0.7),
    },
    5: {
        "no arm at low σ": lambda rng: one_arm(rng, low=False),
        "no arm at high σ": lambda rng: one_arm(rng, low=True),
    },
}
"""Evidence that a rule should contradict, by what is wrong with it: one part of the claim at a time."""
