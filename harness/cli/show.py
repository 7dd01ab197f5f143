"""`harness show`: one component, explained from its declaration."""

from __future__ import annotations

import inspect
import json
import textwrap
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.components import Component
    from harness.registry.registry import Registry
    from harness.views.site.component_pages import Explanation

    ParamType = click.ParamType[Any]
else:
    ParamType = click.ParamType  # generic since click 8.2 only

SCHEMA_VERSION = 1

GAP, NARROWEST = 2, 18
"""Spaces between columns, and the least width of the last."""

_CONSTRAINTS = {
    "minimum": "≥",
    "exclusiveMinimum": ">",
    "maximum": "≤",
    "exclusiveMaximum": "<",
    "minLength": "length ≥",
    "maxLength": "length ≤",
    "minItems": "items ≥",
    "maxItems": "items ≤",
    "pattern": "matches",
    "multipleOf": "multiple of",
}


class _AnyComponent(ParamType):
    name = "component"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from harness.registry.discovery import load

        registry = load()
        names = sorted({name for axis in registry.axes for name in registry.classes(axis)})
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


class _AnyAxis(ParamType):
    """An axis of the installed plugins, in words joined by hyphens."""

    name = "axis"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from harness.registry.discovery import load
        from harness.registry.names import axis_words

        return [CompletionItem(word) for word in axis_words(load()) if word.startswith(incomplete)]


