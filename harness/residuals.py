"""Residuals: running means of ‖σS + ξ‖ over noise levels, and the weight that an adaptive weighting makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor

from harness.weight_learners import WeightLearner, WeightRequest

CELLS = 64
"""Number of log-spaced levels at which the residual of training on fresh noise is gathered."""

DECAY = 0.99
"""What is left, after a step, of the weight of earlier steps in a running mean."""


class RunningResidual:
    """Running means of ‖σS + ξ‖ at some levels, for one network.

    Arguments:
        sigma: the levels, shape (J,), float64, increasing; a norm counts at the nearest in ln σ.
        decay: what is left of the weight of earlier batches after each; 0: a mean of the last batch alone.
    """

    def __init__(self, sigma: Tensor, decay: float = DECAY) -> None:
        self.sigma = sigma
        self._log = sigma.log()
        self._decay = decay
        self._sum = torch.zeros(len(sigma), dtype=torch.float64)
        self._count = torch.zeros(len(sigma), dtype=torch.float64)

    def add(self, sigma: Tensor, norm: Tensor) -> None:
        """Take one batch: levels and norms, both of shape (B,)."""
        count = len(self.sigma)
        cell = torch.bucketize(sigma.log(), (self._log[1:] + self._log[:-1]) / 2)
        self._sum = self._decay * self._sum + torch.bincount(cell, norm.double(), count)
        self._count = self._decay * self._count + torch.bincount(cell, minlength=count)

    def state(self) -> dict[str, Tensor]:
        """Return what was added up, shapes (cells,)."""
        return {"sum": self._sum, "count": self._count}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `state` returned."""
        self._sum, self._count = state["sum"], state["count"]

    def mean(self, sigma: Tensor) -> Tensor | None:
        """Return the mean at levels of shape (K,), linear in ln σ between those that were seen.

        None where fewer than half of the levels were.
        """
        seen = self._count > 0.5
        if int(seen.sum()) < len(seen) // 2:
            return None
        known = self._sum[seen] / self._count[seen]
        return torch.from_numpy(np.interp(sigma.log().numpy(), self._log[seen].numpy(), known.numpy()))


class ResidualLearner(WeightLearner):
    """Measures the residual, and asks an adaptive weighting what follows from it.

    Arguments:
        request: the training.
        start: ω that it starts from, shape (K,).
        adapt: makes ω of the levels and of the residual there, each of shape (K,).
    """

    def __init__(self, request: WeightRequest, start: Tensor, adapt: Callable[[Tensor, Tensor], Tensor]) -> None:
        self._omega, self._adapt = start, adapt
        self._sigma = levels = request.sigma
        if request.fresh:
            low, high = levels[0].log(), levels[-1].log()
            cells = torch.linspace(float(low), float(high), CELLS, dtype=torch.float64).exp()
            self._residual = RunningResidual(cells)
        else:
            self._residual = RunningResidual(levels, decay=0.0)

    def learn(self, sigma: Tensor, squared: Tensor) -> None:
        """Take the norms of one batch."""
        self._residual.add(sigma, squared.sqrt())

    def omega(self) -> Tensor:
        """Return what `adapt` makes of the residual; the weight as it was where too little was seen of it lately."""
        mean = self._residual.mean(self._sigma)
        if mean is not None:
            self._omega = self._adapt(self._sigma.clone(), mean)
        return self._omega

    def state(self) -> Mapping[str, Tensor]:
        """Return the weight and the running residual."""
        return {"omega": self._omega, **self._residual.state()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `state` returned."""
        self._omega = state["omega"]
        self._residual.restore(state)
