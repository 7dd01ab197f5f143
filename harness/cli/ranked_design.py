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
    from harness.api.boards import RankedDesign

_OPTIONS = (
    click.argument("directory", type=click.Path(path_type=Path)),
    click.option("--rank", type=click.IntRange(min=1), default=1, show_default=True, help="Its rank on its target."),
    click.option("--target", metavar="NAME", help="Of which target, where DIRECTORY has several."),
    click.option("--suite", metavar="NAME", help="Which of the suites that lie in DIRECTORY, where there are several."),
    click.option("--by", type=Names(), help="Metrics that rank, by preference; by default the suite's."),
)


def ranked_design(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the argument DIRECTORY and the options that choose from it; it gets `design`, which reads it."""

    @functools.wraps(function)
    def command(
        *, directory: Path, rank: int, target: str | None, suite: str | None, by: list[str] | None, **options: Any
    ) -> Any:
        # Called when the command has looked at its own options: mistakes in these are told before anything is read.
        def design() -> RankedDesign:
            from harness.api.boards import rank as read

            return read(directory, by=by or (), suite=suite, tell=warn).at(rank, target)

        return function(design=design, **options)

    decorated: Callable[..., Any] = command
    for decorate in reversed(_OPTIONS):
        decorated = decorate(decorated)
    return decorated
