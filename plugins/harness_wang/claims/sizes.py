"""Claim 4: wider and deeper networks lower the optimisation error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from harness_claims.claim import ClaimError, Decision, Evidence, Experiments, Panel
from harness_claims.verdicts import Test, decision, every, opposite, t_test

from harness_wang.claims import paths
from harness_wang.claims.paper import PaperClaim

if TYPE_CHECKING:
    from harness.trajectories import Trajectory

SEEDS = 12

WIDTHS, DEPTHS = (32, 64, 128), (1, 2, 3)
"""Widths at depth 2, depths at width 64; full runs take one more of each."""


class WiderDeeperLower(PaperClaim):
    """The loss after K steps against width m and depth L, paired over seeds.

    On each target 12 seeds of descents with widths 32, 64, 128 (and 256 in full) at depth 2, and depths 1, 2, 3 (and 4)
    at width 64; a seed's points and noise are the same for all. Each network descends with its own step size, half of
    what its curvature at the start allows, as one that is tuned would. For each seed s_m is the least-squares slope of
    ln L_K over ln m, and s_L that over ln L.

    Nulls: the mean of s_m over seeds is at least 0; the mean of s_L is. One-sided t tests, α = 0.05/13; for the claim
    both must be below 0 (the larger p), against it one above 0 (twice the smaller p). Supported: on all three
    targets. Contradicted: at α/3 on one. Undecided: neither. The effect is the slope of the weaker of the two.

    Theorem 1's rate is proportional to h·m: at one h a wider network is faster, with an h that shrinks as 1/m it is
    not. So two more slopes are reported and do not decide: that of the loss relative to its start, and that of the loss
    at an equal h·k (the least hK of a seed's networks), as if all had one step size. The rule is that of the first run
    (seeds 100 to 139); the slope at equal h·k was added after it.
    """

    name: ClassVar[str] = "wider-deeper-lower"
    number: ClassVar[int] = 4
    title: ClassVar[str] = "wider and deeper networks reach a lower loss"
    statement: ClassVar[str] = "After as many steps of gradient descent a wider and a deeper network has a lower loss."
    source: ClassVar[str] = "Wang, He, Tao, arXiv 2406.12839, Theorem 1"

    def experiments(self, quick: bool) -> Experiments:
        """One run for each width and each depth; the first of the shared runs are those of width 64 and depth 2."""
        widths, depths = (WIDTHS, DEPTHS) if quick else ((*WIDTHS, 256), (*DEPTHS, 4))
        how = paths.settings(quick)
        descents = paths.shared(quick)
        for target in paths.TARGETS:
            for width in set(widths) - {paths.WIDTH}:
                descents[f"width={width} {target}"] = paths.request(
                    quick, target, paths.network(width=width), SEEDS, how
                )
            for depth in set(depths) - {paths.DEPTH}:
                descents[f"depth={depth} {target}"] = paths.request(
                    quick, target, paths.network(depth=depth), SEEDS, how
                )
        return Experiments(descents=descents)

    def decide(self, evidence: Evidence) -> Decision:
        """Apply the rule."""
        tests, notes, equal = {}, {}, {}
        ladders = {what: ladder(evidence, what) for what in ("width", "depth")}
        for target in ladders["width"]:
            parts = {what: slopes(found[target]) for what, found in ladders.items()}
            relative = {what: slopes(found[target], relative=True) for what, found in ladders.items()}
            equal[target] = {what: slopes(found[target], equal=True) for what, found in ladders.items()}
            tests[target] = every([opposite(test) for test in parts.values()])
            notes[target] = (
                f"slope in ln m {_said(parts['width'])}, in ln L {_said(parts['depth'])}; of the loss relative to its "
                f"start {_said(relative['width'])}, {_said(relative['depth'])}; at equal h·k "
                f"{_said(equal[target]['width'])}, {_said(equal[target]['depth'])}"
            )
        made = decision(
            tests,
            "slope of ln loss in ln size, weaker of m and L",
            notes,
            rounding=paths.ROUNDING,
            alpha=evidence.alpha,
        )
        return replace(made, note=_note(made, equal))

    def figure(self, evidence: Evidence, decision: Decision) -> tuple[Panel, ...]:
        """The last loss against width and against depth."""
        import numpy as np

        panels = []
        for what, label in (("width", "width m (depth 2)"), ("depth", "depth L (width 64)")):
            series = []
            for target, found in ladder(evidence, what).items():
                rows = np.array([[run.loss[-1] for run in found[size]] for size in found]).T
                series.append(paths.median_line(target, list(found), rows))
            panels.append(Panel(f"against {what}", label, "loss after the last step", tuple(series), True, True))
        return tuple(panels)


def ladder(evidence: Evidence, what: str) -> dict[str, dict[int, list[Trajectory]]]:
    """Return the runs of each size, by target and size, sizes increasing.

    Raises:
        ClaimError: sizes were run with different seeds.
    """
    names = {name.split(" ")[0] for name in evidence.trajectories}
    sizes = {int(name.partition("=")[2]): name for name in names if name.startswith(f"{what}=")}
    sizes[paths.WIDTH if what == "width" else paths.DEPTH] = "base"
    found: dict[str, dict[int, list[Trajectory]]] = {}
    for size in sorted(sizes):
        for target, runs in paths.of(evidence, sizes[size]).items():
            first = sorted(runs, key=lambda run: run.seed)[:SEEDS]
            found.setdefault(target, {})[size] = first
    for target, rungs in found.items():
        if len({tuple(run.seed for run in runs) for runs in rungs.values()}) != 1 or len(rungs) < 2:
            raise ClaimError(f"{target}: a slope in {what} needs two sizes or more, with the same seeds")
    return found


def slopes(rungs: dict[int, list[Trajectory]], *, relative: bool = False, equal: bool = False) -> Test:
    """Test whether the slope of the log of the last loss in the log of the size is above 0.

    Arguments:
        rungs: the runs of each size, seed by seed.
        relative: of the loss relative to its start.
        equal: of the loss at the least hK of a seed's networks, between recorded steps by a line in ln L.
    """
    import numpy as np

    at = np.log([float(size) for size in rungs])
    found = []
    for runs in zip(*rungs.values(), strict=True):
        time = min(run.learning_rate * run.step[-1] for run in runs)
        ends = [
            np.interp(time, run.learning_rate * run.step, paths.log_loss(run)) if equal else paths.log_loss(run)[-1]
            for run in runs
        ]
        starts = [relative * paths.log_loss(run)[0] for run in runs]
        found.append(paths.slope(at, np.array(ends) - np.array(starts))[0])
    return t_test(found)


def _note(made: Decision, equal: Mapping[str, Mapping[str, Test]]) -> str:
    """Say how targets differ, and what another convention for the step size would have said."""
    weaker = ", ".join(f"{finding.effect:.2f} on {finding.target} ({finding.verdict})" for finding in made.findings)
    other = ", ".join(f"{max(test.value for test in parts.values()):.2f} on {t}" for t, parts in equal.items())
    return (
        "Each network has its own step size, half of what its curvature allows, which shrinks with size; the slope of"
        f" the weaker of width and depth is {weaker}, and at equal h·k (one step size for all) {other}: a verdict holds"
        " for this choice of step sizes and for these data."
    )


def _said(test: Test) -> str:
    return f"{test.value:.2f}" if test.low is None else f"{test.value:.2f} ({test.low:.2f} to {test.high:.2f})"
