"""Write docs/catalog.md: every shipped component, from its declaration.

python docs/make_catalog.py
"""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

from harness.components import Component, describe_axis
from harness.registry.discovery import load
from harness.registry.registry import Registry

PAGE = Path(__file__).with_name("catalog.md")
DISTRIBUTION = "diffusion-harness"

HEAD = """\
# Catalog: every component that ships

Made by `python docs/make_catalog.py` from the declarations themselves. `harness show NAME` says the same of
any installed component, types and ranges included. Written `name:param=value`; σ is the noise level, u = σ²,
and a step goes from σ to σ' (Δ = σ² − σ'²)."""

COLUMNS = ("name", "what", "formula", "parameters", "source")

BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def catalog(registry: Registry) -> str:
    """Return the page."""
    parts = [HEAD]
    for axis in registry.axes:
        classes = [c for c in registry.classes(axis).values() if _ships(registry, c)]
        # Cells are not padded: a change of one component changes its line only.
        rows = [COLUMNS, ["---"] * len(COLUMNS), *map(_row, classes)]
        parts.append(f"## {describe_axis(classes[0]).capitalize()}s")
        parts.append("\n".join(f"| {' | '.join(row)} |" for row in rows))
    return "\n\n".join(parts) + "\n"


def _ships(registry: Registry, cls: type[Component]) -> bool:
    return registry.provenance(cls).distribution == DISTRIBUTION


def _row(cls: type[Component]) -> list[str]:
    what = inspect.cleandoc(cls.__doc__ or "").partition("\n\n")[0]
    declared = cls.model_json_schema().get("properties", {})
    parameters = "<br>".join(_parameter(name, declared[name], cls) for name in cls.model_fields)
    formula = f"`{_cell(cls.formula)}`" if cls.formula else "none"
    return [f"`{cls.name}`", _cell(what), formula, parameters or "none", _cell(cls.source)]


def _parameter(name: str, declared: dict[str, Any], cls: type[Component]) -> str:
    required = cls.model_fields[name].is_required()
    value = cls.model_fields[name].default
    known = value.label() if isinstance(value, Component) else declared.get("default")
    default = "" if required else f"={json.dumps(known, ensure_ascii=False)}"
    rules = ", ".join(["required"] * required + _rules(declared))
    return f"`{name}{default}` {f'({rules}) ' if rules else ''}{_cell(declared.get('description', ''))}"


def _rules(declared: dict[str, Any]) -> list[str]:
    own = [f"{sign} {_number(declared[key])}" for key, sign in BOUNDS.items() if key in declared]
    own += [" or ".join(map(str, declared["enum"]))] if "enum" in declared else []
    return own + [rule for each in declared.get("anyOf", []) for rule in _rules(each)]


def _number(value: float) -> str:
    return f"{value:g}" if float(f"{value:g}") == value else str(value)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(catalog(load()), encoding="utf-8")
