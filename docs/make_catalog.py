"""Write docs/catalog.md: every shipped component, from its declaration, with what its certificate says.

python docs/make_catalog.py
"""

from __future__ import annotations

import inspect
import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.certification import certify_all
from harness.components import Component, describe_axis
from harness.registry.discovery import load
from harness.registry.registry import Registry

PAGE = Path(__file__).with_name("catalog.md")
DISTRIBUTION = "diffusion-harness"

HEAD = """\
# Catalog: every component that ships

Made by `python docs/make_catalog.py` from the declarations themselves. `harness show NAME` says the same of
any installed component, types and ranges included. Written `name:param=value`; σ is the noise level, u = σ²,
and a step goes from σ to σ' (Δ = σ² − σ'²). The last column says how many properties of it were measured, of those with
a claim: `harness certify NAME --properties` shows them ([certificates](certify.md)). What does not hold of components
that run another project's library is explained [there](implementations.md)."""

NOT_THERE = {
    "weightings: InfoNoise, the second moment of losses": "[levels](levels.md#weightings)",
    "grids: loss-adaptive, geometry-aware, the published tangent law, score-optimal for predictors": (
        "[levels](levels.md#time-discretizations)"
    ),
    "samplers: steps by error control, a corrector by the norms of a batch, a last step to 0": (
        "[samplers](samplers.md#what-is-not-here)"
    ),
    "autoguidance, by a worse network": "a row has one network ([samplers](samplers.md#what-is-not-here))",
    "samplers of k-diffusion; schedulers of distilled models; some others of diffusers": (
        "[implementations](implementations.md#what-is-not-entered)"
    ),
    "bounds that need the network as a field, or whose constants could not be read": (
        "[bounds](bounds.md#what-is-left-out-and-why)"
    ),
    "networks: the U-Nets of NCSN++, ADM and EDM2": (
        "`unet` has their common parts at the size of small images (residual blocks told the level, attention, group "
        "normalisation); their depth, resampling filters and magnitude-preserving layers are for training at a larger "
        "scale than was to be had"
    ),
    "networks: U-ViT (arXiv 2209.12152)": (
        "it is `dit` with level and class as patches of their own, and long skips; not built"
    ),
}
"""What the field has and the harness has not, and why, or where that is told."""

COLUMNS = ("name", "what", "formula", "parameters", "source", "certificate")

Told = Mapping[tuple[str, str], str]
"""What certificates say, by the heading of an axis and the name of a component."""

BOUNDS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}


def catalog(registry: Registry, told: Told) -> str:
    """Return the page.

    Arguments:
        registry: what is installed.
        told: what certificates say.
    """
    parts = [HEAD]
    for axis in registry.axes:
        classes = [c for c in registry.classes(axis).values() if _ships(registry, c)]
        # Cells are not padded: a change of one component changes its line only.
        heading = _heading(classes[0])
        own = ([*_row(cls), told.get((heading, cls.name), "")] for cls in classes)
        rows = [COLUMNS, ["---"] * len(COLUMNS), *own]
        parts.append(f"## {heading}")
        parts.append("\n".join(f"| {' | '.join(row)} |" for row in rows))
    parts.append("## Not there")
    rows = [["of the field", "why not"], ["---", "---"], *map(list, NOT_THERE.items())]
    parts.append("\n".join(f"| {' | '.join(row)} |" for row in rows))
    return "\n\n".join(parts) + "\n"


def measured(registry: Registry) -> dict[tuple[str, str], str]:
    """Return what certificates of all that ships say, made here and now; nothing of what needs an absent library."""
    found = {}
    for made in certify_all([DISTRIBUTION], registry=registry).certificates:
        cls = registry.find(made.axis, made.component)
        if cls.library is None or cls.library.version() is not None:
            count = Counter(each.verdict for each in made.properties)
            found[_heading(cls), made.component] = f"{count['pass']} of {count['pass'] + count['fail']}"
    return found


def written(page: str) -> dict[tuple[str, str], str]:
    """Return what the page says of certificates."""
    sections = re.findall(r"^## (.*?)\n\n(.*?)(?:\n\n|\Z)", page, re.MULTILINE | re.DOTALL)
    rows = (
        (heading, re.findall(r"^\| `([^`]+)` \|.*\| ([^|]*) \|$", table, re.MULTILINE)) for heading, table in sections
    )
    return {(heading, name): words for heading, found in rows for name, words in found}


def _heading(cls: type[Component]) -> str:
    return f"{describe_axis(cls).capitalize()}s"


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
    installed = load()
    told = written(PAGE.read_text(encoding="utf-8")) | measured(installed)
    PAGE.write_text(catalog(installed, told), encoding="utf-8")
