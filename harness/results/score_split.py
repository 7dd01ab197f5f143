"""Splitting the score error of trained networks, as Theorem 3 does, among the networks at hand.

On the levels that a sampling grid visits, with the weights β_j of the network's training (`harness.weighting_tables`),

    E_S ≤ K (L(θ) − L*),     K = max_j Δ_j/(β_j u_j),     L(θ) − L* = ½ Σ β_j σ_j² e_j,

and with L_em what training minimised, exactly and term by term signed,

    L(θ) − L* = ε_train + ε_n + ε_est + ε_approx
    ε_train  = L_em(θ) − L_em(θ*)     training: what a longer or better descent would still gain
    ε_n      = L(θ) − L_em(θ)         statistical: what fresh data cost more than the data trained on
    ε_est    = L_em(θ*) − L(θ_F)      estimation: between the best on those data and the best of the family
    ε_approx = L(θ_F) − L*            approximation: what the best of the family lacks to the exact score

A family is one architecture with its parameters, on one target. No infimum over it is known, so θ* is the network at
hand with the least L_em and θ_F the one with the least L, over all weightings, lengths and seeds of the suite:
ε_approx is an upper estimate, and both improve with every network that is added to it.

Training on fresh noise minimises L itself: L_em = L, so θ* = θ_F and ε_n = ε_est = 0. Gradient descent on a fixed
objective has an L_em of its own (`FixedObjectiveLoss`), on its own levels and the points of its seed. L_em of two
networks can be compared only where both are the same: θ* is sought among these. L is then ½ Σ β_j (c(σ_j) + σ_j² e_j)
on those levels, c = d − uJ(u), and the terms are scaled by one factor so that they sum to K (L(θ) − L*) of the grid,
in nats.
Reference: Wang, He, Tao, arXiv 2406.12839, Theorem 3.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from harness.engine.curves import MeasuredScoreError
from harness.metrics import Measurement, mean_and_error
from harness.results.leaderboard import ScoreSplit, Term
from harness.results.statistics.intervals import mean_interval
from harness.results.terms import SPLIT
from harness.weighting_tables import LevelWeights, WeightingTable

TERMS = tuple(term.field for term in SPLIT)
"""The terms of the split, in the order of their sum."""

SIGNED = {"statistical", "estimation"}
"""The terms that may be negative."""

LeastLoss = Callable[[np.ndarray], np.ndarray]
"""Returns c(σ) = d − uJ(u) at levels of shape (N,), for each replicate: shape (R, N)."""


@dataclass(frozen=True)
class FixedObjectiveLoss:
    """The fixed objective that a network was trained on.

    Attributes:
        weights: its levels and β_j.
        points: how many data it was made of.
        loss: L_em of the trained network.
        least_loss: the target's c(σ).
    """

    weights: LevelWeights
    points: int
    loss: float
    least_loss: LeastLoss

    @property
    def identity(self) -> Hashable:
        """Equal where the levels, the weights and the number of points are; the points follow from the seed."""
        return self.points, self.weights.sigma.tobytes(), self.weights.beta.tobytes()


@dataclass(frozen=True)
class TrainedError:
    """The score error of a trained network at hand.

    Attributes:
        key: of its record.
        family: the same for one architecture with its parameters on one target.
        seed: of its training.
        error: its e(σ).
        fixed: the fixed objective that it was trained on; None for training on fresh noise.
    """

    key: str
    family: Hashable
    seed: int
    error: MeasuredScoreError
    fixed: FixedObjectiveLoss | None = None


@dataclass(frozen=True)
class Share:
    """The split of one network's K (L(θ) − L*) on one grid, in nats; the four `TERMS` sum to `score_max`."""

    terms: dict[str, Measurement]
    score_max: Measurement
    score_exact: Measurement


