"""Descents made up for claims 1 to 5: quick sizes, with noise of the size that real runs have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Literal

import numpy as np
from harness_claims.claim import Evidence
from harness_wang.claims import convergence, gradient, paths, residual, sizes
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
    """The shared runs of all targets, which are over-parameterised as well."""
    runs = {target: [make(target, s) for s in SEEDS] for target in paths.TARGETS}
    return evidence(trajectories={f"{name} {target}": runs[target] for name in ("base", "over") for target in runs})


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


def one_rate(case: Case, rng: Generator) -> Evidence:
    """Claim 1, read as one exponential rate."""
    return base(lambda target, seed: trajectory(target, seed, decay(case, rng)))


THREE_QUARTERS = 0.7643
"""The q whose fitted exponent is ¾ in the mean: noise in the gradient takes something off."""


def keeps_its_size(case: Case, rng: Generator) -> Evidence:
    """Claim 2, read as a ratio that does not shrink.

    L ∝ (‖∇L‖²)^q with q = 1 (bounded below), ½ (convexity alone) or ¾, as a noisy gradient shows it.
    """
    middle = {"true": 1.0, "false": 0.5, "neither": THREE_QUARTERS}[case]

    def make(target: str, seed: int) -> Trajectory:
        loss = decay("false", rng)
        q = max(middle + rng.normal(0, 0.1), 0.1)
        return trajectory(target, seed, loss, gradient=(1e3 * loss) ** (1 / q) * np.exp(rng.normal(0, 0.1, len(loss))))

    return base(make)


def least_squares(
    rng: Generator, condition: float = 1e3, *, length: int = 300, rest: float = 0.0, count: int = 128
) -> Evidence:
    """Claims 1 and 2: least squares with step size 1, and an end that is nothing or a share of the start.

    Where it ends at 0, ‖∇L‖² ≥ 2λ_min L and L_k ≤ (1 − λ_min)^{2k} L_0, so that Theorem 1's bound and its inequality
    hold; but the rate falls from that of the large eigenvalues to that of the least.

    Arguments:
        rng: source of the distances from the minimum along the eigenvectors.
        condition: the largest eigenvalue, 0.99, over the least; those between have even logarithms.
        length: number of steps.
        rest: what is left at the minimum, as a share of the loss at the start.
        count: number of eigenvalues.
    """
    eigenvalues, step = np.geomspace(0.99 / condition, 0.99, count), np.arange(0, length + 1, length // 100)
    return base(lambda target, seed: descended(target, seed, rng, eigenvalues, step, rest))


def clusters(rng: Generator, count: int) -> Evidence:
    """Claims 1 and 2: least squares with so many distinct eigenvalues, condition number 1000."""
    eigenvalues = np.repeat(np.geomspace(0.99e-3, 0.99, count), 128 // count)
    return base(lambda target, seed: descended(target, seed, rng, eigenvalues, STEPS))


@cache
def decays(eigenvalues: tuple[float, ...], steps: tuple[int, ...]) -> np.ndarray:
    """Return what is left of the square of each distance after each step, shape (K, n)."""
    return (1 - np.array(eigenvalues)) ** (2 * np.array(steps)[:, None])


def descended(
    target: str, seed: int, rng: Generator, eigenvalues: np.ndarray, step: np.ndarray, rest: float = 0.0
) -> Trajectory:
    """Least squares with given eigenvalues, from a random start, at some steps."""
    squares = rng.normal(size=len(eigenvalues)) ** 2
    left = decays(tuple(eigenvalues), tuple(step))
    loss, squared = 0.5 * left @ (eigenvalues * squares), left @ (eigenvalues**2 * squares)
    least = eigenvalues[0]
    assert (squared >= 2 * least * loss * (1 - 1e-9)).all()
    assert (loss <= loss[0] * (1 - least) ** (2 * step) * (1 + 1e-9)).all()
    run = trajectory(target, seed, loss + rest * loss[0], gradient=squared, step=step)
    return replace(run, learning_rate=1.0)


SHARES: dict[Case, tuple[float, float, float]] = {
    "true": (0.95, 0.05, 0.0),
    "false": (0.05, 0.0, 0.95),
    "neither": (0.5, 0.0, 0.5),
}
"""Shares of the descents in which a least eigenvalue is seen, in which it is not, and that end above 0."""


def constants(case: Case, rng: Generator) -> Evidence:
    """Claims 1 and 2: most descents show a least eigenvalue, most end above 0, or half of them do either."""
    kinds = ((20.0, 0.0), (1e6, 0.0), (20.0, 1e-3))

    def make(target: str, seed: int) -> Trajectory:
        condition, rest = kinds[int(rng.choice(3, p=SHARES[case]))]
        return descended(target, seed, rng, np.geomspace(0.99 / condition, 0.99, 128), STEPS, rest)

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
    """Claim 4: the loss falls with both sizes, rises with both, or depends on neither."""
    power = {"true": -1.2, "false": 1.2, "neither": 0.0}[case]
    return ladders(rng, power, power)


def ladders(rng: Generator, width: float, depth: float) -> Evidence:
    """Claim 4: powers of the loss in width and depth, with what a seed's points share, for all sizes of network.

    All have one step size, so that an equal h·k is an equal k. On seeds 500 to 507 the slopes between two widths
    scattered by 0.37 to 0.40 over seeds: 0.19 to 0.2 a network.
    """
    found: dict[str, list[Trajectory]] = {}
    seeds = SEEDS[: sizes.SEEDS]
    for target in paths.TARGETS:
        common = {seed: rng.normal(0, 0.5) for seed in seeds}
        rungs = [(f"width={size}", size, width) for size in sizes.WIDTHS if size != paths.WIDTH]
        rungs += [(f"depth={size}", size, depth) for size in sizes.DEPTHS if size != paths.DEPTH]
        rungs += [(f"over-width={size}", size, width) for size in sizes.OVER_WIDTHS[target]]
        rungs += [(f"over-depth={size}", size, depth) for size in sizes.DEPTHS]
        # The shared runs stand on both ladders, whose powers meet there.
        for name, size, power in [*rungs, ("base", 1, 0.0)]:
            usual = 1 if name == "base" else paths.DEPTH if "depth" in name else paths.WIDTH
            mean = 2 + power * np.log(size / usual)
            found[f"{name} {target}"] = [
                trajectory(target, seed, ended(rng, mean + common[seed] + rng.normal(0, 0.2))) for seed in seeds
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
    1: constants,
    2: constants,
    3: smoothness,
    4: network_sizes,
    5: residuals,
}

INTERPRETATIONS: dict[tuple[int, str], Callable[[Case, Generator], Evidence]] = {
    (1, convergence.INTERPRETATION): one_rate,
    (2, gradient.INTERPRETATION): keeps_its_size,
    **{(4, name): network_sizes for name, *_ in sizes.INTERPRETATIONS},
}
"""Evidence for what claims may also be taken to say, by number and the interpretation's name."""

