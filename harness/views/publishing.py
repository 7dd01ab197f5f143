"""Publishing: a leaderboard as a directory that anyone can read.

`leaderboard.json` is the source; `README.md` and the plots beside it are drawn from it and nothing else, so
the same document always gives the same bytes. Everything is drawn before anything is written, and each file
replaces its predecessor whole.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.results.bounds import BoundsBoard, bounds_to_json, validate_bounds
from harness.results.bounds_ranking import rank_bounds
from harness.results.document import LeaderboardError
from harness.results.leaderboard import Leaderboard, to_json, validate
from harness.results.sections import bounds_of, divergence_of, sections
from harness.views import plots
from harness.views.bounds_tables import MEANING, by_target, entries_table, standings_table
from harness.views.budgets import budget_columns, budget_rows, meanings
from harness.views.quantities import counted
from harness.views.tables import (
    effects_meaning,
    effects_table,
    failures_table,
    in_markdown,
    markdown_table,
    notes,
    section_table,
    violations_table,
)

SOURCE, PAGE = "leaderboard.json", "README.md"

TOP = 20
"""Rows of each target on the page."""

_CLAIM = re.compile(r"claim-\d+\.svg")

BUDGETS = 5
"""Rows of each target whose budget is told in figures."""

AGAINST = 3
"""Bounds on the path divergence that a metric is drawn against: the best ones."""

_HOW_TO_READ = """\
- Each row is one combination, trained and sampled with several seeds; a metric is their mean ± its interval.
- `3 (1–9)` is rank 3; with these seeds ranks 1 to 9 cannot be excluded. Rows whose ranks overlap are ties.
- A perfect generator scores what a held-out sample of the same size does: that floor stands above each table.
- Bounds ({bounds}) are upper bounds from theory, in nats, on the divergence of the samples from the target;
  `n/a` where one does not apply (to a deterministic sampler, none does).
- `bound/…` is the tightest bound over the measured divergence, below 1 only by noise; `!` marks a measured
  value above a bound by more than its interval.
- Kendall τ compares the order by a bound with the measured order: 1 the same, 0 unrelated, −1 the reverse."""


def publish(document: object, directory: Path | str, command: str) -> list[Path]:
    """Write a leaderboard, its page and its plots into a directory; return the files.

    Arguments:
        document: the leaderboard, as a model or as plain JSON data.
        directory: a new directory, an empty one, or one that was published before.
        command: the commands that made the leaderboard, as typed, a line each.

    Raises:
        LeaderboardError: the document breaks its contract, matplotlib is missing, or the directory cannot be
            written or holds something else. Nothing is half written.
    """
    board = validate(document)
    return publish_files(lambda: render_files(board, command), Path(directory))


def publish_bounds(document: object, directory: Path | str, command: str) -> list[Path]:
    """Write the leaderboard of bounds that a leaderboard gives, its page and its plot; return the files.

    Arguments:
        document: the leaderboard, as a model or as plain JSON data.
        directory: a new directory, an empty one, or one that was published before.
        command: the commands that made the leaderboard, as typed, a line each.

    Raises:
        LeaderboardError: as `publish`.
    """
    board = validate_bounds(rank_bounds(document))
    return publish_files(lambda: render_bounds_files(board, command), Path(directory))


def publish_files(draw: Callable[[], dict[str, bytes]], target: Path, source: str = SOURCE) -> list[Path]:
    """Write what `draw` returns, by name, into a directory all at once; return the files.

    Arguments:
        draw: makes every file before anything is written.
        target: a new directory, an empty one, or one with a `source`, which was published before.
        source: the name of the document that the other files are drawn from.

    Raises:
        LeaderboardError: the directory cannot be written, or holds another page, such as that of another suite.
    """
    try:
        _check_directory(target, source)
        files = draw()
        _check_title(target, files[PAGE].decode())
        _write(files, target)
    except OSError as error:
        raise LeaderboardError(f"{target} cannot be written: {error.strerror or error}") from error
    return [target / name for name in files]


def render_files(board: Leaderboard, command: str) -> dict[str, bytes]:
    """Return the name and content of every published file.

    Raises:
        LeaderboardError: matplotlib is missing.
    """
    drawn = dict(_plots(board))
    page = _page(board, command, list(drawn))
    return {**drawn, PAGE: page.encode(), SOURCE: to_json(board).encode()}


def render_bounds_files(board: BoundsBoard, command: str) -> dict[str, bytes]:
    """Return the name and content of every file of a published leaderboard of bounds.

    Raises:
        LeaderboardError: matplotlib is missing.
    """
    drawn = dict(_tightness(board))
    page = _bounds_page(board, command, list(drawn))
    return {**drawn, PAGE: page.encode(), SOURCE: bounds_to_json(board).encode()}


def _plots(board: Leaderboard) -> Iterator[tuple[str, bytes]]:
    plots.require_matplotlib()
    finished = [row for row in board.rows if row.ok]
    competition = validate_bounds(rank_bounds(board))
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


def _page(board: Leaderboard, command: str, drawn: list[str]) -> str:
    parts = [f"# Leaderboard `{board.suite}`", fenced(command), _summary(board)]
    parts.append(f"Source: [{SOURCE}]({SOURCE}), from which this page and its plots are drawn.")
    parts += ["## How to read it", _HOW_TO_READ.format(bounds=_bound_names(board))]
    for section in sections(board):
        parts.append(f"## {in_markdown(section.target)}")
        parts.append("\n".join(f"- {in_markdown(line)}" for line in notes(section, board)))
        if section.ranked:
            parts.append(section_table(section, board, TOP))
        hidden = len(section.ranked[TOP:])
        parts += [f"{hidden} more in [{SOURCE}]({SOURCE})."] if hidden else []
    against = [name for name in drawn if "-against-" in name]
    if against:
        parts += ["## Error against bound", *map(image, against)]
    if "compute.svg" in drawn:
        parts += ["## Training against sampling", _COMPUTE, image("compute.svg")]
    if "budgets.svg" in drawn:
        parts += ["## Where the error comes from", *_budgets(board)]
    if bounds_of(board.rows):
        parts += ["## Bounds", MEANING + ".", standings_table(validate_bounds(rank_bounds(board)))]
        parts += [image("tightness.svg")] if "tightness.svg" in drawn else []
    if board.effects:
        parts += [
            "## Effect of each choice",
            effects_meaning(board) + ".",
            image("effects.svg"),
            effects_table(board),
        ]
    return "\n\n".join([*parts, *_exceptions(board), "## Environment", environment_list(board.environment)]) + "\n"


_COMPUTE = """\
Error against all evaluations of the network: 3 a point of a training step, and those of sampling. Colour is the share
that training took; the line is the front, below which nothing lies; a ring marks the best row of each total, with its
steps of training and of sampling. Rows without training are left out."""

_HOW_TO_READ_BOUNDS = """\
- A bound says, before anything is sampled, how large the error can be. `violations` counts measured values
  above it by more than their interval: any is a failure of the bound, of the estimate, or of the code.
