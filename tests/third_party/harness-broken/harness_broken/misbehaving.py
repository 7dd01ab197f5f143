"""A plugin that loads, and whose components break their contracts when they are used."""

import os
import threading
import time
from functools import cache

from harness import hookimpl
from harness.bounds import Bound
from harness.metrics import FittedMetric, SampleMetric
from harness.networks import OracleNetwork, TrainableNetwork
from harness.noise_schedules import NoiseSchedule
from harness.samplers import Sampler
from harness.targets import Target
from harness.time_discretizations import TimeDiscretization
from harness.weightings import Weighting

print("a plugin that talks while it loads")


class Unusual(Exception):
    """An error that pickle can write and not read."""

    def __init__(self, one, two):
        """Take two parts; pickle will give one."""
        super().__init__(f"{one} and {two}")


def hang():
    """Never return."""
    while True:
        time.sleep(0.1)


class Increasing(TimeDiscretization):
    """Levels in the wrong order."""

    name = "increasing"

    def levels(self, request):
        """Return the levels from σ_min to σ_max, but for the end points."""
        first, last = request.sigma_range()
        inner = last + (first - last) * request.fractions()[1:-1]
        return inner.new_tensor([float(first), *inner.tolist(), float(last)])


class Short(TimeDiscretization):
    """A level too few."""

    name = "short"

    def levels(self, request):
        """Return N levels."""
        first, last = request.sigma_range()
        return (first + (last - first) * request.fractions())[1:]


class Hanging(TimeDiscretization):
    """No levels, ever."""

    name = "hanging"

    def levels(self, request):
        """Never return."""
        hang()


class Falling(NoiseSchedule):
    """Levels that fall with time."""

    name = "falling"

    def sigma(self, t):
        """Return σ = 1/t."""
        return 1 / t

    def time(self, sigma):
        """Return t = 1/σ."""
        return 1 / sigma

    def rate(self, t):
        """Return the derivative."""
        return -1 / t**2


class HangingWeighting(Weighting):
    """No weights, ever."""

    name = "hanging"

    def omega(self, sigma, sigma_data):
        """Never return."""
        hang()


class Negative(Weighting):
    """A weight below 0."""

    name = "negative"

    def omega(self, sigma, sigma_data):
        """Return −1."""
        return 0 * sigma - 1


class Flat(Sampler):
    """Points of the wrong shape."""

    name = "flat"

    def step(self, run, x):
        """Return the first coordinate."""
        return x[:, 0]


class Undefined(Sampler):
    """Points that are no numbers."""

    name = "undefined"

    def step(self, run, x):
        """Return NaN."""
        return x * float("nan")


class Dying(Sampler):
    """The end of its process."""

    name = "dying"

    def step(self, run, x):
        """Never return, and take the process along."""
        os._exit(3)


class Leaving(Sampler):
    """An exit that is none of its business."""

    name = "leaving"

    def step(self, run, x):
        """Exit."""
        raise SystemExit("a sampler leaves")


class Puzzling(Sampler):
    """An error that cannot be taken from one process to another, and a thread that stays behind."""

    name = "puzzling"

    def step(self, run, x):
        """Print, start a thread and raise."""
        print("a sampler that talks")
        threading.Thread(target=hang).start()
        raise Unusual("one", "two\nand three")


@cache
def raising_module():
    """Return the module's class; torch is imported when it is needed."""
    from torch import nn

    class Module(nn.Linear):
        def forward(self, x, sigma):
            raise RuntimeError("no network today")

    return Module


class Raising(TrainableNetwork):
    """A network that cannot be computed."""

    name = "raising"

    def module(self, data):
        """Return a module that raises."""
        return raising_module()(data.dim, data.dim)


class Misshapen(OracleNetwork):
    """A denoiser of the wrong shape."""

    name = "misshapen"

    def denoise(self, target, x, sigma):
        """Return a column more."""
        import torch

        return torch.cat([x, x[:, :1]], 1)

    def score_error(self, sigma, dim):
        """Return 0."""
        return 0 * sigma


class Nowhere(Target):
    """A target that cannot be built."""

    name = "nowhere"

    def distribution(self):
        """Raise."""
        raise RuntimeError("no target today")


class Unmeasurable(SampleMetric):
    """A metric that cannot be measured."""

    name = "unmeasurable"

    def compare(self, generated, reference):
        """Raise."""
        raise RuntimeError("no measurement today")


class Unfitted(FittedMetric):
    """A metric that cannot be fitted."""

    name = "unfitted"

    def fit(self, law, generator):
        """Raise."""
        raise RuntimeError("no fit today")

    def compare(self, generated, reference, fitted):
        """Compare nothing."""
        raise AssertionError("compared without a fit")


class HangingFit(Unfitted):
    """No fit, ever."""

    name = "hanging-fit"

    def fit(self, law, generator):
        """Never return."""
        hang()


class Shapeless(Unfitted):
    """A fit that is no tensor."""

    name = "shapeless"

    def fit(self, law, generator):
        """Return a number."""
        return {"mean": 0.5}


class Unbounded(Bound):
    """A bound that is no number."""

    name = "unbounded"
    limits = ("marginal-kl",)

    def value(self, design):
        """Return a word."""
        return "much"


@hookimpl
def harness_targets():
    """Offer the target."""
    return [Nowhere]


@hookimpl
def harness_weightings():
    """Offer the weightings."""
    return [Negative, HangingWeighting]


@hookimpl
def harness_noise_schedules():
    """Offer the schedule."""
    return [Falling]


@hookimpl
def harness_time_discretizations():
    """Offer the grids."""
    return [Increasing, Short, Hanging]


@hookimpl
def harness_networks():
    """Offer the networks."""
    return [Raising, Misshapen]


@hookimpl
def harness_samplers():
    """Offer the samplers."""
    return [Flat, Undefined, Dying, Leaving, Puzzling]


@hookimpl
def harness_metrics():
    """Offer the metrics."""
    return [Unmeasurable, Unfitted, HangingFit, Shapeless]


@hookimpl
def harness_bounds():
    """Offer the bound."""
    return [Unbounded]
