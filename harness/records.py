"""Records: what a unit of work makes, as it travels from a worker to the store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from harness.errors import failure_line, traceback_text

Kind = Literal[
    "target",
    "weighting table",
    "grid",
    "network",
    "trajectory",
    "score error",
    "sampling",
    "metric",
    "bound",
    "calibration",
    "unmade",
]
"""What a record holds; it is unmade where its unit failed before it."""


@dataclass(frozen=True)
class Record:
    """What one unit of work produced.

    Attributes:
        key: digest of everything it depends on.
        kind: what it holds.
        payload: JSON values; where it failed, the `traceback` of its exception, if there was one.
        reason: why it failed, or does not apply, in one line; None where it did what it should.
        seconds: the time it took, on one core.
    """

    key: str
    kind: Kind
    payload: dict[str, Any] = field(default_factory=dict)
    reason: str | None = None
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the unit did what it should."""
        return self.reason is None

    @property
    def applicable(self) -> bool:
        """Whether nothing said that it has no meaning here, which is no failure."""
        return self.reason is None or self.payload != NOT_APPLICABLE


NOT_APPLICABLE: dict[str, Any] = {"applicable": False}
"""The payload of a record that does not apply: a component said so, or its unit builds on such a record."""


def failed(key: str, kind: Kind, what: str, error: Exception) -> Record:
    """Return the record of what failed alone in its unit: `what`, and the exception that it ended in."""
    return Record(key, kind, traced(traceback_text(error)), f"{what}: {failure_line(error)}")


def traced(traceback: str) -> dict[str, Any]:
    """Return the payload of a record that failed, from the text of a traceback."""
    return {"traceback": traceback} if traceback else {}