class Families:
    """The trained networks at hand, by family; e on a grid's levels is computed once for all rows that use it."""

    def __init__(self, networks: Iterable[TrainedError]) -> None:
        """Take the networks; one whose output was not finite is in no family."""
        self._members: dict[Hashable, list[TrainedError]] = defaultdict(list)
        self._place: dict[str, tuple[TrainedError, int]] = {}
        for network in networks:
            if network.error.finite and network.key not in self._place:
                members = self._members[network.family]
                self._place[network.key] = network, len(members)
                members.append(network)
        self._errors: dict[tuple[Hashable, bytes], np.ndarray] = {}
        self._excess: dict[tuple[Hashable, bytes, bytes], np.ndarray] = {}

    def split(self, key: str, sigmas: np.ndarray, weighting: WeightingTable) -> Share | None:
        """Split the score error of a network on a grid of shape (N+1,), decreasing.

        None where the network is not at hand, where its weighting vanishes at a level that the grid visits, or where it
        has no error to split.
        """
        weights = weighting.on_grid(sigmas)
        if key not in self._place or weights.vanishing.size:
            return None
        network, index = self._place[key]
        error = self._family_errors(network.family, weights.sigma)[index]
        u = np.asarray(sigmas, dtype=np.float64) ** 2
        exact = measured(0.5 * error @ (u[:-1] - u[1:]))
        whole = scaled(measured(weights.excess(error)), weights.coefficient(sigmas))
        terms = self._fresh(key, weights) if network.fixed is None else self._fixed(key, network.fixed)
        total = math.fsum(term.value for term in terms.values())
        if not total > 0:
            return None
        return Share({name: scaled(term, whole.value / total) for name, term in terms.items()}, whole, exact)

    def fixed(self, key: str) -> bool:
        """Whether a network was trained on a fixed objective."""
        return self._place[key][0].fixed is not None

    def _fresh(self, key: str, weights: LevelWeights) -> dict[str, Measurement]:
        """The terms where L_em = L."""
        own, best = self._excesses(key, weights)
        terms = (measured(own - best), Measurement(0.0, 0.0), Measurement(0.0, 0.0), measured(best))
        return dict(zip(TERMS, terms, strict=True))

    def _fixed(self, key: str, fixed: FixedObjectiveLoss) -> dict[str, Measurement]:
        """The terms on the levels of a fixed objective."""
        own, best = (measured(excess) for excess in self._excesses(key, fixed.weights))
        least = measured(fixed.weights.least(fixed.least_loss(fixed.weights.sigma)))
        lowest = min(other.loss for other in self._on_the_same(key, fixed))
        terms = (
            Measurement(fixed.loss - lowest, 0.0),
            sum_of(own, least, -fixed.loss),
            sum_of(scaled(best, -1.0), scaled(least, -1.0), lowest),
            best,
        )
        return dict(zip(TERMS, terms, strict=True))

    def _on_the_same(self, key: str, fixed: FixedObjectiveLoss) -> Iterator[FixedObjectiveLoss]:
        """Yield the objectives of all networks of the family whose L_em is the same function."""
        network, _ = self._place[key]
        for other in self._members[network.family]:
            if other.fixed is not None and other.seed == network.seed and other.fixed.identity == fixed.identity:
                yield other.fixed

    def _excesses(self, key: str, weights: LevelWeights) -> tuple[np.ndarray, np.ndarray]:
        """L − L* of a network and of the best of its family, each of shape (R,)."""
        network, index = self._place[key]
        place = network.family, weights.sigma.tobytes(), weights.beta.tobytes()
        if place not in self._excess:
            self._excess[place] = weights.excess(self._family_errors(network.family, weights.sigma))
        excess = self._excess[place]
        return excess[index], excess[int(excess.mean(1).argmin())]

    def _family_errors(self, family: Hashable, sigma: np.ndarray) -> np.ndarray:
        """e of all members at some levels, shape (M, R, N)."""
        place = family, sigma.tobytes()
        if place not in self._errors:
            self._errors[place] = np.stack([member.error(sigma) for member in self._members[family]])
        return self._errors[place]


def combine(objective: Literal["fresh", "fixed"], shares: Sequence[Share]) -> ScoreSplit:
    """Return the split of a combination over its seeds: each term, `score_max` and `score_exact`, with 95 % limits.

    What cannot be negative is not, nor are its limits, where noise or rounding would put them below 0.

    Raises:
        ValidationError: the terms contradict one another.
    """
    terms = {name: _term([share.terms[name] for share in shares], signed=name in SIGNED) for name in TERMS}
    return ScoreSplit(
        objective=objective,
        **terms,
        score_max=_term([share.score_max for share in shares]),
        score_exact=_term([share.score_exact for share in shares]),
    )


def measured(replicates: np.ndarray) -> Measurement:
    """Return the mean of R replicates with its standard error; R = 1 means exact.

    All networks are measured at the same points, so that seeds share this error.
    """
    value, error = mean_and_error(replicates)
    if len(replicates) == 1:
        return Measurement(value, error)
    return Measurement(value, error, freedom=len(replicates) - 1, shared=True)


def scaled(measurement: Measurement, factor: float) -> Measurement:
    """Return a measurement times an exact factor."""
    value, error = factor * measurement.value, abs(factor) * measurement.standard_error
    return replace(measurement, value=value, standard_error=error)


def sum_of(first: Measurement, second: Measurement, exact: float) -> Measurement:
    """Return the sum of two independent measurements and an exact number."""
    value = math.fsum((first.value, second.value, exact))
    error = math.hypot(first.standard_error, second.standard_error)
    freedom = min(m.freedom for m in (first, second))
    return Measurement(value, error, freedom=freedom, shared=first.shared or second.shared)


def _term(measurements: Sequence[Measurement], *, signed: bool = False) -> Term:
    value, low, high = mean_interval(measurements)
    if not signed:
        value, low, high = max(0.0, value), max(0.0, low), max(0.0, high)
    return Term(value=value, low=low, high=high)
