"""`harness plugins`: what is installed, what it offers, and what is wrong with it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.registry.registry import Registry

SCHEMA_VERSION = 1

WIDEST, NARROWEST = 70, 26
"""Columns of what a plugin offers where standard output is no terminal, and at least."""


@click.command("plugins")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def command(form: str) -> None:
    """List the installed plugins, and what is wrong with any.

    The environment variable HARNESS_PLUGINS=a,b loads only those (empty: none).
    """
    from harness.registry.discovery import load

    registry = load()
    click.echo(_json(registry) if form == "json" else _table(registry))


def _json(registry: Registry) -> str:
    content = {
        "schema_version": SCHEMA_VERSION,
        "plugins": [asdict(plugin) for plugin in registry.plugins],
        "problems": [asdict(problem) for problem in registry.problems],
    }
    return json.dumps(content, indent=2, ensure_ascii=False)


def _table(registry: Registry) -> str:
    from tabulate import tabulate

    from harness.views.terminal import terminal_width

    rows = []
    for plugin in registry.plugins:
        offers = [f"{registry.axes[axis].words}: {', '.join(names)}" for axis, names in plugin.components.items()]
        what = "; ".join(offers) or plugin.reason or ("left out by HARNESS_PLUGINS" if plugin.status == "off" else "")
        rows.append([plugin.entry_point, plugin.distribution, plugin.version, plugin.status, what])
    headers = ["plugin", "distribution", "version", "status", "offers, or what is wrong"]
    # tabulate widens a column by two for its head.
    columns = list(zip(*rows, strict=True))[:4]
    taken = sum(max(len(h) + 2, *map(len, c)) + 2 for h, c in zip(headers, columns, strict=False))
    last = max((terminal_width() or taken + WIDEST) - taken, NARROWEST)
    table = tabulate(rows, headers, maxcolwidths=[None, None, None, None, last], disable_numparse=True)
    told = {plugin.reason for plugin in registry.plugins}
    others = [f"{p.distribution} ({p.plugin}): {p.reason}" for p in registry.problems if p.reason not in told]
    return "\n".join([table, *(["", "Problems:"] if others else []), *others])
