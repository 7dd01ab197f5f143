"""`harness rank`: the leaderboard of a result directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.tables import Format


@click.command("rank")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--by", metavar="METRIC", help="Metric that ranks; by default the suite's.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv", "markdown"]),
    default="table",
    show_default=True,
)
@click.option("--top", type=click.IntRange(min=0), help="Rows shown per target; 0: all. By default 20 in a table.")
def command(directory: Path, by: str | None, form: Format, top: int | None) -> None:
    """Show the leaderboard of DIRECTORY, the result directory of a run (also of one that goes on)."""
    from harness.outcomes import read_document
    from harness.tables import render, terminal_width

    document = read_document(directory, by, warn=lambda line: click.echo(f"harness: {line}", err=True))
    text = render(document, form, top=top, width=terminal_width())
    click.echo(text, nl=not text.endswith("\n"))