@click.command("show")
@click.argument("component", type=_AnyComponent())
@click.option("--axis", type=_AnyAxis(), help="Only this axis, where a name stands on several.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def command(component: str, axis: str | None, form: str) -> None:
    """Explain COMPONENT: parameters, formula, source.

    COMPONENT is a name (`edm`), qualified by an axis (`weighting/edm`) or by a distribution
    (`diffusion-harness/edm`).
    """
    from harness.components import ComponentError
    from harness.registry.discovery import load
    from harness.registry.names import axis_named, named

    registry = load()
    try:
        found = named(registry, component, None if axis is None else axis_named(registry, axis))
    except ComponentError as error:
        raise _of_a_suite(component) or error from None
    pages = [_describe(registry, each) for each in found]
    if form == "json":
        content = {"schema_version": SCHEMA_VERSION, "components": pages}
        click.echo(json.dumps(content, indent=2, ensure_ascii=False))
    else:
        texts = [_text(page, cls) for page, cls in zip(pages, found, strict=True)]
        click.echo("\n\n".join(texts))


def _of_a_suite(word: str) -> HarnessError | None:
    """Return what to say where a word that is no component is a suite; None where it is none."""
    from harness.suites.model import shipped_suites

    if word not in shipped_suites():
        return None
    return HarnessError(
        f"{word} is no component but a suite; what it compares, and how long it takes: harness plan {word}"
    )


def _describe(registry: Registry, cls: type[Component]) -> dict[str, Any]:
    origin = registry.provenance(cls)
    schema = cls.model_json_schema()
    said = inspect.cleandoc(cls.__doc__ or "")
    return {
        "axis": cls.axis,
        "name": cls.name,
        "description": said.partition("\n\n")[0],
        "formula": cls.formula,
        "source": cls.source,
        "distribution": origin.distribution,
        "version": origin.version,
        "source_digest": origin.source,
        "library": _library(cls),
        "parameters": [_parameter(schema, name) | _part(cls, name) for name in cls.model_fields],
        "schema": schema,
        **cls.facts(),
    }


def explained(registry: Registry, cls: type[Component]) -> Explanation:
    """Return a component as pages explain it."""
    from harness.views.site.component_pages import Explanation

    told = _describe(registry, cls)
    facts = {
        name: told[name] for name in ("axis", "name", "distribution", "version", "description", "formula", "source")
    }
    rules = ((", ".join(filter(None, (p["type"], p["constraints"])))) for p in told["parameters"])
    parameters = [
        (each["name"], _default(each), rule, each["description"])
        for each, rule in zip(told["parameters"], rules, strict=True)
    ]
    return Explanation(**facts, runs=_runs(told["library"]), parameters=parameters)


def _library(cls: type[Component]) -> dict[str, str | None] | None:
    """Return the library that a component runs, with the version that is installed, if any."""
    if cls.library is None:
        return None
    return {"name": cls.library.distribution, "version": cls.library.version(), "install": cls.library.install}


def _runs(library: dict[str, str | None] | None) -> str:
    """Return in words what library is run; empty where none is."""
    if library is None:
        return ""
    return f"{library['name']} {library['version'] or 'is not installed: ' + str(library['install'])}"


def _parameter(schema: dict[str, Any], name: str) -> dict[str, Any]:
    declared = schema["properties"][name]
    return {
        "name": name,
        "type": _type(declared),
        "required": name in schema.get("required", ()),
        "default": declared.get("default"),
        "constraints": _constraints(declared),
        "description": declared.get("description", ""),
    }


def _part(cls: type[Component], name: str) -> dict[str, Any]:
    """Return what differs where a parameter is itself a component: its type is an axis, its default has a name."""
    if (axis := cls.part_axes().get(name)) is None:
        return {}
    default = cls.model_fields[name].default
    return {"type": axis.replace("_", " "), "default": default.label() if hasattr(default, "label") else None}


def _type(declared: dict[str, Any]) -> str:
    if "anyOf" in declared:
        return " or ".join(_type(each) for each in declared["anyOf"])
    if "enum" in declared:
        return " or ".join(json.dumps(value) for value in declared["enum"])
    if "const" in declared:
        return json.dumps(declared["const"])
    kind = str(declared.get("type", "any"))
    if kind == "array" and isinstance(declared.get("items"), dict):
        return f"list of {_type(declared['items'])}"
    return kind


def _constraints(declared: dict[str, Any]) -> str:
    own = [f"{sign} {_number(declared[key])}" for key, sign in _CONSTRAINTS.items() if key in declared]
    own += [_constraints(each) for each in declared.get("anyOf", [])]
    if isinstance(declared.get("items"), dict):
        own += [f"each {text}" for text in [_constraints(declared["items"])] if text]
    return ", ".join(filter(None, own))


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def _default(parameter: dict[str, Any]) -> str:
    return "required" if parameter["required"] else json.dumps(parameter["default"], ensure_ascii=False)


def _text(page: dict[str, Any], cls: type[Component]) -> str:
    from tabulate import tabulate

    from harness.components import describe_axis
    from harness.views.terminal import break_lines, terminal_width

    facts = [
        ("formula", page["formula"]),
        ("source", page["source"]),
        ("distribution", f"{page['distribution']} {page['version']}"),
        ("runs", _runs(page["library"])),
    ]
    lines = [f"{describe_axis(cls)} {page['name']}", page["description"], ""]
    width = terminal_width()
    lines = break_lines(lines, width)
    known = [fact for fact in facts if fact[1]]
    room = None if width is None else [None, max(width - max(len(name) for name, _ in known) - GAP, NARROWEST)]
    lines.append(tabulate(known, tablefmt="plain", disable_numparse=True, maxcolwidths=room))
    if explanation := cls.explanation():
        return "\n\n".join(["\n".join(lines), *(_filled(part, width) for part in explanation.split("\n\n"))])
    if not page["parameters"]:
        return "\n".join([*lines, "", "It has no parameter."])
    columns = ("name", "type", "default", "constraints", "description")
    rows = [[_default(p) if column == "default" else p[column] for column in columns] for p in page["parameters"]]
    headers = ["parameter", "type", "default", "constraints", "description"]
    table = tabulate(rows, headers, maxcolwidths=_widths(rows, headers, width), disable_numparse=True)
    return "\n".join([*lines, "", table])


def _filled(paragraph: str, width: int | None) -> str:
    """Return a paragraph in lines of the terminal's width; where there is no terminal, as it was written."""
    if width is None:
        return paragraph
    return textwrap.fill(" ".join(paragraph.split()), width, break_long_words=False, break_on_hyphens=False)


def _widths(rows: list[list[str]], headers: list[str], width: int | None) -> list[int | None]:
    """Return the greatest width of each column of parameters: the last takes what a terminal leaves."""
    if width is None:
        return [None, 30, 24, 24, 50]
    caps = (width, 14, 10, 14)
    columns = zip(*rows, strict=True)
    # tabulate widens a column by two for its head.
    taken = [min(max(map(len, c)), cap) for c, cap in zip(columns, caps, strict=False)]
    taken = [max(n, len(head) + 2) + GAP for n, head in zip(taken, headers, strict=False)]
    return [None, *caps[1:], max(width - sum(taken), NARROWEST)]
