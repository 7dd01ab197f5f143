"""`harness rank`: the leaderboard of a result directory."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.documents import chosen, kind_options
from harness.commands import Source
from harness.views.formats import FORMATS


@click.command("rank")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--suite", metavar="NAME", help="Which of the suites that lie in DIRECTORY, where there are several.")
@click.option("--by", metavar="METRIC", help="Metric that ranks; by default the suite's.")
@kind_options(lambda kind: kind.shown)
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="table", show_default=True)
@click.option("--top", type=click.IntRange(min=0), help="Rows shown per target; 0: all. By default 20 in a table.")
def command(directory: Path, suite: str | None, by: str | None, kind: str, form: str, top: int | None) -> None:
    """Show the leaderboard of DIRECTORY, the result directory of a run (also of one that goes on).

    Of a directory with the document of another command it shows that, unless a suite in it is named.
    """
    from harness.views.terminal import terminal_width

    source = Source(directory, suite, by)
    text = chosen(source, kind, {"by": by, "top": top}).show(source, form, top, terminal_width())
    click.echo(text, nl=not text.endswith("\n"))
