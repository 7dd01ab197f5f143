"""Published leaderboards: the directories and files that `harness publish` wrote, read as results are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from harness.errors import did_you_mean
from harness.results.bounds import BoundsBoard
from harness.results.document import DocumentError, read_json
from harness.results.leaderboard import PUBLISHED, Leaderboard
from harness.store import DATABASE


def published_file(path: Path) -> Path | None:
    """Return the document that a path means: a JSON file, or that of a published directory; None for anything else."""
    if path.is_file() and path.suffix == ".json":
        return path
    if (path / PUBLISHED).is_file() and not (path / DATABASE).is_file():
        return path / PUBLISHED
    return None


def read_any(file: Path) -> Leaderboard | BoundsBoard:
    """Return what a file holds: a leaderboard, or one of bounds.

    Raises:
        DocumentError: neither.
    """
    value = read_json(file)
    kind = BoundsBoard if isinstance(value, dict) and "entries" in value else Leaderboard
    try:
        return kind.validate(value)
    except DocumentError as error:
        raise DocumentError(f"{file}: {error}") from error


def published_bounds(path: Path) -> BoundsBoard | None:
    """Return the leaderboard of bounds that a path means, as `published_file` does; None for anything else."""
    file = published_file(path)
    found = None if file is None else read_any(file)
    return found if isinstance(found, BoundsBoard) else None


def read_published(file: Path, by: Sequence[str] = (), suite: str | None = None) -> Leaderboard:
    """Return the leaderboard of a file.

    Arguments:
        file: where it is.
        by: metrics that are to rank; empty: those that do.
        suite: its name; None: whichever it is.

    Raises:
        DocumentError: the file holds no leaderboard, or another suite's; or it is to be ranked by other metrics, which
            takes the values of each seed.
    """
    board = read_any(file)
    if not isinstance(board, Leaderboard):
        raise DocumentError(f"{file} is a leaderboard of bounds; it has no rows of designs")
    if suite is not None and suite != board.suite:
        raise DocumentError(f"{file} holds no suite {suite!r}; {did_you_mean(suite, [board.suite])}")
    if by and list(by) != board.rank_by:
        rule = "another order takes the values of each seed, which lie in the result directory of the run"
        raise DocumentError(f"{file} is ranked by {', '.join(board.rank_by)}; {rule}")
    return board
