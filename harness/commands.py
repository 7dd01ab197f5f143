"""Commands: what those of the harness share with those that an installed package adds.

A package adds a command to `harness` by an entry point of the group `harness_commands`: its name is the word that is
typed, its value `module:attribute` a `click.Command`. The first line of that module's docstring stands in
`harness --help`; it is read from the file, so that nothing is imported before the command is called.

A package adds a kind of document to `harness publish` by an entry point of the group `harness_documents`: its name is
that of the document's file, its value `module:function` a `Publish`.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

import click

Publish = Callable[[Path, Path, str | None], None]
"""Publishes the document of a directory into another one: a page, and what belongs to it. The third argument is the
command that stands on the page; None: the one that the document tells."""

RETRY = "   What failed, again: --retry-failed"
"""The end of a last line where something failed that the same command with this option tries again."""


class Resumable(click.Command):
    """A command that goes on where it stopped when it is called again; one that is interrupted says so."""

    resumes = True


def warn(line: str) -> None:
    """Tell a line on standard error, as errors are told."""
    click.echo(f"harness: {line}", err=True)


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
