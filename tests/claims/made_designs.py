"""Made-up evidence for claims 6 to 13.

Noise is of the size seen in real quick runs: E_S of a network scatters by 15 % over seeds (half of that shared
by the designs of a seed), J by 1 % over its replicates where it is measured, kl by 0.02 nats.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from harness_wang.claims import crossover, designs, dimension, effort, exponent, setting, weighting

from harness.claims import Evidence, Result
from harness.curves import MeasuredInformation
from harness.information import Information

Case = Literal["true", "false", "neither"]
Generator = np.random.Generator

TARGETS = {"gaussian": 3, "ring": 2, "digits": 64}
SEEDS = setting.QUICK_SEEDS
LOW, HIGH = setting.SIGMA_MIN, setting.SIGMA_MAX


def polynomial(rho: float, steps: int, high: float = HIGH) -> np.ndarray:
    """Levels of a polynomial grid, shape (N+1,)."""
    at = np.arange(steps + 1) / steps
    return np.asarray((high ** (1 / rho) + at * (LOW ** (1 / rho) - high ** (1 / rho))) ** rho)


def geometric(steps: int, high: float = HIGH) -> np.ndarray:
    """Levels of the exponential grid, shape (N+1,)."""
    return np.geomspace(high, LOW, steps + 1)


def curve(rng: Generator, dim: int, std: float, high: float = HIGH) -> Information:
    """J of N(0, std² I) as a measurement would give it: eight replicates with a smooth error of 1 %."""
    u = np.geomspace(LOW**2, high**2, 40)
    exact = dim * u / (std**2 + u)
    phase = np.linspace(0, 3, len(u))
    wave = rng.normal(size=(8, 1)) * np.cos(phase) + rng.normal(size=(8, 1)) * np.sin(phase)
    values = exact * (1 + 0.01 * wave * (1 - exact / dim))
    top = 0.5 * dim * (std**2 / high**2 - np.log1p(std**2 / high**2))
    return MeasuredInformation(dim, dim * std**2, u, values, top * (1 + 1e-3 * rng.normal(size=8)))


def result(target: str, sigmas: np.ndarray, budget: dict[str, Any], seeds: int = SEEDS, **parts: Any) -> Result:
    """One combination; terms of the budget that are numbers are the same for all seeds."""
    terms = {term: np.broadcast_to(np.asarray(value, dtype=float), (seeds,)) for term, value in budget.items()}
    labels = {"target": target, "sampler": "exponential-integrator", **parts.pop("labels", {})}
    defaults: dict[str, Any] = {"steps": len(sigmas) - 1, "train_steps": 0, "nfe": len(sigmas) - 1, "metrics": {}}
    ends = {"sigma_max": float(sigmas[0]), "sigma_min": float(sigmas[-1])}
    return Result(labels=labels, seeds=tuple(range(seeds)), sigmas=sigmas, budget=terms, **ends, **(defaults | parts))


def common(rng: Generator) -> np.ndarray:
    """The part of ln E_S that all designs of a seed share, shape (S,)."""
    return rng.normal(scale=0.1, size=SEEDS)


def scatter(rng: Generator) -> np.ndarray:
    """The part of ln E_S that is a design's own, shape (S,)."""
    return rng.normal(scale=0.1, size=SEEDS)


def weightings(case: Case, rng: Generator) -> Evidence:
    """Claim 6: E_S falls as a power of the steps, times a speed of each weighting."""
    speeds = {
        "true": {"bell-shaped": 3.0, "edm": 1.5, "min-snr": 0.7, "likelihood": 1.0, "v-cosine": 0.9, "flow": 0.8},
        "false": {"bell-shaped": 1.0, "edm": 0.3, "min-snr": 0.8, "likelihood": 3.0, "v-cosine": 0.9, "flow": 0.8},
        "neither": {"bell-shaped": 1.0, "edm": 0.6, "min-snr": 0.8, "likelihood": 1.0, "v-cosine": 0.9, "flow": 0.8},
    }[case]
    found = []
    for target in TARGETS:
        shared = common(rng)
        for name in (*weighting.BELLS, *weighting.OTHERS):
            own = scatter(rng)
            for length in setting.LENGTHS:
                noise = shared + own + rng.normal(scale=0.05, size=SEEDS)
                score = 300 * (length * speeds[name] / 10) ** -0.8 * np.exp(noise)
                labels = {"weighting": name, "network": weighting.NETWORK, "time_discretization": "exponential"}
                found.append(result(target, geometric(20), {"score": score}, train_steps=length, labels=labels))
    return Evidence(results={"weightings": found})