- `bound/measured` says how much too large it is: the median over the rows that have both, with quartiles.
  `kl` is the marginal divergence of the samples; where it cannot be measured, `path-kl`, the exact divergence
  of the paths, stands in, for which `budget` is 1 by definition. Bounds on W2 are compared
  with the exact `w2`.
- Bounds apply to different rows (`applies`), so a median may rest on easy ones; `tightest` counts the rows in
  which no other bound on the same metric is smaller.
- Kendall τ says how well a bound orders the designs: 1 as measured, 0 not at all. Over all targets it is the
  mean, path divergences left out."""


def _bounds_page(board: BoundsBoard, command: str, drawn: list[str]) -> str:
    parts = [f"# Bounds of `{board.suite}`", fenced(command)]
    total = sum(standing.violations for standing in board.bounds)
    parts.append(f"{len(board.bounds)} bounds on {len(by_target(board))} targets; {total} violations.")
    parts.append(f"Source: [{SOURCE}]({SOURCE}), from which this page and its plot are drawn.")
    parts += ["## Over all targets", MEANING + ".", standings_table(board), *map(image, drawn)]
    parts += ["## How to read it", _HOW_TO_READ_BOUNDS]
    for target, entries in by_target(board).items():
        parts += [f"## {in_markdown(target)}", entries_table(entries)]
    return "\n\n".join([*parts, "## Environment", environment_list(board.environment)]) + "\n"


def _budgets(board: Leaderboard) -> list[str]:
    """Return what is said of the exact path divergence: what it means, the bars, the best rows in figures."""
    parts = [in_markdown(". ".join(meanings(board))) + ".", image("budgets.svg")]
    for section in sections(board):
        rows = budget_rows(section)[:BUDGETS]
        if rows:
            parts += [f"{in_markdown(section.target)}, the best {len(rows)}:"]
            parts += [markdown_table(budget_columns(board, section, rows))]
    return parts


def _summary(board: Leaderboard) -> str:
    shown = sections(board)
    failed = sum(len(section.failed) for section in shown)
    above = sum(section.violations for section in shown)
    targets = ", ".join(in_markdown(section.target) for section in shown)
    return (
        f"{counted(len(board.rows), 'combination')} on {counted(len(shown), 'target')} ({targets}), ranked by "
        f"{in_markdown(board.metric)}, smaller is better. {failed} failed; {above} measured above a bound by "
        "more than the interval."
    )


def _exceptions(board: Leaderboard) -> list[str]:
    """Return what is said of violations and failures, where there are any."""
    shown = sections(board)
    parts = []
    for title, table, concerned in (
        ("Above a bound", violations_table, [section for section in shown if section.violations]),
        ("Failed", failures_table, [section for section in shown if section.failed]),
    ):
        parts += [f"## {title}"] if concerned else []
        for section in concerned:
            parts += [f"### {in_markdown(section.target)}", table(section)]
    return parts


def _bound_names(board: Leaderboard) -> str:
    return ", ".join(in_markdown(name) for name in bounds_of(board.rows)) or "none here"


def environment_list(environment: Mapping[str, Any]) -> str:
    """Return what results were made with, as a list in Markdown."""
    lines = []
    for key, value in environment.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        lines.append(f"- {in_markdown(key)}: {in_markdown(text)}")
    return "\n".join(lines) or "Not recorded."


def image(name: str) -> str:
    """Return a plot on a page, its name in words where it cannot be shown."""
    return f"![{name.removesuffix('.svg').replace('-', ' ')}]({name})"


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


def fenced(command: str) -> str:
    """Return commands as a block of code in Markdown, whatever backticks they have."""
    longest = max((len(run) for run in re.findall("`+", command)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}sh\n{command.strip()}\n{fence}"


def _write(files: dict[str, bytes], target: Path) -> None:
    """Write all files beside the target, then move them into place."""
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
            if (
                "-against-" in stale.name
                or stale.stem in ("budgets", "compute", "effects", "tightness")
                or _CLAIM.match(stale.name)
            ):
                stale.unlink()
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(made)
