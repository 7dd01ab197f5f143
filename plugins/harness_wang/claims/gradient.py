"""Claim 2: the gradient is bounded below by the loss, ‖∇L‖² ≥ c r_{j*} L, with one c all the way down.

That is the step of Theorem 1's proof from which exponential convergence follows. Whether a descent leaves such a c is
in `harness_wang.claims.constants`. A reader may take it to say more: that ‖∇L‖²/L does not shrink on the way down. With
L ∝ (‖∇L‖²)^q that is q = 1. Convexity alone gives ‖∇L‖ ≥ L/R, so q = ½, and a descent that comes to rest above the
minimum has q → 0.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from harness_claims.claim import ClaimError, Decision, Evidence, Experiments, Interpretation, Panel
from harness_claims.verdicts import decision, t_test

from harness_wang.claims import paths
from harness_wang.claims.constants import Course, course, lasting
from harness_wang.claims.paper import PaperClaim

if TYPE_CHECKING:
    from harness.trajectories import Trajectory

MARGIN = 0.75
"""Half-way between the inequality, q = 1, and what convexity alone gives, q = ½."""


NOTE = (
    "A power law is left undecided: least squares obeys the inequality and looks like one until its least eigenvalue is"
    " reached, so that only a longer run would tell."
)

INTERPRETATION = "‖∇L‖²/L does not shrink as L falls"


class GradientBoundedBelow(PaperClaim):
    """Whether the constant of ‖∇L‖² ≥ c r_{j*} L lasts while over-parameterised networks descend.

    On each target the 40 over-parameterised runs of claim 1. c(k) is the least ‖∇L‖²/(r_{j*} L) of the recorded steps
    up to k, and p(a) the exponent of its fall between aK and K: 0 where it lasts, 1 on a power law. A descent *lasts*
    where p(½) < ½. It *rests* where p(½) and p(¾) are above 1, by so much that the pace h‖∇L‖²/L, if it went on to
    fall so, would lower ln L by less than ln 2 for ever. Else c goes on *falling*.

    Nulls: at most half of the descents last; at most half rest. One-sided sign tests over the 40 seeds, α = 0.05/13.
    Supported: the first is rejected on all three targets. Contradicted: the second is at α/3 on one. Undecided:
    neither. The effect is the share of descents in which the constant lasts.

    On a finite run some positive c always holds, so that a ratio that shrinks is no refutation: least squares has
    ‖∇L‖² ≥ 2λ_min L, and its ratio falls as 1/k until λ_min is seen. It is undecided here or supported, by the length
    of the run. What no c allows is a gradient that vanishes while the loss does not.

    Beside it, with a rule of its own: "‖∇L‖²/L does not shrink as L falls", on the 40 shared runs (width 64, 16 points;
    on digits one parameter an equation). q is the least-squares slope of ln L over ln ‖∇L‖² from K/10 on; t tests for
    the mean of q above ¾ and below ¾, half-way between the inequality (1) and convexity alone (½), at the same level.
    It decided the claim before this rule, and contradicted least squares.

    The rule is new: it was tried out on seeds 500 to 507. How far ‖∇L‖²/L fell below its start, and the exponent with
    which it follows r_{j*} within a run, are reported and do not decide.
    """

    name: ClassVar[str] = "gradient-bounded-below"
    number: ClassVar[int] = 2
    title: ClassVar[str] = "a constant times the loss bounds ‖∇L‖² from below"
    statement: ClassVar[str] = (
        "Along gradient descent the squared gradient is at least a constant times the loss, the constant being"
        " proportional to the rate r of the slowest level."
    )
    source: ClassVar[str] = "Wang, He, Tao, arXiv 2406.12839, proof of Theorem 1"

    def experiments(self, quick: bool) -> Experiments:
        """The shared runs, and the over-parameterised ones."""
        over = {f"over {target}": paths.over(quick, target) for target in paths.TARGETS}
        return Experiments(descents=paths.shared(quick) | over)

    def decide(self, evidence: Evidence) -> Decision:
        """Apply the rule."""
        over = paths.of(evidence, "over")
        tests = {target: lasting([constant_course(run) for run in runs]) for target, runs in over.items()}
        notes = {target: _note(runs) for target, runs in over.items()}
        made = decision(tests, "share of descents in which c lasts", notes, NOTE, alpha=evidence.alpha)
        return replace(made, interpretations=(Interpretation(INTERPRETATION, _keeps_its_size(evidence)),))

    def figure(self, evidence: Evidence, decision: Decision) -> tuple[Panel, ...]:
        """‖∇L‖²/L relative to its start, over the steps."""
        import numpy as np

        panels = []
        for target, runs in paths.of(evidence, "over").items():
            ratio = np.stack([run.gradient / run.loss for run in runs])
            scaled = np.stack([run.gradient / (run.loss * run.rate) for run in runs])
            series = (
                paths.median_line("‖∇L‖²/L", 1.0 + runs[0].step, ratio / ratio[:, :1]),
                paths.median_line("‖∇L‖²/(r L), r of the slowest level", 1.0 + runs[0].step, scaled / scaled[:, :1]),
            )
            panels.append(Panel(target, "1 + step k", "relative to the start", series, True, True))
        return tuple(panels)


def _keeps_its_size(evidence: Evidence) -> Decision:
    """Decide the plain interpretation."""
    runs_of = paths.of(evidence, "base")
    tests = {target: t_test([exponent(run) for run in runs], MARGIN) for target, runs in runs_of.items()}
    notes = {target: _note(runs) for target, runs in runs_of.items()}
    return decision(tests, "q in L ∝ (‖∇L‖²)^q", notes, rounding=paths.ROUNDING, alpha=evidence.alpha)


def constant_course(run: Trajectory) -> Course:
    """Return what becomes of the largest c that the recorded steps allow."""
    import numpy as np

    ratio = run.gradient * np.exp(-paths.log_loss(run))
    return course(run.step, ratio / run.rate, float(run.learning_rate * ratio[-1]))


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