PARTS: dict[int, dict[str, Callable[[Generator], Evidence]]] = {
    3: {
        "excess ∝ L^0": lambda rng: perturbed(rng, power=0.0),
        "excess ∝ L^−1": lambda rng: perturbed(rng, power=-1.0),
        "constants grow by 5": lambda rng: perturbed(rng, late=5.0),
    },
    4: {
        "wider is higher": lambda rng: ladders(rng, 1.2, -1.2),
        "deeper is higher": lambda rng: ladders(rng, -1.2, 1.2),
    },
    5: {
        "no arm at low σ": lambda rng: one_arm(rng, low=False),
        "no arm at high σ": lambda rng: one_arm(rng, low=True),
    },
}
"""Evidence that a rule should contradict, by what is wrong with it: one part of the claim at a time."""

THEOREM: dict[str, Callable[[Generator], Evidence]] = {
    "condition number 1000, 300 steps": least_squares,
    "condition number 1000, 1500 steps": lambda rng: least_squares(rng, length=1500),
    "condition number 1000, 6000 steps": lambda rng: least_squares(rng, length=6000),
    "condition number 10⁶, 1500 steps": lambda rng: least_squares(rng, 1e6, length=1500),
    "16 eigenvalues, condition number 1000, 300 steps": lambda rng: least_squares(rng, count=16),
    "two eigenvalues, 1000 apart, 300 steps": lambda rng: clusters(rng, 2),
    "four eigenvalues, a decade apart, 300 steps": lambda rng: clusters(rng, 4),
}
"""Least squares, for which Theorem 1 holds: claims 1 and 2 may be undecided or supported, and never contradicted."""
