"""Claim 7: which grid suits which quality of the score.

E_S = ½ Σ Δ_j e_j depends on the grid, and so does E_D. By the paper (section 4.2) EDM's polynomial grid makes the first
smaller and the exponential grid the second, so that the better one changes as training goes on.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from harness.claims import Claim, ClaimError, Decision, Evidence, Experiments, Panel, Series
from harness.readings import crossing
from harness.verdicts import Test, decision, every, opposite, t_test
from harness_wang.claims import setting

if TYPE_CHECKING:
    import numpy as np

    from harness.claims import Result
    from harness.information import Information

SIZES = (10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01)
"""Errors of the noise prediction per coordinate: 1 is a network that predicts nothing; with 10, E_S dominates."""

POLYNOMIAL, EXPONENTIAL = "polynomial", "exponential"


class GridsCross(Claim):
    """Polynomial (EDM's ρ = 7) against exponential grid as the score gets better, on E_S + E_D.

    E_S + E_D is the path divergence less its initialisation, which all grids share: exact arithmetic on J(u) and
    e(σ). y = ln[(E_S + E_D) polynomial / exponential], σ = t, 20 steps. It is followed along two ladders that end at
    the exact score: networks trained 10 to 1000 steps (EDM's weighting), and the exact score with an error of
    size 10 to 0.01 added at all levels.

    Three parts, on each target: y < 0 for the shortest training (paired over seeds, Student's t), y < 0 for the
    largest added error (likewise), and y > 0 for the exact score (over the replicates of J; exact where J is in
    closed form). For the claim: all three (the largest p). Against: the contrary of some part (three times the
    least p). α = 0.05/13. Supported: all three on every target, so that the sign changes in the claimed direction.
    Contradicted: some part is reversed on some target. Undecided: neither. The effect is the ratio polynomial /
    exponential with the exact score: above 1 the exponential grid is better there. The place of the crossing, the
    two ladders and the marginal divergence (`kl`), which may order the grids differently, are reported in the notes
    and do not decide.
    """

    name: ClassVar[str] = "grids-cross"
    number: ClassVar[int] = 7
    title: ClassVar[str] = "polynomial grid for poor scores, exponential for good ones"
    statement: ClassVar[str] = (
        "With a little trained score the polynomial grid is better than the exponential one, with a well trained score"
        " the reverse; in between they cross."
    )
    source: ClassVar[str] = "Wang, He, Tao, arXiv 2406.12839, section 4.2"

    def experiments(self, quick: bool) -> Experiments:
        """Two grids on two ladders of scores; `kl` where it is measured."""
        grids = [POLYNOMIAL, EXPONENTIAL]
        lengths = setting.LENGTHS if quick else (*setting.LENGTHS, 3000)
        count = setting.seeds(quick)
        return Experiments(
            suites={
                "trained": setting.suite(
                    time_discretizations=grids,
                    networks=[setting.MLP],
                    weightings=["edm"],
                    seeds=count,
                    training=setting.training(lengths),
                ),
                "oracles": setting.suite(
                    time_discretizations=grids,
                    networks=["inexact:size=" + ",".join(f"{size:g}" for size in SIZES)],
                    seeds=2,
                ),
                "exact": setting.suite(time_discretizations=grids, metrics=["path-kl", "kl"], seeds=2 if quick else 4),
            }
        )

    def decide(self, evidence: Evidence) -> Decision:
        """Apply the rule."""
        trained = setting.by_target(evidence.results["trained"])
        oracles = setting.by_target(evidence.results["oracles"])
        exact = setting.by_target(evidence.results["exact"])
        if not set(trained) == set(oracles) == set(exact):
            raise ClaimError(
                f"the ladders have different targets: {sorted(trained)}, {sorted(oracles)}, {sorted(exact)}"
            )
        tests, notes = {}, {}
        for target in trained:
            first = t_test(_ladder(trained[target])[0][1])
            worst = t_test(_added(oracles[target])[0][1])
            limit = _exact(exact[target], setting.information(evidence, target))
            whole = every([opposite(first), opposite(worst), limit])
            statistic = f"least trained y = {first.value:.3g} ({first.statistic}), exact score y = {limit.value:.3g}"
            tests[target] = replace(
                setting.factor(limit),
                statistic=statistic,
                p_for=whole.p_for,
                p_against=whole.p_against,
                seeds=first.seeds,
            )
            notes[target] = _note(trained[target], exact[target])
        return decision(tests, "E_S + E_D, polynomial / exponential, exact score", notes)

    def figure(self, evidence: Evidence, decision: Decision) -> tuple[Panel, ...]:
        """The ratio against the score error, both ladders on one axis."""
        import numpy as np

        panels = []
        oracles = setting.by_target(evidence.results["oracles"])
        for target, results in setting.by_target(evidence.results["trained"]).items():
            ladders = {"trained networks": _ladder(results), "added error": _added(oracles[target])}
            series = []
            for label, rungs in ladders.items():
                errors = [float(np.mean(error)) for _, _, error in rungs]
                series.append(setting.geometric(label, errors, [y for _, y, _ in rungs]))
            xs = [x for line in series for x in line.x]
            series.append(Series("equal", [min(xs), max(xs)], [1.0, 1.0], kind="guide"))
            panels.append(
                Panel(
                    target,
                    "score error E_S on the exponential grid (nats)",
                    "E_S + E_D, polynomial / exponential",
                    tuple(series),
                    True,
                    True,
                )
            )
        return tuple(panels)


def _difference(results: list[Result], what: str) -> tuple[np.ndarray, np.ndarray]:
    """Return y of each seed, shape (S,), and E_S on the exponential grid likewise."""
    import numpy as np

    pair = [setting.single(setting.select(results, time_discretization=g), what) for g in (POLYNOMIAL, EXPONENTIAL)]
    errors = [np.asarray(r.budget["score"]) + np.asarray(r.budget["discretization"]) for r in pair]
    return np.log(errors[0] / errors[1]), np.asarray(pair[1].budget["score"])


def _ladder(results: list[Result]) -> list[tuple[float, np.ndarray, np.ndarray]]:
    """Return, for each length of training, the length, y and E_S, from little to much."""
    lengths = sorted({result.train_steps for result in results})
    return [(k, *_difference([r for r in results if r.train_steps == k], f"{k} training steps")) for k in lengths]


def _added(results: list[Result]) -> list[tuple[float, np.ndarray, np.ndarray]]:
    """Return the same for each added error, from large to small; the first number says nothing."""
    import numpy as np

    networks = setting.distinct(results, "network")
    rungs = [(0.0, *_difference(setting.select(results, network=network), network)) for network in networks]
    return sorted(rungs, key=lambda rung: -float(np.mean(rung[2])))


def _exact(results: list[Result], curve: Information) -> Test:
    """Return the test of y > 0 with the exact score, from each replicate of J on both grids."""
    import numpy as np

    errors = [setting.discretization(curve, _of_grid(results, grid).sigmas) for grid in (POLYNOMIAL, EXPONENTIAL)]
    return setting.replicate_test(np.log(errors[0] / errors[1]))


def _of_grid(results: list[Result], grid: str) -> Result:
    return setting.single(setting.select(results, time_discretization=grid), f"the exact score on the {grid} grid")


def _note(trained: list[Result], exact: list[Result]) -> str:
    """Say where the two cross, and what the marginal divergence says of the exact score."""
    import numpy as np

    ladder = _ladder(trained)
    place = crossing([math.log(k) for k, _, _ in ladder], [float(y.mean()) for _, y, _ in ladder])
    where = "no crossing seen in training" if math.isnan(place) else f"crossing after {math.exp(place):.0f} steps"
    metrics = [_of_grid(exact, grid).metrics for grid in (POLYNOMIAL, EXPONENTIAL)]
    values = [float(np.mean(each.get("kl", np.array(math.nan)))) for each in metrics]
    if not (np.isfinite(values).all() and min(values) > 0):
        return where
    return f"{where}; marginal kl with the exact score, polynomial / exponential: {values[0] / values[1]:.2g}"
