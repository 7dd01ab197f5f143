"""`harness merge`: several result directories of one suite become one."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from harness.commands import NewDirectory, warn


@click.command("merge")
@click.argument("directories", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=NewDirectory(), required=True, help="The new result directory.")
@click.option("--suite", metavar="NAME", help="Which of the suites that lie in DIRECTORIES, where there are several.")
def command(directories: tuple[Path, ...], out: Path, suite: str | None) -> None:
    """Put the results of DIRECTORIES, parts of one suite with the same settings, into a new one.

    Each has some of the components, or numbers of steps; together they have every combination of them. Ranks, intervals
    and effects are made anew from all results. The code that made them has to be what is installed.
    """
    from harness.api.merging import merge

    found = merge(directories, out, suite=suite, warn=warn)
    parts = " + ".join(map(str, found.counts))
    click.echo(
        f"{found.suite}: {found.rows} combinations from {parts}. Leaderboard: harness rank {shlex.quote(str(out))}"
    )
