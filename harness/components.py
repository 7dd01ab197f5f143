"""The component: a frozen pydantic model with behaviour.

Its fields are its parameters, validated and documented. From that one declaration follow the suite file, the form
`polynomial:rho=7` of the command line, the JSON schema, the help text, the name in a table and the digest that keys
every stored result.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, PlainSerializer, ValidationError, WithJsonSchema

from harness.errors import HarnessError, did_you_mean, in_words, one_line

if TYPE_CHECKING:
    from harness.properties import Property

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
"""A component's name: lower case words joined by hyphens."""


class ComponentError(HarnessError):
    """A component was asked for in a way that cannot be met."""


class Component(BaseModel):
    """Something that has a name in a table.

    A subclass gives `name`, one line of `formula` and the `source` (paper, equation), and declares its parameters as
    pydantic fields with defaults, constraints and descriptions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=False)

    axis: ClassVar[str]
    name: ClassVar[str]
    formula: ClassVar[str] = ""
    source: ClassVar[str] = ""
    makes_results: ClassVar[bool] = True
    """Whether what a component does enters results; false on an axis whose components only judge them."""

    @classmethod
    def check_class(cls) -> None:
        """Refuse a subclass that does not declare what its axis needs; a contract that needs more overrides it.

        Raises:
            ContractError: what is missing, as the end of a sentence that begins with the component's name.
        """

    @classmethod
    def facts(cls) -> dict[str, Any]:
        """Return what `harness show` tells of a component besides formula, source and parameters, as JSON values."""
        return {}

    @classmethod
    def explanation(cls) -> str:
        """Return paragraphs that stand in `harness show` in place of the table of parameters; by default none."""
        return ""

    def located(self, folder: Path) -> Self:
        """Return the component as a suite file in a folder means it: a file that it reads lies beside the suite."""
        return self

    @classmethod
    def example(cls, folder: Path) -> Self:
        """Return the component that its certificate is of, where only its name is given: that of the defaults.

        One that needs a parameter overrides it; what it must read it may write into the folder, which is empty.
        """
        return cls()

    def own_properties(self, seed: int) -> Sequence[Property]:
        """Return what its certificate measures besides the properties of its axis; by default nothing.

        The contract of an axis that a plugin registers says by it what certificates of that axis measure, and calls
        what it overrides. Random numbers come from generators that are seeded by `seed` alone.

        Raises:
            NotApplicable: nothing is measured of such a component, for that reason.
        """
        return ()

    def __hash__(self) -> int:
        # Parameters may be lists; their JSON form always hashes.
        return hash((type(self), self.model_dump_json()))

    def inner_components(self) -> list[Component]:
        """Return the components that stand in its parameters, and those in theirs."""
        own = [value for name in type(self).model_fields if isinstance(value := getattr(self, name), Component)]
        return [*own, *(inner for each in own for inner in each.inner_components())]

    @classmethod
    def part_axes(cls) -> dict[str, str]:
        """Return the axis of each parameter that is a component, by its name."""
        kinds = ((name, field.annotation) for name, field in cls.model_fields.items())
        return {name: kind.axis for name, kind in kinds if isinstance(kind, type) and issubclass(kind, Component)}

    def parameters(self) -> dict[str, Any]:
        """Return every parameter, as JSON values, in the order of declaration."""
        return self.model_dump(mode="json")

    def changed(self) -> list[str]:
        """Return the names of the parameters that differ from their defaults, in the order of declaration."""
        return [key for key, field in type(self).model_fields.items() if getattr(self, key) != field.default]

    def label(self, parts: Mapping[str, str] | None = None) -> str:
        """Return the canonical short form: the name, then the parameters that differ from their defaults.

        Arguments:
            parts: how parameters that are components are called, where that is not by their own short form.
        """
        written, own = {**self.parameters(), **(parts or {})}, self.changed()
        changed = {k: v for k, v in written.items() if k in own}
        if not changed:
            return self.name
        return self.name + ":" + ",".join(f"{k}={format_value(v)}" for k, v in changed.items())


def _short(component: Component) -> str:
    return component.label()


AnyComponent = TypeVar("AnyComponent", bound=Component)

Part = Annotated[AnyComponent, PlainSerializer(_short, return_type=str), WithJsonSchema({"type": "string"})]
"""The type of a parameter that is itself a component, as `Part[Preconditioning]`: any of its axis.

A suite and a command line write it by its name, with parameters in quotes: `mlp:precondition="edm:scale=2"`; so it
stands in documents. Its plugin, too, enters keys.
"""


def format_value(value: Any) -> str:
    """Return a parameter's value as the command line takes it."""
    if isinstance(value, str):
        plain = _scalar(value) == value and not set(value) & set(',="[]{}')
        return value if plain else json.dumps(value, ensure_ascii=False)
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    return json.dumps(value, separators=(",", ":"))


@dataclass(frozen=True)
class Request:
    """A component as asked for: a name (perhaps `distribution/name`) and values for each parameter named.

    Several values for a parameter mean several components.
    """

    name: str
    values: Mapping[str, tuple[Any, ...]]

    def settings(self) -> list[dict[str, Any]]:
        """Return the parameters of each component meant: the product of the values."""
        return [dict(zip(self.values, chosen, strict=True)) for chosen in itertools.product(*self.values.values())]


