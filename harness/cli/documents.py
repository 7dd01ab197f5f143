"""The kinds of documents that commands show and publish, as options, and which one is meant."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from harness.cli import installed
from harness.cli.kinds import FILES, KINDS
from harness.commands import DocumentKind, Source


def kind_options(described: Callable[[DocumentKind], str]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command a flag for each kind that `described` has words on; it gets `kind: str`, "" where none is given.

    At most one of them may be given.
    """
    offered = {name: said for name, kind in KINDS.items() if name and (said := described(kind))}

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def command(**values: Any) -> Any:
            given = [name for name in offered if values.pop(name)]
            if len(given) > 1:
                raise click.UsageError(f"{' and '.join(f'--{name}' for name in given)} are two views; give one")
            return function(**values, kind=given[0] if given else "")

        decorated: Callable[..., Any] = command
        for name, said in reversed(offered.items()):
            decorated = click.option(f"--{name}", name, is_flag=True, help=said)(decorated)
        return decorated

    return decorate


def chosen(source: Source, name: str, options: Mapping[str, object]) -> DocumentKind:
    """Return the kind of document that is meant: a package's where its file lies there and no suite is named.

    Arguments:
        source: what the command line names.
        name: of the kind that it asks for; "" is none.
        options: what else it gives, by name; None is not given.

    Raises:
        UsageError: the kind does not take one of the options.
        InstalledError: the package's kind cannot be loaded.
    """
    given = [f"--{option}" for option, value in options.items() if value is not None]
    found = None if source.suite is not None else _kept(source)
    if found is not None:
        noun, kind = found
        if refused := [*_not_taken(kind, given), *([f"--{name}"] if name else [])]:
            raise click.UsageError(f"{source.directory} holds {noun}, which takes no {' and no '.join(refused)}")
        return kind
    kind = KINDS[name]
    if refused := _not_taken(kind, given):
        raise click.UsageError(f"--{name} has its own rule for what is shown; it takes no {' and no '.join(refused)}")
    return kind


def holds(directory: Path) -> bool:
    """Tell whether a directory has a document, or results of which one is made."""
    from harness.results.published import published_file
    from harness.store import DATABASE

    source = Source(directory)
    return _kept(source) is not None or published_file(directory) is not None or (directory / DATABASE).is_file()


def _not_taken(kind: DocumentKind, given: list[str]) -> list[str]:
    return [option for option in given if option.removeprefix("--") not in kind.takes]


def _kept(source: Source) -> tuple[str, DocumentKind] | None:
    """Return the kind of the document that a command keeps in the directory, and what it is called; None for none."""
    own = next((each for file, each in FILES.items() if (source.directory / file).is_file()), None)
    if own is not None:
        return own[0], own[1]()
    found = next((kind for kind in installed.documents() if (source.directory / kind.name).is_file()), None)
    return None if found is None else (found.name, found.document())
