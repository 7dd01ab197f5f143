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
        measured: the value found; None: none was, for a reason.
        tolerance: how far the two may be apart.
        at_least: whether more than what is claimed is no fault, as of an order.
        reason: what a reader must know besides: what was raised, or why nothing is measured.
    """

    name: str
    claimed: float | None
    measured: float | None
    tolerance: float
    at_least: bool = False
    reason: str = ""

    @classmethod
    def broken(cls, name: str, reason: str) -> Property:
        """Return a property that could not be measured, since the component raised: it fails."""
        return cls(name, 1.0, None, 0.0, reason=reason)

    @classmethod
    def skipped(cls, name: str, reason: str) -> Property:
        """Return a property that has no meaning for the component; nothing is claimed by it."""
        return cls(name, None, None, 0.0, reason=reason)

    @property
    def verdict(self) -> Verdict:
        """Whether it holds; what is not finite, or could not be measured, does not."""
        if self.claimed is None:
            return "unclaimed"
        if self.measured is None:
            return "fail"
        short = self.claimed - self.measured
        held = short <= self.tolerance if self.at_least else abs(short) <= self.tolerance
        return "pass" if held and abs(self.measured) < float("inf") else "fail"

    def __str__(self) -> str:
        claim = "no claim" if self.claimed is None else f"claimed {self.claimed:.6g} ± {self.tolerance:.2g}"
        found = "nothing measured" if self.measured is None else f"measured {self.measured:.6g}"
        why = f" ({self.reason})" if self.reason else ""
        return f"{self.name}: {claim}, {found}{why}: {self.verdict}"
