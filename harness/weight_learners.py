"""Weight learners: what a learned weighting makes of the losses that it sees while one network trains."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from harness.data_spec import DataSpec


@dataclass(frozen=True)
class WeightRequest:
    """What the weight of one network's training is learned for.

    Attributes:
        data: what the network is built for; `data.dim` is the d by which a squared loss is one of d coordinates.
        sigma: the levels at which ω is asked for, shape (K,), float64, increasing, from σ_min to σ_max.
        fresh: whether each batch has new points at new levels; otherwise each is the whole of a fixed objective, the
            same points with the same noise at each of these levels.
    """

    data: DataSpec
    sigma: Tensor
    fresh: bool = True


class WeightLearner(ABC):
    """The weight of one network's training, on its way."""

    @abstractmethod
    def learn(self, sigma: Tensor, squared: Tensor) -> None:
        """Learn from a batch of the training.

        Arguments:
            sigma: its levels, shape (B,), float64.
            squared: ‖σS + ξ‖² = ‖D − X_0‖²/σ² of each of its samples, summed over coordinates, shape (B,), float64,
                finite, without a graph.
        """

    @abstractmethod
    def omega(self) -> Tensor:
        """Return the weight ω to use from now on, at the levels of the request: shape (K,), finite, positive.

        A factor common to all levels has no effect.
        """

    def state(self) -> Mapping[str, Tensor] | None:
        """Return all that `learn` and `omega` changed so far, from which `restore` goes on to the same bits.

        None, as it is where nothing else is written, says that it cannot be told: a training with this weighting that
        is cut off begins anew.
        """
        return None

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `state` returned, in a learner that was made for the same request and has learned nothing."""
        raise NotImplementedError
