"""Claim 9: how the cost grows with the dimension.

By the paper (section 4.2) the number of steps that a given error takes is almost linear in d.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from harness_claims.claim import ClaimError, Decision, Evidence, Experiments, Panel, Series
from harness_claims.readings import steps_to_reach
from harness_claims.verdicts import decision, every, opposite, slope_test

from harness_wang.claims import setting
from harness_wang.claims.paper import PaperClaim

if TYPE_CHECKING:
    import numpy as np
    from harness_claims.claim import Result

    from harness.information import Information

DIMENSIONS = (4, 8, 16, 32, 64, 128)
SIDES = (2, 3, 4, 5, 6, 8)
"""Sides of the image patches: d = 4 to 64."""

LADDER = tuple(2**k for k in range(1, 17))
"""Numbers of steps, 2 to 65536, at which E_D is computed until it is small enough."""

EPSILON = 1.0
"""Discretization error in nats that is to be reached."""

MARGIN = 0.2
"""A slope within this of 1 is almost linear."""


NOTE = (
    "The steps are those of an exact score, for one nat in total; a looser goal as d grows, or data that fill few"
    " directions, need fewer."
)
"""What a verdict means to a practitioner."""


class StepsGrowWithDimension(PaperClaim):
    """The slope of ln N(ε) in ln d, N(ε) the number of steps for which the discretization error is ε = 1 nat.

    E_D of the exponential grid with the exact score, from σ = 20 to 0.05, is exact arithmetic on J(u); the other terms
    do not depend on N. N(ε) is read off a ladder of N, each twice the one before, from 2 on, a power law between its
    rungs. Three families: isotropic Gaussians and mixtures of five Gaussians with d = 4 … 128, and patches of
    photographs with d = 4 … 64. The law of the data changes with d, and the rule asks for the growth along each
    family. Of isotropic Gaussians E_D is d times that of one coordinate, exactly: this family cannot fail, and is a
    check of the harness. The mixtures and the patches are what is tested.

    "Almost linearly" means a slope from 0.8 to 1.2. On each family the slope is fitted by least squares over the six
    dimensions; its error comes from the residuals, so a curve that bends is not known well. Two one-sided tests by
    Student's t on 4 degrees of freedom. For the claim: slope > 0.8 and slope < 1.2 (the larger p; an equivalence
    test). Against: slope < 0.8 or slope > 1.2 (twice the smaller p). α = 0.05/13. Supported: on every family the slope
    is within. Contradicted: on some family it is outside; the sign of (slope − 1) says whether more dimensions cost
    less or more than the paper says. Undecided: neither. The effect is the slope; the local slopes are in the notes.

    All of it is arithmetic on J(u), without seeds: no fresh data are possible, and the margins and dimensions were
    chosen with such numbers known (mixtures from d = 2 on bend: local slopes 1.26 down to 1.01). The residuals are
    bend, not noise, so that p describes how straight the line is, and is no probability of anything repeated.
    """

    name: ClassVar[str] = "steps-grow-with-dimension"
    number: ClassVar[int] = 9
    title: ClassVar[str] = "steps needed grow almost linearly in d"
    statement: ClassVar[str] = "The number of steps needed for a given error grows almost linearly in the dimension."
    source: ClassVar[str] = "Wang, He, Tao, arXiv 2406.12839, section 4.2 and Theorem 2"

    def experiments(self, quick: bool) -> Experiments:
        """Three families; two samples and few steps, as only J(u) is read."""
        listed = ",".join(str(d) for d in DIMENSIONS)
        sides = ",".join(str(side) for side in SIDES)
        return Experiments(
            suites={
                "dimensions": setting.suite(
                    targets=[f"gaussian:dim={listed}", f"mixture:dim={listed}", f"patches:size={sides}"],
                    sampling={"samples": 2},
                )
            }
        )

    def decide(self, evidence: Evidence) -> Decision:
        """Apply the rule."""
        import numpy as np

        tests, notes = {}, {}
        for family, (dims, steps) in needed(evidence).items():
            x, y = np_log(dims), np_log(steps)
            lower, upper = (slope_test(x, y, 1 + side * MARGIN) for side in (-1, 1))
            whole = every([lower, opposite(upper)])
            free = slope_test(x, y)
            statistic = f"slope {free.value:.3g}, {whole.statistic} from {1 - MARGIN:g} or {1 + MARGIN:g}"
            tests[family] = replace(free, statistic=statistic, p_for=whole.p_for, p_against=whole.p_against)
            local = ", ".join(f"{step:.2f}" for step in np.diff(y) / np.diff(x))
            notes[family] = f"local slopes from d = {dims[0]:g} to {dims[-1]:g}: {local}"
        return decision(tests, "slope of ln N(ε) in ln d", notes, NOTE, rounding=0.0, alpha=evidence.alpha)

    def figure(self, evidence: Evidence, decision: Decision) -> tuple[Panel, ...]:
        """N(ε) against d, a line a family."""
        families = needed(evidence)
        series = [Series(family, dims, steps) for family, (dims, steps) in families.items()]
        dims, steps = next(iter(families.values()))
        series.append(Series("linear", dims, [steps[0] * d / dims[0] for d in dims], kind="guide"))
        panel = Panel("all targets", "dimension d", f"steps until E_D = {EPSILON:g} nat", tuple(series), True, True)
        return (panel,)


def np_log(values: list[float]) -> np.ndarray:
    """Return the logarithms of positive numbers."""
    import numpy as np

    return np.asarray(np.log(values))


def needed(evidence: Evidence) -> dict[str, tuple[list[float], list[float]]]:
    """Return for each family of targets its dimensions and the steps needed, by increasing dimension.

    Raises:
        ClaimError: the ladder of steps does not reach ε.
    """
    families: dict[str, list[tuple[float, float]]] = {}
    for target, results in setting.by_target(evidence.results["dimensions"]).items():
        curve = setting.information(evidence, target)
        families.setdefault(target.partition(":")[0], []).append((float(curve.dim), _steps(results[0], curve)))
    ordered = {family: sorted(points) for family, points in families.items()}
    return {family: ([d for d, _ in points], [n for _, n in points]) for family, points in ordered.items()}


def _steps(result: Result, curve: Information) -> float:
    import numpy as np

    tried, errors = [], []
    for steps in LADDER:
        sigmas = np.geomspace(result.sigma_max, result.sigma_min, steps + 1)
        tried.append(steps)
        errors.append(float(setting.discretization(curve, sigmas).mean()))
        if errors[-1] <= EPSILON:
            break
    found, seen = steps_to_reach(tried, np.array(errors), EPSILON)
    if not seen:
        ends = f"{errors[0]:.3g} nats at {tried[0]} steps to {errors[-1]:.3g} at {tried[-1]}"
        raise ClaimError(f"{result.target}: the discretization error goes from {ends}: it does not cross {EPSILON:g}")
    return found
