"""Standardization: an affine map that gives data the scale that noise levels speak of.

Noise of one level σ acts on all columns alike. Where the deviations of columns differ by orders of magnitude, no σ
suits all of them: the small ones are drowned before the large ones are touched. The map is made from the training part
alone:

    none      x
    scale     (x − m)/s             one deviation s for all columns
    columns   (x − m)_j/s_j         each column its own; one that is constant becomes 0
    whiten    Λ^(−1/2) Qᵀ(x − m)/s  uncorrelated columns of deviation 1, with Corr = QΛQᵀ; directions in which the data
                                    do not vary are left out, whatever the units of the columns
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from harness_data.errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

Standardize = Literal["none", "scale", "columns", "whiten"]

CONSTANT = 1e-12
"""Deviation of a column, relative to its largest magnitude, below which it is constant."""

FLAT = 1e-10
"""Variance of a direction, of columns of deviation 1, relative to the largest, below which the data do not vary."""


@dataclass(frozen=True)
class Standardization:
    """The map x ↦ (x − center) @ matrix, or (x − center) · scale where there is no matrix.

    Attributes:
        center: shape (d,).
        scale: shape (d,); a factor for each column.
        matrix: shape (d, r), r ≤ d; None: `scale` alone.
        inverse: shape (r, d), the pseudo-inverse of `matrix`.
    """

    center: Tensor
    scale: Tensor
    matrix: Tensor | None = None
    inverse: Tensor | None = None

    @property
    def uniform(self) -> bool:
        """Whether all columns are divided by one number."""
        return self.matrix is None and bool((self.scale == self.scale[0]).all())

    def apply(self, points: Tensor) -> Tensor:
        """Return standardized points (n, r), float64, from those of the data, (n, d)."""
        moved = points.double() - self.center
        return moved * self.scale if self.matrix is None else moved @ self.matrix

    def undo(self, points: Tensor) -> Tensor:
        """Return points in the units of the data, (n, d), from standardized ones, (n, r)."""
        back = points.double() / self.scale if self.inverse is None else points.double() @ self.inverse
        return back + self.center


def varying(train: Tensor, deviations: Tensor) -> Tensor:
    """Return which columns of (n, d) points are not constant, from their deviations of shape (d,)."""
    return deviations > CONSTANT * train.abs().amax(0)


def standardization(train: Tensor, how: Standardize, source: str) -> Standardization | None:
    """Return the map made from a training part of shape (n, d), float64; None for none.

    Raises:
        DataError: the rows to train on are all the same.
    """
    import torch

    center = train.mean(0)
    deviations = (train - center).square().mean(0).sqrt()
    overall = float(deviations.square().mean().sqrt())
    if not 0 < overall < float("inf"):
        raise DataError(f"{source}: the rows to train on are all the same; give rows that differ")
    ones = torch.ones_like(center)
    match how:
        case "none":
            return None
        case "scale":
            return Standardization(center, ones / overall)
        case "columns":
            return Standardization(center, 1 / _units(train, deviations))
        case "whiten":
            return _whitening(train, center, deviations)


def _units(train: Tensor, deviations: Tensor) -> Tensor:
    """Return the deviation of each column, (d,); 1 for one that is constant."""
    import torch

    return torch.where(varying(train, deviations), deviations, torch.ones_like(deviations))


def _whitening(train: Tensor, center: Tensor, deviations: Tensor) -> Standardization:
    """Return the map to uncorrelated columns: first all in units of their deviations, so that none is lost by its own.

    A constant column, which only rounding moves, takes part in no direction.
    """
    import torch

    units = _units(train, deviations)
    columns = (train - center) * (varying(train, deviations) / units)
    values, basis = torch.linalg.eigh(columns.T @ columns / len(train))
    kept = values > FLAT * values[-1]
    values, basis = values[kept].flip(0), basis[:, kept].flip(1)
    matrix, inverse = basis / values.sqrt() / units[:, None], (basis * values.sqrt() * units[:, None]).T
    return Standardization(center, torch.ones_like(center), matrix, inverse)
