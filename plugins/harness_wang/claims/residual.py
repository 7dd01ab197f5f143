"""Claim 5: the residual of each level is an inverse bell over σ.

The paper (section 4.1) finds ‖σS + ξ‖ large at small σ, where it cannot be below about √d, large at large σ, and small
between, and concludes that a total weighting should be a bell. With the exact score on a Gaussian it falls
with σ: the statement is one about the trained network.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from harness_claims.claim import ClaimError, Decision, Evidence, Experiments, Panel
from harness_claims.verdicts import Test, decision, every, t_test

from harness_wang.claims import paths
from harness_wang.claims.paper import PaperClaim
from harness_wang.claims.setting import factor

if TYPE_CHECKING:
    from harness.trajectories import Trajectory


ARM = 1.05
"""An end of a bell is at least so many times its middle; less is no arm, however significant."""

NOTE = (
    "On the shape of the residual of a raw deep ReLU network; how well a bell-shaped weighting trains is"
    " another question (claim 6)."
)


class ResidualInverseBell(PaperClaim):
    """The residual at both ends against its interior minimum, at the start and half-way through training.

    On each target the 40 shared runs: ρ_j = mean over points of ‖σ_jS + ξ_ij‖ at 8 levels from σ = 0.05 to 20, at
    step 0 (before training) and at the recorded step nearest to K/2 (during). At each time the even seeds say where
    the interior minimum is (the least mean ln ρ among the levels but the first and last), and the odd seeds, which
    had no part in that choice, are tested there: y_low = ln ρ_first − ln ρ_min and y_high = ln ρ_last − ln ρ_min.
    Otherwise the least of noisy values would make a bell of any curve.

    Nulls: the mean of y over the 20 odd seeds is at most ln 1.05, for each end at each time: an end less than 5 % above
    the middle is no arm of a bell. One-sided t tests, α = 0.05/13; for the claim all four are above ln 1.05 (the
    largest p), against it one is below (four times the least p). Supported: on all three targets. Contradicted: at α/3
    on one. Undecided: neither. The effect is exp(y) of the weakest part. All four are reported in the notes.

    The paper gives no depth. In the first run (seeds 100 to 139) the margin was 0, so that an arm that is not there was
    "undecided": it is neither above the middle nor below. The 5 % came after that.
    """

    name: ClassVar[str] = "residual-inverse-bell"
    number: ClassVar[int] = 5
    title: ClassVar[str] = "the residual over σ is an inverse bell"
    statement: ClassVar[str] = (
        "The residual ‖σS + ξ‖ of the network is large at small and at large noise levels and small between, before"
        " and during training."
    )
    source: ClassVar[str] = "Wang, He, Tao, arXiv 2406.12839, section 4.1"

    def experiments(self, quick: bool) -> Experiments:
        """The shared runs."""
        return Experiments(descents=paths.shared(quick))

    def decide(self, evidence: Evidence) -> Decision:
        """Apply the rule."""
        tests, notes = {}, {}
        for target, runs in paths.of(evidence, "base").items():
            parts = ends(runs)
            tests[target] = factor(every(list(parts.values())))
            notes[target] = "end over middle: " + ", ".join(
                f"{part} {math.exp(test.value):.3g}" for part, test in parts.items()
            )
        return decision(
            tests,
            "residual of the weakest end / of the middle",
            notes,
            NOTE,
            rounding=paths.ROUNDING,
            alpha=evidence.alpha,
        )

    def figure(self, evidence: Evidence, decision: Decision) -> tuple[Panel, ...]:
        """The residual over σ before, during and after training."""
        import numpy as np

        panels = []
        for target, runs in paths.of(evidence, "base").items():
            middle = _half_way(runs[0])
            series = []
            for label, k in (("before training", 0), ("half-way", middle), ("after training", -1)):
                series.append(paths.median_line(label, runs[0].sigma, np.stack([run.residual[k] for run in runs])))
            panels.append(Panel(target, "noise level σ", "residual ‖σS + ξ‖", tuple(series), True, True))
        return tuple(panels)


def ends(runs: list[Trajectory]) -> dict[str, Test]:
    """Return the four tests: both ends, before and during training.

    Raises:
        ClaimError: fewer than one even and two odd seeds, or fewer than three levels.
    """
    import numpy as np

    odd = np.array([run.seed % 2 == 1 for run in runs])
    if odd.sum() < 2 or odd.all() or runs[0].residual.shape[1] < 3:
        raise ClaimError("an inverse bell needs an even seed, two odd ones and three levels at least")
    found = {}
    for when, k in (("before", 0), ("during", _half_way(runs[0]))):
        curves = np.log(np.stack([run.residual[k] for run in runs]))
        place = 1 + int(curves[~odd, 1:-1].mean(0).argmin())
        found[f"{when}, low σ"] = t_test(curves[odd, 0] - curves[odd, place], math.log(ARM))
        found[f"{when}, high σ"] = t_test(curves[odd, -1] - curves[odd, place], math.log(ARM))
    return found


def _half_way(run: Trajectory) -> int:
    """Return the index of the recorded step nearest to half of the training."""
    return int(abs(run.step - run.step[-1] / 2).argmin())