def parse_request(text: str) -> Request:
    """Parse `name`, or `name:param=value,value,param=value`.

    A value is a JSON value where it reads as one (numbers, true, [1, 2]), else a string. A piece without `=` is a
    further value of the parameter before it.

    Raises:
        ComponentError: the text has no name, a value comes before any parameter, or a quote is not closed.
    """
    name, _, rest = text.strip().partition(":")
    if not name:
        raise ComponentError(f"{text!r} names no component; write name or name:param=value,value")
    values: dict[str, list[Any]] = {}
    current: str | None = None
    for piece in _split(rest):
        key, equals, value = piece.partition("=")
        if equals and key.strip().isidentifier():
            current = key.strip()
            if current in values:
                raise ComponentError(f"{text!r} gives {current!r} twice; write {current}=value,value")
            values[current] = [_value(text, value)]
        elif current is None:
            raise ComponentError(f"{text!r}: {piece!r} has no parameter; write name:param=value,value")
        else:
            values[current].append(_value(text, piece))
    return Request(name, {key: tuple(chosen) for key, chosen in values.items()})


def request_from_table(table: Mapping[str, Any]) -> Request:
    """Read the table form of a suite file: `{name = "polynomial", rho = [3, 7]}`; a list means several values.

    Raises:
        ComponentError: the table has no `name`, or an empty list.
    """
    if not isinstance(table.get("name"), str):
        raise ComponentError(f'component {dict(table)} has no name; write {{name = "…", param = value}}')
    values = {k: tuple(v) if isinstance(v, list) else (v,) for k, v in table.items() if k != "name"}
    for key, chosen in values.items():
        if not chosen:
            raise ComponentError(f"component {table['name']!r}: {key} lists no value")
    return Request(table["name"], values)


def _split(text: str) -> list[str]:
    """Split at commas outside brackets and quotes."""
    pieces, depth, quoted, start = [], 0, False, 0
    for i, char in enumerate(text):
        if char == '"' and (not quoted or not _escaped(text, i)):
            quoted = not quoted
        elif not quoted and char in "[{":
            depth += 1
        elif not quoted and char in "]}":
            depth -= 1
        elif not quoted and depth == 0 and char == ",":
            pieces.append(text[start:i])
            start = i + 1
    pieces.append(text[start:])
    return [piece for piece in pieces if piece.strip()]


def _escaped(text: str, i: int) -> bool:
    """Return whether an odd number of backslashes stands before a position."""
    before = text[:i]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


def _value(text: str, piece: str) -> Any:
    """Return what stands for a value in a text; raises as `parse_request`."""
    value = _scalar(piece)
    if isinstance(value, str) and value == piece.strip() and value.startswith('"'):
        rule = 'close the quote, and write one within it as \\", a backslash as \\\\'
        raise ComponentError(f"{text!r}: {value} is no text in quotes; {rule}")
    return value


def _scalar(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text.strip()


def _quoting(cls: type[Component]) -> str:
    """Return how a text that holds a comma or an equals sign is written, where a component has a text."""
    texts = [name for name, field in cls.model_fields.items() if field.annotation is str]
    return f' (a text with , or = stands in quotes: {texts[0]}="…")' if texts else ""


def build(cls: type[Component], settings: Mapping[str, Any]) -> Component:
    """Make a component from parameter values.

    Raises:
        ComponentError: an unknown parameter (with candidates), or a value of the wrong type or range; one line.
    """
    for key in settings:
        if key not in cls.model_fields:
            hint = did_you_mean(key, cls.model_fields) + _quoting(cls) if cls.model_fields else "it has no parameters"
            raise ComponentError(f"{describe_axis(cls)} {cls.name!r} has no parameter {key!r}; {hint}")
    try:
        made = cls(**settings)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "missing" and len(first["loc"]) == 1:
            what = f"{describe_axis(cls)} {cls.name!r}"
            raise ComponentError(f"{what} needs parameter {first['loc'][0]!r}") from error
        where = ".".join(str(part) for part in first["loc"])
        given = "" if where == "" else f": {where}={first['input']!r}"
        what = first["msg"].removeprefix("Value error, ")
        raise ComponentError(f"{describe_axis(cls)} {cls.name!r}{given} is not valid: {what}") from error
    except Exception as error:  # a validator of a plugin's own
        raise ComponentError(f"{describe_axis(cls)} {cls.name!r} cannot be made: {one_line(error)}") from error
    for key, value in settings.items():
        # pydantic takes true for 1, so that strings from a shell may stand for numbers.
        if isinstance(value, bool) and type(getattr(made, key)) in (int, float):
            given = f"{key}={json.dumps(value)}"
            raise ComponentError(f"{describe_axis(cls)} {cls.name!r}: {given} is not valid: Input should be a number")
    return made


def describe_axis(cls: type[Component]) -> str:
    """Return the axis of a component in words."""
    return in_words(cls.axis)


def digest(*parts: object) -> str:
    """Return the hex digest (32 characters of SHA-256) of JSON-able parts, independent of dictionary order."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
