"""`harness run`: train, sample and rank every combination of a suite."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.selection import suite_argument

if TYPE_CHECKING:
    from harness.suites.model import Suite

RETRY = "   What failed, again: --retry-failed"


@click.command("run")
@suite_argument
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Result directory; by default runs/SUITE. A run that was cut off goes on there.",
)
@click.option("--workers", type=click.IntRange(min=1), help="Worker processes; by default one a core.")
@click.option("--yes", is_flag=True, help="Take more combinations than the suite's limit.")
@click.option("--retry-failed", is_flag=True, help="Try again what failed before.")
@click.option("--top", type=click.IntRange(min=0), default=20, show_default=True, help="Rows shown per target; 0: all.")
def command(suite: Suite, out: Path | None, workers: int | None, yes: bool, retry_failed: bool, top: int) -> int:
    """Train, sample and rank every combination of SUITE (a shipped name or a TOML file; default quick).

    Ends with status 1 if something failed: a combination (the table says why), or a metric that does not rank.
    """
    from harness.registry.discovery import load
    from harness.running.runner import Options, family, run

    directory = out or Path("runs") / family(suite.name)
    registry = load()
    for problem in registry.problems:
        click.echo(f"harness: plugin {problem.plugin} ({problem.distribution}): {problem.reason}", err=True)

    def warn(line: str) -> None:
        click.echo(f"harness: {line}", err=True)

    options = Options(workers, yes, retry_failed, command=typed(sys.argv[1:]), warn=warn)
    run(suite, registry, directory, options)

    from harness.results.outcomes import read_document
    from harness.views.tables import render, terminal_width

    lines: list[str] = []
    board = read_document(directory, warn=lines.append)
    for line in lines:
        warn(line)
    click.echo(render(board, "table", top=top, width=terminal_width()))
    failed = any(not row.ok for row in board.rows)
    again = RETRY if failed else ""
    click.echo(f"\nResults: {directory}   All rows: harness rank {shlex.quote(str(directory))} --format csv{again}")
    return 1 if lines or failed else 0


def typed(words: Sequence[str]) -> str:
    """Return the command that makes the same results elsewhere: without places and processes of this machine."""
    kept: list[str] = []
    waiting = iter(words)
    for word in waiting:
        if word in ("--out", "--workers", "--top"):
            next(waiting, None)
        elif not word.startswith(("--out=", "--workers=", "--top=", "--debug", "--retry-failed")):
            kept.append(Path(word).name if word.endswith(".toml") else word)
    return shlex.join(["harness", *kept])
