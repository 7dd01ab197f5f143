"""Claim 9: how the cost grows with the dimension.

By the paper (section 4.2) the number of steps that a given error takes is almost linear in d.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from harness.claims import Claim, ClaimError, Decision, Evidence, Experiments, Panel, Series
from harness.readings import steps_to_reach
from harness.verdicts import decision, every, opposite, slope_test
from harness_wang.claims import setting

if TYPE_CHECKING:
    import numpy as np

    from harness.claims import Result

DIMENSIONS = (2, 4, 8, 16, 32, 64)
SIDES = (2, 3, 4, 5, 6, 8)
"""Sides of the image patches: d = 4 to 64."""

LADDER = (10, 20, 40, 80, 160, 320, 640, 1280, 2560)

EPSILON = 1.0
"""Discretization error in nats that is to be reached."""

MARGIN = 0.2
"""A slope within this of 1 is almost linear."""


class StepsGrowWithDimension(Claim):
    """The slope of ln N(ε) in ln d, N(ε) the number of steps for which the discretization error is ε = 1 nat.

    E_D of the exponential grid with the exact score, from σ = 20 to 0.05, is exact arithmetic on J(u); the other terms
    do not depend on N. N(ε) is read off a ladder of N from 10 to 2560, a power law between its rungs. Three families:
    isotropic Gaussians and mixtures of five Gaussians with d = 2 … 64, and patches of photographs with d = 4 … 64. The
    law of the data changes with d, and the rule asks for the growth along each family.

    "Almost linearly" means a slope from 0.8 to 1.2. On each family the slope is fitted by least squares over the six
    dimensions; its error comes from the residuals, so a curve that bends is not known well. Two one-sided tests by
    Student's t on 4 degrees of freedom. For the claim: slope > 0.8 and slope < 1.2 (the larger p; an equivalence
    test). Against: slope < 0.8 or slope > 1.2 (twice the smaller p). α = 0.05/13. Supported: on every family the slope
    is within. Contradicted: on some family it is outside; the sign of (slope − 1) says whether more dimensions cost
    less or more than the paper says. Undecided: neither. The effect is the slope.
    """

    name: ClassVar[str] = "steps-grow-with-dimension"
    number: ClassVar[int] = 9
    title: ClassVar[str] = "steps needed grow almost linearly in d"
    statement: ClassVar[str] = "The number of steps needed for a given error grows almost linearly in the dimension."
    source: ClassVar[str] = "Wang, He, Tao, arXiv 2406.12839, section 4.2 and Theorem 2"

    def experiments(self, quick: bool) -> Experiments:
        """Three families, a ladder of steps; two samples, as only the budget is read."""
        listed = ",".join(str(d) for d in DIMENSIONS)
        sides = ",".join(str(side) for side in SIDES)
        return Experiments(
            suites={
                "dimensions": setting.suite(
                    targets=[f"gaussian:dim={listed}", f"mixture:dim={listed}", f"patches:size={sides}"],
                    steps=list(LADDER),
                    sampling={"samples": 2},
                )
            }
        )

    def decide(self, evidence: Evidence) -> Decision:
        """Apply the rule."""
        tests = {}
        for family, (dims, steps) in needed(evidence).items():
            x, y = np_log(dims), np_log(steps)
            lower, upper = (slope_test(x, y, 1 + side * MARGIN) for side in (-1, 1))
            whole = every([lower, opposite(upper)])
            free = slope_test(x, y)
            statistic = f"slope {free.value:.3g}, {whole.statistic} from {1 - MARGIN:g} or {1 + MARGIN:g}"
            tests[family] = replace(free, statistic=statistic, p_for=whole.p_for, p_against=whole.p_against)
        return decision(tests, "slope of ln N(ε) in ln d")

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
        dim = float(setting.information(evidence, target).dim)
        families.setdefault(target.partition(":")[0], []).append((dim, _steps(target, results)))
    ordered = {family: sorted(points) for family, points in families.items()}
    return {family: ([d for d, _ in points], [n for _, n in points]) for family, points in ordered.items()}


def _steps(target: str, results: list[Result]) -> float:
    import numpy as np

    ladder = sorted(results, key=lambda result: result.steps)
    errors = np.array([float(np.mean(result.budget["discretization"])) for result in ladder])
    steps, seen = steps_to_reach([result.steps for result in ladder], errors, EPSILON)
    if not seen:
        ends = f"{errors[0]:.3g} to {errors[-1]:.3g} nats"
        raise ClaimError(f"{target}: the discretization error goes from {ends}, so it does not cross {EPSILON:g} nat")
    return steps
