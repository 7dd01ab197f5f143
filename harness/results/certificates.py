"""Certificates: of each component the properties that were measured, with what is claimed of them."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from harness.properties import Property, Verdict
from harness.results.document import Document, Name, Part

Standing = Literal["certified", "failed"]
"""What a certificate says of its component."""


class MeasuredProperty(Part):
    """One property of a component.

    Attributes:
        name: what was measured, and on what.
        claimed: the value that it should have; null: none is claimed.
        measured: the value found; null where none was, or where it is not finite; `reason` says so.
        tolerance: how far the two may be apart.
        at_least: whether more than what is claimed is no fault.
        verdict: whether it holds; unclaimed where nothing is claimed, or where it has no meaning for the component.
        reason: what was raised, or why nothing is measured; empty where there is nothing to say.
    """

    name: Name
    claimed: float | None
    measured: float | None
    tolerance: Annotated[float, Field(ge=0)]
    at_least: bool
    verdict: Verdict
    reason: str

    @classmethod
    def of(cls, found: Property) -> MeasuredProperty:
        """Return a property as documents hold it."""
        finite = found.measured is not None and math.isfinite(found.measured)
        reason = found.reason or ("" if finite or found.measured is None else f"measured {found.measured:g}")
        return cls(
            name=found.name,
            claimed=found.claimed,
            measured=found.measured if finite else None,
            tolerance=found.tolerance,
            at_least=found.at_least,
            verdict=found.verdict,
            reason=reason,
        )

    def __str__(self) -> str:
        claim = "no claim" if self.claimed is None else f"claimed {self._sign}{self.claimed:.6g} ± {self.tolerance:.2g}"
        found = "nothing measured" if self.measured is None else f"measured {self.measured:.6g}"
        return f"{self.name}: {claim}, {found}{f' ({self.reason})' if self.reason else ''}"

    @property
    def _sign(self) -> str:
        return "≥ " if self.at_least else ""


class Certificate(Part):
    """What was measured of one component.

    Attributes:
        component: its short form; of a plugin that offers none, as it cannot be loaded, the plugin's name.
        axis: of the component; `plugin` of such a plugin.
        distribution: that offers it.
        version: of the distribution.
        digest: of the component as results know it: its parameters, and the files of its package.
        seed: of the random numbers.
        seconds: that the measurements took.
        properties: in the order in which they were measured.
    """

    component: Name
    axis: Name
    distribution: str
    version: str
    digest: str
    seed: Annotated[int, Field(ge=0)]
    seconds: Annotated[float, Field(ge=0)]
    properties: list[MeasuredProperty]

    @property
    def failures(self) -> list[MeasuredProperty]:
        """The properties that do not hold."""
        return [each for each in self.properties if each.verdict == "fail"]

    @property
    def passed(self) -> bool:
        """Whether no property fails, and one holds: a component of which nothing could be measured does not pass."""
        return not self.failures and any(each.verdict == "pass" for each in self.properties)

    @property
    def standing(self) -> Standing:
        """The same in a word."""
        return "certified" if self.passed else "failed"

    @property
    def place(self) -> str:
        """The component with its axis, which tells it from others of its name."""
        return f"{self.axis.replace('_', ' ')} {self.component}"

    def complaints(self) -> list[str]:
        """Return why it does not pass, a line for each property; none where it does."""
        if self.passed:
            return []
        why = [str(each) for each in self.failures] or ["every property is skipped, or claims nothing"]
        return [f"{self.place}: {each}" for each in why]


class Certificates(Document):
    """The certificates of several components."""

    noun: ClassVar[str] = "a document of certificates"

    schema_version: Literal[1] = 1
    harness: Name
    certificates: list[Certificate]

    @property
    def passed(self) -> bool:
        """Whether there is one, and each passes."""
        return bool(self.certificates) and all(each.passed for each in self.certificates)
