"""Bounds: upper bounds from theory on KL(p_δ ‖ generated law)."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.components import Component
from harness.metrics import NotApplicable

if TYPE_CHECKING:
    import numpy as np

    from harness.budget import Budget
    from harness.information import Information, ScoreError
    from harness.samplers import Sampler


@dataclass(frozen=True)
class Design:
    """All that a bound may look at.

    Attributes:
        sampler: the sampler.
        sigmas: the grid, shape (N+1,), decreasing.
        variances: the kernel's variances, shape (N,); None where the step is no Gaussian kernel.
        dim: the dimension d.
        second_moment: m₂² = E‖X_0‖².
        information: the target's J(u) and M(u).
        score_error: the network's e(σ).
        budget: the exact budget of the path divergence; None where there is none.
    """

    sampler: Sampler
    sigmas: np.ndarray
    variances: np.ndarray | None
    dim: int
    second_moment: float
    information: Information
    score_error: ScoreError
    budget: Budget | None


class Bound(Component):
    """An upper bound that says where it applies."""

    axis: ClassVar[str] = "bound"

    @abstractmethod
    def value(self, design: Design) -> float | NotApplicable:
        """The bound on KL(p_δ ‖ q_N), in nats, or why it does not apply."""
