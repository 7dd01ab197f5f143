"""Claim 1: one exponential rate describes gradient descent.

Theorem 1 bounds L(θ_k) by a product of factors 1 − C h r_{j*}…; with factors that do not approach 1 that is a straight
line of ln L over k. The rival is a power of k, whose rate falls as 1/k: a straight line of ln L over ln(1 + k). Both
have two parameters and are fitted to the same points.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from harness_claims.claim import Decision, Evidence, Experiments, Panel, Series
from harness_claims.verdicts import decision, opposite, t_test

from harness_wang.claims import paths
from harness_wang.claims.paper import PaperClaim
from harness_wang.claims.setting import factor
from harness_wang.decay import decay

if TYPE_CHECKING:
    import numpy as np

    from harness.trajectories import Trajectory

VARIED = 6
"""Seeds of the runs that show how the rate depends on width, depth, points and levels."""


NOTE = (
    "The verdict is on whether one rate describes the descent of networks of width 64, not on Theorem 1, which is"
    " an upper bound for very wide networks and is compatible with any slow rate."
)


class ConvergesExponentially(PaperClaim):
    """Exponential against power law, as descriptions of ln L over a whole run.

    On each target 40 seeds of one descent (width 64, depth 2, 16 points, 8 levels), recorded at 101 evenly spaced
    steps from the first to the last. For each seed two lines are fitted by least squares, ln L = a − bk and ln L =
    a − b ln(1 + k), and y = ln(SSE_power/SSE_exponential): above 0 the exponential describes the run better. Evenly
    spaced steps favour the exponential: most points lie late, where a power law is nearly straight as well.

    Null: the mean of y over seeds is at most 0. One-sided t tests for y > 0 and for y < 0, α = 0.05/13. Supported:
    y > 0 is significant on all three targets. Contradicted: y < 0 is significant at α/3 on one. Undecided: neither.
    The effect is exp(−y), the squared error that the exponential leaves over that of the power law.

    The rule asks whether *one rate* describes the descent, as a reader of "exponentially" expects. The paper says
    less and more: Theorem 1 is an upper bound for networks far wider than these, with a rate that may be as slow as
    it likes. On a finite run some exponential bounds any falling loss, so the bound itself cannot be contradicted.
    Least squares with a condition number of 1000 keeps such a bound, and this rule calls it contradicted. The rule
    is that of the first run (seeds 100 to 139); the title, the effect and this paragraph were revised after it. R²
    of both lines, R² in the theorem's own clock Σ h r_{j*}, y without the first half of each run, the decay that
    Theorem 1 predicts from the recorded j* with the largest C that a run allows (`harness_wang.decay`) against the
    measured one, and the dependence of the rate ln(L_0/L_K)/(hK) on width, depth, n and N (exponents over 6 seeds)
    are reported and do not decide.
    """

    name: ClassVar[str] = "converges-exponentially"
    number: ClassVar[int] = 1
    title: ClassVar[str] = "one exponential rate describes the descent"
    statement: ClassVar[str] = (
        "Full-batch gradient descent on the denoising objective with a deep ReLU network lowers the loss exponentially"
        " in the number of steps."
    )
    source: ClassVar[str] = "Wang, He, Tao, arXiv 2406.12839, Theorem 1"

    def experiments(self, quick: bool) -> Experiments:
        """The shared runs, and on each target one change at a time."""
        descents = paths.shared(quick)
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
        for target, runs in paths.of(evidence, "base").items():
            tests[target] = opposite(factor(t_test([-advantage(run) for run in runs])))
            notes[target] = _note(evidence, target, runs)
        return decision(
            tests,
            "squared error of the fit, exponential / power law",
            notes,
            NOTE,
            rounding=paths.ROUNDING,
            alpha=evidence.alpha,
        )

    def figure(self, evidence: Evidence, decision: Decision) -> tuple[Panel, ...]:
        """Loss over steps, with both descriptions of the median run."""
        import numpy as np

        panels = []
        for target, runs in paths.of(evidence, "base").items():
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
    said += f"; y without the first half of each run {late:.2g}; {_theorem(runs)}"
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
