"""What the experiments of several claims share, so that they share their records: targets, training, grid range.

And how their rules read the evidence. The exact terms of the budget are arithmetic on J(u) and e(σ). Where J is
measured, its replicates are independent and take the place of seeds; where it is known in closed form a term is exact.
The e(σ) of all networks of a target is measured at the same points, in as many independent sets: what it is off by is
shared by all seeds, and is not seen in their spread.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from harness_claims.claim import ClaimError, Series
from harness_claims.verdicts import Test, t_test

from harness_wang import bounds

if TYPE_CHECKING:
    import numpy as np
    from harness_claims.claim import Evidence, Result

    from harness.information import Information

TARGETS = ("gaussian:dim=3,condition=25", "ring", "digits")
"""A Gaussian, a mixture, and real data. The marginal divergence `kl` is measured on the first two."""

SIGMA_MIN, SIGMA_MAX = 0.05, 20.0

WIDE = {"sigma_min": 0.002, "sigma_max": 80.0}
"""EDM's own range."""

FINE = {"sigma_min": 0.01, "sigma_max": 10.0}
"""A range that ends finer and starts lower. On EDM's samples of a raw network leave what numbers can hold."""

STEPS = 20
"""Sampling steps where their number is not what is studied; so is the grid: exponential, unless said."""

LENGTHS = (10, 30, 100, 300, 1000)
"""Lengths of training."""

QUICK_SEEDS, SEEDS = 6, 10
"""How many seeds train networks."""

FIRST_QUICK, FIRST = 700, 600
"""The first seed of each; the quick ones and those of a publication differ.

Rules were tried out on seeds below 10, and decided with seeds from 200 and 300 until that of claim 7 was revised, which
was tried out on seeds 500 to 505.
"""

ROUNDING = 1e-3
"""Share of the variance over seeds that is rounding where networks are not chaotic; 1e-7 was measured.

Claim 6, whose raw networks are trained long with weights of every kind, takes what nothing else is known of.
"""

RELU = "relu:width=64,depth=2"
"""The paper's network, raw: without preconditioning."""

MLP = "mlp:width=64,depth=2"


def suite(**parts: Any) -> dict[str, Any]:
    """Return a suite of the exponential integrator on the common range, with parts put in or replaced."""
    common: dict[str, Any] = {
        "targets": list(TARGETS),
        "noise_schedules": ["edm"],
        "time_discretizations": ["exponential"],
        "networks": ["exact"],
        "samplers": ["exponential-integrator"],
        "metrics": ["path-kl"],
        "rank_by": "path-kl",
        "steps": [STEPS],
        "seeds": 1,
        "noise": {"sigma_min": SIGMA_MIN, "sigma_max": SIGMA_MAX},
        "sampling": {"samples": 64},
    }
    return common | parts


def training(lengths: Sequence[int] = LENGTHS) -> dict[str, Any]:
    """Return the section `training` that all claims share; lengths are snapshots of one run."""
    return {"steps": list(lengths), "batch_size": 128, "learning_rate": 2e-3, "ema_decay": 0.9}


def seeds(quick: bool, count: int | None = None) -> list[int]:
    """Return the seeds of a suite: as many as train networks, unless told."""
    first, usual = (FIRST_QUICK, QUICK_SEEDS) if quick else (FIRST, SEEDS)
    return list(range(first, first + (count or usual)))


def by_target(results: Sequence[Result]) -> dict[str, list[Result]]:
    """Return the results of each target, in order.

    Raises:
        ClaimError: there are none.
    """
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result.target, []).append(result)
    if not groups:
        raise ClaimError("a suite of this claim has no results")
    return groups


def select(results: Sequence[Result], **labels: str) -> list[Result]:
    """Return the results whose component on each named axis has the label given."""
    return [result for result in results if all(result.labels[axis] == wanted for axis, wanted in labels.items())]


def by_range(evidence: Evidence, suites: Mapping[str, str]) -> dict[tuple[str, str], dict[str, list[Result]]]:
    """Return the results of suites by the target and a name that says its range of levels, then by what they show.

    Arguments:
        evidence: with these suites.
        suites: what each shows, by its name.

    Raises:
        ClaimError: on one range something is shown of one target and not of another.
    """
    found: dict[tuple[str, str], dict[str, list[Result]]] = {}
    for name, shown in suites.items():
        for target, results in by_target(evidence.results[name]).items():
            ends = f"{results[0].sigma_min:g}–{results[0].sigma_max:g}"
            found.setdefault((target, f"{target}, σ {ends}"), {}).setdefault(shown, []).extend(results)
    for (target, name), known in found.items():
        alike = [set(other) for (t, n), other in found.items() if n.removeprefix(t) == name.removeprefix(target)]
        if missing := set().union(*alike) - set(known):
            raise ClaimError(f"{name}: there are no results of {', '.join(sorted(missing))}")
    return found


