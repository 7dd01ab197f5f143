"""Claim 7: which grid suits which quality of the score.

E_S = ½ Σ Δ_j e_j depends on the grid, and so does E_D. By the paper (section 4.2) EDM's polynomial grid makes the first
smaller and the exponential grid the second, so that the better one changes as training goes on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from harness_claims.claim import Decision, Evidence, Experiments, Interpretation, Panel, Series
from harness_claims.readings import crossing
from harness_claims.verdicts import Test, decision, every, opposite, t_test

from harness_wang.claims import setting
from harness_wang.claims.paper import PaperClaim

if TYPE_CHECKING:
    import numpy as np
    from harness_claims.claim import Result

    from harness.information import Information
    from harness_wang.claims.setting import Gap

NOTE = (
    "Which grid suits a good score depends on the data and on N, so try both. With a poor score more training matters,"
    " not the grid."
)
"""What a verdict means to a practitioner."""

SUITES = {
    "exact-wide": "exact",
    "exact-fine": "exact",
    "exact": "exact",
    "oracles-wide": "oracles",
    "oracles-fine": "oracles",
    "oracles": "oracles",
    "trained-fine": "trained",
    "trained": "trained",
}
"""The suites that decide, and what each shows."""

LENGTHS = (20, 40)
"""Sampling steps N."""

DOMINANT = 10.0
"""How many times E_D a score error must be, for a score to count as poor."""

SIZES = (10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01)
"""Errors of the noise prediction per coordinate: 1 is a network that predicts nothing; with 10, E_S dominates."""

POLYNOMIAL, EXPONENTIAL = "polynomial", "exponential"


class GridsCross(PaperClaim):
    """Polynomial (EDM's ρ = 7) against exponential grid as the score gets better, on E_S + E_D.

    E_S + E_D is the path divergence less its initialisation, which all grids share: exact arithmetic on J(u) and
    e(σ). y = ln[(E_S + E_D) polynomial / exponential], σ = t, N = 20 and 40 steps, on three ranges: σ from 20 to 0.05,
    from 10 to 0.01, and EDM's from 80 to 0.002. It is followed along two ladders that end at the exact score: the
    paper's ReLU network, raw, trained on that range 10 to 1000 steps (3000 in full on the first; EDM's weighting), and
    the exact score with an error of size 10 to 0.01 added at all levels. On EDM's range the first ladder is left out,
    as samples of a hardly trained raw network overflow there.

    Three parts for each N, on each target and range (two on EDM's): y < 0 for the shortest training (Student's t on
    pairs over seeds, with the error of J and e that seeds share), y < 0 for the largest added error, and y > 0 for the
    exact score (both over the replicates of J; exact where J is in closed form). The first two are about a score so
    poor that its error dominates: they count, for or against, only where E_S is ten times E_D on both grids (tested
    likewise; its p is a lower limit of theirs). For the claim: all (the largest p). Against: the contrary of some part
    (the least p times their number). α = 0.05/13. Supported: all on every target and range, so that the sign changes in
    the claimed direction. Contradicted: some part is reversed on some. Undecided: neither. The effect is the ratio
    polynomial / exponential with the exact score, of the N where it is less: above 1 the exponential grid is better
    there.

    The paper compares the grids by its bounds. So the same is asked, beside it and by the same tests, with Theorem 2's
    bound on E_D (every constant explicit: `harness_wang.bounds`) in place of E_D; E_S is the same in both. The
    preconditioned MLP, whose error is small from the start, is a third ladder of the first range, with the place of its
    crossing; it and the marginal divergence (`kl`), which may order the grids differently, do not decide.

    The part with the exact score is arithmetic on J(u), without seeds: no fresh data are possible. It decided against
    the claim on the Gaussian when the rule was tried out on seeds 0 to 9, with the MLP in place of the ReLU network;
    the rule was then revised to require that E_S dominate. The errors of J and e were put into the first two parts by
    a review, after the first publication. The other ranges, N = 40 and the bound were added after that; on seeds 500 to
    505 N = 80 and the ladder of networks on EDM's range were tried first, and overflowed. The paper states no rate at
    which the grids part, so no size is asked for.
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
        """Two grids on two ladders of scores and two ranges; `kl` where it is measured."""
        grids, steps = [POLYNOMIAL, EXPONENTIAL], list(LENGTHS)
        lengths = setting.LENGTHS if quick else (*setting.LENGTHS, 3000)
        training: dict[str, Any] = {
            "time_discretizations": grids,
            "weightings": ["edm"],
            "seeds": setting.seeds(quick),
            "training": setting.training(lengths),
        }
        trained = setting.suite(networks=[setting.RELU], steps=steps, **training)
        added = ["inexact:size=" + ",".join(f"{size:g}" for size in SIZES)]
        oracles = setting.suite(time_discretizations=grids, networks=added, steps=steps, seeds=2)
        exact = setting.suite(time_discretizations=grids, steps=steps, seeds=2)
        few = setting.seeds(quick, 2 if quick else 4)
        wide, fine = {"noise": setting.WIDE}, {"noise": setting.FINE}
        return Experiments(
            suites={
                # First the widest range: on it J(u) is known over all.
                "exact-wide": exact | wide,
                "exact-fine": exact | fine,
                "exact": exact | {"metrics": ["path-kl", "kl"], "seeds": few},
                "oracles-wide": oracles | wide,
                "oracles-fine": oracles | fine,
                "oracles": oracles,
                "trained-fine": trained | fine | {"training": setting.training()},
                "trained": trained,
                "preconditioned": setting.suite(networks=[setting.MLP], **training),
            }
        )

    def decide(self, evidence: Evidence) -> Decision:
        """Apply the rule."""
        made = _decided(evidence, setting.by_budget)
        notes = {target: _note(evidence, target) for target in setting.by_target(evidence.results["preconditioned"])}
        own = f"{setting.SIGMA_MIN:g}–{setting.SIGMA_MAX:g}"
        findings = (
            replace(f, note=notes[f.target.rpartition(", σ ")[0]]) if own in f.target else f for f in made.findings
        )
        interpretation = Interpretation(setting.BY_THEOREM, _decided(evidence, setting.by_theorem))
        return replace(made, findings=tuple(findings), note=NOTE, interpretations=(interpretation,))

    def figure(self, evidence: Evidence, decision: Decision) -> tuple[Panel, ...]:
        """The ratio against the score error, all ladders on one axis, N = 20."""
        import numpy as np

        panels = []
        for (target, name), known in setting.by_range(evidence, SUITES).items():
            gap = setting.by_budget(setting.information(evidence, target))
            first = {what: [r for r in results if r.steps == LENGTHS[0]] for what, results in known.items()}
            ladders = {"added error": _added(first["oracles"], gap)}
            if "trained" in first:
                ladders["ReLU network in training"] = _ladder(first["trained"], gap)
            series = []
            for label, rungs in ladders.items():
                rungs = sorted(rungs, key=lambda rung: float(np.mean(rung.error)))
                errors = [float(np.mean(rung.error)) for rung in rungs]
                series.append(setting.geometric(label, errors, [rung.y for rung in rungs]))
            xs = [x for line in series for x in line.x]
            series.append(Series("equal", [min(xs), max(xs)], [1.0, 1.0], kind="guide"))
            panels.append(
                Panel(
                    name,
                    "score error E_S on the exponential grid (nats)",
                    "E_S + E_D, polynomial / exponential",
                    tuple(series),
                    log_x=True,
                )
            )
        return tuple(panels)


