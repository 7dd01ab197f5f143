"""Across targets: pages on which designs stand that several targets have, of one board and of several."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from markupsafe import Markup

from harness.axes import NUMBERS, design
from harness.components import format_value
from harness.results.across import AcrossTargets, AllowedRange, DesignStanding, across_boards, across_targets
from harness.results.labels import Labels
from harness.results.leaderboard import Leaderboard, Row
from harness.results.sections import HEADERS, UNKNOWN, in_words
from harness.views.digits import counted
from harness.views.page import Block, CodeSpan, Link, Paragraph, Strong, Words, in_line, prose
from harness.views.site.entry import Passage, Sheet
from harness.views.site.markup import CONTROLS, address, wide, words
from harness.views.site.row_pages import ROWS, PageOf, RowNames, rank_in_words

PAGE = "across.html"
"""The page of one board, and that of all boards."""

FIRST = 5
"""Designs of each board on the page of all boards."""

TITLE = "Designs across targets"

HOW_TO_READ = """\
- A rank set says how many of all designs that are ranked on a target are told better than one, and how many worse.
  Which ones, a document does not tell: that two rank sets overlap does not mean that the two designs tie.
- `win rate`: the mean over targets of 1 for each other design told worse, 0 for each told better, ½ for each that is
  neither, over the number of others. Nothing told is 50 %.
- `place`: from 0 %, before all others, to 100 %, behind all; the mean over targets, and in brackets how far the rank
  sets let it be: those told better are before it, those told worse behind it, the others on either side.
- `improvability`: by which part of its error the best on the target is better, 1 − best/value, the mean over targets;
  in brackets what the intervals of both allow. `worst` is the largest on a target. The best of many values is more
  often too small than too large, so these lean upwards.
- `may be best on`: of the targets where it is ranked, those on which no other is told better.
- Where other designs are ranked beside those of a table (oracles, or designs that the other boards lack), how many of
  those told better or worse are of the table is not known. There the brackets are what rank sets allow among its
  designs: those whose rank set is wholly before its own are before it, and of all others as many as the ends leave. A
  win rate is 100 % less the middle of the brackets, and what may be best is what may be at 0 %.
- Where a design diverged, failed or does not apply it has no rank, and nothing is counted for or against it there.
  Numbers over different targets do not compare: designs that are ranked on most targets stand first.
