"""Uncertainty: the function u(σ) of EDM2, the logarithm of the loss that is expected at a level.

With q = λ‖D − X_0‖²/d the loss of one sample is q e^{−u} + u, and its derivative by u is 1 − q e^{−u}: on average 0
where e^u = E q.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from harness.weight_learners import WeightLearner, WeightRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness_karras.weightings import Edm2Uncertainty


class Uncertainty(WeightLearner):
    """u(σ) = w·φ(σ), φ_k = √2 cos(2π(f_k ln σ/4 + b_k)), f ~ N(0, 1), b uniform, w = 0 at the start.

    Arguments:
        weighting: its parameters, and the weight ω = λσ² that e^u divides.
        request: the training.
    """

    def __init__(self, weighting: Edm2Uncertainty, request: WeightRequest) -> None:
        self._weighting, self._data = weighting, request.data
        self._frequency, self._phase = torch.randn(weighting.features), torch.rand(weighting.features)
        self._weights = torch.zeros(weighting.features)
        self._optimiser = torch.optim.Adam([self._weights], lr=weighting.learning_rate, betas=(0.9, 0.99))
        # ω is asked for at the same levels each time.
        self._prior_there, self._features_there = self._prior(request.sigma), self._features(request.sigma)

    def _prior(self, sigma: Tensor) -> Tensor:
        return self._weighting.omega(sigma, self._data.sigma_data)

    def _features(self, sigma: Tensor) -> Tensor:
        """Return φ at levels of shape (B,); shape (B, features), float32."""
        label = (sigma.log() / 4).float()
        turns = label[:, None] * self._frequency + self._phase
        return math.sqrt(2) * (2 * math.pi * turns).cos()

    def uncertainty(self, sigma: Tensor) -> Tensor:
        """Return u at levels of shape (K,); float64."""
        return (self._features(sigma) @ self._weights).double()

    def learn(self, sigma: Tensor, squared: Tensor) -> None:
        """Take one step of Adam down the mean loss of a batch, by its gradient in closed form."""
        features = self._features(sigma)
        # ω‖σS + ξ‖² = λ‖D − X_0‖².
        loss = (self._prior(sigma) * squared / self._data.dim).float()
        slope = 1 - loss * (-(features @ self._weights)).exp()
        self._weights.grad = slope @ features / len(slope)
        self._optimiser.step()

    def omega(self) -> Tensor:
        """Return ω e^{−u} at the levels of the request, shape (K,)."""
        return self._prior_there * (-(self._features_there @ self._weights).double()).exp()

    def state(self) -> Mapping[str, Tensor]:
        """Return w and what its optimiser holds; f and b follow from the seed."""
        return {"weights": self._weights, **self._optimiser.state[self._weights]}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `state` returned."""
        self._weights.copy_(state["weights"])
        self._optimiser.state[self._weights] = {name: value for name, value in state.items() if name != "weights"}
