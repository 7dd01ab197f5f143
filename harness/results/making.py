"""Making: what a run made on its way to the rows of a leaderboard, each told once, and what it took.

Rows name their grid and their networks by the place in the lists of these.
"""

from __future__ import annotations

import itertools
from typing import Annotated, Self

from pydantic import Field, model_validator

from harness.results.document import Part, Position
from harness.results.setup import Level

Seconds = Annotated[float, Field(ge=0)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
DIGITS = 16
"""Hexadecimal digits of a checkpoint's SHA-256 that a document tells: two of 10,000 networks agree once in 10^11."""


class Grid(Part):
    """The noise levels of a grid.

    Attributes:
        sigmas: N+1 levels, decreasing, in units of the data.
        own: whether each seed has a grid of its own, so that these are the first seed's.
    """

    sigmas: Annotated[list[Level], Field(min_length=2)]
    own: bool

    @model_validator(mode="after")
    def _check(self) -> Self:
        for j, (level, following) in enumerate(itertools.pairwise(self.sigmas)):
            if following >= level:
                raise ValueError(f"levels decrease, but {level:g} comes before {following:g} at {j}")
        return self


class Networks(Part):
    """The trained networks of a row, one a seed.

    Attributes:
        checkpoints: the first digits of the SHA-256 of the checkpoint, which holds the parameters; null of a training
            that did not end.
    """

    checkpoints: Annotated[list[Digest | None], Field(min_length=1)]


class Call(Part):
    """One call of the program that made some of the results.

    Attributes:
        started: when, in UTC.
        workers: most units of work that were done at once.
        wall_seconds: from its start to its end.
        core_seconds: what its units took, each on one core, together.
        ended: false where it was interrupted: units of its last seconds may then not be counted.
    """

    started: Annotated[str, Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]
    workers: Position
    wall_seconds: Seconds
    core_seconds: Seconds
    ended: bool


class Computation(Part):
    """What the results took.

    Attributes:
        core_seconds: what all results behind the document took on one core, each counted once, whichever call made it.
        calls: those in which its suite asked for something that was missing, which may have made things for others
            too; empty where the directory kept none.
    """

    core_seconds: Seconds
    calls: list[Call]