def _decided(evidence: Evidence, gap_of: Callable[[Information], Gap]) -> Decision:
    """Decide by the exact E_D, or by a bound on it."""
    tests = {}
    for (target, name), known in setting.by_range(evidence, SUITES).items():
        gap = gap_of(setting.information(evidence, target))
        parts: dict[str, list[Test]] = {}
        for steps in sorted({result.steps for result in known["exact"]}):
            for what, test in _parts({w: [r for r in found if r.steps == steps] for w, found in known.items()}, gap):
                parts.setdefault(what, []).append(test)
        whole = every([test for listed in parts.values() for test in listed])
        said = (f"{what} {' and '.join(f'{test.value:.2g}' for test in listed)}" for what, listed in parts.items())
        tests[name] = replace(
            setting.factor(min(parts["exact score"], key=lambda limit: limit.value)),
            statistic=f"y: {', '.join(said)}",
            p_for=whole.p_for,
            p_against=whole.p_against,
            seeds=whole.seeds,
        )
    name = "E_S + E_D, polynomial / exponential, exact score"
    return decision(tests, name, rounding=setting.ROUNDING, alpha=evidence.alpha)


class Rung(NamedTuple):
    """One score on both grids.

    Attributes:
        length: its training steps; 0 where an error was put in.
        error: E_S on the exponential grid with each seed, shape (S,).
        y: ln of E_S + E_D, polynomial / exponential, with each seed, shape (S,).
        y_points: the same from each replicate of J and e, shape (R, S).
        dominance: ln E_S/E_D on the grid where it is less, shape (S,).
        dominance_points: the same from each replicate, shape (R, S).
    """

    length: int
    error: np.ndarray
    y: np.ndarray
    y_points: np.ndarray
    dominance: np.ndarray
    dominance_points: np.ndarray


