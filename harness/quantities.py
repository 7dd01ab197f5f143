"""What a metric measures and what a bound limits, as they declare it: nothing is read off a name.

The laws that are compared are p_δ, the data noised at the last level, and q_N, that of the samples; P and Q are those
of whole paths. A bound is compared with a metric where it limits the metric's quantity in the same space.

    marginal-kl      KL(p_δ ‖ q_N), nats
    path-kl          KL(P ‖ Q), nats; never below marginal-kl, by data processing
    reverse-kl       KL(q_N ‖ p_δ), nats
    total-variation  sup_A |p_δ(A) − q_N(A)|, between 0 and 1
    w1, w2           Wasserstein distances of p_δ and q_N, in the units of the space
    training-loss    the objective that gradient descent minimised, after its last step
    other            none of these: no bound is compared with it
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

Quantity = Literal["marginal-kl", "path-kl", "reverse-kl", "total-variation", "w1", "w2", "training-loss", "other"]
"""What a metric measures."""

QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)

DIVERGENCES: tuple[Quantity, ...] = ("marginal-kl", "path-kl")
"""What a bound on the path divergence limits: that, and with it the marginal one."""

Comparison = Literal["ratio", "difference", "nothing"]
"""How two designs are compared by a metric."""

COMPARISONS: tuple[Comparison, ...] = get_args(Comparison)

DATA = "data"
"""The space of the points themselves. Any other word names a map of them (features, a latent space)."""

Space = Annotated[str, Field(min_length=1)]


class _Declaration(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


def least_of(quantity: Quantity) -> float | None:
    """Return the least possible value of a quantity: 0, for all that are known; None where it is not known."""
    return None if quantity == "other" else 0.0


class Measured(_Declaration):
    """What a metric measures, and what may be made of its values.

    Attributes:
        quantity: what it measures.
        space: where.
        compared_by: how two designs are compared by it; by `nothing`, it does not rank.
        least: the least possible value; None where there is none, or it is not known.
        copies_below: the value below which samples are nearer to training points than new data are; None of a metric
            that does not tell.
    """

    quantity: Quantity = "other"
    space: Space = DATA
    compared_by: Comparison = "ratio"
    least: float | None = None
    copies_below: float | None = None


class Limited(_Declaration):
    """What a bound limits.

    Attributes:
        limits: the quantities that it is an upper bound on.
        space: where they are measured.
        equals: the one among them that it is by definition: to be above it says nothing.
    """

    limits: list[Quantity] = []
    space: Space = DATA
    equals: Quantity | None = None


class Declarations(_Declaration):
    """What the metrics and bounds of a document declare, by label; one that it does not name declares nothing."""

    metrics: dict[str, Measured] = {}
    bounds: dict[str, Limited] = {}

    def quantity(self, metric: str) -> Quantity:
        """Return what a metric measures."""
        return self.metrics.get(metric, Measured()).quantity

    def compared_by(self, metric: str) -> Comparison:
        """Return how two designs are compared by a metric."""
        return self.metrics.get(metric, Measured()).compared_by

    def least(self, metric: str) -> float:
        """Return the least possible value of a metric; −∞ where none is known."""
        found = self.metrics.get(metric, Measured()).least
        return -math.inf if found is None else found

    def copies_below(self, metric: str) -> float:
        """Return the value of a metric below which samples are copies of training points; −∞ where none tells it."""
        found = self.metrics.get(metric, Measured()).copies_below
        return -math.inf if found is None else found

    def is_divergence(self, metric: str) -> bool:
        """Tell whether a metric measures a divergence of the points, in nats, that bounds of the path limit."""
        found = self.metrics.get(metric, Measured())
        return found.quantity in DIVERGENCES and found.space == DATA

    def is_marginal(self, metric: str) -> bool:
        """Tell whether a metric measures the marginal divergence of the points themselves."""
        return self.is_divergence(metric) and self.quantity(metric) == "marginal-kl"

    def bounds_divergence(self, bound: str) -> bool:
        """Tell whether a bound limits such a divergence."""
        found = self.bounds.get(bound, Limited())
        return found.space == DATA and not set(DIVERGENCES).isdisjoint(found.limits)

    def limits(self, bound: str, metric: str) -> bool:
        """Tell whether a bound is an upper bound on what a metric measures."""
        upper, measured = self.bounds.get(bound, Limited()), self.metrics.get(metric, Measured())
        return measured.quantity in upper.limits and measured.space == upper.space

    def same(self, bound: str, metric: str) -> bool:
        """Tell whether a bound is what a metric measures, by definition."""
        return self.limits(bound, metric) and self.bounds[bound].equals == self.quantity(metric)

    def is_path_divergence(self, bound: str) -> bool:
        """Tell whether a bound is the path divergence itself."""
        return self.bounds.get(bound, Limited()).equals == "path-kl"
