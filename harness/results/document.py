"""JSON documents: strict types, a schema version, and one line that says what is wrong with one."""

from __future__ import annotations

import itertools
from typing import Annotated, NoReturn

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.errors import HarnessError

Name = Annotated[str, Field(min_length=1)]


class Document(BaseModel):
    """A part of a JSON document: strict types, no unknown key, no NaN or infinity."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


SCHEMA_VERSION = 3

Count = Annotated[int, Field(ge=0)]
Position = Annotated[int, Field(ge=1)]


class LeaderboardError(HarnessError):
    """A leaderboard document breaks its contract, or cannot be read or shown."""


def check_order(low: float | None, value: float | None, high: float | None) -> None:
    """Refuse an interval that does not hold its value; None is unknown."""
    ends = [("low", low), ("value", value), ("high", high)]
    known = [(name, end) for name, end in ends if end is not None]
    for (lower, a), (upper, b) in itertools.pairwise(known):
        if a > b:
            raise ValueError(f"{lower} {a:g} is above {upper} {b:g}")


def check_version(version: object, known: int = SCHEMA_VERSION, oldest: int | None = None) -> None:
    """Refuse a schema version that is not between the oldest and the known one (by default, that one alone).

    Raises:
        LeaderboardError: what to do about it.
    """
    if not isinstance(version, int) or isinstance(version, bool):
        raise LeaderboardError(f"schema_version: {version!r} is no version; this harness reads {known}")
    if version > known:
        raise LeaderboardError(
            f"schema_version: {version} is newer than this harness reads ({known}); "
            "upgrade with: pip install --upgrade diffusion-harness"
        )
    if version < (known if oldest is None else oldest):
        raise LeaderboardError(f"schema_version: {version} does not exist; this harness reads {known}")


def refuse(error: ValidationError) -> NoReturn:
    """Raise a LeaderboardError of one line: where in the document, which rule, what was there."""
    first = error.errors()[0]
    where = ""
    for part in first["loc"]:
        where += f"[{part}]" if isinstance(part, int) else f".{part}"
    rule = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    given = first["input"]
    shown = "" if first["type"] == "missing" or isinstance(given, (dict, list, BaseModel)) else f", not {given!r:.60}"
    raise LeaderboardError(" ".join(f"{where.lstrip('.')}: {rule}{shown}".removeprefix(": ").split())) from error
