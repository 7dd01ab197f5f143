"""Measured properties: what is claimed of a component beside what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

Verdict = Literal["pass", "fail", "unclaimed"]


def worst(deviation: Tensor) -> float:
    """Return the largest deviation in size; infinite where one is not a number."""
    return float(deviation.abs().nan_to_num(nan=float("inf")).max())


@dataclass(frozen=True)
class Property:
    """One property of a component.

    Attributes:
        name: what was measured, and on what.
        claimed: the value that it should have; None: none is claimed.
        measured: the value found.
        tolerance: how far the two may be apart.
        at_least: whether more than what is claimed is no fault, as of an order.
    """

    name: str
    claimed: float | None
    measured: float
    tolerance: float
    at_least: bool = False

    @property
    def verdict(self) -> Verdict:
        """Whether it holds; what is not finite does not."""
        if self.claimed is None:
            return "unclaimed"
        short = self.claimed - self.measured
        held = short <= self.tolerance if self.at_least else abs(short) <= self.tolerance
        return "pass" if held and abs(self.measured) < float("inf") else "fail"

    def __str__(self) -> str:
        claim = "no claim" if self.claimed is None else f"claimed {self.claimed:.6g} ± {self.tolerance:.2g}"
        return f"{self.name}: {claim}, measured {self.measured:.6g}: {self.verdict}"
