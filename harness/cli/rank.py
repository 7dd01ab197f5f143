"""`harness rank`: the leaderboard of a result directory."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent

import click

from harness.cli.documents import chosen, kind_options
from harness.cli.selection import Names
from harness.commands import Source
from harness.views.formats import FORMATS


@click.command("rank")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--suite", metavar="NAME", help="Which of the suites that lie in DIRECTORY, where there are several.")
@click.option("--by", type=Names(), help="Metrics that rank, by preference; by default the suite's.")
@kind_options(lambda kind: kind.shown)
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="table", show_default=True)
@click.option("--top", type=click.IntRange(min=0), help="Rows shown per target; 0: all. By default 20 in a table.")
@click.option("--failures", is_flag=True, help="Show in place of it what failed in DIRECTORY, with tracebacks.")
def command(
    directory: Path, suite: str | None, by: list[str] | None, kind: str, form: str, top: int | None, failures: bool
) -> None:
    """Show the leaderboard of DIRECTORY, the result directory of a run (also of one that goes on), or a published one.

    Of a directory with the document of another command it shows that, unless a suite in it is named.
    """
    if failures:
        if kind or by is not None or top is not None or form != "table":
            raise click.UsageError("--failures is text of its own; it takes no other view, no --by, --top or --format")
        click.echo(_failures(directory))
        return
    from harness.views.terminal import terminal_width

    source = Source(directory, suite, by)
    text = chosen(source, kind, {"by": by, "top": top}).show(source, form, top, terminal_width())
    click.echo(text, nl=not text.endswith("\n"))


def _failures(directory: Path) -> str:
    """Return each reason why something of a directory failed, with the traceback that belongs to it."""
    from harness.results.failures import read_failures
    from harness.store import Store

    store = Store.read(directory)
    try:
        found = read_failures(store)
    finally:
        store.close()
    told = [f"{each.count} × {each.reason}\n{indent(each.traceback, '    ')}" for each in found]
    return "\n".join(told).rstrip() if told else f"Nothing failed in {directory}."
