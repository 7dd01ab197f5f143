"""A plugin that offers a class of another axis."""

from harness import hookimpl
from harness.noise_schedules import NoiseSchedule


class Identity(NoiseSchedule):
    """A sound schedule, offered where it does not belong."""

    name = "identity"

    def sigma(self, t):
        """Return σ = t."""
        return t

    def time(self, sigma):
        """Return t = σ."""
        return sigma

    def rate(self, t):
        """Return 1."""
        return 0 * t + 1


@hookimpl
def harness_samplers():
    """Offer a noise schedule as a sampler."""
    return [Identity]
