"""Wrong preconditionings: each is one that ships with a slip in it."""

import torch
from harness_ho.preconditionings import EpsPrediction
from harness_karras.preconditionings import Edm
from harness_lipman.preconditionings import FlowPrediction
from harness_salimans.preconditionings import VPrediction, X0Prediction
from harness_song.preconditionings import Ve, Vp


class SkipWithoutSquare(Edm):
    """c_skip = s/(σ² + s²)^½."""

    name = "skip-without-square"

    def coefficients(self, sigma, sigma_data):
        c = super().coefficients(sigma, sigma_data)
        return c._replace(skip=c.skip.sqrt())


class OutWithoutData(Edm):
    """c_out without σ_data."""

    name = "out-without-data"

    def coefficients(self, sigma, sigma_data):
        c = super().coefficients(sigma, sigma_data)
        return c._replace(out=c.out / sigma_data)


class SwappedScales(Edm):
    """σ and σ_data swapped in c_skip."""

    name = "swapped-scales"

    def coefficients(self, sigma, sigma_data):
        c = super().coefficients(sigma, sigma_data)
        return c._replace(skip=1 - c.skip)


class InnerSquared(Edm):
    """c_in = 1/(σ² + s²)."""

    name = "inner-squared"

    def coefficients(self, sigma, sigma_data):
        c = super().coefficients(sigma, sigma_data)
        return c._replace(inner=c.inner**2)


class ScaleOnce(VPrediction):
    """The scale forgotten in c_out."""

    name = "scale-once"

    def coefficients(self, sigma, sigma_data):
        c = super().coefficients(sigma, sigma_data)
        return c._replace(out=c.out / (sigma_data if self.scale is None else 1))


class SkipOfNoise(VPrediction):
    """α for α²."""

    name = "skip-of-noise"

    def unit_coefficients(self, sigma):
        c = super().unit_coefficients(sigma)
        return c._replace(skip=c.skip.sqrt())


class NoiseOfVariance(EpsPrediction):
    """c_out = −σ²: the score's."""

    name = "noise-of-variance"

    def unit_coefficients(self, sigma):
        c = super().unit_coefficients(sigma)
        return c._replace(out=-(sigma**2))


class NoSkip(EpsPrediction):
    """The noised point is not passed on."""

    name = "no-skip"

    def unit_coefficients(self, sigma):
        c = super().unit_coefficients(sigma)
        return c._replace(skip=0 * c.skip)


class ClaimsTheInput(Ve):
    """The noised point as it is, sold as of unit variance."""

    name = "claims-the-input"
    claims_unit_input = True


class ClaimsTheTarget(FlowPrediction):
    """The velocity has variance two."""

    name = "claims-the-target"
    claims_unit_target = True


class NotTold(Vp):
    """The network is not told the level."""

    name = "not-told"

    def unit_coefficients(self, sigma):
        c = super().unit_coefficients(sigma)
        return c._replace(noise=torch.ones_like(sigma))


class Steps(Vp):
    """The time in steps of a thousand, though networks expect numbers of order one."""

    name = "whole-steps"

    def unit_coefficients(self, sigma):
        c = super().unit_coefficients(sigma)
        return c._replace(noise=999 * c.noise)


class AmongOthers(Edm):
    """c_noise by the largest level of the batch."""

    name = "among-others"

    def coefficients(self, sigma, sigma_data):
        c = super().coefficients(sigma, sigma_data)
        return c._replace(noise=(sigma / sigma.max()).log() / 4)


class AlwaysDouble(Edm):
    name = "always-double"

    def coefficients(self, sigma, sigma_data):
        return super().coefficients(sigma.double(), sigma_data.double())


class SingleInside(Edm):
    name = "single-inside"

    def coefficients(self, sigma, sigma_data):
        c = super().coefficients(sigma.float(), sigma_data.float())
        return type(c)(*(each.to(sigma.dtype) for each in c))


class InPlace(X0Prediction):
    name = "in-place"

    def unit_coefficients(self, sigma):
        return super().unit_coefficients(sigma.mul_(1.5))


class NotANumber(Edm):
    name = "not-a-number"

    def coefficients(self, sigma, sigma_data):
        c = super().coefficients(sigma, sigma_data)
        return c._replace(noise=(sigma - 0.01).log())


class Three(Edm):
    """One coefficient as a number."""

    name = "three"

    def coefficients(self, sigma, sigma_data):
        return super().coefficients(sigma, sigma_data)._replace(skip=0.5)


WRONG = [
    SkipWithoutSquare(),
    OutWithoutData(),
    SwappedScales(),
    InnerSquared(),
    ScaleOnce(scale=None),
    SkipOfNoise(),
    NoiseOfVariance(),
    NoSkip(),
    ClaimsTheInput(),
    ClaimsTheTarget(),
    NotTold(),
    Steps(),
    AmongOthers(),
    AlwaysDouble(),
    SingleInside(),
    InPlace(),
    NotANumber(),
    Three(),
]
