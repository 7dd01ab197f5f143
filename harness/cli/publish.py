"""`harness publish`: a leaderboard as JSON, a page and its plots."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.documents import chosen, kind_options
from harness.cli.selection import Names
from harness.commands import NewDirectory, Source


@click.command("publish")
@click.argument("directory", type=click.Path(path_type=Path))
@click.argument("destination", type=NewDirectory())
@click.option("--suite", metavar="NAME", help="Which of the suites that lie in DIRECTORY, where there are several.")
@click.option("--by", type=Names(), help="Metrics that rank, by preference; by default the suite's.")
@kind_options(lambda kind: kind.published)
@click.option("--uncertified", is_flag=True, help="Publish though the certificate of a component has failed.")
@click.option("--command", "made_by", help="The command that stands on the page; by default the one that was typed.")
def command(
    directory: Path,
    destination: Path,
    suite: str | None,
    by: list[str] | None,
    kind: str,
    uncertified: bool,
    made_by: str | None,
) -> None:
    """Write the leaderboard of DIRECTORY, the result directory of a run, to DESTINATION (leaderboards/NAME).

    A directory with the document of another command gives that, unless a suite in it is named. A leaderboard tells what
    was certified of its components (harness certify); one whose certificate failed is refused.
    """
    source = Source(directory, suite, by, uncertified)
    write = chosen(source, kind, {"by": by}).publish
    if write is None:
        raise click.UsageError(f"what {directory} holds has no page")
    write(source, destination, made_by)
    click.echo(f"Published: {destination}")