- A target counts once, however many boards have it. Trained designs and oracles are not set against each other."""


def board_sheet(board: Leaderboard) -> Sheet | None:
    """Return the page of the designs of one board on all of its targets; None where fewer than two targets compare."""
    found = on_board(board.suite, board)
    if not found:
        return None
    names = RowNames(board.rows)
    up: Block = Paragraph(["Of ", Link(f"the board {board.suite}", "index.html"), "."])
    parts: list[Block | Markup | Passage] = [up, _how_to_read(), CONTROLS]
    for each in found:
        table = _table(each, len(each.standings), lambda _, row: f"{ROWS}/{names(row)}.html")
        parts.append(Passage([_noun(each)], [Paragraph([_conclusion(each)]), table]))
    return Sheet([f"{TITLE}: ", CodeSpan(board.suite)], parts, scripts=("../../site.js",))


def on_board(name: str, board: Leaderboard) -> list[AcrossTargets]:
    """Return how trained designs and oracles of a board do on its targets; none where fewer than two compare."""
    return _groups(lambda trained: across_targets(name, board, trained=trained))


def site_sheet(boards: Mapping[str, Leaderboard], found: Mapping[str, Sequence[AcrossTargets]]) -> Sheet:
    """Return the page of designs across the targets of each board, and across boards.

    Arguments:
        boards: by the names that they have on the site.
        found: of each, by its name.
    """
    names = {name: RowNames(board.rows) for name, board in boards.items()}

    def page_of(board: str, row: Row) -> str:
        return f"boards/{address(board)}/{ROWS}/{names[board](row)}.html"

    parts: list[Block | Markup | Passage] = [Paragraph([_ASKED]), _how_to_read()]
    for several in _several(boards):
        title = f"{'Trained designs' if several.trained else 'Oracles'} on the boards {_listed(several.boards)}"
        told: list[Block | Markup] = [
            Paragraph([_conclusion(several)]),
            _table(several, len(several.standings), page_of),
        ]
        parts.append(Passage([title], told))
    parts += [Passage([name], list(_short(name, each, page_of))) for name, each in found.items() if each]
    return Sheet([TITLE], parts)


def highlights(boards: Mapping[str, Sequence[AcrossTargets]]) -> list[Words]:
    """Return what is said of designs across targets in few lines, a board each, those that settle most first."""
    found = [each for group in boards.values() for each in group if each.trained]
    ordered = sorted(found, key=lambda each: (_may_be_best(each) == 0, _may_be_best(each) / len(each.standings)))
    return [[Strong(f"{each.boards[0]}:"), f" {_conclusion(each)}"] for each in ordered]


_ASKED = (
    "Which design does well on several targets? Below, designs that stand on several boards, among themselves; then "
    "those of each board with several targets."
)


def _groups(made: Callable[[bool], AcrossTargets | None]) -> list[AcrossTargets]:
    """Return what is found of trained designs and of oracles."""
    return [each for trained in (True, False) if (each := made(trained)) is not None]


def _several(boards: Mapping[str, Leaderboard]) -> list[AcrossTargets]:
    return [each for trained in (True, False) for each in across_boards(boards, trained=trained)]


def _noun(found: AcrossTargets) -> str:
    return "Trained designs" if found.trained else "Oracles, which train nothing"


def _listed(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


def _how_to_read() -> Markup:
    items = (prose(item) for item in HOW_TO_READ.removeprefix("- ").split("\n- "))
    told = Markup("").join(Markup("<li>{}").format(words(item)) for item in items)
    return Markup("<details><summary>How to read these tables</summary><ul>{}</ul></details>").format(told)


# The conclusion


def _may_be_best(found: AcrossTargets) -> int:
    """Return how many designs may be best on every target."""
    return sum(each.may_be_best == len(found.targets) for each in found.standings)


def _conclusion(found: AcrossTargets) -> str:
    """Return what is best on all targets, and whether the order by win rate is settled."""
    n, targets, may = len(found.standings), len(found.targets), _may_be_best(found)
    whole = f"all {counted(targets, 'target')} ({_listed(found.targets)})"
    why = "none is told better there" if found.alone else "as far as rank sets tell"
    name = _DesignWords(found.standings)
    order = _order(found, name(found.standings[0]))
    if may == 1:
        best = next(each for each in found.standings if each.may_be_best == targets)
        told = f"One of {counted(n, 'design')} may be best on {whole}, {why}: {name(best)}."
        order = _order(found, "it") if best is found.standings[0] else order
    elif may:
        told = f"{may} of {counted(n, 'design')} may be best on {whole}: {why}."
    else:
        most = max(each.may_be_best for each in found.standings)
        told = f"No design may be best on {whole}: on one at least each is behind another, or has no rank. "
        told += f"The most on which one may be best is {most}."
    return f"{told} {order}"


def _order(found: AcrossTargets, name: str) -> str:
    """Return the sentence on the largest win rate, and on how many the rank sets may put before it.

    It is of those that are ranked on as many targets as any: numbers over fewer do not compare with theirs.
    """
    first = found.standings[0]
    others = [each for each in found.standings[1:] if each.targets == first.targets]
    ranked = "all of them" if first.targets == len(found.targets) else f"{first.targets}, as many as any,"
    told = f"Of {1 + len(others)} ranked on {ranked} {name} has the largest win rate, {_percent(first.place.win_rate)}"
    near = sum(each.place.overlaps(first.place) for each in others)
    if near:
        return f"{told}; the places of {near} of {counted(len(others), 'other')} overlap with its own."
    if others:
        return f"{told}; wherever rank sets let them be, its mean place is before that of all others of these."
    return f"{told}."


# The table


class _DesignWords:
    """How designs of several boards are called: by what tells them apart."""

    def __init__(self, standings: Sequence[DesignStanding]) -> None:
        named = [name for each in standings for name in each.names]
        self._labels = Labels((axis, each) for name in named for axis, each in name.components.items())
        found = [self._values(each) for each in standings]
        self.fields = [field for field in HEADERS if len({each[field] for each in found}) > 1] or list(design())

    def _values(self, standing: DesignStanding) -> dict[str, str]:
        """Return every field with the names that the design has in it."""
        parts = {
            axis: " = ".join(dict.fromkeys(self._labels(axis, name.components[axis]) for name in standing.names))
            for axis in design()
        }
        numbers = standing.names[0].numbers
        return parts | {field: UNKNOWN if (v := numbers.get(field)) is None else format_value(v) for field in NUMBERS}

    def values(self, standing: DesignStanding) -> list[str]:
        """Return what tells a design from the others, field by field."""
        own = self._values(standing)
        return [own[field] for field in self.fields]

    def __call__(self, standing: DesignStanding) -> str:
        return " · ".join(in_words(*each) for each in zip(self.fields, self.values(standing), strict=True))


def _short(name: str, found: Sequence[AcrossTargets], page_of: PageOf) -> Iterator[Block | Markup]:
    """Yield the conclusions on one board, and its first designs."""
    for each in found:
        yield Paragraph([Strong(f"{_noun(each)}:"), f" {_conclusion(each)}"])
        yield _table(each, FIRST, page_of)
    yield Paragraph([Link(f"All designs of {name} across its targets", f"boards/{name}/{PAGE}"), "."])


def _table(found: AcrossTargets, most: int, page_of: PageOf) -> Markup:
    """Return the first designs."""
    name = _DesignWords(found.standings)
    boards = len(found.boards) > 1
    heads = [f"{each.board}: {each.target}" if boards else f"rank on {each.target}" for each in found.contests]
    fields = [HEADERS[field] for field in name.fields]
    told = ["win rate", "place", "may be best on", "improvability", "worst"]
    if len(found.standings) > most:
        caption = f"{_noun(found)} of {_listed(found.boards)}: the first {most} of {len(found.standings)}"
    else:
        caption = f"{_noun(found)} of {_listed(found.boards)}"
    head = Markup("").join(
        [
            *(Markup("<th scope=col data-f>{}").format(in_line(field)) for field in fields),
            *(Markup("<th scope=col>{}").format(in_line(each)) for each in [*told, *heads]),
        ]
    )
    body = Markup("\n").join(
        _line(found, place, each, name.values(each), page_of) for place, each in enumerate(found.standings[:most], 1)
    )
    table = Markup(
        '<table class="rows f{}" data-target="" data-same="{{}}"><caption>{}</caption>'
        "<thead><tr><th scope=col>no.{}</thead><tbody>\n{}</tbody></table>"
    ).format(len(fields), in_line(caption), head, body)
    return wide(in_line(caption), table)


def _line(found: AcrossTargets, place: int, standing: DesignStanding, names: Sequence[str], page_of: PageOf) -> Markup:
    cells = [
        _percent(standing.place.win_rate),
        _range(standing.place),
        f"{standing.may_be_best} of {standing.targets}",
        "" if standing.improvability is None else _range(standing.improvability),
        "" if standing.worst is None else _percent(standing.worst),
    ]
    own = Markup("").join(Markup("<td>{}").format(in_line(each)) for each in [*names, *cells])
    led = (
        (page_of(contest.board, row), rank_in_words(row)) if row else None
        for contest, row in zip(found.contests, standing.rows, strict=True)
    )
    ranks = (Markup('<td><a href="{}">{}</a>').format(*each) if each else Markup("<td>") for each in led)
    return Markup("<tr><th scope=row>{}{}{}").format(place, own, Markup("").join(ranks))


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def _range(told: AllowedRange) -> str:
    if told.low is None or told.high is None:
        return _percent(told.value)
    return f"{100 * told.value:.0f} ({100 * told.low:.0f}–{100 * told.high:.0f}) %"
