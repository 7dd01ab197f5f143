"""Claim 2: the gradient is bounded below by the loss, ‖∇L‖² ≥ cL, with one c all the way down.

That is the step of Theorem 1's proof from which exponential convergence follows. On the way down it says how L falls
with ‖∇L‖²: L ∝ (‖∇L‖²)^q with q = 1. Convexity alone gives ‖∇L‖ ≥ L/R, so q = ½, and a descent that comes to rest above
the minimum has q → 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness_claims.claim import ClaimError, Decision, Evidence, Experiments, Panel
from harness_claims.verdicts import decision, t_test

from harness_wang.claims import paths
from harness_wang.claims.paper import PaperClaim

if TYPE_CHECKING:
    from harness.trajectories import Trajectory

MARGIN = 0.75
"""Half-way between the inequality, q = 1, and what convexity alone gives, q = ½."""


NOTE = (
    "The verdict is on whether ‖∇L‖²/L keeps its size as networks of width 64 descend (where it shrinks, descent"
    " slows down), not on Theorem 1, which is for very wide networks and needs only some positive constant."
)


class GradientBoundedBelow(PaperClaim):
    """How the loss falls with the squared gradient, after the first tenth of a run.

    On each target the 40 shared runs (width 64, depth 2, 16 points, 8 levels). For each seed q is the least-squares
    slope of ln L over ln ‖∇L‖² at the recorded steps from K/10 on. ‖∇L‖²/L bounded away from 0 while L falls means q ≥
    1; where the ratio vanishes with L, q < 1. The margin is 3/4, half-way between the inequality (1) and convexity
    alone (½).

    Null: the mean of q over seeds is at most 3/4. One-sided t tests for q > 3/4 and for q < 3/4, α = 0.05/13.
    Supported: q > 3/4 is significant on all three targets. Contradicted: q < 3/4 is significant at α/3 on one.
    Undecided: neither. The effect is the mean of q; beside it stands how far ‖∇L‖²/L fell below its start.

    The rule asks whether the ratio keeps its size while the loss falls. The paper says less: that *some* positive c
    holds, for networks far wider than these. On a finite run one always does, so that cannot be contradicted; least
    squares with a condition number of 1000 has ‖∇L‖² ≥ 2λ_min L, and this rule calls it contradicted, as the ratio
    falls to that from far above. The rule is that of the first run (seeds 100 to 139); the title, the effect's name
    and this paragraph were revised after it. The exponent with which ‖∇L‖²/L follows r_{j*} within a run is reported
    and does not decide.
    """

    name: ClassVar[str] = "gradient-bounded-below"
    number: ClassVar[int] = 2
    title: ClassVar[str] = "‖∇L‖²/L does not shrink as L falls"
    statement: ClassVar[str] = (
        "Along gradient descent the squared gradient is at least a constant times the loss, the constant being"
        " proportional to the rate r of the slowest level."
    )
    source: ClassVar[str] = "Wang, He, Tao, arXiv 2406.12839, proof of Theorem 1"

    def experiments(self, quick: bool) -> Experiments:
        """The shared runs."""
        return Experiments(descents=paths.shared(quick))

    def decide(self, evidence: Evidence) -> Decision:
        """Apply the rule."""
        tests, notes, least = {}, {}, []
        for target, runs in paths.of(evidence, "base").items():
            tests[target] = t_test([exponent(run) for run in runs], MARGIN)
            notes[target] = _note(runs)
            least.append(_least(runs))
        ends = " to ".join(dict.fromkeys(_part(end) for end in (max(least), min(least))))
        return decision(
            tests,
            f"q in L ∝ (‖∇L‖²)^q (‖∇L‖²/L fell to {ends} of its start)",
            notes,
            NOTE,
            rounding=paths.ROUNDING,
            alpha=evidence.alpha,
        )

    def figure(self, evidence: Evidence, decision: Decision) -> tuple[Panel, ...]:
        """‖∇L‖²/L relative to its start, over the steps."""
        import numpy as np

        panels = []
        for target, runs in paths.of(evidence, "base").items():
            ratio = np.stack([run.gradient / run.loss for run in runs])
            scaled = np.stack([run.gradient / (run.loss * run.rate) for run in runs])
            series = (
                paths.median_line("‖∇L‖²/L", 1.0 + runs[0].step, ratio / ratio[:, :1]),
                paths.median_line("‖∇L‖²/(r L), r of the slowest level", 1.0 + runs[0].step, scaled / scaled[:, :1]),
            )
            panels.append(Panel(target, "1 + step k", "relative to the start", series, True, True))
        return tuple(panels)


def exponent(run: Trajectory) -> float:
    """Return q, the slope of ln L over ln ‖∇L‖² after the first tenth of the recorded steps.

    Raises:
        ClaimError: a gradient is 0.
    """
    import numpy as np

    late = slice(len(run.step) // 10, None)
    if not (run.gradient[late] > 0).all():
        raise ClaimError(f"{run.target}, seed {run.seed}: the gradient is 0, so that its logarithm says nothing")
    return paths.slope(np.log(run.gradient[late]), paths.log_loss(run)[late])[0]


def _part(value: float) -> str:
    """Return a ratio below a tenth as "1/n", n to two digits."""
    return f"1/{float(f'{1 / value:.2g}'):.0f}" if value < 0.1 else f"{value:.2g}"


def _least(runs: list[Trajectory]) -> float:
    """Return the least ‖∇L‖²/L of a run over that at its start, the median of the runs."""
    import numpy as np

    return float(np.median([(run.gradient / run.loss).min() / (run.gradient[0] / run.loss[0]) for run in runs]))


def _note(runs: list[Trajectory]) -> str:
    import numpy as np

    fell = float(np.median([run.loss[-1] / run.loss[0] for run in runs]))
    follows = [
        paths.slope(np.log(run.rate), np.log(run.gradient / run.loss))[0] for run in runs if np.ptp(run.rate) > 0
    ]
    said = f"least ‖∇L‖²/L over its start {_part(_least(runs))} (median), while L fell to {_part(fell)}"
    if not follows:
        return f"{said}; r_j* never changed"
    return f"{said}; ‖∇L‖²/L follows r_j* with exponent {np.median(follows):.2g} (median of {len(follows)} runs)"