def single(results: Sequence[Result], what: str) -> Result:
    """Return the only result of a list.

    Raises:
        ClaimError: there are none or several; the line says of `what`.
    """
    if len(results) != 1:
        raise ClaimError(f"there are {len(results)} results of {what}, where the rule reads one")
    return results[0]


def distinct(results: Sequence[Result], axis: str) -> list[str]:
    """Return the labels on an axis, in order."""
    return list(dict.fromkeys(result.labels[axis] for result in results))


def information(evidence: Evidence, target: str) -> Information:
    """Return the J(u) of a target.

    Raises:
        ClaimError: it was not measured.
    """
    known: Mapping[str, Information] = evidence.information
    if target not in known:
        raise ClaimError(f"J(u) of target {target} is not in the evidence")
    return known[target]


def discretization(curve: Information, sigmas: np.ndarray) -> np.ndarray:
    """Return E_D = ½ Σ ∫ (J(u) − J(u_j)) du of a grid, of each replicate of J; shape (R,)."""
    import numpy as np

    u = np.asarray(sigmas, dtype=np.float64) ** 2
    gap = curve.fisher_integral(u) - (u[:-1] - u[1:]) * curve.fisher(u[:-1])
    return np.asarray(0.5 * gap.sum(-1))


Gap = Callable[["np.ndarray"], "np.ndarray"]
"""E_D of a grid of levels, shape (N+1,), or what bounds it; of each replicate, shape (R,)."""


def by_budget(curve: Information) -> Gap:
    """Return the exact E_D of grids, on a law."""
    return lambda sigmas: discretization(curve, sigmas)


def by_theorem(curve: Information) -> Gap:
    """Return the bound on E_D of Theorem 2, every constant explicit (`harness_wang.bounds`): of d and m₂² alone."""
    import numpy as np

    return lambda sigmas: np.array([bounds.discretization(sigmas**2, curve.dim, curve.second_moment)])


BY_THEOREM = "by Theorem 2's terms"
"""Name of the interpretation that has this bound in place of the exact E_D."""


def exact_terms(curve: Information, sigmas: np.ndarray) -> np.ndarray:
    """Return E_I + E_D of a grid and the centred start, of each replicate of J; shape (R,)."""
    terms: np.ndarray = curve.initialization(float(sigmas[0]) ** 2) + discretization(curve, sigmas)
    return terms


def score_errors(result: Result, below: float = math.inf) -> np.ndarray:
    """Return E_S = ½ Σ Δ_j e_j of each seed, as measured at each of the R sets of points; shape (R, S).

    R is 1 where e(σ) is exact. Their mean over the sets is the budget's term.

    Arguments:
        result: one combination.
        below: leave out the steps that start at this level or above.
    """
    import numpy as np

    u, start = result.sigmas**2, result.sigmas[:-1]
    steps = (u[:-1] - u[1:]) * (start < below)
    return np.stack([0.5 * each(start) @ steps for each in result.score_errors], axis=1)


def shared(points: np.ndarray) -> tuple[float, float]:
    """Return the standard error that all seeds of a statistic share, and its degrees of freedom, for `t_test`.

    Arguments:
        points: the statistic of each seed, from each of R independent measurements that seeds share; shape (R, S).
    """
    means = points.mean(1)
    if len(means) == 1:
        return 0.0, math.inf
    return float(means.std(ddof=1)) / math.sqrt(len(means)), len(means) - 1.0


def factor(test: Test) -> Test:
    """Return a test of a logarithm with its estimate and limits as a factor."""
    low, high = (None if limit is None else math.exp(limit) for limit in (test.low, test.high))
    return replace(test, value=math.exp(test.value), low=low, high=high)


def geometric(label: str, x: Sequence[float], logs: Sequence[np.ndarray]) -> Series:
    """Return a line through geometric means over seeds, with 95 % limits; logs are ln y, K of shape (S,)."""
    spots = [factor(t_test(values)) for values in logs]
    low = [spot.value if spot.low is None else spot.low for spot in spots]
    high = [spot.value if spot.high is None else spot.high for spot in spots]
    return Series(label, x, [spot.value for spot in spots], low, high)


def replicate_test(values: np.ndarray, margin: float = 0.0) -> Test:
    """Test a number of each replicate of J, shape (R,), against a margin; one replicate is a closed form, exact.

    Replicates that agree by chance are tested as a coin: eight of them decide nothing.
    """
    import numpy as np

    exact = len(values) == 1
    return t_test(np.repeat(values, 2) if exact else values, margin, arithmetic=exact)
