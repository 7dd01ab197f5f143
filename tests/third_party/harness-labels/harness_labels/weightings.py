"""A weighting that learns at which level the loss begins to fall, and how high it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from harness.weight_learners import WeightLearner, WeightRequest
from harness.weightings import LearnedWeighting

if TYPE_CHECKING:
    from torch import Tensor


class Excess(LearnedWeighting):
    """Divides by the loss that the best network has on a Gaussian, whose scale and height are learned by Adam."""

    name = "excess"
    formula = "ω = e^−u, u(σ) = a + ln(b/(b + σ²)), a and b minimise E[‖σS + ξ‖²/(d e^u) + u], p = 1/σ"
    rate: float = Field(0.02, gt=0, description="learning rate of a and ln b")

    def omega(self, sigma: Tensor, sigma_data: float) -> Tensor:
        return 1 + (sigma / sigma_data) ** 2

    def learner(self, request: WeightRequest) -> WeightLearner:
        from harness_labels.learning import ExcessLearner

        return ExcessLearner(request, self.rate)
