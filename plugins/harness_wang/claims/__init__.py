"""The paper's statements as claims: for each the experiment and the rule that decide it.

The paper reports no experiment. Every rule is in the docstring of its class, fixed before the data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness_claims.claim import Claim


def offered() -> list[type[Claim]]:
    """Return the claims in the order of their numbers."""
    from harness_wang.claims.convergence import ConvergesExponentially
    from harness_wang.claims.crossover import GridsCross
    from harness_wang.claims.dimension import StepsGrowWithDimension
    from harness_wang.claims.effort import EffortTradesOff
    from harness_wang.claims.exponent import BestExponent
    from harness_wang.claims.gradient import GradientBoundedBelow
    from harness_wang.claims.ranking import BoundPredictsRanking
    from harness_wang.claims.residual import ResidualInverseBell
    from harness_wang.claims.sizes import WiderDeeperLower
    from harness_wang.claims.smoothness import SemiSmooth
    from harness_wang.claims.start import InitialNoise
    from harness_wang.claims.validity import TermsBoundTheError
    from harness_wang.claims.weighting import BellTrainsFastest

    return [
        ConvergesExponentially,
        GradientBoundedBelow,
        SemiSmooth,
        WiderDeeperLower,
        ResidualInverseBell,
        BellTrainsFastest,
        GridsCross,
        BestExponent,
        StepsGrowWithDimension,
        TermsBoundTheError,
        BoundPredictsRanking,
        InitialNoise,
        EffortTradesOff,
    ]
