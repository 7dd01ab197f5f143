"""Wrong bounds: each is one that ships with a slip in it, that makes it too small somewhere, or no bound."""

import math

import numpy as np
from harness_benton.bounds import Benton
from harness_chen.bounds import ChenLeeLu
from harness_conforti.bounds import Conforti
from harness_gao.bounds import GaoZhuW2
from harness_oracles.bounds import AncestralTelescope, BudgetBound
from harness_pierret.bounds import AffineGaussian
from harness_wang.bounds import Theorem2
from harness_wang.corollary import Corollary1
from harness_wang.decay import Theorem1
from harness_wang.score import Theorem3

from harness.errors import NotApplicable


def scaled(value, factor):
    return value if isinstance(value, NotApplicable) else factor * value


class HalfTheDiscretization(Theorem2):
    """The factor of d lost: ½ once too often."""

    name = "half-the-discretization"

    def discretization(self, design, u):
        return super().discretization(design, u) / 2


class QuarterOfTheScore(Theorem2):
    """½ twice."""

    name = "quarter-of-the-score"

    def score(self, design, u):
        return super().score(design, u) / 2


class ErrorOfTheEnd(Theorem2):
    """e at the end of each step."""

    name = "error-of-the-end"

    def score(self, design, u):
        return 0.5 * float(((u[:-1] - u[1:]) * design.score_error(design.sigmas[1:]).mean(0)).sum()) / 1.01


class OneDimension(ChenLeeLu):
    """d for d² + d + 1."""

    name = "one-dimension"

    def discretization(self, design, u):
        dim = design.dim
        return super().discretization(design, u) * dim / (dim**2 + dim + 1) / 2


class NoStart(Theorem2):
    """Without the initialisation."""

    name = "no-start"

    def value(self, design):
        value = super().value(design)
        return value if isinstance(value, NotApplicable) else value - float(np.asarray(design.initialization))


class SmallestStep(Conforti):
    """The least step for the largest."""

    name = "smallest-step"

    def discretization(self, design, u):
        fisher = design.information.fisher(u).mean(0)
        return 0.5 * float((u[:-1] - u[1:]).min() * (fisher[-1] - fisher[0]))


class SmallestRatio(Benton):
    """The least κ."""

    name = "smallest-ratio"

    def discretization(self, design, u):
        least = float((1 - u[1:] / u[:-1]).min())
        return 0.5 * design.dim * (len(u) - 1) * (-math.log1p(-least) - least)


class OfAnySteps(Theorem2):
    """Sold for any Gaussian steps."""

    name = "of-any-steps"

    def value(self, design):
        if design.variances is None:
            return NotApplicable("no kernel")
        u = design.sigmas**2
        return design.initialization + self.score(design, u) + self.discretization(design, u)


class SecondMomentOnce(AncestralTelescope):
    """Half of its last two terms."""

    name = "second-moment-once"

    def value(self, design):
        value = super().value(design)
        if isinstance(value, NotApplicable):
            return value
        return design.initialization + (value - design.initialization) / 2


class BudgetOfOne(BudgetBound):
    """A coordinate's share."""

    name = "budget-of-one"

    def value(self, design):
        return scaled(super().value(design), 1 / design.dim)


class BudgetAndMore(BudgetBound):
    """A percent above what it says it is."""

    name = "budget-and-more"

    def value(self, design):
        return scaled(super().value(design), 1.01)


class ReverseDivergence(AffineGaussian):
    """Sold as a bound on the path divergence too."""

    name = "reverse-divergence"
    limits = ("marginal-kl", "path-kl")


class WithoutLogarithm(AffineGaussian):
    """ln(λ/V) forgotten, in one of its halves."""

    name = "without-logarithm"

    def value(self, design):
        return scaled(super().value(design), 0.5)


class SquareOfTheDistance(GaoZhuW2):
    """W₂² for W₂."""

    name = "square-of-the-distance"

    def value(self, design):
        value = super().value(design)
        return value if isinstance(value, NotApplicable) else min(value**2, value / 2)


class ExponentTwice(Corollary1):
    """1/N² for 1/N."""

    name = "steps-squared"

    def discretization(self, design, u):
        return scaled(super().discretization(design, u), 1 / (len(u) - 1))


class SmallestWeight(Theorem3):
    """min_j for max_j."""

    name = "smallest-weight"

    def score(self, design, u):
        if design.weighting is None:
            return NotApplicable("nothing is trained")
        weights = design.weighting.on_grid(design.sigmas)
        least = float(((u[:-1] - u[1:]) / (weights.beta * u[:-1])).min())
        return least * float(weights.excess(design.score_error(design.sigmas[:-1])).mean()) / 4


class LastStep(Theorem1):
    """The fastest stretch for the slowest."""

    name = "fastest-stretch"

    def value(self, design):
        way = design.training
        if way is None:
            return NotApplicable("nothing was trained")
        return float(way.loss[0]) * float((way.loss[1:] / way.loss[:-1]).min()) ** (len(way.loss) - 1)


class Negative(Theorem2):
    """Sums by parts, the sign of which is lost."""

    name = "negative"

    def discretization(self, design, u):
        return -super().discretization(design, u)


class NotANumber(Theorem2):
    name = "not-a-number"

    def discretization(self, design, u):
        return math.nan


class ChangesLevels(Theorem2):
    name = "changes-levels"

    def value(self, design):
        design.sigmas[-1] *= 1.0001
        return super().value(design)


class Never(Theorem2):
    """Applies to nothing."""

    name = "never"

    def value(self, design):
        return NotApplicable("to nothing")


WRONG = [
    HalfTheDiscretization(),
    QuarterOfTheScore(),
    ErrorOfTheEnd(),
    OneDimension(),
    NoStart(),
    SmallestStep(),
    SmallestRatio(),
    OfAnySteps(),
    SecondMomentOnce(),
    BudgetOfOne(),
    BudgetAndMore(),
    ReverseDivergence(),
    WithoutLogarithm(),
    SquareOfTheDistance(),
    ExponentTwice(),
    SmallestWeight(),
    LastStep(),
    Negative(),
    NotANumber(),
    ChangesLevels(),
    Never(),
]
