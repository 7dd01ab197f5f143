"""Claim 4: wider and deeper networks lower the optimisation error."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.claims import Claim, ClaimError, Decision, Evidence, Experiments, Panel
from harness.verdicts import Test, decision, every, opposite, t_test
from harness_wang.claims import paths

if TYPE_CHECKING:
    from harness.trajectories import Trajectory

SEEDS = 12

WIDTHS, DEPTHS = (32, 64, 128), (1, 2, 3)
"""Widths at depth 2, depths at width 64; full runs take one more of each."""


class WiderDeeperLower(Claim):
    """The loss after K steps against width m and depth L, paired over seeds.

    On each target 12 seeds of descents with widths 32, 64, 128 (and 256 in full) at depth 2, and depths 1, 2, 3 (and 4)
    at width 64; a seed's points and noise are the same for all. Each network descends with its own step size, half of
    what its curvature at the start allows, as one that is tuned would. For each seed s_m is the least-squares slope of
    ln L_K over ln m, and s_L that over ln L.

    Nulls: the mean of s_m over seeds is at least 0; the mean of s_L is. One-sided t tests, α = 0.05/13; for the claim
    both must be below 0 (the larger p), against it one above 0 (twice the smaller p). Supported: on all three
    targets. Contradicted: at α/3 on one. Undecided: neither. The effect is the slope of the weaker of the two. The
    slopes of the loss relative to its start are reported and do not decide.
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
                descents[f"width={width} {target}"] = paths.request(target, paths.network(width=width), SEEDS, how)
            for depth in set(depths) - {paths.DEPTH}:
                descents[f"depth={depth} {target}"] = paths.request(target, paths.network(depth=depth), SEEDS, how)
        return Experiments(descents=descents)

    def decide(self, evidence: Evidence) -> Decision:
        """Apply the rule."""
        tests, notes = {}, {}
        ladders = {what: ladder(evidence, what) for what in ("width", "depth")}
        for target in ladders["width"]:
            parts = {what: slopes(found[target]) for what, found in ladders.items()}
            relative = {what: slopes(found[target], relative=True) for what, found in ladders.items()}
            tests[target] = every([opposite(test) for test in parts.values()])
            notes[target] = (
                f"slope in ln m {_said(parts['width'])}, in ln L {_said(parts['depth'])}; of the loss relative to its "
                f"start {_said(relative['width'])}, {_said(relative['depth'])}"
            )
        return decision(tests, "slope of ln loss in ln size, weaker of m and L", notes)

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


def slopes(rungs: dict[int, list[Trajectory]], relative: bool = False) -> Test:
    """Test whether the slope of the log of the last loss (relative to the first) in the log of the size is above 0."""
    import numpy as np

    at = np.log([float(size) for size in rungs])
    losses = np.array(
        [[paths.log_loss(run)[-1] - relative * paths.log_loss(run)[0] for run in rungs[s]] for s in rungs]
    )
    return t_test([paths.slope(at, losses[:, seed])[0] for seed in range(losses.shape[1])])


def _said(test: Test) -> str:
    return f"{test.value:.2f}" if test.low is None else f"{test.value:.2f} ({test.low:.2f}–{test.high:.2f})"
