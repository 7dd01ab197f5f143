"""Wrong weightings: each is one that ships with a slip in it."""

import torch
from harness_choi.weightings import P2
from harness_hang import MinSnr
from harness_hoogeboom.weightings import SigmoidWeighting
from harness_karras.weightings import Edm2Uncertainty, EdmWeighting
from harness_lipman.weightings import FlowWeighting
from harness_wang.weightings import BellShaped, GridMatched

from harness.weightings import Weighting


class LostWeight(EdmWeighting):
    """β without ω."""

    name = "lost-weight"

    def beta(self, sigma, sigma_data):
        return self.density(sigma, sigma_data)


class LostFactor(EdmWeighting):
    """β by d ln σ, where p is by dσ."""

    name = "lost-factor"

    def beta(self, sigma, sigma_data):
        return super().beta(sigma, sigma_data) * sigma


class DenoiserWeight(EdmWeighting):
    """λ for ω: σ² forgotten, in ω alone."""

    name = "denoiser-weight"

    def omega(self, sigma, sigma_data):
        return super().omega(sigma, sigma_data) / sigma**2

    def beta(self, sigma, sigma_data):
        return self.density(sigma, sigma_data) * (1 + (sigma / sigma_data) ** 2)


class BetaTwice(SigmoidWeighting):
    """β/p divided by p again."""

    name = "beta-twice"

    def omega(self, sigma, sigma_data):
        return super().omega(sigma, sigma_data) / self.density(sigma, sigma_data)


class WrongSign(SigmoidWeighting):
    """λ with the wrong sign where ω is made."""

    name = "wrong-sign"

    def omega(self, sigma, sigma_data):
        return 2 / (1 + (sigma / sigma_data) ** 2)


class NegativeDensity(FlowWeighting):
    name = "negative-density"

    def density(self, sigma, sigma_data):
        return (1 - 0.1 * sigma) / (1 + sigma) ** 2


class Clipped(MinSnr):
    """max and min confused about 0."""

    name = "clipped"

    def omega(self, sigma, sigma_data):
        return (1 - self.gamma * (sigma_data / sigma) ** 2).clamp(min=0)


class Overflows(P2):
    name = "overflows"

    def omega(self, sigma, sigma_data):
        return (sigma**2).exp()


class NotANumber(P2):
    name = "not-a-number"

    def omega(self, sigma, sigma_data):
        return (1 - 1e-3 * sigma**2).sqrt()


class SingleInside(EdmWeighting):
    """Single precision on the way."""

    name = "single-inside"

    def density(self, sigma, sigma_data):
        return super().density(sigma.float(), sigma_data)


class Normalised(EdmWeighting):
    """Divided by its sum over whatever levels are asked for."""

    name = "normalised"

    def density(self, sigma, sigma_data):
        density = super().density(sigma, sigma_data)
        return density / density.sum()


class Relative(EdmWeighting):
    """ω by the largest level that is asked for."""

    name = "relative"

    def omega(self, sigma, sigma_data):
        return 1 + (sigma / sigma.max()) ** 2


class Shifted(EdmWeighting):
    """Each level has the weight of its neighbour."""

    name = "shifted-by-one"

    def omega(self, sigma, sigma_data):
        return super().omega(sigma, sigma_data).roll(1)


class InPlace(P2):
    name = "in-place"

    def omega(self, sigma, sigma_data):
        return 1 / (1 + 1 / sigma.mul_(1 / sigma_data).square())


class Jittered(P2):
    name = "jittered"

    def omega(self, sigma, sigma_data):
        return super().omega(sigma, sigma_data) * (1 + 1e-12 * torch.rand(sigma.shape, dtype=sigma.dtype))


class Narrow(EdmWeighting):
    """A third of the levels next to one: what the table of levels cannot hold."""

    name = "narrow"

    def density(self, sigma, sigma_data):
        peak = (-0.5 * ((sigma.log() - self.p_mean) / 0.001) ** 2).exp() / sigma
        return super().density(sigma, sigma_data) + 500 * peak


class Nowhere(P2):
    name = "nowhere"

    def density(self, sigma, sigma_data):
        return 0 * sigma


class OneNumber(Weighting):
    name = "one-number"

    def omega(self, sigma, sigma_data):
        return torch.ones(1, dtype=torch.float64)


class FallsToNothing(BellShaped):
    """Adapts to a weight of 0: the residual less its least."""

    name = "falls-to-nothing"

    def adapt(self, sigma, residual, sigma_data):
        return residual - residual.min()


class TooFewMasses(GridMatched):
    """A mass for each step but the last."""

    name = "too-few-masses"

    def masses(self, sigmas):
        return super().masses(sigmas)[:-1]


class NegativeMasses(GridMatched):
    """σ_j and σ_{j+1} swapped."""

    name = "negative-masses"

    def masses(self, sigmas):
        return 1 - (sigmas[:-1] / sigmas[1:]) ** 2


WRONG = [
    LostWeight,
    LostFactor,
    DenoiserWeight,
    BetaTwice,
    WrongSign,
    NegativeDensity,
    Clipped,
    Overflows,
    NotANumber,
    SingleInside,
    Normalised,
    Relative,
    Shifted,
    InPlace,
    Jittered,
    Narrow,
    Nowhere,
    OneNumber,
    FallsToNothing,
    TooFewMasses,
    NegativeMasses,
]


# What is learned.


class ResidualForItsInverse(BellShaped):
    """σ times the residual."""

    name = "residual-for-its-inverse"

    def adapt(self, sigma, residual, sigma_data):
        return sigma * residual


class SquareOfTheResidual(BellShaped):
    name = "square-of-the-residual"

    def adapt(self, sigma, residual, sigma_data):
        return sigma / residual**2


class NeverLearns(BellShaped):
    name = "never-learns"

    def adapt(self, sigma, residual, sigma_data):
        return sigma


class WrongSlope(Edm2Uncertainty):
    """Up the loss."""

    name = "wrong-slope"

    def learner(self, request):
        learner = super().learner(request)
        learner._optimiser = torch.optim.Adam([learner._weights], lr=self.learning_rate, maximize=True)
        return learner


class LossOfOneCoordinate(Edm2Uncertainty):
    """ω e^{−u}, and e^{−u} again."""

    name = "uncertainty-twice"

    def learner(self, request):
        learner = super().learner(request)
        right = learner.omega
        learner.omega = lambda: right() ** 2
        return learner


LEARNED = [ResidualForItsInverse, SquareOfTheResidual, NeverLearns, WrongSlope, LossOfOneCoordinate]
