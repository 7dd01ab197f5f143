"""Run an experiment for each claim of a paper; print verdicts.

This is `harness claims`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.commands import RETRY, NewDirectory, Resumable, executor_options, local_option, typed, warn
from harness.views.formats import FORMATS

if TYPE_CHECKING:
    from harness_claims.document import ClaimsBoard


@click.command("claims", cls=Resumable)
@click.option("--quick", is_flag=True, help="Small sizes: minutes, and less certain verdicts.")
@click.option(
    "--claim",
    "words",
    multiple=True,
    metavar="[PAPER/]N",
    help="Only this claim, with its paper where several have the number; may be repeated.",
)
@local_option(
    "--out",
    type=NewDirectory(),
    help="Result directory; by default runs/claims or runs/claims-quick. A run that was cut off goes on there.",
)
@executor_options
@local_option("--retry-failed", is_flag=True, help="Try again what failed before.")
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="table", show_default=True)
def command(
    quick: bool,
    words: tuple[str, ...],
    out: Path | None,
    executor: str,
    workers: int | None,
    retry_failed: bool,
    form: str,
) -> int:
    """Run the experiment of every claim and print the verdicts: supported, contradicted or undecided.

    The rules are fixed in code; harness show NAME tells each. Ends with status 1 if a claim has an error in place
    of a verdict, or no plot because its plot failed.
    """
    from harness.planning.manifest import environment
    from harness.registry.discovery import load_telling
    from harness.running.runner import Options
    from harness.views.terminal import terminal_width
    from harness_claims.document import claims_board
    from harness_claims.publishing import write_document
    from harness_claims.run import arithmetic, chosen, family, run_claims
    from harness_claims.tables import render_claims

    registry = load_telling(warn)
    directory = out or Path("runs") / family(quick)
    made_by = typed(sys.argv[1:], click.get_current_context().command)
    options = Options(workers, retry_failed=retry_failed, command=made_by, warn=warn, executor=executor)
    outcomes = run_claims(chosen(registry, words), registry, directory, options, quick=quick)
    made_with = arithmetic(directory)
    board = claims_board(
        outcomes,
        quick=quick,
        command=options.command,
        environment={**environment(), "arithmetic": made_with},
        processor=" and ".join(made_with) or "unknown",
    )
    click.echo(render_claims(board, form, width=terminal_width()), nl=False)
    if not words:
        write_document(board, directory)
    where = _drawn(board, directory / "plots")
    if form == "table":
        again = RETRY if any(entry.error.startswith("experiment") for entry in board.claims) else ""
        click.echo(f"\nResults: {directory}{where}{again}")
    for entry in board.claims:
        if entry.plot_error:
            warn(f"claim {board.label(entry)}: no plot: {entry.plot_error}")
    return 1 if any(entry.error or entry.plot_error for entry in board.claims) else 0


def _drawn(board: ClaimsBoard, folder: Path) -> str:
    """Draw the plots into a folder; return where they are, or say why there are none."""
    from harness.results.document import DocumentError
    from harness_claims.publishing import draw_claims

    try:
        drawn = dict(draw_claims(board))
    except DocumentError as error:
        warn(f"no plots: {error}")
        return ""
    folder.mkdir(exist_ok=True)
    for name, content in drawn.items():
        (folder / name).write_bytes(content)
    return f"   Plots: {folder}"
