"""JSON documents: strict types, a schema version, canonical text, and one line that says what is wrong with one.

A kind of document is a subclass of `Document` with a literal `schema_version`. It says how errors call it (`noun`) and
how a document of an older version becomes one of the next (`upgrades`).
"""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, NoReturn, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from harness.errors import HarnessError

Name = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=0)]
Position = Annotated[int, Field(ge=1)]

LARGEST = 32_000_000
"""Bytes of a document at most: eight times what the largest published one has."""

DIGITS = 18
"""Digits of an integer at most: so many are a number in every language that reads JSON into 64 bits."""

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
"""From the plain data of one version to that of the next; what is malformed passes through, to be refused after it."""


class DocumentError(HarnessError):
    """A document breaks its contract, or cannot be read or shown."""


class Part(BaseModel):
    """A part of a JSON document: strict types, no unknown key, no NaN or infinity."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class WithLimits(Part):
    """A value with its limits; one is null where nothing is known of it."""

    value: float
    low: float | None
    high: float | None

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_order(self.low, self.value, self.high)
        return self


class Document(Part):
    """A whole JSON document.

    Attributes:
        noun: what errors call a document of this kind, with its article.
        upgrades: by version, how its documents become those of the next; others are not read.
        schema_version: version of the contract; a subclass declares it as a literal.
    """

    noun: ClassVar[str]
    upgrades: ClassVar[Mapping[int, Upgrade]] = {}

    schema_version: int

    @classmethod
    def version(cls) -> int:
        """Return the version of the contract that this class is."""
        (version,) = get_args(cls.model_fields["schema_version"].annotation)
        return int(version)

    @classmethod
    def validate(cls, value: object) -> Self:
        """Check a document, as `json.loads` gives it; one of an older version is read as what it was.

        Raises:
            DocumentError: a version that is not read, or one line with the place in the document and the rule.
        """
        if isinstance(value, cls):
            return value
        if not isinstance(value, dict):
            raise DocumentError(f"{cls.noun} is a JSON object, not {type(value).__name__}")
        cls._check_version(value.get("schema_version"))
        for version in range(value["schema_version"], cls.version()):
            value = cls.upgrades[version](value) | {"schema_version": version + 1}
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            raise DocumentError(one_rule(error)) from error

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """Read and check a file.

        Raises:
            DocumentError: the file cannot be read, is no JSON, or breaks the contract; one line.
        """
        value = read_json(path)
        try:
            return cls.validate(value)
        except DocumentError as error:
            raise DocumentError(f"{path}: {error}") from error

    def to_json(self) -> str:
        """Return the canonical text: fields in contract order, an entry a line where they are objects, no NaN."""
        lines = []
        for key, value in self.model_dump(mode="json").items():
            text = _dump(value)
            if isinstance(value, list) and value and isinstance(value[0], dict):
                text = "[\n" + ",\n".join(f"  {_dump(entry)}" for entry in value) + "\n ]"
            lines.append(f" {json.dumps(key)}: {text}")
        return "{\n" + ",\n".join(lines) + "\n}\n"

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """Return the JSON schema (draft 2020-12); rules between fields are left to `validate`."""
        return {"$schema": "https://json-schema.org/draft/2020-12/schema", **cls.model_json_schema()}

    @classmethod
    def _check_version(cls, version: object) -> None:
        """Refuse a version that is neither this one nor one that upgrades lead here from."""
        known = cls.version()
        if not isinstance(version, int) or isinstance(version, bool):
            raise DocumentError(f"schema_version: {version!r} is no version; this harness reads {known}")
        if version > known:
            raise DocumentError(
                f"schema_version: {version} is newer than this harness reads ({known}); "
                "upgrade with: pip install --upgrade diffusion-harness"
            )
        if version < min(cls.upgrades, default=known):
            raise DocumentError(f"schema_version: {version} does not exist; this harness reads {known}")


def read_json(path: Path | str) -> object:
    """Return what a JSON file holds.

    Raises:
        DocumentError: it cannot be read, is larger than `LARGEST`, or is no JSON; one line.
    """
    return parse_json(read_content(path), path)


def read_content(path: Path | str) -> bytes:
    """Return the content of a document's file, or one byte more than a document may have; raises DocumentError."""
    try:
        with Path(path).open("rb") as file:
            return file.read(LARGEST + 1)
    except OSError as error:
        raise DocumentError(f"{path} cannot be read: {error.strerror}") from error


def parse_json(content: bytes, place: object) -> object:
    """Return what the content of a JSON file holds: numbers that are finite, texts that can be written again.

    Arguments:
        content: at most `LARGEST` bytes.
        place: where it comes from, for errors.

    Raises:
        DocumentError: it is more, or is no such JSON; one line.
    """
    if len(content) > LARGEST:
        raise DocumentError(f"{place} has more than {LARGEST} bytes; a document has at most as many")
    try:
        text = content.decode("utf-8")
        value: object = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_int=_whole,
            parse_float=_finite,
            object_pairs_hook=_each_once,
        )
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise DocumentError(f"{place} is not valid JSON: half of a character stands alone in a text") from error
    except RecursionError as error:
        raise DocumentError(f"{place} is not valid JSON: it is nested too deeply") from error
    except ValueError as error:
        raise DocumentError(f"{place} is not valid JSON: {' '.join(str(error).split())}") from error
    return value


def check_order(low: float | None, value: float | None, high: float | None) -> None:
    """Refuse an interval that does not hold its value; None is unknown.

    Raises:
        ValueError: which two are in the wrong order.
    """
    ends = [("low", low), ("value", value), ("high", high)]
    known = [(name, end) for name, end in ends if end is not None]
    for (lower, a), (upper, b) in itertools.pairwise(known):
        if a > b:
            raise ValueError(f"{lower} {a:g} is above {upper} {b:g}")


def one_rule(error: ValidationError) -> str:
    """Return the first mistake in one line: where in the document, which rule, what was there."""
    first = error.errors()[0]
    where = ""
    for part in first["loc"]:
        where += f"[{part}]" if isinstance(part, int) else f".{part}"
    rule = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    given = first["input"]
    shown = "" if first["type"] == "missing" or isinstance(given, (dict, list, BaseModel)) else f", not {given!r:.60}"
    return " ".join(f"{where.lstrip('.')}: {rule}{shown}".removeprefix(": ").split())


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _each_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return an object; of a key that stands twice readers take the one or the other."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(key for i, (key, _) in enumerate(pairs) if key in dict(pairs[:i]))
        raise ValueError(f"key {twice[:60]!r} stands twice in one object")
    return found


def _whole(digits: str) -> int:
    if len(digits) > DIGITS:
        raise ValueError(f"{digits[:12]}… is an integer of {len(digits)} digits; there are at most {DIGITS}")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(f"{digits[:12]} is beyond the numbers that a float holds")
    return number


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON number")
