"""Claim 11: the bound predicts which designs are better."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from harness_claims.claim import ClaimError, Decision, Evidence, Experiments, Panel, Series
from harness_claims.readings import agreement
from harness_claims.verdicts import decision, t_test

from harness_wang.claims import setting
from harness_wang.claims.designs import BOUND, SAMPLES, designs
from harness_wang.claims.paper import PaperClaim

if TYPE_CHECKING:
    import numpy as np
    from harness_claims.claim import Result

THRESHOLD = 0.5
"""τ at which three pairs of designs out of four are in the right order."""


NOTE = (
    "The bound contains the score error measured on each trained network, so that it orders designs after training and"
    " says nothing before it."
)
"""What a verdict means to a practitioner."""


class BoundPredictsRanking(PaperClaim):
    """Kendall's τ_b between the order by the bound of Theorem 2 and the measured order, in each seed.

    Designs: three weightings by six grids (EDM's schedules with ρ = 1 to 7, and exponential), all with 20 steps, so
    that nothing but the design is ranked; at each length of training τ is taken by itself and averaged. Measured is
    the marginal divergence `kl` where it is (d ≤ 4), else the sliced Wasserstein distance. All designs of a seed
    share its random numbers; seeds are the independent units. The points at which e(σ) is measured are the same for
    all designs and seeds: a verdict holds for the bounds as they are measured there.

    "Predicts" means that at least three pairs of designs out of four are in the right order, τ = 0.5. On each
    target, Student's t over seeds. For the claim: mean τ > 0.5; against it: mean τ < 0.5. α = 0.05/13. Supported:
    on every target τ is above. Contradicted: on some target it is below. Undecided: neither. The effect is τ. Its
    value at each length of training, and within grids alone for each weighting (EDM's schedules), is in the notes.

    The bound contains the E_S measured on the trained network: it is a "prediction" that can be made only after
    training, and part of the agreement is that a worse score makes both larger. The order of grids for one network
    is what the bound adds. The paper itself compares designs by bounds without a number, so 0.5 is our reading. The
    rule was tried out on seeds 0 to 9.
    """

    name: ClassVar[str] = "bound-predicts-ranking"
    number: ClassVar[int] = 11
    title: ClassVar[str] = "the bound predicts the ranking"
    statement: ClassVar[str] = "The order of designs by the bound is their order by measured error."
    source: ClassVar[str] = "Wang, He, Tao, arXiv 2406.12839, section 4 (designs are compared by their bounds)"

    def experiments(self, quick: bool) -> Experiments:
        """The designs, trained."""
        return Experiments(suites={"designs": designs(quick)["designs"]})

    def decide(self, evidence: Evidence) -> Decision:
        """Apply the rule."""
        import numpy as np

        tests, notes = {}, {}
        for target, results in setting.by_target(evidence.results["designs"]).items():
            taus = {length: tau(own) for length, own in _lengths(results).items()}
            test = t_test(np.mean(list(taus.values()), axis=0), THRESHOLD)
            tests[target] = replace(test, statistic=f"τ = {test.value:.2f} by {measure(results)}, {test.statistic}")
            notes[target] = _note(results, {length: float(values.mean()) for length, values in taus.items()})
        return decision(
            tests, "Kendall τ of bound and measured order", notes, NOTE, rounding=setting.ROUNDING, alpha=evidence.alpha
        )

    def figure(self, evidence: Evidence, decision: Decision) -> tuple[Panel, ...]:
        """Measured error against the bound, a point a design, by length of training."""
        import numpy as np

        panels = []
        for target, results in setting.by_target(evidence.results["designs"]).items():
            metric = measure(results)
            series = []
            for length, own in _lengths(results).items():
                points = [(float(np.mean(r.bounds[BOUND])), float(np.mean(r.metrics[metric]))) for r in own]
                points.sort()
                label = f"{length} training steps"
                series.append(Series(label, [x for x, _ in points], [y for _, y in points], kind="points"))
            panels.append(Panel(target, "bound of Theorem 2 (nats)", f"measured {metric}", tuple(series), True, True))
        return tuple(panels)


def _lengths(results: list[Result]) -> dict[int, list[Result]]:
    lengths = sorted({result.train_steps for result in results})
    return {length: [r for r in results if r.train_steps == length] for length in lengths}


def _weightings(results: list[Result]) -> list[str]:
    return setting.distinct(results, "weighting")


def measure(results: list[Result]) -> str:
    """Return the metric that orders these designs: `kl` where every one of them has it, else sample distance."""
    import numpy as np

    whole = all("kl" in r.metrics and np.isfinite(r.metrics["kl"]).all() for r in results)
    return "kl" if whole else SAMPLES


def tau(results: list[Result]) -> np.ndarray:
    """Return τ_b between bound and measured error in each seed, shape (S,).

    Raises:
        ClaimError: all designs have the same bound or the same error.
    """
    import numpy as np

    metric = measure(results)
    bounds = np.stack([np.asarray(r.bounds[BOUND], dtype=float) for r in results])
    errors = np.stack([np.asarray(r.metrics[metric], dtype=float) for r in results])
    values = agreement(bounds, errors)
    if not np.isfinite(values).all():
        raise ClaimError(f"designs of target {results[0].target} cannot be ordered: all bounds or errors are equal")
    return values


def _note(results: list[Result], lengths: dict[int, float]) -> str:
    """Say τ at each length of training, and τ of the grids alone."""
    parts = [f"{value:.2f} after {length} steps" for length, value in lengths.items()]
    groups = [setting.select(own, weighting=w) for own in _lengths(results).values() for w in _weightings(own)]
    grids = [float(tau(group).mean()) for group in groups]
    return f"τ {', '.join(parts)}; grids alone {sum(grids) / len(grids):.2f}"
