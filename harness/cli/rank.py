"""`harness rank`: the leaderboard of a result directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.commands import warn

if TYPE_CHECKING:
    from harness.results.leaderboard import Leaderboard
    from harness.views.tables import Format


@click.command("rank")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--suite", metavar="NAME", help="Which of the suites that lie in DIRECTORY, where there are several.")
@click.option("--by", metavar="METRIC", help="Metric that ranks; by default the suite's.")
@click.option("--bounds", is_flag=True, help="Rank the bounds instead: validity, then tightness.")
@click.option("--budget", is_flag=True, help="Show the terms of the path divergence: E_I, E_S, E_D, E_V.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "csv", "markdown"]),
    default="table",
    show_default=True,
)
@click.option("--top", type=click.IntRange(min=0), help="Rows shown per target; 0: all. By default 20 in a table.")
def command(
    directory: Path, suite: str | None, by: str | None, bounds: bool, budget: bool, form: Format, top: int | None
) -> None:
    """Show the leaderboard of DIRECTORY, the result directory of a run (also of one that goes on)."""
    if bounds and budget:
        raise click.UsageError("--bounds and --budget are two views; give one")
    if bounds and (by is not None or top is not None):
        raise click.UsageError("--bounds shows every bound by its own rule; it takes no --by and no --top")
    from harness.results.outcomes import read_document
    from harness.views.terminal import terminal_width

    board = read_document(directory, by, warn=warn, suite=suite)
    text = _render(board, bounds, budget, form, top, terminal_width())
    click.echo(text, nl=not text.endswith("\n"))


def _render(board: Leaderboard, bounds: bool, budget: bool, form: Format, top: int | None, width: int | None) -> str:
    if bounds:
        from harness.results.bounds_ranking import rank_bounds
        from harness.views.bounds_tables import render_bounds

        return render_bounds(rank_bounds(board), form, width=width)
    if budget:
        from harness.views.budgets import render_budgets

        return render_budgets(board, form, top=top, width=width)
    from harness.views.tables import render

    return render(board, form, top=top, width=width)
