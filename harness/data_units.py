"""Data units: what points of a target are in the data that a user has, whose units the target may have changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class DataUnits:
    """How to get from the points of a target, which a network sees, to those of the data.

    Attributes:
        shape: of one point of the data.
        scale: how much of the data's unit a 1 of the points is, so that a level σ is σ · scale there; None where
            coordinates have units of their own, so that one σ of the points is none of the data.
        columns: names of the d coordinates of the data; empty where they have none.
        undo: from points (n, d) of the target, float64, to flat ones of the data; None: they are the same.
    """

    shape: tuple[int, ...]
    scale: float | None = 1.0
    columns: tuple[str, ...] = ()
    undo: Callable[[Tensor], Tensor] | None = None

    def restore(self, points: Tensor) -> Tensor:
        """Return points of the data, shape (n, *shape), float64, from those of the target, shape (n, d)."""
        flat = points.double() if self.undo is None else self.undo(points.double())
        return flat.reshape(len(flat), *self.shape)
