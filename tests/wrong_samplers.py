"""Wrong samplers: each is one that ships with a slip in it, beside the property that must show it."""

import math
from typing import ClassVar

import torch
from harness_gonzalez.samplers import Seeds2
from harness_karras.samplers import EdmStochastic, Heun
from harness_lu.multistep import DPMpp2MSde, DPMpp3M
from harness_lu.samplers import DPMpp2M
from harness_lu.single_step import DPMSolver3
from harness_song.reverse_sde import EulerMaruyama
from harness_song.samplers import Ddim, Euler
from harness_zhang.samplers import Ipndm, Lms
from harness_zhao.samplers import UniPC

from harness.samplers import Sampler, SamplerRun

# Wrong samplers. Each is one that ships with a slip in it; `reject` names the property that must show it.


class Wrong(Sampler):
    """A sampler with a slip."""

    name: ClassVar[str] = "wrong"


class WrongSign(Euler):
    def step(self, run, x):
        return x - (run.sigma_next - run.sigma) * (x - run.denoiser(x, run.sigma)) / run.sigma


class TheNextLevel(Euler):
    """The denoiser is told the level at the end of the step."""

    def step(self, run, x):
        kept = run.sigma_next / run.sigma
        return kept * x + (1 - kept) * run.denoiser(x, run.sigma_next)


class DenoisedInTheEnd(Euler):
    def step(self, run, x):
        moved = super().step(run, x)
        return run.denoiser(x, run.sigma) if run.index == run.steps - 1 else moved


class OneStepShort(Euler):
    def step(self, run, x):
        return x if run.index == run.steps - 1 else super().step(run, x)

    def evaluations(self, steps):
        return steps - 1


class SwappedLevels(Heun):
    """The second slope is divided by the level of the first."""

    def step(self, run, x):
        slope = (x - run.denoiser(x, run.sigma)) / run.sigma
        y = x + (run.sigma_next - run.sigma) * slope
        return x + (run.sigma_next - run.sigma) / 2 * (slope + (y - run.denoiser(y, run.sigma_next)) / run.sigma)


class NoPrediction(Heun):
    """The second slope is that of the points before the step."""

    def step(self, run, x):
        slope = (x - run.denoiser(x, run.sigma)) / run.sigma
        other = (x - run.denoiser(x, run.sigma_next)) / run.sigma_next
        return x + (run.sigma_next - run.sigma) / 2 * (slope + other)


class LostFactor(DPMSolver3):
    """The last stage is weighed by 1 in place of 3/2."""

    def step(self, run, x):
        right = super().step(run, x)
        first = x - (run.sigma - run.sigma_next) * (x - run.denoiser(x, run.sigma)) / run.sigma
        return first + (right - first) / 1.5

    def evaluations(self, steps):
        return 4 * steps


def two_steps(run, x, factor, remember=True):
    """dpmpp-2m with another factor of D − D₋."""
    denoised = run.denoiser(x, run.sigma)
    kept = run.sigma_next / run.sigma
    before = run.memory.get("before")
    h = -math.log(kept)
    if before is None or remember:
        run.memory["before"] = denoised, h
    moved = kept * x + (1 - kept) * denoised
    return moved if before is None else moved + (1 - kept) * factor(h, before[1]) * (denoised - before[0])


class RatioOfEqualSteps(DPMpp2M):
    """Right on equal steps alone."""

    def step(self, run, x):
        return two_steps(run, x, lambda h, before: 1 / 2)


class WrongExtrapolation(DPMpp2M):
    def step(self, run, x):
        return two_steps(run, x, lambda h, before: -h / (2 * before))


class WithoutTheHalf(DPMpp2M):
    def step(self, run, x):
        return two_steps(run, x, lambda h, before: h / before)


class FirstEvaluationForever(DPMpp2M):
    """What is remembered is never renewed."""

    def step(self, run, x):
        return two_steps(run, x, lambda h, before: h / (2 * before), remember=False)


class Unforgetting(DPMpp2M):
    """Remembers in the class: what another run left is taken for the step before."""

    kept: ClassVar[dict] = {}

    def step(self, run, x):
        before = self.kept.get("previous", [x])[0]
        run.memory = self.kept if (before.shape, before.dtype) == (x.shape, x.dtype) else {}
        moved = super().step(run, x)
        self.kept.update(run.memory)
        return moved


class EqualSteps(Ipndm):
    """The weights of equal steps, sold as those of any."""

    @property
    def claimed_order_uneven(self):
        return 2


class FourthOrder(Ipndm):
    @property
    def claimed_order(self):
        return 4


class ThirdOrder(DPMpp3M):
    """What the source says of it."""

    @property
    def claimed_order(self):
        return 3


class OneOff(Lms):
    """The weights are those of the levels one step before."""

    def weights(self, run, count):
        if run.index == 0:
            return super().weights(run, count)
        earlier = SamplerRun(run.denoiser, run.sigmas, run.noise, index=run.index - 1)
        scale = (run.sigma_next - run.sigma) / (earlier.sigma_next - earlier.sigma)
        return [w * scale for w in super().weights(earlier, min(count, run.index))] + [0.0] * (count > run.index)


