"""Publishing: a leaderboard as a directory that anyone can read.

`leaderboard.json` is the source; `README.md` and the plots beside it are drawn from it and nothing else, so
the same document always gives the same bytes. Everything is drawn before anything is written, and each file
replaces its predecessor whole.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import JsonValue

from harness.results.bounds import BoundsBoard
from harness.results.document import Document, DocumentError
from harness.results.leaderboard import Leaderboard
from harness.views.board_pages import SOURCE, board_title, bounds_page, bounds_title, leaderboard_page
from harness.views.board_plots import Plot, board_files, bounds_files, draw_board, draw_bounds
from harness.views.page import Page, in_words, markdown

PAGE = "README.md"

D = TypeVar("D", bound=Document)


@dataclass(frozen=True)
class Publication(Generic[D]):
    """How documents of one kind are published.

    Attributes:
        source: the name of the document's file; the others are drawn from it.
        title: what the page of a document is called.
        draw: the page, on which some commands stand, and its plots.
        plots: the names of all plots that a document may have: what it had before and no longer has goes.
    """

    source: str
    title: Callable[[D], str]
    draw: Callable[[D, str], tuple[Page, list[Plot]]]
    plots: Callable[[D], set[str]]

    def files(self, document: D, command: str) -> dict[str, bytes]:
        """Return the name and content of every published file.

        Arguments:
            document: what is published; in its file it tells the commands.
            command: the commands that made the document, as typed, a line each.

        Raises:
            DocumentError: matplotlib is missing.
        """
        if "command" in type(document).model_fields:
            document = document.model_copy(update={"command": command or None})
        page, plots = self.draw(document, command)
        drawn = {plot.file: plot.svg for plot in plots}
        return {**drawn, PAGE: markdown(page).encode(), self.source: document.to_json().encode()}

    def write(self, document: D, target: Path, command: str) -> list[Path]:
        """Write a document, its page and its plots into a directory all at once; return the files.

        Files that the document names by their places on this machine are called by their names alone: where they lie
        says nothing to a reader, and digests tell what they hold.

        Arguments:
            document: what is published.
            target: a new directory, an empty one, or one with a document of the same title, which is replaced.
            command: the commands that made the document, as typed, a line each.

        Raises:
            DocumentError: matplotlib is missing, or the directory cannot be written, or holds something else, such
                as the page of another suite. Nothing is half written.
        """
        document, command = without_folders(document, command)
        try:
            _check_directory(target, self.source)
            former = _published(self, target, document)
            files = self.files(document, command)
            _write(files, target, self.plots(former) if former is not None else ())
        except OSError as error:
            raise DocumentError(f"{target} cannot be written: {error.strerror or error}") from error
        return [target / name for name in files]


def _draw_board(board: Leaderboard, command: str) -> tuple[Page, list[Plot]]:
    plots = draw_board(board)
    return leaderboard_page(board, command, plots), plots.files


def _draw_bounds(board: BoundsBoard, command: str) -> tuple[Page, list[Plot]]:
    plots = draw_bounds(board)
    return bounds_page(board, command, plots), plots.files


BOARD = Publication[Leaderboard](SOURCE, lambda board: in_words(board_title(board)), _draw_board, board_files)
BOUNDS = Publication[BoundsBoard](SOURCE, lambda board: in_words(bounds_title(board)), _draw_bounds, bounds_files)


def publish(board: Leaderboard, directory: Path | str, command: str) -> list[Path]:
    """Write a leaderboard, its page and its plots into a directory; return the files.

    Arguments:
        board: the leaderboard.
        directory: a new directory, an empty one, or one that was published before.
        command: the commands that made the leaderboard, as typed, a line each.

    Raises:
        DocumentError: matplotlib is missing, or the directory cannot be
            written or holds something else. Nothing is half written.
    """
    return BOARD.write(board, Path(directory), command)


def publish_bounds(board: BoundsBoard, directory: Path | str, command: str) -> list[Path]:
    """Write a leaderboard of bounds, its page and its plot; return the files.

    Arguments:
        board: the leaderboard of bounds.
        directory: a new directory, an empty one, or one that was published before.
        command: the commands that made the leaderboard, as typed, a line each.

    Raises:
        DocumentError: as `publish`.
    """
    return BOUNDS.write(board, Path(directory), command)


def render_files(board: Leaderboard, command: str) -> dict[str, bytes]:
    """Return the name and content of every published file; raises as `Publication.files`."""
    return BOARD.files(board, command)


def without_folders(document: D, command: str) -> tuple[D, str]:
    """Return a document and its command without the folders of this machine in which files lie.

    Arguments:
        document: of any kind; parameters of components that are absolute paths become as much of their ends as tells
            them apart.
        command: the commands that made it.
    """
    text = document.to_json()
    paths = set(_absolute_paths(document.model_dump(mode="json")))
    for path in sorted(paths, key=len, reverse=True):
        name = _shortest(path, paths)
        text = text.replace(json.dumps(path, ensure_ascii=False)[1:-1], json.dumps(name, ensure_ascii=False)[1:-1])
        command = command.replace(path, name)
    return (type(document).validate(json.loads(text)), command) if paths else (document, command)


def _absolute_paths(value: JsonValue, parameter: bool = False) -> Iterator[str]:
    """Yield the absolute paths among the parameters of components in a document."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _absolute_paths(each, parameter or key == "params")
    elif isinstance(value, list):
        for each in value:
            yield from _absolute_paths(each, parameter)
    elif parameter and isinstance(value, str) and Path(value).is_absolute() and Path(value).name:
        yield value


