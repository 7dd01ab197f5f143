"""`harness suites`: the suites that ship with the harness, and what each asks."""

from __future__ import annotations

import json

import click

SCHEMA_VERSION = 1


@click.command("suites")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def command(form: str) -> None:
    """List the suites that ship with the harness, and what each asks.

    What one compares, and how long it would take: harness plan NAME.
    """
    from harness.suites.model import load_suite, shipped_suites

    suites = [(name, load_suite(name).title) for name in shipped_suites()]
    if form == "json":
        content = [{"name": name, "title": title} for name, title in suites]
        click.echo(json.dumps({"schema_version": SCHEMA_VERSION, "suites": content}, indent=2, ensure_ascii=False))
    else:
        click.echo(_table(suites))


def _table(suites: list[tuple[str, str]]) -> str:
    from tabulate import tabulate

    from harness.views.terminal import terminal_width

    width = terminal_width()
    longest = max(len(name) for name, _ in suites)
    last = None if width is None else max(width - longest - 2, 20)
    return tabulate(suites, headers=["suite", "what it asks"], maxcolwidths=[None, last])