class TheLatestForgotten(UniPC):
    """After the first step the corrector takes the points of the step as they were predicted."""

    def step(self, run, x):
        moved = super().step(run, x)
        run.memory["x"] = x
        return moved


class CorrectedTwice(UniPC):
    """One evaluation more, for the points that were corrected; the history keeps the first."""

    def step(self, run, x):
        run.denoiser(x, run.sigma)
        return super().step(run, x)


class HalfTheNoise(Ddim):
    """The variance is drawn for the deviation."""

    def step(self, run, x):
        denoised = run.denoiser(x, run.sigma)
        fresh = self.eta**2 * run.sigma_next**2 * (1 - (run.sigma_next / run.sigma) ** 2)
        kept = math.sqrt(max(run.sigma_next**2 - fresh, 0))
        return denoised + kept / run.sigma * (x - denoised) + fresh * run.noise()


class NoNoise(Ddim):
    """Noise is taken off, and none is added."""

    def step(self, run, x):
        silent = SamplerRun(run.denoiser, run.sigmas, lambda: 0 * run.noise(), index=run.index)
        return super().step(silent, x)


class OneEta(DPMpp2MSde):
    """The noise of a decay by e^{−ηh} in place of e^{−2ηh}."""

    def step(self, run, x):
        h = math.log(run.sigma / run.sigma_next)
        factor = math.sqrt(math.expm1(-h) / math.expm1(-2 * h))
        run.noise, right = lambda: factor * right(), run.noise
        try:
            return super().step(run, x)
        finally:
            run.noise = right


class NoiseOfItsOwn(Seeds2):
    """The end of the step has another path than its middle."""

    def path(self, run):
        middle, _ = super().path(run)
        _, end = super().path(run)
        return [middle, end]


class VarianceOfTheDifference(EdmStochastic):
    """(σ̂ − σ)² is added where σ̂² − σ² is due."""

    def step(self, run, x):
        gamma = min(self.s_churn / run.steps, math.sqrt(2) - 1)
        run.noise, right = lambda: gamma / math.sqrt((1 + gamma) ** 2 - 1) * right(), run.noise
        try:
            return super().step(run, x)
        finally:
            run.noise = right


class TimeOfTheEnd(EulerMaruyama):
    """Δ by the rate at σ' and the level at σ."""

    def variance(self, sigma, sigma_next):
        return super().variance(sigma, sigma_next) * sigma_next / sigma * 2


class NoiseOfTheProcess(Ddim):
    def step(self, run, x):
        own = SamplerRun(run.denoiser, run.sigmas, lambda: torch.randn_like(x), index=run.index)
        return super().step(own, x)


class SaysItIsDeterministic(Ddim):
    @property
    def deterministic(self):
        return True


class OfTheBatch(Euler):
    """What is added depends on the other samples."""

    def step(self, run, x):
        return super().step(run, x) + 1e-6 * x.mean(0)


class OfThePlace(Euler):
    """What is added depends on the place in the batch."""

    def step(self, run, x):
        return super().step(run, x) + 1e-6 * torch.arange(len(x), dtype=x.dtype)[:, None]


class OneEvaluationMore(Euler):
    def evaluations(self, steps):
        return steps + 1


class SingleInside(Euler):
    """Points pass through single precision."""

    def step(self, run, x):
        return super().step(run, x).float().to(x.dtype)


WRONG = [
    (WrongSign(), "order"),
    (TheNextLevel(), "first evaluation"),
    (DenoisedInTheEnd(), "end: deviation"),
    (OneStepShort(), "end: deviation"),
    (SwappedLevels(), "order"),
    (NoPrediction(), "order"),
    (LostFactor(), "order"),
    (RatioOfEqualSteps(), "uneven grid"),
    (WrongExtrapolation(), "order"),
    (WithoutTheHalf(), "order"),
    (FirstEvaluationForever(), "order"),
    (Unforgetting(), "distance of samples"),
    (EqualSteps(), "uneven grid"),
    (FourthOrder(), "geometric grid"),
    (ThirdOrder(), "geometric grid"),
    (OneOff(), "order"),
    (TheLatestForgotten(), "order"),
    (CorrectedTwice(), "evaluations"),
    (HalfTheNoise(), "order"),
    (NoNoise(), "order"),
    (OneEta(), "order"),
    (NoiseOfItsOwn(), "order"),
    (VarianceOfTheDifference(s_churn=2, s_noise=1, s_min=0, s_max=1000), "first evaluation"),
    (TimeOfTheEnd(), "order"),
    (NoiseOfTheProcess(), "a second run"),
    (OfTheBatch(), "batches"),
    (OfThePlace(), "batches"),
    (OneEvaluationMore(), "evaluations"),
    (SingleInside(), "end: deviation"),
]