def _shortest(path: str, among: Collection[str]) -> str:
    """Return as few parts of the end of a path as tell it from the others: mostly its name."""
    parts = Path(path).parts
    ends = (parts[-length:] for length in range(1, len(parts)))
    alone = (end for end in ends if sum(Path(each).parts[-len(end) :] == end for each in among) == 1)
    return "/".join(next(alone, parts[1:]))


def _check_directory(target: Path, source: str) -> None:
    """Refuse to write over a page that is none of ours, such as a project's README."""
    if target.exists() and not target.is_dir():
        raise DocumentError(f"{target} is a file; publish into a directory, such as leaderboards/NAME")
    if (target / PAGE).exists() and not (target / source).exists():
        advice = "publish into a new directory, such as leaderboards/NAME"
        raise DocumentError(f"{target} holds another {PAGE}; {advice}")


def _published(publication: Publication[D], target: Path, new: D) -> D | None:
    """Return the document that lies in a directory; refuse one of another kind, and one of other results.

    Raises:
        DocumentError: what lies there is another document, or cannot be read.
    """
    file = target / publication.source
    if not file.exists():
        return None
    title, advice = publication.title(new), "publish into a new directory, or remove it first"
    try:
        there = type(new).read(file)
    except DocumentError as error:
        raise DocumentError(f"{target} holds another page, and this one is {title!r}; {advice}") from error
    if publication.title(there) != title:
        said = f"{target} holds another page, {publication.title(there)!r}, and this one is {title!r}"
        raise DocumentError(f"{said}; {advice}")
    return there


def _write(files: Mapping[str, bytes], target: Path, former: Iterable[str]) -> None:
    """Write all files beside the target, then move them into place; former plots that are no longer drawn go."""
    existing = target.is_dir()
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target if existing else target.parent
    made = Path(tempfile.mkdtemp(prefix=".publishing-", dir=beside))
    try:
        for name, content in files.items():
            with (made / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        made.chmod(0o755)
        if not existing:
            made.rename(target)
            return
        for name in files:
            (made / name).replace(target / name)
        for stale in set(former) - set(files):
            (target / stale).unlink(missing_ok=True)
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(made)
