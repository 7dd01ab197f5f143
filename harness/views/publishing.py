"""Publishing: a leaderboard as a directory that anyone can read.

`leaderboard.json` is the source; `README.md` and the plots beside it are drawn from it and nothing else, so
the same document always gives the same bytes. Everything is drawn before anything is written, and each file
replaces its predecessor whole.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from harness.results.bounds import BoundsBoard
from harness.results.bounds_ranking import rank_bounds
from harness.results.document import LeaderboardError
from harness.results.leaderboard import Leaderboard
from harness.results.sections import divergence_of
from harness.views import plots
from harness.views.board_pages import SOURCE, bounds_page, leaderboard_page
from harness.views.page import markdown

PAGE = "README.md"

PLOTS = re.compile(r".*-against-.*\.svg|(budgets|compute|effects|tightness)\.svg")
"""The plots of leaderboards."""

AGAINST = 3
"""Bounds on the path divergence that a metric is drawn against: the best ones."""


def publish(board: Leaderboard, directory: Path | str, command: str) -> list[Path]:
    """Write a leaderboard, its page and its plots into a directory; return the files.

    Arguments:
        board: the leaderboard.
        directory: a new directory, an empty one, or one that was published before.
        command: the commands that made the leaderboard, as typed, a line each.

    Raises:
        LeaderboardError: matplotlib is missing, or the directory cannot be
            written or holds something else. Nothing is half written.
    """
    return publish_files(lambda: render_files(board, command), Path(directory))


def publish_bounds(board: Leaderboard, directory: Path | str, command: str) -> list[Path]:
    """Write the leaderboard of bounds that a leaderboard gives, its page and its plot; return the files.

    Arguments:
        board: the leaderboard.
        directory: a new directory, an empty one, or one that was published before.
        command: the commands that made the leaderboard, as typed, a line each.

    Raises:
        LeaderboardError: as `publish`.
    """
    competition = rank_bounds(board)
    return publish_files(lambda: render_bounds_files(competition, command), Path(directory))


def publish_files(
    draw: Callable[[], dict[str, bytes]], target: Path, source: str = SOURCE, drawn: re.Pattern[str] = PLOTS
) -> list[Path]:
    """Write what `draw` returns, by name, into a directory all at once; return the files.

    Arguments:
        draw: makes every file before anything is written.
        target: a new directory, an empty one, or one with a `source`, which was published before.
        source: the name of the document that the other files are drawn from.
        drawn: names of plots that such a directory may have; those of a former page that are no longer drawn go.

    Raises:
        LeaderboardError: the directory cannot be written, or holds another page, such as that of another suite.
    """
    try:
        _check_directory(target, source)
        files = draw()
        _check_title(target, files[PAGE].decode())
        _write(files, target, drawn)
    except OSError as error:
        raise LeaderboardError(f"{target} cannot be written: {error.strerror or error}") from error
    return [target / name for name in files]


def render_files(board: Leaderboard, command: str) -> dict[str, bytes]:
    """Return the name and content of every published file.

    Raises:
        LeaderboardError: matplotlib is missing.
    """
    drawn = dict(_plots(board))
    page = markdown(leaderboard_page(board, command, list(drawn)))
    return {**drawn, PAGE: page.encode(), SOURCE: board.to_json().encode()}


def render_bounds_files(board: BoundsBoard, command: str) -> dict[str, bytes]:
    """Return the name and content of every file of a published leaderboard of bounds.

    Raises:
        LeaderboardError: matplotlib is missing.
    """
    drawn = dict(_tightness(board))
    page = markdown(bounds_page(board, command, list(drawn)))
    return {**drawn, PAGE: page.encode(), SOURCE: board.to_json().encode()}


def _plots(board: Leaderboard) -> Iterator[tuple[str, bytes]]:
    plots.require_matplotlib()
    finished = [row for row in board.rows if row.ok]
    competition = rank_bounds(board)
    on_paths = {bound for bound, declared in board.declared.bounds.items() if "path-kl" in declared.limits}
    bounds = [s.bound for s in competition.bounds if s.applies and s.bound in on_paths][:AGAINST]
    # Bounds limit a divergence: where the ranking metric is none, one that was measured is drawn too.
    for metric in dict.fromkeys([board.metric, divergence_of(board, finished) or board.metric]):
        for bound in bounds:
            figure = plots.error_against_bound(board, bound, metric)
            if figure:
                yield f"{_slug(metric)}-against-{_slug(bound)}.svg", plots.svg(figure)
    figures = {
        "compute": plots.error_against_compute(board),
        "budgets": plots.budgets(board),
        "effects": plots.effects(board),
    }
    for name, figure in figures.items():
        if figure:
            yield f"{name}.svg", plots.svg(figure)
    yield from _tightness(competition)


def _tightness(board: BoundsBoard) -> Iterator[tuple[str, bytes]]:
    plots.require_matplotlib()
    figure = plots.tightness(board)
    if figure:
        yield "tightness.svg", plots.svg(figure)


def _slug(name: str) -> str:
    """Return a name that is safe as part of a file's."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "unnamed"


def _check_directory(target: Path, source: str) -> None:
    """Refuse to write over a page that is none of ours, such as a project's README."""
    if target.exists() and not target.is_dir():
        raise LeaderboardError(f"{target} is a file; publish into a directory, such as leaderboards/NAME")
    if (target / PAGE).exists() and not (target / source).exists():
        advice = "publish into a new directory, such as leaderboards/NAME"
        raise LeaderboardError(f"{target} holds another {PAGE}; {advice}")


def _check_title(target: Path, page: str) -> None:
    """Refuse to write one leaderboard over another: that of other results, or of another kind."""
    if not (target / PAGE).exists():
        return
    with (target / PAGE).open(encoding="utf-8", errors="replace") as file:
        there, new = (text.strip().removeprefix("# ") for text in (file.readline(), page.partition("\n")[0]))
    if there != new:
        advice = "publish into a new directory, or remove it first"
        raise LeaderboardError(f"{target} holds another page, {there!r}, and this one is {new!r}; {advice}")


def _write(files: dict[str, bytes], target: Path, drawn: re.Pattern[str]) -> None:
    """Write all files beside the target, then move them into place; plots that are no longer drawn go."""
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
        for stale in set(target.glob("*.svg")) - {target / name for name in files}:
            if drawn.fullmatch(stale.name):
                stale.unlink()
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(made)