def grids(case: Case, rng: Generator) -> Evidence:
    """Claim 7: almost a point, where the exponential grid is best; a wide Gaussian, where it is not."""
    std = {"true": 0.01, "false": 1.0, "neither": 0.01}[case]
    # How E_S differs between the grids: as for an even error of the noise prediction, or not at all.
    ratio = {"true": 0.9, "false": 0.9, "neither": 1.0}[case]
    trained, oracles, limit, known = [], [], [], {}
    levels = {"polynomial": polynomial(7, 20), "exponential": geometric(20)}
    for target, dim in TARGETS.items():
        known[target] = curve(rng, dim, std)
        exact = {name: float(setting.discretization(known[target], s).mean()) for name, s in levels.items()}
        for length in setting.LENGTHS:
            shared = common(rng)
            for name, sigmas in levels.items():
                factor = ratio if name == "polynomial" else 1.0
                # What training leaves at each level is the same for both grids; they weigh it differently.
                score = factor * 30 * dim * 10 / length * np.exp(shared + rng.normal(scale=0.02, size=SEEDS))
                terms = {"score": score, "discretization": exact[name]}
                labels = {"time_discretization": name, "network": "mlp", "weighting": "edm"}
                trained.append(result(target, sigmas, terms, train_steps=length, labels=labels))
        for name, sigmas in levels.items():
            u = sigmas**2
            for size in crossover.SIZES:
                score = 0.5 * size**2 * dim * ((u[:-1] - u[1:]) / u[:-1]).sum()
                network = "inexact" if size == 0.1 else f"inexact:size={size:g}"  # 0.1 is the default
                labels = {"time_discretization": name, "network": network, "weighting": "none"}
                terms = {"score": score, "discretization": exact[name]}
                oracles.append(result(target, sigmas, terms, seeds=2, labels=labels))
            labels = {"time_discretization": name, "network": "exact", "weighting": "none"}
            limit.append(result(target, sigmas, {"discretization": exact[name]}, seeds=2, labels=labels))
    return Evidence(results={"trained": trained, "oracles": oracles, "exact": limit}, information=known)


def exponents(case: Case, rng: Generator) -> Evidence:
    """Claim 8: a Gaussian whose scale puts the best ρ at ρ_0 (0.5), far above (0.06), or where "near" ends (0.24)."""
    std = {"true": 0.5, "false": 0.06, "neither": 0.2390}[case]
    found, known = [], {}
    for target, dim in TARGETS.items():
        known[target] = curve(rng, dim, std)
        for rho in exponent.RHOS:
            sigmas = polynomial(rho, setting.STEPS)
            label = "polynomial" if rho == 7 else f"polynomial:rho={rho:g}"
            terms = {"discretization": float(setting.discretization(known[target], sigmas).mean())}
            found.append(result(target, sigmas, terms, seeds=2, labels={"time_discretization": label}))
    return Evidence(results={"exponents": found}, information=known)


def dimensions(case: Case, rng: Generator) -> Evidence:
    """Claim 9: the steps needed grow as a power of the dimension, with 5 % that differ from law to law."""
    power = {"true": 1.0, "false": 0.5, "neither": 0.8}[case]
    found, known = [], {}
    for family in ("gaussian", "mixture", "patches"):
        for dim in dimension.DIMENSIONS:
            target = f"{family}:dim={dim}"
            known[target] = curve(rng, dim, 1.0)
            size = 15 * dim**power * np.exp(rng.normal(scale=0.05))
            found += [
                result(target, geometric(steps), {"discretization": size / steps}, seeds=1)
                for steps in dimension.LADDER
            ]
    return Evidence(results={"dimensions": found}, information=known)


def bounds(case: Case, rng: Generator) -> Evidence:
    """Claim 10: the exact terms doubled, halved, or as they are within the error of J."""
    factor = {"true": 2.0, "false": 0.5, "neither": 1.0}[case]
    found, known = [], {}
    for target, dim in TARGETS.items():
        known[target] = curve(rng, dim, 0.3)
        for rho in (1, 2, 3, 5, 7):
            for length in designs.LENGTHS:
                sigmas = polynomial(rho, setting.STEPS)
                score = 3e3 / length * np.exp(common(rng) + scatter(rng))
                exact = setting.discretization(known[target], sigmas) + known[target].initialization(HIGH**2)
                slip = rng.normal(scale=exact.std() / 8**0.5) if case == "neither" else 0.0
                total = score + float(exact.mean())
                limit = score + factor * float(exact.mean()) + slip
                kl = total / 30 + rng.normal(scale=0.02, size=SEEDS) if dim <= 3 else np.full(SEEDS, np.nan)
                if case == "neither":
                    kl = np.full(SEEDS, np.nan)
                parts = {
                    "metrics": {"path-kl": total, "kl": kl},
                    "errors": {"kl": np.full(SEEDS, 0.02)},
                    "bounds": {designs.BOUND: limit},
                    "labels": {"time_discretization": f"polynomial:rho={rho}", "weighting": "edm"},
                }
                found.append(result(target, sigmas, {"total": total}, train_steps=length, **parts))
    return Evidence(results={"designs": found}, information=known)


