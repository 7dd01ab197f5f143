"""A plugin that loads, and whose components break their contracts when they are used."""

import time

from harness import hookimpl
from harness.samplers import Sampler
from harness.time_discretizations import TimeDiscretization
from harness.weightings import Weighting


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
        while True:
            time.sleep(0.1)


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


@hookimpl
def harness_time_discretizations():
    """Offer the grids."""
    return [Increasing, Short, Hanging]


@hookimpl
def harness_weightings():
    """Offer the weighting."""
    return [Negative]


@hookimpl
def harness_samplers():
    """Offer the sampler."""
    return [Flat]
