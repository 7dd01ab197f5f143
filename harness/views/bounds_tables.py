"""The leaderboard of bounds as a page, as text for a terminal, and as flat rows."""

from __future__ import annotations

from collections.abc import Sequence

from harness.results.bounds import BoundOnTarget, BoundsBoard, Scores, Standing, Tightness
from harness.views import formats
from harness.views.column import Column
from harness.views.digits import number, span
from harness.views.formats import View
from harness.views.page import Block, Page, Paragraph, Section, Table
from harness.views.terminal import Drop, break_lines, fitted

MEANING = (
    "Ranked by validity (violations: measured above the bound by more than its interval; must be 0), then by "
    "the median of bound/measured (quartiles in brackets; 1 is perfect)"
)
"""One sentence, without its full stop, that says what the ranking is."""


def render_bounds(board: BoundsBoard, form: str, *, width: int | None = None) -> str:
    """Return a leaderboard of bounds in a format, with a newline at the end.

    Arguments:
        board: the leaderboard of bounds.
        form: one of `harness.views.formats.FORMATS`; `csv` has a row for each bound on each target, and one with no
            target for each bound over all.
        width: the columns of the terminal; None is no limit. Only a table heeds it.

    Raises:
        DocumentError: the format is unknown.
    """
    return formats.render(bounds_view(board), form, width=width)


def bounds_view(board: BoundsBoard) -> View:
    """Return a leaderboard of bounds as formats take it; it always shows all."""
    return View(lambda: board, lambda _: _page(board), lambda _, width: _text(board, width), lambda _: _rows(board))


def standings_table(board: BoundsBoard) -> Table:
    """Return the bounds over all targets."""
    return Table(_standing_columns(board.bounds))


def by_target(board: BoundsBoard) -> dict[str, list[BoundOnTarget]]:
    """Return the entries of each target, best first."""
    found: dict[str, list[BoundOnTarget]] = {}
    for entry in board.entries:
        found.setdefault(entry.target, []).append(entry)
    return {target: sorted(entries, key=lambda e: (e.rank, e.bound)) for target, entries in found.items()}


def _standing_columns(standings: Sequence[Standing]) -> list[Column]:
    ordered = sorted(standings, key=lambda s: (s.rank, s.bound))
    taus = tuple(span(s.kendall_tau, None, None) for s in ordered)
    return [*_score_columns(ordered), Column("mean τ", taus, Drop.OTHER_BOUNDS)]


def _entry_columns(entries: Sequence[BoundOnTarget]) -> list[Column]:
    taus = tuple(span(e.order.kendall_tau, e.order.low, e.order.high) for e in entries)
    columns = _score_columns(entries)
    columns.insert(2, Column("against", tuple(e.metric or "n/a" for e in entries), Drop.OTHER_BOUNDS, naming=True))
    return [*columns, Column("Kendall τ", taus, Drop.OTHER_BOUNDS)]


def _score_columns(scores: Sequence[Scores]) -> list[Column]:
    return [
        Column("rank", tuple(str(s.rank) for s in scores)),
        Column("bound", tuple(s.bound for s in scores), naming=True),
        Column("violations", tuple(str(s.violations) for s in scores)),
        Column("bound/measured", tuple(_quartiles(s.tightness) for s in scores)),
        Column("applies", tuple(f"{s.applies} of {s.rows}" for s in scores)),
        Column("tightest", tuple(str(s.tightest) for s in scores), Drop.FURTHER),
    ]


def _quartiles(tightness: Tightness | None) -> str:
    if tightness is None:
        return "n/a"
    ends = f"{number(tightness.lower_quartile)}–{number(tightness.upper_quartile)}"
    return f"{number(tightness.median)} ({ends})"


def _page(board: BoundsBoard) -> Page:
    blocks: list[Block] = [Paragraph([f"{MEANING}."]), standings_table(board)]
    blocks += [Section([target], [entries_table(entries)]) for target, entries in by_target(board).items()]
    return Page([f"Bounds of {board.suite}"], blocks)


def entries_table(entries: Sequence[BoundOnTarget]) -> Table:
    """Return the bounds on one target."""
    return Table(_entry_columns(entries))


def _text(board: BoundsBoard, width: int | None) -> str:
    head = break_lines([f"{board.suite}: {len(board.bounds)} bounds. {MEANING}."], width)
    blocks = ["\n".join([*head, "", *fitted(_standing_columns(board.bounds), width)])]
    for target, entries in by_target(board).items():
        blocks.append("\n".join([f"{target}:", "", *fitted(_entry_columns(entries), width)]))
    return "\n\n".join(blocks)


def _rows(board: BoundsBoard) -> list[dict[str, object]]:
    return [{"target": "", **_flatten(each)} for each in board.bounds] + [_flatten(entry) for entry in board.entries]


def _flatten(scores: Scores) -> dict[str, object]:
    flat: dict[str, object] = {}
    for field, value in scores.model_dump(mode="json").items():
        flat |= {f"{field}.{k}": v for k, v in value.items()} if isinstance(value, dict) else {field: value}
    if scores.tightness is None:
        del flat["tightness"]
    return flat
