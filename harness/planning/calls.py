"""Calls: what is kept beside results of each call of the program that made some of them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

CALLS = "calls"
"""The key under which a directory keeps its calls, in their order."""


class KeptCall(BaseModel):
    """One call that did some work.

    Attributes:
        works: the keys under which the directory keeps what was asked for: several suites may ask in one call.
        started: when, in UTC, to the second (ISO 8601).
        workers: most units that it did at once.
        wall_seconds: from its start to the last unit that is counted.
        core_seconds: what its units took, each on one core, together.
        ended: false where it was interrupted, or goes on; units of its last seconds may then not be counted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    works: list[str]
    started: str
    workers: int
    wall_seconds: float
    core_seconds: float
    ended: bool
