"""Claim 4: wider and deeper networks lower the optimisation error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from harness_claims.claim import ClaimError, Decision, Evidence, Experiments, Interpretation, Panel
from harness_claims.verdicts import ROUNDING, Test, decision, every, opposite, t_test

from harness_wang.claims import paths
from harness_wang.claims.paper import PaperClaim

if TYPE_CHECKING:
    from harness.trajectories import Trajectory

SEEDS = 12

WIDTHS, DEPTHS = (32, 64, 128), (1, 2, 3)
"""Widths at depth 2, depths at width 64; full runs take one more of each."""

OVER_WIDTHS = {"gaussian:dim=2": (64, 128), "ring": (64, 128), "digits": (104, 160, 256)}
"""Widths at depth 2 of over-parameterised networks; full runs take 256 on all."""

NOTE = (
    "At one step size for all. The step size that a network's own curvature allows falls with its size: after as many"
    " such steps the order may be another."
)

INTERPRETATIONS = (
    ("over-parameterised, after as many steps", "over-", False),
    ("practical sizes, at equal h·k", "", True),
    ("practical sizes, after as many steps", "", False),
)
"""Other interpretations: what each is called, its ladders, and whether losses are compared at an equal h·k."""


class WiderDeeperLower(PaperClaim):
    """The loss at an equal h·k against width m and depth L of over-parameterised networks, paired over seeds.

    On each target 12 seeds of descents of networks with more than 10 learned parameters an equation (n points, N
    levels, d dimensions: nNd equations). On the Gaussian and the ring 16 points and 8 levels, widths 64 and 128 (and
    256 in full) at depth 2 and depths 1, 2, 3 (and 4) at width 64; on digits 4 points and 8 levels, widths 104, 160 and
    256 at depth 2 and depths 1, 2, 3 (and 4) at width 160. A seed's points and noise are the same for all.
    Losses are compared at the least hK of a seed's networks, as if all had one step size: Theorem 1's rate is
    proportional to h·m. For each seed s_m is the least-squares slope of ln L in ln m there, and s_L that in the
    logarithm of the depth.

    Nulls: the mean of s_m over seeds is at least 0; the mean of s_L is. One-sided t tests, α = 0.05/13; for the claim
    both must be below 0 (the larger p), against it one above 0 (twice the smaller p). Supported: on all three
    targets. Contradicted: at α/3 on one. Undecided: neither. The effect is the slope of the weaker of the two.

    Beside it, by the same tests at the same level, three interpretations: the loss after as many steps K, where each
    network descends with half of the step size that its curvature at the start allows, as one that is tuned would; and
    both comparisons for practical sizes: 16 points, 8 levels, widths 32, 64, 128 (and 256) at depth 2, depths 1, 2, 3
    (and 4) at width 64, which on digits are 0.25 to 4 parameters an equation (and 16). The last of the three decided
    the claim before. The rule was revised with seeds 500 to 507, on which the slopes in m and L were −1.3 and −1.2 on
    the small targets, 0.4 and −1.2 on digits (quick sizes). The slope of the loss relative to its start is reported and
    does not decide.
    """

    name: ClassVar[str] = "wider-deeper-lower"
    number: ClassVar[int] = 4
    title: ClassVar[str] = "over-parameterised: wider and deeper is lower, at equal h·k"
    statement: ClassVar[str] = (
        "After as many steps of gradient descent with one step size a wider and a deeper network has a lower loss."
    )
    source: ClassVar[str] = "Wang, He, Tao, arXiv 2406.12839, Theorem 1"

    def experiments(self, quick: bool) -> Experiments:
        """One run for each width and each depth; the first of the shared runs are those of width 64 and depth 2."""
        widths, depths = (WIDTHS, DEPTHS) if quick else ((*WIDTHS, 256), (*DEPTHS, 4))
        how = paths.settings(quick)
        descents = paths.shared(quick)
        for target in paths.TARGETS:
            for width in set(widths) - {paths.WIDTH}:
                net = paths.network(width=width)
                descents[f"width={width} {target}"] = paths.request(quick, target, net, SEEDS, how)
            for depth in set(depths) - {paths.DEPTH}:
                net = paths.network(depth=depth)
                descents[f"depth={depth} {target}"] = paths.request(quick, target, net, SEEDS, how)
            for width in {*OVER_WIDTHS[target], *(() if quick else (256,))}:
                descents[f"over-width={width} {target}"] = paths.over(quick, target, SEEDS, width=width)
            for depth in depths:
                descents[f"over-depth={depth} {target}"] = paths.over(quick, target, SEEDS, depth=depth)
        return Experiments(descents=descents)

    def decide(self, evidence: Evidence) -> Decision:
        """Apply the rule."""
        made = _compared(evidence, "over-", equal=True, rounding=ROUNDING)
        others = (
            Interpretation(
                name, _compared(evidence, regime, equal=equal, rounding=paths.ROUNDING if not regime else ROUNDING)
            )
            for name, regime, equal in INTERPRETATIONS
        )
        return replace(made, note=NOTE, interpretations=tuple(others))

    def figure(self, evidence: Evidence, decision: Decision) -> tuple[Panel, ...]:
        """The loss at an equal h·k against width and against depth."""
        import numpy as np

        panels = []
        for what, label in (("width", "width m (depth 2)"), ("depth", "depth L")):
            series = []
            for target, found in ladder(evidence, f"over-{what}").items():
                rows = np.exp([ends(runs, equal=True) for runs in zip(*found.values(), strict=True)])
                series.append(paths.median_line(target, list(found), rows))
            panels.append(Panel(f"against {what}", label, "loss at an equal h·k", tuple(series), True, True))
        return tuple(panels)


def ladder(evidence: Evidence, what: str) -> dict[str, dict[int, list[Trajectory]]]:
    """Return the runs of each size, by target and size, sizes increasing.

    Arguments:
        evidence: with the descents of each size; the shared runs stand on the ladders of practical sizes.
        what: `width` or `depth`, behind `over-` of over-parameterised networks.

    Raises:
        ClaimError: sizes were run with different seeds.
    """
    names = {name.split(" ")[0] for name in evidence.trajectories}
    sizes = {int(name.partition("=")[2]): name for name in names if name.startswith(f"{what}=")}
    if what in ("width", "depth"):
        sizes[paths.WIDTH if what == "width" else paths.DEPTH] = "base"
    found: dict[str, dict[int, list[Trajectory]]] = {}
    for size in sorted(sizes):
        for target, runs in paths.of(evidence, sizes[size]).items():
            first = sorted(runs, key=lambda run: run.seed)[:SEEDS]
            found.setdefault(target, {})[size] = first
    if not found:
        raise ClaimError(f"no descent is named {what}=…, where a slope needs two sizes or more")
    for target, rungs in found.items():
        if len({tuple(run.seed for run in runs) for runs in rungs.values()}) != 1 or len(rungs) < 2:
            raise ClaimError(f"{target}: a slope in {what} needs two sizes or more, with the same seeds")
    return found


def slopes(rungs: dict[int, list[Trajectory]], *, relative: bool = False, equal: bool = False) -> Test:
    """Test whether the slope of the log of the last loss in the log of the size is above 0.

    Arguments:
        rungs: the runs of each size, seed by seed.
        relative: of the loss relative to its start.
        equal: of the loss at the least hK of a seed's networks.
    """
    import numpy as np

    at = np.log([float(size) for size in rungs])
    found = []
    for runs in zip(*rungs.values(), strict=True):
        starts = [relative * paths.log_loss(run)[0] for run in runs]
        found.append(paths.slope(at, np.array(ends(runs, equal=equal)) - np.array(starts))[0])
    return t_test(found)


def ends(runs: Sequence[Trajectory], *, equal: bool) -> list[float]:
    """Return ln L of one seed's networks after the last step; or at their least hK, by a line between records."""
    import numpy as np

    if not equal:
        return [float(paths.log_loss(run)[-1]) for run in runs]
    time = min(run.learning_rate * run.step[-1] for run in runs)
    return [float(np.interp(time, run.learning_rate * run.step, paths.log_loss(run))) for run in runs]


def _compared(evidence: Evidence, regime: str, *, equal: bool, rounding: float) -> Decision:
    """Decide one interpretation: the ladders of a regime, at an equal h·k or after as many steps."""
    tests, notes = {}, {}
    ladders = {what: ladder(evidence, regime + what) for what in ("width", "depth")}
    for target in ladders["width"]:
        parts = {what: slopes(found[target], equal=equal) for what, found in ladders.items()}
        relative = {what: slopes(found[target], relative=True, equal=equal) for what, found in ladders.items()}
        tests[target] = every([opposite(test) for test in parts.values()])
        notes[target] = (
            f"slope in ln m {_said(parts['width'])}, in ln L {_said(parts['depth'])}; of the loss relative to its "
            f"start {_said(relative['width'])}, {_said(relative['depth'])}"
        )
    name = "slope of ln loss in ln size, weaker of m and L"
    return decision(tests, name, notes, rounding=rounding, alpha=evidence.alpha)


def _said(test: Test) -> str:
    return f"{test.value:.2f}" if test.low is None else f"{test.value:.2f} ({test.low:.2f} to {test.high:.2f})"
