"""`harness diff`: what changed from one leaderboard to another."""

from __future__ import annotations

from pathlib import Path

import click

from harness.commands import Source
from harness.views.formats import FORMATS


@click.command("diff")
@click.argument("first", type=click.Path(path_type=Path))
@click.argument("second", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="table", show_default=True)
@click.option("--top", type=click.IntRange(min=0), help="Changes shown; 0: all. By default 20 in a table.")
def command(first: Path, second: Path, form: str, top: int | None) -> None:
    """Say what changed from the leaderboard FIRST to SECOND: result directories, or published ones.

    Designs are the same by their names, parameters and numbers. A metric changed beyond its interval where the two
    values differ by more than the 95 % limits of the difference of independent measurements.
    """
    from harness.cli.kinds import read_leaderboard
    from harness.results.differences import differences
    from harness.views.differences import render_differences
    from harness.views.terminal import terminal_width

    found = differences(*(read_leaderboard(Source(each)) for each in (first, second)))
    click.echo(render_differences(found, form, top=top, width=terminal_width()), nl=False)
