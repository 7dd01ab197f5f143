"""Submissions: what someone says of a leaderboard that they hand in, beside the leaderboard itself."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from harness.registry.provenance import is_own, normalize
from harness.results.document import Count, Document, Part

SUBMISSION = "submission.json"
"""The file of a submission."""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""A SHA-256 in hex."""

NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?"
VERSION = r"[A-Za-z0-9][A-Za-z0-9.!+_-]{0,99}"

_PLACE = r"https://[A-Za-z0-9.-]+(?::\d{1,5})?/[A-Za-z0-9._~+%/-]+"
_REQUIREMENT = re.compile(
    rf"(?P<name>{NAME})(?:==(?P<version>{VERSION})"
    rf"| @ {_PLACE}#sha256=[0-9a-f]{{64}}"
    rf"| @ git\+{_PLACE}@[0-9a-f]{{40}}(?:#subdirectory=[A-Za-z0-9_-]+(?:/[A-Za-z0-9_-]+)*)?)"
)

FORMS = "NAME==VERSION, NAME @ https://…#sha256=… or NAME @ git+https://…@COMMIT"
"""How a requirement is written: what it installs tomorrow is what it installs today."""

UNSHOWN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Categories of characters that show nothing, or change how others are shown."""


def unshown(text: str, but: str = "") -> str | None:
    """Return the first character of a text that shows nothing, as an escape; None where there is none.

    Arguments:
        text: from anywhere.
        but: such characters that it may have.
    """
    if text.isprintable():
        return None
    found = (char for char in text if unicodedata.category(char) in UNSHOWN and char not in but)
    return next((f"U+{ord(char):04X}" for char in found), None)


def _shown(text: str, but: str = "") -> str:
    if (char := unshown(text, but)) is not None:
        raise ValueError(f"has {char}, which is no character to be read")
    if not text.strip():
        raise ValueError("is blank")
    return text


def _lines(text: str) -> str:
    return _shown(text, "\n")


Line = Annotated[str, AfterValidator(_shown), Field(max_length=200)]
Text = Annotated[str, AfterValidator(_lines), Field(max_length=5_000)]


class SubmittedDistribution(Part):
    """A distribution whose components a leaderboard has.

    Attributes:
        name: its own.
        version: that made the rows.
        requirement: what pip takes to install just that (`FORMS`).
    """

    name: Annotated[str, Field(pattern=f"^{NAME}$")]
    version: Annotated[str, Field(pattern=f"^{VERSION}$")]
    requirement: Annotated[str, Field(max_length=500)]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if is_own(self.name):
            raise ValueError(f"{self.name!r:.60} is the harness's own, which is not handed in")
        found = _REQUIREMENT.fullmatch(self.requirement)
        if found is None or ".." in self.requirement:
            raise ValueError(f"requirement {self.requirement!r:.60} is not written as {FORMS}")
        if normalize(found["name"]) != normalize(self.name) or found["version"] not in (None, self.version):
            raise ValueError(f"requirement {self.requirement!r:.60} is not of {self.name} {self.version}")
        return self


class SubmittedFile(Part):
    """A file of a bundle: where it lies in it, and what it holds."""

    name: str
    bytes: Count
    sha256: Digest


class Submission(Document):
    """What is said of a leaderboard that is handed in.

    Attributes:
        submitter: who hands it in.
        contact: how they are reached; None: through the request that brings it.
        disclosure: what was tuned on what, in their words.
        distributions: those of its components, but for the harness's own.
        files: all others of the bundle, by name.
    """

    noun: ClassVar[str] = "a submission"

    schema_version: Literal[1] = 1
    submitter: Line
    contact: Line | None
    disclosure: Text
    distributions: list[SubmittedDistribution]
    files: list[SubmittedFile]

    @model_validator(mode="after")
    def _check(self) -> Self:
        for what, names in (
            ("distribution", [normalize(each.name) for each in self.distributions]),
            ("file", [each.name for each in self.files]),
        ):
            twice = next((name for i, name in enumerate(names) if name in names[:i]), None)
            if twice is not None:
                raise ValueError(f"{what} {twice!r:.60} stands twice")
        return self
