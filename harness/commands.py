"""Commands: what those of the harness share with those that an installed package adds.

A package adds a command to `harness` by an entry point of the group `harness_commands`: its name is the word that is
typed, its value `module:attribute` a `click.Command`. The first line of that module's docstring stands in
`harness --help`; it is read from the file, so that nothing is imported before the command is called.

A package adds a kind of document, which `harness rank` shows and `harness publish` publishes, by an entry point of the
group `harness_documents`: its name is that of the document's file, its value `module:attribute` a `DocumentKind`.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import click

from harness import limits


@dataclass(frozen=True)
class Source:
    """Where a document is made from.

    Attributes:
        directory: where it lies.
        suite: which of the suites there; None: the only one.
        by: the metrics that rank, by preference; None: the suite's.
        uncertified: whether what is published may have a component whose certificate failed.
    """

    directory: Path
    suite: str | None = None
    by: Sequence[str] | None = None
    uncertified: bool = False


@dataclass(frozen=True)
class DocumentKind:
    """A kind of document.

    Attributes:
        show: returns it in a format (`harness.views.formats.FORMATS`), with so many rows of each target (None: as many
            as the format shows unless told otherwise; 0: all), for a terminal of so many columns (None: no limit).
        publish: writes it into a directory: a page, and what belongs to it. The third argument is the command that
            stands on the page; None: the one that the document tells. None where the kind has no page.
        takes: the options of a command line that it heeds, of `by` and `top`.
        shown: what the option of its name does in `harness rank`; empty: it has none. Options are those of the
            harness's own kinds: for that of a package its file in the directory asks.
        published: what that option does in `harness publish`.
        site: returns what it brings to a site, a `harness.views.site.entry.Entry`; None where it has no page there.
    """

    show: Callable[[Source, str, int | None, int | None], str]
    publish: Callable[[Source, Path, str | None], None] | None = None
    takes: frozenset[str] = frozenset()
    shown: str = ""
    published: str = ""
    site: Callable[[Source], object] | None = None


RETRY = "   What failed, again: --retry-failed"
"""The end of a last line where something failed that the same command with this option tries again."""


class Resumable(click.Command):
    """A command that goes on where it stopped when it is called again; one that is interrupted says so."""

    resumes = True

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, unless a limit of the system lets nothing be computed: libraries end a process for less.

        Raises:
            LimitError: the limit, and what would be right.
        """
        from harness.errors import LimitError

        if why := limits.obstacle():
            raise LimitError(why)
        return super().invoke(ctx)


class LocalOption(click.Option):
    """An option that concerns this machine or this call alone: the command that stands on a page is without it."""


def local_option(*names: str, **settings: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command a `LocalOption`; arguments as `click.option`."""
    return click.option(*names, cls=LocalOption, **settings)


class NewDirectory(click.Path):
    """A directory that is written, and made where there is none; as `Path`."""

    def __init__(self) -> None:
        super().__init__(file_okay=False, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path. Nothing would be the working directory, which whoever wrote "$OUT" did not mean."""
        if value == "":
            self.fail("'' names no directory; write . for the working directory", param, ctx)
        return super().convert(value, param, ctx)


def executor_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command that carries out units `--executor` and `--workers`: its parameters `executor` and `workers`."""
    chosen = local_option(
        "--executor",
        default="processes",
        show_default=True,
        metavar="NAME",
        help="Where units are done: processes (of this machine), ray (on a cluster: that of RAY_ADDRESS, else one "
        "started here), or an executor of an installed package. Results are the same.",
    )
    count = local_option("--workers", type=click.IntRange(min=1), help="Worker processes; by default one a core.")
    return chosen(count(command))


def warn(line: str) -> None:
    """Tell a line on standard error, as errors are told."""
    from harness.errors import harmless

    click.echo(f"harness: {harmless(line)}", err=True)


def typed(words: Sequence[str], command: click.Command) -> str:
    """Return the command that makes the same results elsewhere: without its local options, and files by their names.

    Arguments:
        words: what was typed after `harness`.
        command: the one that they call.
    """
    options = {name: option for option in command.params if isinstance(option, click.Option) for name in option.opts}
    kept: list[str] = []
    waiting = iter(words)
    for word in waiting:
        if word == "--":
            kept += [word, *waiting]
            break
        name, _, joined = word.partition("=")
        option = options.get(name)
        taken = [word]
        if option is not None and not option.is_flag and not joined:
            taken += islice(waiting, option.nargs)
        if not isinstance(option, LocalOption):
            kept += (Path(each).name if each.endswith(".toml") else each for each in taken)
    return shlex.join(["harness", *kept])
