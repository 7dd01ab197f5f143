"""The argument and options that say which design of a result directory is meant, for the commands that take one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.cli.selection import Names
from harness.commands import warn

if TYPE_CHECKING:
    from harness.api.boards import Board, RankedDesign

_OPTIONS = (
    click.argument("directory", type=click.Path(path_type=Path)),
    click.option(
        "--rank",
        type=click.IntRange(min=1),
        help="Its rank on its target; by default the design that was recommended, where one was, else 1.",
    ),
    click.option("--target", metavar="NAME", help="Of which target, where DIRECTORY has several."),
    click.option("--suite", metavar="NAME", help="Which of the suites that lie in DIRECTORY, where there are several."),
    click.option("--by", type=Names(), help="Metrics that rank, by preference; by default the suite's."),
    click.option(
        "--data",
        type=click.Path(path_type=Path),
        metavar="PATH",
        help="Where the data lie now, if not where the run read them: the same, to the byte.",
    ),
)


def _recommended(board: Board) -> RankedDesign:
    """Return the design that was recommended, which need not be the first of a board whose rows have unequal seeds."""
    from harness.api.recommendations import Recommended
    from harness.results.recommendation import FILE, read_answer

    directory = board.directory
    return Recommended(read_answer(directory), directory).design if (directory / FILE).is_file() else board.best()


def ranked_design(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the argument DIRECTORY and the options that choose from it; it gets `design`, which reads it."""

    @functools.wraps(function)
    def command(
        *,
        directory: Path,
        rank: int | None,
        target: str | None,
        suite: str | None,
        by: list[str] | None,
        data: Path | None,
        **options: Any,
    ) -> Any:
        # Called when the command has looked at its own options: mistakes in these are told before anything is read.
        def design() -> RankedDesign:
            from harness.api.boards import rank as read

            board = read(directory, by=by or (), suite=suite, tell=warn)
            named = (rank, target, suite, by) != (None, None, None, None)
            chosen = board.at(rank or 1, target) if named else _recommended(board)
            return chosen if data is None else chosen.reading(data)

        return function(design=design, **options)

    decorated: Callable[..., Any] = command
    for decorate in reversed(_OPTIONS):
        decorated = decorate(decorated)
    return decorated
