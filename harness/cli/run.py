"""`harness run`: train, sample and rank every combination of a suite."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.selection import Minutes, suite_argument
from harness.commands import RETRY, NewDirectory, Resumable, executor_options, local_option, typed, warn

if TYPE_CHECKING:
    from harness.suites.model import Suite


@click.command("run", cls=Resumable)
@suite_argument
@local_option(
    "--out",
    type=NewDirectory(),
    help="Result directory; by default runs/SUITE. A run that was cut off goes on there.",
)
@executor_options
@click.option("--yes", is_flag=True, help="Take more combinations than the suite's limit.")
@local_option("--retry-failed", is_flag=True, help="Try again what failed before.")
@click.option(
    "--until-settled",
    is_flag=True,
    help="Race: further seeds, up to 10 times the suite's, go to the rows that may still be best.",
)
@local_option("--minutes", type=Minutes(), help="With it, begin no round after so many.")
@local_option("--top", type=click.IntRange(min=0), default=20, show_default=True, help="Rows shown per target; 0: all.")
def command(
    suite: Suite,
    out: Path | None,
    executor: str,
    workers: int | None,
    yes: bool,
    retry_failed: bool,
    until_settled: bool,
    minutes: float | None,
    top: int,
) -> int:
    """Train, sample and rank every combination of SUITE (a shipped name or a TOML file; default quick).

    Ends with status 1 if something failed: a combination (the table says why), or a metric that does not rank.
    """
    from harness.registry.discovery import load_telling
    from harness.running.runner import Options, run

    directory = out or Path("runs") / suite.family
    registry = load_telling(warn)

    made_by = typed(sys.argv[1:], click.get_current_context().command)
    options = Options(workers, yes, retry_failed, command=made_by, warn=warn, executor=executor)
    ends = None
    if until_settled:
        from harness.racing.until_settled import run_until_settled

        ends = run_until_settled(suite, registry, directory, options, minutes=minutes)
    elif minutes is not None:
        raise click.UsageError("--minutes is for a race; give --until-settled with it")
    else:
        run(suite, registry, directory, options)

    from harness.results.read_board import read_document
    from harness.views.tables import render
    from harness.views.terminal import terminal_width

    lines: list[str] = []
    board = read_document(directory, warn=lines.append, suite=suite.name)
    for line in lines:
        warn(line)
    click.echo(render(board, "table", top=top, width=terminal_width()))
    for each in ends or ():
        click.echo(f"\nRace on {each.target}: {each.told}")
    failed = any(row.status == "failed" for row in board.rows)
    again = RETRY if failed else ""
    why = f"   Tracebacks: {shlex.join(['harness', 'rank', str(directory), '--failures'])}" if failed or lines else ""
    rank = shlex.join(["harness", "rank", str(directory), *_among_others(directory, suite.name)])
    click.echo(f"\nResults: {directory}   All rows: {rank} --format csv{again}{why}")
    return 1 if lines or failed else 0


def _among_others(directory: Path, suite: str) -> list[str]:
    """Return the option that tells a suite from the others of its directory; none where it is alone."""
    from harness.results.directory import suites
    from harness.store import Store

    store = Store.read(directory)
    try:
        return ["--suite", suite] if len(suites(store)) > 1 else []
    finally:
        store.close()