def _parts(known: Mapping[str, list[Result]], gap: Gap) -> list[tuple[str, Test]]:
    """Return the parts of one N, by what they are of; without networks where none was trained."""
    first = [("least trained", _poor(_ladder(known["trained"], gap)[0]))] if "trained" in known else []
    return [
        *first,
        ("largest error", _poor(_added(known["oracles"], gap)[0])),
        ("exact score", _exact(known["exact"], gap)),
    ]


def _rung(results: list[Result], gap: Gap, length: int, what: str) -> Rung:
    """Return the rung of one score."""
    import numpy as np

    pair = [setting.single(setting.select(results, time_discretization=g), what) for g in (POLYNOMIAL, EXPONENTIAL)]
    scores = [np.asarray(r.budget["score"], dtype=float) for r in pair]
    score_points = [setting.score_errors(r) for r in pair]
    gaps = [gap(r.sigmas)[:, None] for r in pair]
    y, dominance = _compared(scores, [each.mean() for each in gaps])
    y_points, dominance_points = _compared(score_points, gaps)
    return Rung(length, scores[1], y, y_points, dominance, dominance_points)


def _compared(scores: Sequence[np.ndarray], exact: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return y and the dominance from E_S and E_D on both grids."""
    import numpy as np

    y = np.log((scores[0] + exact[0]) / (scores[1] + exact[1]))
    return y, np.log(np.minimum(scores[0] / exact[0], scores[1] / exact[1]))


def _ladder(results: list[Result], gap: Gap) -> list[Rung]:
    """Return a rung for each length of training, from little to much."""
    lengths = sorted({result.train_steps for result in results})
    return [_rung([r for r in results if r.train_steps == k], gap, k, f"{k} training steps") for k in lengths]


def _added(results: list[Result], gap: Gap) -> list[Rung]:
    """Return a rung for each added error, from large to small."""
    import numpy as np

    networks = setting.distinct(results, "network")
    rungs = [_rung(setting.select(results, network=network), gap, 0, network) for network in networks]
    return sorted(rungs, key=lambda rung: -float(np.mean(rung.error)))


def _poor(rung: Rung) -> Test:
    """Return the test of y < 0, which says nothing, for or against, where E_S does not dominate."""
    less = opposite(_tested(rung, rung.y, rung.y_points))
    doubt = _tested(rung, rung.dominance, rung.dominance_points, math.log(DOMINANT)).p_for
    return replace(less, p_for=max(less.p_for, doubt), p_against=max(less.p_against, doubt))


def _tested(rung: Rung, values: np.ndarray, points: np.ndarray, margin: float = 0.0) -> Test:
    """Test a statistic over seeds, or over replicates of J where an error was put in, which is the same for all."""
    if rung.length == 0:
        return setting.replicate_test(points[:, 0], margin)
    return t_test(values, margin, *setting.shared(points))


def _exact(results: list[Result], gap: Gap) -> Test:
    """Return the test of y > 0 with the exact score, from each replicate of J on both grids."""
    import numpy as np

    errors = [gap(_of_grid(results, grid).sigmas) for grid in (POLYNOMIAL, EXPONENTIAL)]
    return setting.replicate_test(np.log(errors[0] / errors[1]))


def _of_grid(results: list[Result], grid: str) -> Result:
    return setting.single(setting.select(results, time_discretization=grid), f"the exact score on the {grid} grid")


def _note(evidence: Evidence, target: str) -> str:
    """Say where the two cross for the MLP, and what the marginal divergence says of the exact score; on one range."""
    import numpy as np

    gap = setting.by_budget(setting.information(evidence, target))
    ladder = _ladder(setting.by_target(evidence.results["preconditioned"])[target], gap)
    exact = [r for r in setting.by_target(evidence.results["exact"])[target] if r.steps == LENGTHS[0]]
    place = crossing([math.log(rung.length) for rung in ladder], [float(rung.y.mean()) for rung in ladder])
    where = "no crossing" if math.isnan(place) else f"a crossing after {math.exp(place):.0f} steps"
    where = f"the preconditioned MLP shows {where} (N = {LENGTHS[0]})"
    metrics = [_of_grid(exact, grid).metrics for grid in (POLYNOMIAL, EXPONENTIAL)]
    values = [float(np.mean(each.get("kl", np.array(math.nan)))) for each in metrics]
    if not (np.isfinite(values).all() and min(values) > 0):
        return where
    return f"{where}; marginal kl with the exact score, polynomial / exponential: {values[0] / values[1]:.2g}"
