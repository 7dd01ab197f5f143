"""Theorem 1 of Wang, He, Tao: gradient descent on the fixed objective decays at the rate of its slowest level.

With step size h, r_j = β_jσ_j² (`harness.engine.objective` says why this is the paper's rate) and j*(s) the level of
the largest r_j among those whose loss term is the largest at step s,

    L(θ_K) ≤ Π_{s<K} (1 − C h r_{j*(s)}) L(θ_0)

The page has C·m d^{(a_0−1)/2}/(n³N²) in place of C, with constants C and a_0 that it does not give; width m, dimension
d, points n and levels N stay inside the C used here, so that a comparison of C over these sizes tests that factor.

What is fitted, and what is not. No argument gives C a number, so it is fitted to the run itself: the largest C for
which every recorded stretch satisfies the inequality,

    C = min over recorded steps k of (1 − (L_{k+1}/L_k)^{1/(s_{k+1}−s_k)}) / (h r_{j*(s_k)})

with r_{j*} taken as constant between records. The bound then holds at every recorded step by construction, and cannot
be violated. What it does test: whether any C > 0 exists (a loss that rises refutes the statement, and the bound does
not apply), and by its tightness how well r_{j*} alone explains the decay: with a decay exactly proportional to r_{j*}
it is an equality. Source: arXiv 2406.12839, Theorem 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.bounds import Bound, Design
from harness.errors import NotApplicable
from harness.quantities import Quantity

if TYPE_CHECKING:
    import numpy as np

    from harness.trajectories import Trajectory


@dataclass(frozen=True)
class Decay:
    """The decay of a trajectory, set against the theorem; K recorded steps.

    Attributes:
        constant: the largest C for which every recorded stretch decays as stated; not positive where the loss rose.
        mean_constant: the C that makes the bound an equality at the end: what r_{j*} is worth on average.
        mean_rate: the measured mean decay a step, 1 − (L_K/L_0)^{1/K}.
        predicted: Π(1 − C h r_{j*}) L_0 with `constant`, at each recorded step, shape (K,).
    """

    constant: float
    mean_constant: float
    mean_rate: float
    predicted: np.ndarray


def decay(trajectory: Trajectory) -> Decay:
    """Fit Theorem 1 to a trajectory of gradient descent with at least two recorded steps and a positive loss."""
    import numpy as np

    lengths = np.diff(trajectory.step)
    stretches = np.log(trajectory.loss[1:] / trajectory.loss[:-1])
    speed = trajectory.learning_rate * trajectory.rate[:-1]
    constant = float((-np.expm1(stretches / lengths) / speed).min())
    total = float(stretches.sum())
    shrinking = np.concatenate([[0.0], (lengths * np.log1p(-constant * speed)).cumsum()])
    return Decay(
        constant=constant,
        mean_constant=_equality(speed, lengths, total),
        mean_rate=-math.expm1(total / int(lengths.sum())),
        predicted=trajectory.loss[0] * np.exp(shrinking),
    )


def _equality(speed: np.ndarray, lengths: np.ndarray, total: float) -> float:
    """Return the C with Σ lengths ln(1 − C speed) = total, which falls in C, by bisection."""
    import numpy as np

    high = (1 - 1e-12) / float(speed.max())
    low = -high
    while float((lengths * np.log1p(-low * speed)).sum()) < total:
        low *= 2
    # Until no number lies between the two.
    while low < (middle := (low + high) / 2) < high:
        if float((lengths * np.log1p(-middle * speed)).sum()) > total:
            low = middle
        else:
            high = middle
    return low


class Theorem1(Bound):
    """The paper's bound on the training loss, C fitted to the run: L(θ_0) times the decay of the slowest levels."""

    name: ClassVar[str] = "theorem-1-loss"
    limits: ClassVar[tuple[Quantity, ...]] = ("training-loss",)
    formula: ClassVar[str] = (
        "Π_s (1 − C h r_{j*(s)}) L(θ_0),  r_j = β_jσ_j², C the largest that every recorded step allows"
    )
    source: ClassVar[str] = "Wang, He, Tao, arXiv 2406.12839, Theorem 1"

    def value(self, design: Design) -> float | NotApplicable:
        """The predicted loss after training; only for gradient descent on an objective that stayed fixed."""
        way = design.training
        if way is None or way.method != "gradient-descent":
            return NotApplicable(f"{self.name} is for gradient descent on a fixed objective")
        if way.renewed:
            return NotApplicable(f"{self.name} is for a fixed objective; weighting {way.weighting} renewed it")
        if len(way.step) < 2:
            return NotApplicable(f"{self.name} is for training; there was no step")
        if not (way.loss > 0).all():
            return NotApplicable(f"{self.name} is for a positive loss; it reached 0")
        found = decay(way)
        if found.constant <= 0:
            return NotApplicable(f"{self.name}: no C > 0 fits, for the loss rose on the way")
        return float(found.predicted[-1])
