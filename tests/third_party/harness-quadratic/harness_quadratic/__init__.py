"""Noise levels quadratic in the step: what a plugin of another distribution looks like."""

from pydantic import Field

from harness import hookimpl
from harness.time_discretizations import TimeDiscretization


class Quadratic(TimeDiscretization):
    """Steps that shrink linearly towards the data."""

    name = "quadratic"
    formula = "σ_j = σ_min + (σ_max − σ_min)(1 − j/N)^power"
    source = "an example of the tests"

    power: float = Field(2.0, gt=0, description="how fast the steps shrink")

    def levels(self, request):
        """Return the levels."""
        first, last = request.sigma_range()
        return last + (first - last) * (1 - request.fractions()) ** self.power


@hookimpl
def harness_time_discretizations():
    """Offer the class."""
    return [Quadratic]
