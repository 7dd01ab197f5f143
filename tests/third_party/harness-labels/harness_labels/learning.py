"""What `excess` learns."""

from __future__ import annotations

import torch
from torch import Tensor

from harness.weight_learners import WeightLearner, WeightRequest


class ExcessLearner(WeightLearner):
    """u(σ) = a + ln(b/(b + σ²)) with the parameters (a, ln b), by steps of Adam on E[squared/(d e^u) + u]."""

    def __init__(self, request: WeightRequest, rate: float) -> None:
        self.levels, self.dim = request.sigma, request.data.dim
        start = torch.tensor([0.0, request.data.sigma_data], dtype=torch.float64)
        start[1] = 2 * start[1].log()
        self.parameters = start.requires_grad_()
        self.optimizer = torch.optim.Adam([self.parameters], lr=rate)

    def u(self, sigma: Tensor) -> Tensor:
        height, log_scale = self.parameters
        u: Tensor = height - (sigma**2 / log_scale.exp()).log1p()
        return u

    def learn(self, sigma: Tensor, squared: Tensor) -> None:
        u = self.u(sigma)
        loss = (squared / self.dim * (-u).exp() + u).mean()
        (self.parameters.grad,) = torch.autograd.grad(loss, [self.parameters])
        self.optimizer.step()

    def omega(self) -> Tensor:
        return (-self.u(self.levels)).exp().detach()
