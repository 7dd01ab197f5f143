"""Boards: the pages of a leaderboard and of its bounds, the answer first, from the documents and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median

from markupsafe import Markup

from harness.results.bounds import BoundsBoard
from harness.results.bounds_ranking import rank_bounds
from harness.results.consistency import inconsistencies
from harness.results.definitions import question
from harness.results.leaderboard import PUBLISHED, Cell, Effect, Interaction, Leaderboard, Row
from harness.results.marks import Marks
from harness.results.misleading import misleading, misled_choices
from harness.results.sections import (
    HEADERS,
    TargetSection,
    bounds_of,
    choices,
    divergence_of,
    sections,
    target_label,
)
from harness.results.submission import Submission
from harness.views import formats
from harness.views.board_columns import budget_columns
from harness.views.board_pages import (
    BUDGETS,
    HOW_TO_READ,
    board_title,
    bounds_page,
    bounds_title,
    environment_section,
    how_to_read,
    made_section,
)
from harness.views.board_plots import draw_bounds
from harness.views.bounds_tables import MEANING, bounds_view, by_target, standings_table
from harness.views.budgets import budget_rows, meanings
from harness.views.digits import counted, number, span, with_interval
from harness.views.effects import Marked, effects_meaning, interaction_lines, mark
from harness.views.page import Block, Commands, Link, Listing, Paragraph, Section, Strong, Table, Words, in_line
from harness.views.pareto import front, spendings
from harness.views.site import across, compare, component_pages
from harness.views.site.answers import answer
from harness.views.site.charts import PointSet, Scatter, effect_strip, figure
from harness.views.site.entry import Entry, Passage, Sheet
from harness.views.site.marks import RowMarks, with_marks
from harness.views.site.markup import CONTROLS, wide
from harness.views.site.row_pages import ROWS, RowNames, row_sheet
from harness.views.site.row_tables import CSV, row_table, unranked_table
from harness.views.tables import (
    board_view,
    closing_notes,
    inapplicable_lines,
    notes,
    part_held,
    ranked_by,
    valueless_lines,
    violations_table,
)

DOWNLOADS = {PUBLISHED: "the whole document (JSON)", CSV: "the rows (CSV)"}

BOUNDS_QUESTION = "Which bound is valid, how tight is it, and does it put designs in the right order?"

REMARKS = 6
"""Lines on a target beyond which they are folded."""


def leaderboard_entry(board: Leaderboard, marks: Marks | None = None, submission: Submission | None = None) -> Entry:
    """Return what a leaderboard brings to the site, with the marks of its rows, and what was handed in beside it."""
    own = RowMarks(board.rows, marks)
    return with_marks(_leaderboard_entry(board, own), board, marks, submission)


def _leaderboard_entry(board: Leaderboard, marks: RowMarks) -> Entry:
    shown, names = sections(board), RowNames(board.rows)
    text = formats.render(board_view(board), "csv")
    targets = across.board_sheet(board)
    follows = _follows(board)
    further = {compare.PAGE: compare.compare_sheet(board)} | ({} if targets is None else {across.PAGE: targets})
    further |= {f"{ROWS}/{names(row)}.html": row_sheet(board, each, row, names) for each in shown for row in each.rows}
    parts = _leaderboard_parts(board, shown, names, marks, follows)
    return Entry(
        Sheet(board_title(board), [_further(targets is not None), *parts]),
        question(board),
        _facts(board, shown, follows),
        {
            PUBLISHED: board.to_json().encode(),
            CSV: text.encode(),
            compare.DATA: compare.compare_data(board, shown),
        },
        DOWNLOADS,
        further,
        board,
    )


def _further(several: bool) -> Paragraph:
    """Return where more is told of the designs of a board."""
    links: Words = [Link("Designs across the targets", across.PAGE), ", "] if several else []
    return Paragraph(["See also: ", *links, Link("compare designs", compare.PAGE), ", ", _EACH_COMPONENT, "."])


_EACH_COMPONENT = Link("what each component is, where it wins and where it loses", f"../../{component_pages.PAGE}")


def bounds_entry(board: BoundsBoard) -> Entry:
    """Return what a leaderboard of bounds brings to the site.

    Raises:
        DocumentError: matplotlib is missing.
    """
    drawn = draw_bounds(board)
    page = bounds_page(board, board.command or "not told by the document", drawn)
    files = {plot.file: plot.svg for plot in drawn.files}
    text = formats.render(bounds_view(board), "csv")
    facts = {"holds": f"{counted(len(board.bounds), 'bound')} on {counted(len(by_target(board)), 'target')}"}
    parts = [Section(["The answer"], [Paragraph([_of_bounds(board)])]), *page.blocks]
    return Entry(
        Sheet(bounds_title(board), parts),
        BOUNDS_QUESTION,
        {**facts, "ranked by": "violations, then tightness", "made with": _software(board.environment)},
        {**files, PUBLISHED: board.to_json().encode(), CSV: text.encode()},
        DOWNLOADS,
    )


def _of_bounds(board: BoundsBoard) -> str:
    """Return two sentences on bounds: which are violated, and which is tightest where it applies."""
    broken = [each.bound for each in board.bounds if each.violations]
    first = f"Violated: {', '.join(broken)}" if broken else f"None of {counted(len(board.bounds), 'bound')} is violated"
    best = next((each for each in board.bounds if each.tightness is not None), None)
    if best is None or best.tightness is None:
        return f"{first}. No measured value is there to set a bound against."
    told = f"first of them is {best.bound}, {number(best.tightness.median)} times the measured value in the median"
    return f"{first}. By validity, then tightness, {told}."


def _facts(board: Leaderboard, shown: list[TargetSection], follows: str) -> dict[str, str]:
    targets = ", ".join(each.target for each in shown)
    return {
        "holds": "; ".join([f"{counted(len(board.rows), 'design')} on {targets}", *part_held(board)]),
        "ranked by": ranked_by(board, shown),
        "made with": _software(board.environment),
        **_when(board),
        "follows from its rows": follows,
    }


def _follows(board: Leaderboard) -> str:
    """Return in words whether what a document tells beside its rows follows from them."""
    found = len(inconsistencies(board))
    return "yes" if not found else f"no: {counted(found, 'objection')}"


def _verified(marks: RowMarks, follows: str) -> Iterator[Block]:
    """Yield whether a document is consistent, which rows came out again, and how to make some again."""
    yield Paragraph([f"What the document tells beside its rows follows from them: {follows}{_LOOKED_AT}"])
    yield from marks.told()
    yield Paragraph([_ENOUGH])
    yield Commands(f"harness verify {PUBLISHED} --rows 3")


_LOOKED_AT = ". Ranks, violations, Kendall's τ and the sums of effects are looked at."

_ENOUGH = "The document, which this page offers, is enough to make rows again:"


def _when(board: Leaderboard) -> dict[str, str]:
    """Return when a board was made and what it took, where the document tells."""
    took = board.computation
    if took is None:
        return {}
    days = sorted({each.started[:10] for each in took.calls})
    dates = " to ".join(dict.fromkeys([days[0], days[-1]])) if days else ""
    return {"made on": dates or "not recorded", "took": f"{_spent(took.core_seconds)} of one core"}


def _spent(seconds: float) -> str:
    for size, unit in ((3600.0, "hour"), (60.0, "minute")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}s"
    return f"{seconds:.0f} seconds"


def _software(environment: object) -> str:
    """Return with what results were made, in a few words."""
    told = environment if isinstance(environment, dict) else {}
    names = [("harness", "harness"), ("torch", "torch"), ("platform", ""), ("device", "")]
    words = [f"{noun} {told[name]}".strip() for name, noun in names if isinstance(told.get(name), str)]
    return ", ".join(words) or "not recorded"


def _leaderboard_parts(
    board: Leaderboard, shown: list[TargetSection], names: RowNames, marks: RowMarks, follows: str
) -> Iterator[Block | Markup | Passage]:
    competition = rank_bounds(board)
    yield Section(["The answer"], list(_answer(board)))
    yield Section(["Designs"], [Paragraph([_DESIGNS])])
    yield CONTROLS
    yield from (Passage([each.target], list(_target(board, each, names, marks))) for each in shown)
    yield from _drawn(board, shown, [each.bound for each in competition.bounds])
    if board.effects:
        yield Passage(["Effect of each choice"], list(_effects(board)))
    if any(budget_rows(each) for each in shown):
        yield Section(["Where the error comes from"], list(_budgets(board, shown)))
    if bounds_of(board.rows):
        yield Section(["Bounds"], [Paragraph([f"{MEANING}."]), standings_table(competition)])
    above = [Section([each.target], [violations_table(each)]) for each in shown if each.violations]
    if above:
        yield Section(["Above a bound"], above)
    yield how_to_read(HOW_TO_READ, bounds=", ".join(bounds_of(board.rows)) or "none here")
    if board.setup is not None:
        yield made_section(board.setup)
    told = Commands(board.command) if board.command else Paragraph(["The document does not tell it."])
    yield Section(["Command"], [told])
    yield Section(["Verified"], list(_verified(marks, follows)))
    yield environment_section(board.environment)


_DESIGNS = (
    "Each table has every design of one target, best first; a rank leads to all that is known of the design. "
    "A rank set that holds 1 means that no row is told better; sets that do not overlap, that two rows are told apart. "
    "Bounds beyond the first stand on the page of a design, and in the files."
)


def _answer(board: Leaderboard) -> Iterator[Block]:
    (_, whole), *each = answer(board)
    yield Paragraph([whole])
    if each:
        yield Listing([[Strong(f"{target}:"), f" {told}"] for target, told in each])


def _target(board: Leaderboard, found: TargetSection, names: RowNames, marks: RowMarks) -> Iterator[Block | Markup]:
    """Yield what is said of a target, and its rows."""
    first, *others = notes(found, board)
    yield Paragraph([f"{first}."])
    yield from (Paragraph([f"{note[:1].upper()}{note[1:]}."]) for note in closing_notes(found, board))
    if found.finished:
        yield row_table(board, found, names, marks)
    groups = {"Diverged": found.diverged, "Not applicable": found.inapplicable}
    groups |= {"Failed": found.failed, "Not computed yet": found.unfinished}
    yield from (unranked_table(found, title, rows, names) for title, rows in groups.items() if rows)
    lines = [*others, *valueless_lines(found), *inapplicable_lines(found)]
    items = Markup("").join(Markup("<li>{}").format(in_line(line)) for line in lines)
    if lines:
        yield Markup("<details><summary>What holds for these rows</summary><ul>{}</ul></details>").format(items)


# Drawings


def _drawn(board: Leaderboard, shown: list[TargetSection], order: Sequence[str]) -> Iterator[Passage]:
    """Yield the sections of charts that have something to show."""
    spent = [chart for each in shown if (chart := _compute(each))]
    bound = [chart for each in shown if (chart := _against(board, each, order))]
    for title, charts in (("Error against compute", spent), ("Measured against bound", bound)):
        if charts:
            # No identifier that is made of words has an underline.
            names = (f"{title.partition(' ')[0].lower()}_{i}" for i in range(len(charts)))
            yield Passage([title], [figure(*pair) for pair in zip(charts, names, strict=True)])


def _compute(found: TargetSection) -> Scatter | None:
    """Return the error of trained designs against all evaluations of the network, with their front."""
    known = spendings(found)
    if not known:
        return None
    edge = front(known)
    first, last = edge[0], edge[-1]
    told = f"{found.target}: the front falls from {number(first.error)} at {number(first.compute)} evaluations"
    told += (
        f" to {number(last.error)} at {number(last.compute)}" if len(edge) > 1 else ", and nothing costlier is better"
    )
    points = PointSet("trained designs", [(s.compute, s.error) for s in known])
    line = PointSet("front", [(s.compute, s.error) for s in edge], line=True)
    across = "evaluations of the network, training and sampling"
    return Scatter(f"{told}.", across, f"measured {found.metric}", [points, line])


def _against(board: Leaderboard, found: TargetSection, order: Sequence[str]) -> Scatter | None:
    """Return the measured divergence against the first in order of the bounds that limit it, by sampler."""
    metric = divergence_of(board.declared, found.finished, [found.metric])
    declared = board.declared
    if metric is None:
        return None
    limits = [b for b in order if declared.limits(b, metric) and not declared.same(b, metric)]
    bound, pairs = next(((b, known) for b in limits if (known := _pairs(found.finished, b, metric))), ("", []))
    if not pairs:
        return None
    series: dict[str, list[tuple[float, float]]] = {}
    for row, limit, value in pairs:
        series.setdefault(found.names_of(row)["sampler"], []).append((limit, value))
    above = sum(any(v.bound == bound and v.metric == metric for v in row.violations) for row, _, _ in pairs)
    middle = number(median(limit / value for _, limit, value in pairs))
    told = f"{found.target}: {f'{above} of ' if above else 'none of '}{counted(len(pairs), 'design')} "
    told += f"{'is' if above <= 1 else 'are'} above {bound} by more than the interval; it is {middle} times {metric} "
    told += "in the median. On the line both are equal."
    drawn = [PointSet(name, points) for name, points in series.items()]
    return Scatter(told, f"bound: {bound}", f"measured {metric}", drawn, diagonal=True)


def _pairs(rows: tuple[Row, ...], bound: str, metric: str) -> list[tuple[Row, float, float]]:
    """Return the rows with a positive bound and a positive value, with both."""
    known = [(row, row.bounds.get(bound), row.metrics.get(metric)) for row in rows]
    return [(row, b, m.value) for row, b, m in known if b is not None and b > 0 and m is not None and m.value > 0]


# Effects


def _effects(board: Leaderboard) -> Iterator[Block | Markup]:
    """Yield what an effect is, a table a target with each interval drawn, and pairs of axes whose averages mislead."""
    yield Paragraph([f"{effects_meaning(board)}. The upright line is no effect."])
    targets = dict.fromkeys(effect.target for effect in board.effects)
    misled = misleading(board)
    marked = misled_choices(misled)
    yield from (_effect_table(board, target, marked) for target in targets)
    lines = interaction_lines(board, misled)
    if lines:
        yield Paragraph([f"{lines[0]}:"])
        yield Listing([[line] for line in lines[1:]])
        yield from (_cells(board, each.interaction) for each in misled)


def _effect_table(board: Leaderboard, target: str, marked: Marked) -> Markup:
    found = {(e.among or "", str(e.axis), e.choice): e for e in board.effects if e.target == target}
    ends = _ends(list(found.values()))
    several = len({among for among, axis, _ in found if axis != "network"}) > 1
    lines = Markup("\n").join(
        Markup('<tr><th scope=row class="l">{}<td class="l">{}<td>{}<td>{}').format(
            HEADERS[axis] + (f", {among}" if several and axis != "network" else ""),
            in_line(choice),
            _sized(effect) + mark(effect, marked),
            effect_strip(effect.size, effect.low, effect.high, ends, effect.factor is not None),
        )
        for (among, axis, choice) in choices(board)
        if (effect := found.get((among, axis, choice)))
    )
    title = f"Effects on {in_line(target_label(target, board))}"
    table = Markup(
        '<table class="effects"><caption>{}</caption>'
        "<thead><tr><th scope=col>axis<th scope=col class='l'>choice<th scope=col>effect"
        "<th scope=col>drawn, left is better</thead><tbody>\n{}</tbody></table>"
    ).format(title, lines)
    return wide(title, table)


def _ends(effects: list[Effect]) -> tuple[float, float]:
    """Return the ends of the scale on which effects are drawn: their sizes and limits, with no effect between."""
    neutral = effects[0].neutral
    sizes = [effect.size for effect in effects] + [neutral]
    limits = [end for effect in effects for end in (effect.low, effect.high) if end is not None]
    kept = [value for value in [*sizes, *limits] if effects[0].factor is None or value > 0]
    if effects[0].factor is None:
        return min(kept), max(kept)
    # A limit far beyond all sizes would leave the sizes no room.
    least, most = min(v for v in sizes if v > 0), max(sizes)
    room = max(most / least, 1.1)
    return max(min(kept), least / room), min(max(kept), most * room)


def _cells(board: Leaderboard, entry: Interaction) -> Markup:
    """Return every pair of choices of two axes as a folded table."""
    rows, columns = (
        list(dict.fromkeys(names)) for names in zip(*((c.choice, c.other_choice) for c in entry.cells), strict=True)
    )
    found = {(cell.choice, cell.other_choice): cell for cell in entry.cells}
    heads = Markup("").join(Markup("<th scope=col>{}").format(in_line(name)) for name in columns)
    lines = Markup("\n").join(
        Markup('<tr><th scope=row class="l">{}{}').format(
            in_line(a), Markup("").join(Markup("<td>{}").format(_cell(found.get((a, b)))) for b in columns)
        )
        for a in rows
    )
    axes = f"{HEADERS[entry.axis]} × {HEADERS[entry.other]}"
    title = in_line(f"{target_label(entry.target, board)}, {entry.among}: {axes}")
    table = Markup(
        "<table><caption>{}</caption><thead><tr><th scope=col>{}{}</thead><tbody>\n{}</tbody></table>"
    ).format(title, HEADERS[entry.axis], heads, lines)
    return Markup("<details><summary>{}</summary>{}</details>").format(title, wide(title, table))


def _sized(effect: Effect) -> str:
    return (with_interval if effect.factor is None else span)(effect.size, effect.low, effect.high)


def _cell(cell: Cell | None) -> str:
    return "" if cell is None else number(cell.size) if cell.factor is None else f"{cell.size:.2f}"


def _budgets(board: Leaderboard, shown: list[TargetSection]) -> Iterator[Block]:
    """Yield what the terms of the path divergence mean, and those of the best rows of each target."""
    yield Paragraph([". ".join(meanings(board)) + "."])
    for each in shown:
        if rows := budget_rows(each)[:BUDGETS]:
            yield Section([f"{each.target}, the best {len(rows)}"], [Table(budget_columns(board, each, rows))])
