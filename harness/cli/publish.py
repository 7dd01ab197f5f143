"""`harness publish`: a leaderboard as JSON, a page and its plots."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from harness.cli.installed import documents
from harness.commands import warn

if TYPE_CHECKING:
    from harness.commands import Publish


@click.command("publish")
@click.argument("directory", type=click.Path(path_type=Path))
@click.argument("destination", type=click.Path(file_okay=False, path_type=Path))
@click.option("--suite", metavar="NAME", help="Which of the suites that lie in DIRECTORY, where there are several.")
@click.option("--by", metavar="METRIC", help="Metric that ranks; by default the suite's.")
@click.option("--bounds", is_flag=True, help="Publish the leaderboard of the bounds instead.")
@click.option("--command", "made_by", help="The command that stands on the page; by default the one that was typed.")
def command(
    directory: Path, destination: Path, suite: str | None, by: str | None, bounds: bool, made_by: str | None
) -> None:
    """Write the leaderboard of DIRECTORY, the result directory of a run, to DESTINATION (leaderboards/NAME).

    A directory with the document of another command gives that, unless a suite in it is named.
    """
    kind = next((kind for kind in documents() if (directory / kind.name).is_file()), None)
    if kind is not None and suite is None:
        if by is not None or bounds:
            raise click.UsageError(f"{directory} holds {kind.name}, which takes no --by and no --bounds")
        cast("Publish", kind.load())(directory, destination, made_by)
        click.echo(f"Published: {destination}")
        return
    from harness.results.read_board import read_command, read_document
    from harness.views.publishing import publish, publish_bounds

    board = read_document(directory, by, warn=warn, suite=suite)
    write = publish_bounds if bounds else publish
    write(board, destination, made_by or read_command(directory, suite))
    click.echo(f"Published: {destination}")