def orders(case: Case, rng: Generator) -> Evidence:
    """Claim 11: measured errors follow the bound, with a deviation of each design and noise of each seed."""
    found = []
    for target, dim in TARGETS.items():
        metric = "kl" if dim <= 3 else designs.SAMPLES
        count = len(designs.WEIGHTINGS) * 6
        for length in designs.LENGTHS:
            place = rng.permutation(np.linspace(0, 2, count))
            # A deviation that is itself a fixed order, so that τ is what the case says and not a matter of luck.
            own = {"true": 0.9, "false": 0.1, "neither": 0.5}[case]
            deviated = _with_tau(place, own, rng)
            for k in range(count):
                noise = rng.normal(scale=(0.03, 0.1), size=(SEEDS, 2))
                bound = 1e3 / length * np.exp(place[k] + noise[:, 0])
                error = np.exp(deviated[k] + noise[:, 1]) / length
                labels = {"weighting": designs.WEIGHTINGS[k % 3], "time_discretization": f"polynomial:rho={k // 3 + 1}"}
                metrics = {"kl": np.full(SEEDS, np.nan), metric: error}
                parts = {"metrics": metrics, "bounds": {designs.BOUND: bound}, "labels": labels}
                found.append(result(target, geometric(20), {}, train_steps=length, **parts))
    return Evidence(results={"designs": found})


def _with_tau(order: np.ndarray, tau: float, rng: Generator) -> np.ndarray:
    """Return values whose Kendall τ with an order is as given, by exchanging neighbours until it has fallen to it."""
    ranks = np.argsort(np.argsort(order))
    values, n = np.arange(len(order)), len(order)
    swaps = round((1 - tau) / 2 * n * (n - 1) / 2)
    while swaps:
        k = int(rng.integers(n - 1))
        if values[k] < values[k + 1]:
            values[[k, k + 1]] = values[[k + 1, k]]
            swaps -= 1
    return np.asarray(2 * values[ranks] / n)


def starts(case: Case, rng: Generator) -> Evidence:
    """Claim 12: the power of σ_max, with and without a matched start that leaves next to nothing."""
    power = {"true": -2.0, "false": -4.0, "neither": -2.5}[case]
    levels = np.array([5.0, 10.0, 20.0, 40.0, 80.0])
    found, known = [], {}
    for target, dim in TARGETS.items():
        known[target] = curve(rng, dim, 1.0, high=80.0)
        values = {
            "centered": dim * levels**power * np.exp(rng.normal(scale=0.03, size=len(levels))),
            "moment-matched": 0.02 * dim * levels**power,
        }
        for law, errors in values.items():
            for level, error in zip(levels, errors, strict=True):
                sigmas, labels = geometric(20, level), {"initial_law": law}
                found.append(result(target, sigmas, {"initialization": error}, seeds=1, labels=labels))
    return Evidence(results={"starts": found}, information=known)


def divisions(case: Case, rng: Generator) -> Evidence:
    """Claim 13: E_S falls with training and E_D with steps; or only one of the two matters; or it just pays."""
    found = []
    for target, dim in TARGETS.items():
        shared = common(rng)
        for share in effort.SHARES:
            length = int(share * effort.TOTAL / 384)
            steps = int((1 - share) * effort.TOTAL / effort.SAMPLES)
            between = share not in (effort.SHARES[0], effort.SHARES[-1])
            score = {"true": 500 / length, "false": 500 / length, "neither": 0.9 if between else 1.0}[case]
            grid = {"true": 30 / steps, "false": 1e-3 / steps, "neither": 0.0}[case]
            total = dim * (score * np.exp(shared + rng.normal(scale=0.03, size=SEEDS)) + grid)
            labels = {"network": "mlp", "weighting": "edm"}
            found.append(result(target, geometric(steps), {"total": total}, train_steps=length, labels=labels))
    return Evidence(results={f"total-{effort.TOTAL}": found})


MAKERS: dict[int, Callable[[Case, Generator], Evidence]] = {
    6: weightings,
    7: grids,
    8: exponents,
    9: dimensions,
    10: bounds,
    11: orders,
    12: starts,
    13: divisions,
}
