"""Published leaderboards: the directories and files that `harness publish` wrote, read as results are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.errors import HarnessError, did_you_mean
from harness.results.bounds import BoundsBoard
from harness.results.document import DocumentError, read_json
from harness.results.leaderboard import PUBLISHED, Leaderboard
from harness.store import DATABASE


def is_published(directory: Path) -> bool:
    """Tell whether a directory is a published one: it has the document, and no results."""
    return (directory / PUBLISHED).is_file() and not (directory / DATABASE).is_file()


def published_file(path: Path) -> Path | None:
    """Return the document that a path means: a JSON file, or that of a published directory; None for anything else."""
    if path.is_file() and path.suffix == ".json":
        return path
    return path / PUBLISHED if is_published(path) else None


def document_at(path: Path) -> Path:
    """Return the document that a path means; raises HarnessError where it is nothing that was published."""
    file = published_file(path)
    if file is None:
        raise HarnessError(f"{path} holds no {PUBLISHED}; name what harness publish wrote")
    return file


def read_any(file: Path, by: Sequence[str] = (), suite: str | None = None) -> Leaderboard | BoundsBoard:
    """Return what a file holds: a leaderboard, or one of bounds, of which neither a suite nor metrics are asked.

    Arguments:
        file: where it is.
        by: metrics that are to rank; empty: those that do.
        suite: its name; None: whichever it is.

    Raises:
        DocumentError: it holds neither, or another suite's; or it is to be ranked by other metrics, which takes the
            values of each seed.
    """
    value = read_json(file)
    kind = BoundsBoard if isinstance(value, dict) and "entries" in value else Leaderboard
    try:
        board = kind.validate(value)
    except DocumentError as error:
        raise DocumentError(f"{file}: {error}") from error
    if isinstance(board, BoundsBoard):
        return board
    if suite is not None and suite != board.suite:
        raise DocumentError(f"{file} holds no suite {suite!r}; {did_you_mean(suite, [board.suite])}")
    if by and list(by) != board.rank_by:
        rule = "another order takes the values of each seed, which lie in the result directory of the run"
        raise DocumentError(f"{file} is ranked by {', '.join(board.rank_by)}; {rule}")
    return board


def of_this_version(file: Path, board: Leaderboard | BoundsBoard) -> bool:
    """Tell whether a document that was read has the present version, so that its text is what it is written as."""
    value = read_json(file)
    return isinstance(value, dict) and value.get("schema_version") == board.schema_version


def read_published(file: Path) -> Leaderboard:
    """Return the leaderboard of a file; raises DocumentError where it holds none."""
    return with_designs(read_any(file), file)


def with_designs(board: Leaderboard | BoundsBoard, place: Path) -> Leaderboard:
    """Return a leaderboard of designs; raises DocumentError, which names the place, where it is one of bounds."""
    if not isinstance(board, Leaderboard):
        raise DocumentError(f"{place} is a leaderboard of bounds; it has no rows of designs")
    return board
