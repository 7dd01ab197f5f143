"""Claim 5: the residual of each level is an inverse bell over σ.

The paper (section 4.1) finds ‖σS + ξ‖ large at small σ, where it cannot be below about √d, large at large σ, and small
between, and concludes that a total weighting should be a bell. With the exact score on a Gaussian it falls
with σ: the statement is one about the trained network.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.claims import Claim, ClaimError, Decision, Evidence, Experiments, Panel
from harness.verdicts import Test, decision, every, t_test
from harness_wang.claims import paths

if TYPE_CHECKING:
    import numpy as np

    from harness.trajectories import Trajectory


class ResidualInverseBell(Claim):
    """The residual at both ends against its interior minimum, at the start and half-way through training.

    On each target the 40 shared runs: ρ_j = mean over points of ‖σ_jS + ξ_ij‖ at 8 levels from σ = 0.05 to 20, at
    step 0 (before training) and at the recorded step nearest to K/2 (during). For each seed the place of the interior
    minimum (the levels but the first and last) is taken from the mean of ln ρ over the *other* seeds, so that the
    choice of the least of noisy values makes no bell; then y_low = ln ρ_first − ln ρ_min and y_high = ln ρ_last − ln
    ρ_min in that seed.

    Nulls: the mean of y over seeds is at most 0, for each end at each time. One-sided t tests, α = 0.05/13; for the
    claim all four are above 0 (the largest p), against it one is below 0 (four times the least p). Supported: on all
    three targets. Contradicted: at α/3 on one. Undecided: neither. The effect is the mean y of the weakest part. All
    four are reported in the notes.
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
            tests[target] = every(list(parts.values()))
            notes[target] = ", ".join(f"{part} {test.value:.3g} (p {test.p_for:.2g})" for part, test in parts.items())
        return decision(tests, "ln residual, weakest end over the middle", notes)

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
        ClaimError: fewer than two runs, or fewer than three levels.
    """
    import numpy as np

    if len(runs) < 2 or runs[0].residual.shape[1] < 3:
        raise ClaimError("an inverse bell needs two seeds and three levels at least")
    found = {}
    for when, k in (("before", 0), ("during", _half_way(runs[0]))):
        curves = np.log(np.stack([run.residual[k] for run in runs]))
        low, high = over_minimum(curves)
        found[f"{when}, low σ"] = t_test(low)
        found[f"{when}, high σ"] = t_test(high)
    return found


def over_minimum(curves: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return by how much each seed's ends are above its interior minimum, placed by the other seeds; shapes (S,).

    Arguments:
        curves: one row a seed, one column a level, shape (S, J).
    """
    import numpy as np

    others = (curves.sum(0) - curves) / (len(curves) - 1)
    place = 1 + others[:, 1:-1].argmin(1)
    least = curves[np.arange(len(curves)), place]
    return curves[:, 0] - least, curves[:, -1] - least


def _half_way(run: Trajectory) -> int:
    """Return the index of the recorded step nearest to half of the training."""
    return int(abs(run.step - run.step[-1] / 2).argmin())
