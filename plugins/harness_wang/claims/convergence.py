"""Claim 1: gradient descent converges exponentially, as Theorem 1 has it and as a reader may take it.

Theorem 1 bounds L(θ_k) by Π(1 − C h r_{j*}) L(θ_0), with one C > 0 that it does not give. Whether a descent leaves such
a C is in `harness_wang.claims.constants`. A reader may take it to say more: that one exponential describes the descent,
a straight line of ln L over k. The rival is then a power of k, whose rate falls as 1/k: a straight line of ln L over
ln(1 + k). Both have two parameters and are fitted to the same points.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from harness_claims.claim import Decision, Evidence, Experiments, Interpretation, Panel, Series
from harness_claims.verdicts import decision, opposite, t_test

from harness_wang.claims import paths
from harness_wang.claims.constants import Course, course, lasting
from harness_wang.claims.paper import PaperClaim
from harness_wang.claims.setting import factor
from harness_wang.decay import decay

if TYPE_CHECKING:
    import numpy as np

    from harness.trajectories import Trajectory

VARIED = 6
"""Seeds of the runs that show how the rate depends on width, depth, points and levels."""


NOTE = (
    "A power law is left undecided: least squares obeys the theorem and looks like one until its least eigenvalue is"
    " reached, so that only a longer run would tell."
)

INTERPRETATION = "one exponential rate describes the descent"


class ConvergesExponentially(PaperClaim):
    """Whether the constant of Theorem 1 lasts while over-parameterised networks descend.

    On each target 40 seeds of one descent (depth 2; width 64, 16 points, 8 levels on the Gaussian and the ring, width
    160, 4 points, 8 levels on digits: 25 learned parameters or more for each equation), recorded at 101 evenly spaced
    steps. Between two records the theorem L_{k+1} ≤ (1 − C h r_{j*}) L_k allows at most the constant 1 − (L_{k+1}/L_k)^
    {1/steps} over h r_{j*}; C(k) is the least so far, and p(a) the exponent of its fall between aK and K: 0 where it
    lasts, 1 on a power law. A descent *lasts* where p(½) < ½. It *rests* where the fall of C leaves the loss above 0:
    p(½) and p(¾) above 1, so much that ln L would fall by less than ln 2 for ever if it went on so; or where the loss
    rises. Else it goes on *falling*.

    Nulls: at most half of the descents last; at most half rest. One-sided sign tests over the 40 seeds, α = 0.05/13.
    Supported: the first is rejected on all three targets. Contradicted: the second is at α/3 on one. Undecided:
    neither. The effect is the share of descents in which the constant lasts.

    Some C > 0 bounds every finite run in which the loss falls, so that the theorem cannot be refuted by a descent that
    is merely slow. What it excludes with any C is a loss that comes to rest above 0. A power law in k is between: it
    reaches 0, and least squares, for which the theorem holds with the least eigenvalue, descends like one before that
    eigenvalue is seen. It is therefore undecided here, and least squares with a condition number of 1000 is so or
    supported, by the length of the run. A wide gap between eigenvalues may look like rest to a run that ends within it.

    Beside it, with a rule of its own: "one exponential rate describes the descent", on the 40 shared runs (width 64,
    16 points; on digits one parameter an equation). y = ln(SSE_power/SSE_exponential) of lines fitted to ln L over k
    and over ln(1 + k); t tests for the mean of y above 0 and below 0, at the same level. Its effect is exp(−y). It
    decided the claim before this rule, and contradicted least squares.

    The rule is new: it was tried out on seeds 500 to 507. R² of both lines, R² in the theorem's own clock Σ h r_{j*},
    the decay that Theorem 1 predicts with the largest C that a run allows (`harness_wang.decay`) against the measured
    one, and the dependence of the rate ln(L_0/L_K)/(hK) on width, depth, n and N (exponents over 6 seeds) are reported
    and do not decide.
    """

    name: ClassVar[str] = "converges-exponentially"
    number: ClassVar[int] = 1
    title: ClassVar[str] = "the descent keeps to an exponential bound (Theorem 1)"
    statement: ClassVar[str] = (
        "Full-batch gradient descent on the denoising objective with a deep ReLU network lowers the loss exponentially"
        " in the number of steps."
    )
    source: ClassVar[str] = "Wang, He, Tao, arXiv 2406.12839, Theorem 1"

    def experiments(self, quick: bool) -> Experiments:
        """The shared runs, the over-parameterised ones, and on each target one change at a time."""
        descents = paths.shared(quick) | {f"over {target}": paths.over(quick, target) for target in paths.TARGETS}
        for target in paths.TARGETS:
            for label, net, how in (
                ("width=32", paths.network(width=32), paths.settings(quick)),
                ("width=128", paths.network(width=128), paths.settings(quick)),
                ("depth=1", paths.network(depth=1), paths.settings(quick)),
                ("depth=3", paths.network(depth=3), paths.settings(quick)),
                ("points=8", paths.network(), paths.settings(quick, points=8)),
                ("points=32", paths.network(), paths.settings(quick, points=32)),
                ("levels=4", paths.network(), paths.settings(quick, levels=4)),
                ("levels=16", paths.network(), paths.settings(quick, levels=16)),
            ):
                descents[f"{label} {target}"] = paths.request(quick, target, net, VARIED, how)
        return Experiments(descents=descents)

    def decide(self, evidence: Evidence) -> Decision:
        """Apply the rule."""
        tests, notes = {}, {}
        for target, runs in paths.of(evidence, "over").items():
            tests[target] = lasting([constant_course(run) for run in runs])
            notes[target] = _theorem(runs)
        made = decision(tests, "share of descents in which C lasts", notes, NOTE, alpha=evidence.alpha)
        return replace(made, interpretations=(Interpretation(INTERPRETATION, _one_rate(evidence)),))

    def figure(self, evidence: Evidence, decision: Decision) -> tuple[Panel, ...]:
        """Loss over steps, with both descriptions of the median run."""
        import numpy as np

        panels = []
        for target, runs in paths.of(evidence, "over").items():
            step = runs[0].step
            rows = np.stack([run.loss for run in runs])
            middle = np.log(np.median(rows, axis=0))
            series = [paths.median_line("loss (median, quartiles)", 1.0 + step, rows)]
            for label, x in (("exponential", step.astype(float)), ("power law", np.log1p(step))):
                b, _ = paths.slope(x, middle)
                fitted = np.exp(middle.mean() + b * (x - x.mean()))
                series.append(Series(f"best {label}", (1.0 + step).tolist(), fitted.tolist()))
            bounds = [found.predicted for found in map(decay, runs) if found.constant > 0]
            if bounds:
                predicted = np.median(bounds, axis=0)
                series.append(Series("Theorem 1, C fitted (median)", (1.0 + step).tolist(), predicted.tolist()))
            panels.append(Panel(target, "1 + step k", "loss L", tuple(series), True, True))
        return tuple(panels)


def _one_rate(evidence: Evidence) -> Decision:
    """Decide the plain interpretation."""
    tests, notes = {}, {}
    for target, runs in paths.of(evidence, "base").items():
        tests[target] = opposite(factor(t_test([-advantage(run) for run in runs])))
        notes[target] = _note(evidence, target, runs)
    name = "squared error of the fit, exponential / power law"
    return decision(tests, name, notes, rounding=paths.ROUNDING, alpha=evidence.alpha)


def constant_course(run: Trajectory) -> Course:
    """Return what becomes of the largest C that Theorem 1 allows, from record to record."""
    import numpy as np

    pace = -np.diff(paths.log_loss(run)) / np.diff(run.step)
    return course(run.step, -np.expm1(-pace) / (run.learning_rate * run.rate[:-1]), float(pace[-1]))


def advantage(run: Trajectory, first: int = 0) -> float:
    """Return y: how much better an exponential describes a run, from a recorded step on, than a power law does."""
    import numpy as np

    y, step = paths.log_loss(run)[first:], run.step[first:].astype(float)
    _, exponential = paths.slope(step, y)
    _, powerful = paths.slope(np.log1p(step), y)
    tiny = 1e-12 * float(((y - y.mean()) ** 2).sum()) + 1e-300
    return float(np.log((powerful + tiny) / (exponential + tiny)))


def rate(run: Trajectory) -> float:
    """Return ln(L_0/L_K)/(hK), the mean rate for a unit of step size; at least a millionth of ln 10/(hK)."""
    import numpy as np

    y = paths.log_loss(run)
    return float(max(y[0] - y[-1], 1e-6 * np.log(10)) / (run.learning_rate * run.step[-1]))


def _note(evidence: Evidence, target: str, runs: list[Trajectory]) -> str:
    import numpy as np

    fits = {"exponential": [], "power law": [], "theorem's clock": []}  # type: dict[str, list[float]]
    for run in runs:
        y = paths.log_loss(run)
        for label, x in _clocks(run).items():
            fits[label].append(1 - paths.slope(x, y)[1] / float(((y - y.mean()) ** 2).sum()))
    said = ", ".join(f"{label} {np.median(values):.2f}" for label, values in fits.items())
    late = np.mean([advantage(run, len(run.step) // 2) for run in runs])
    said += f"; y without the first half of each run {late:.2g}"
    powers = [
        f"{what} {paths.power(found)}"
        for what, sizes in (("width", (32, 128)), ("depth", (1, 3)), ("points", (8, 32)), ("levels", (4, 16)))
        if (found := _rates(evidence, target, what, sizes))
    ]
    return f"median R²: {said}" + (f"; rate per h ∝ power of {', '.join(powers)}" if powers else "")


def _theorem(runs: list[Trajectory]) -> str:
    """Say what decay Theorem 1 predicts with its constant fitted to each run, and what was measured."""
    import numpy as np

    found = [(decay(run), int(run.step[-1] - run.step[0])) for run in runs]
    fitted = [(d, 1 - (d.predicted[-1] / d.predicted[0]) ** (1 / k)) for d, k in found if d.constant > 0]
    if not fitted:
        return "Theorem 1: no C > 0 fits any run, for the loss rose on the way"
    constant, worth, measured, predicted = (
        float(np.median(values))
        for values in zip(*((d.constant, d.mean_constant, d.mean_rate, p) for d, p in fitted), strict=True)
    )
    return (
        f"Theorem 1 (C fitted to each of {len(fitted)} of {len(runs)} runs, medians): decay a step predicted"
        f" {predicted:.2g}, measured {measured:.2g}; C {constant:.2g}, that of the mean decay {worth:.2g}"
    )


def _clocks(run: Trajectory) -> Mapping[str, np.ndarray]:
    """Return three measures of how far a run has come, shape (K,) each."""
    import numpy as np

    step = run.step.astype(float)
    passed = np.concatenate([[0.0], np.cumsum(run.learning_rate * run.rate[:-1] * np.diff(step))])
    return {"exponential": step, "power law": np.log1p(step), "theorem's clock": passed}


def _rates(evidence: Evidence, target: str, what: str, sizes: tuple[int, ...]) -> dict[float, list[float]]:
    """Return the rates at each size of one parameter, seed by seed; empty where a size was not run."""
    found = {}
    for size in sizes:
        name = f"{what}={size}"
        if not any(key.split(" ")[0] == name for key in evidence.trajectories):
            return {}
        runs = paths.of(evidence, name).get(target, [])
        found[float(size)] = [rate(run) for run in runs]
    return found
