"""Tables: a leaderboard as a page, as text for a terminal, and as flat rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from harness.axes import crossed
from harness.quantities import Declarations
from harness.results.labels import Labels, labels
from harness.results.leaderboard import UNFINISHED, Agreement, Cell, Effect, Interaction, Leaderboard, Row
from harness.results.sections import HEADERS, TargetSection, choices, metrics_of, misleading, sections, target_label
from harness.results.setup import TargetSetup
from harness.results.terms import BUDGET
from harness.views import formats
from harness.views.board_columns import build, build_budgets
from harness.views.column import Column
from harness.views.digits import counted, number, span, with_interval
from harness.views.formats import View
from harness.views.page import Block, Listing, Page, Paragraph, Section, Table, Words
from harness.views.terminal import break_lines, fitted, left_out, text_table

SHOWN_FAILURES = 5
SHOWN_BUDGETS = 5
SHOWN_REASONS = 6


def render(board: Leaderboard, form: str, *, top: int | None = None, width: int | None = None) -> str:
    """Return a leaderboard in a format, with a newline at the end.

    Arguments:
        board: the leaderboard.
        form: one of `harness.views.formats.FORMATS`; `csv` has one flat row a combination, with all fields.
        top: the rows of each target to show, best first; 0 is all. None: 20 in a table, else all.
        width: the columns of the terminal; None is no limit. Only a table heeds it.

    Raises:
        DocumentError: as `harness.views.formats.render`.
    """
    return formats.render(board_view(board), form, top=top, width=width)


def board_view(board: Leaderboard) -> View:
    """Return a leaderboard as formats take it."""
    return View(
        lambda: board,
        lambda top: _page(board, top),
        lambda top, width: _text(board, top, width),
        lambda top: _rows(board, top),
    )


def summary(board: Leaderboard) -> str:
    """Return one line: the suite, how many combinations, by what they are ranked."""
    ranked = f"ranked by {ranked_by(board, sections(board))} (smaller is better)"
    held = "; ".join([f"{counted(len(board.rows), 'combination')}, {ranked}", *part_held(board)])
    return f"{board.suite}: {held}"


def part_held(board: Leaderboard) -> list[str]:
    """Return the words that say which part of the product of its lists a board has; none where it has all."""
    most = board.vary_at_most
    return [] if most is None else [f"these differ from the first of each list on {_axes(most)} at most"]


def _axes(n: int) -> str:
    return f"{n} {'axis' if n == 1 else 'axes'}"


def ranked_by(board: Leaderboard, shown: Sequence[TargetSection]) -> str:
    """Return the metric that ranks, or where it differs between targets each with its targets."""
    return _by_target([(section.metric, section.target) for section in shown]) or ", ".join(board.rank_by)


def _by_target(pairs: Sequence[tuple[str, str]]) -> str:
    """Return the words of pairs of words and a target: alone where all agree, else with the targets in brackets."""
    targets: dict[str, list[str]] = {}
    for words, target in pairs:
        targets.setdefault(words, []).append(target)
    if len(targets) <= 1:
        return "".join(targets)
    return " and ".join(f"{words} ({', '.join(names)})" for words, names in targets.items())


def notes(section: TargetSection, board: Leaderboard) -> list[str]:
    """Return what is said once above a section's table, a line each."""
    counts = [f"{counted(len(section.ranked), 'combination')} ranked by {section.metric}"]
    counts += [f"{len(section.unmeasured)} not ranked, without it"] if section.unmeasured else []
    counts += [f"{len(section.diverged)} diverged"] if section.diverged else []
    counts += [f"{len(section.inapplicable)} not applicable"] if section.inapplicable else []
    counts += [f"{len(section.failed)} failed"] if section.failed else []
    counts += [f"{len(section.unfinished)} not computed yet"] if section.unfinished else []
    counts += [f"{section.violations} above a bound (marked !)"] if section.violations else []
    lines = [", ".join(counts)]
    if section.merged:
        lines.append(f"{counted(section.merged, 'combination')} more: designs of these rows under other names (a = b)")
    common = section.common()
    if common:
        lines.append("same in every row: " + " · ".join(common))
    lines += _target_lines(section, board)
    floors = [
        f"{metric} {with_interval(floor.value, floor.low, floor.high)}"
        for metric in metrics_of(section, section.finished)
        if (floor := section.floors.get(metric))
    ]
    if floors:
        lines.append("a perfect generator (held-out sample): " + ", ".join(floors))
    # Of no rows there is no order.
    known = [entry for entry in section.agreement if entry.n]
    pooled = [_agreement(entry) for entry in known if entry.sampler is None]
    if pooled:
        lines.append(f"order by bound against order by {section.metric}, Kendall τ: " + "; ".join(pooled))
    within = [f"{a.sampler}: {_agreement(a)}" for a in known if a.sampler is not None]
    if within:
        lines.append("the same within a sampler: " + "; ".join(within))
    return lines


def _target_lines(section: TargetSection, board: Leaderboard) -> list[str]:
    """Return the scale of a target beside the range of noise levels, and what must be known of its data."""
    setup, lines = board.setup, []
    known = [] if setup is None else setup.targets
    for target in [each for each in known if target_label(each.target, board) == section.target]:
        scale = f"σ_data {number(target.sigma_data)}, m₂ {number(target.second_moment**0.5)}"
        levels = "" if setup is None else f"; σ from {setup.sigma_min:g} to {setup.sigma_max:g}"
        lines.append(f"d = {target.dim}, {scale}{levels}")
        if target.train is not None and target.held_out is not None:
            lines += _sizes(target, target.train, target.held_out)
        lines += [f"note: {note}" for note in target.notes]
    return lines


def _sizes(target: TargetSetup, train: int, held_out: int) -> list[str]:
    """Return how many points are trained on and how many a metric sees, a line each where seeds have their own."""
    points = f"{counted(train, 'point')} to train on, {held_out} held out"
    if target.splits == 1:
        given = "ranks are given these, but by a metric that tells how it varies over points"
        return [f"{points}: no metric sees more data than these; {given}"]
    seen = "" if target.tested is None else f" hold out {counted(target.tested, 'point')} in all"
    return [
        f"{points} for each seed, which has a split of its own",
        f"{target.splits} splits{seen}; numbers and notes of the target are of the first seed's",
    ]


def floor_note(section: TargetSection, declared: Declarations) -> str | None:
    """Return the line under a section's table on rows that are as good as can be told; None without floor or rows."""
    within = section.within_floor()
    if within is None or not section.ranked:
        return None
    told = f"{within} of {counted(len(section.ranked), 'combination')}"
    if copying := len(section.copying(declared)):
        told += f", of which {copying} {'copies' if copying == 1 else 'copy'} training points (marked c)"
    return f"within the floor of a perfect generator by {section.metric} (the intervals overlap): {told}"


def settling_note(section: TargetSection) -> str | None:
    """Return the line under a section's table on what would tell the best row from its ties; None where unknown."""
    settling = section.settling
    if settling is None or not section.ranked:
        return None
    if settling.ties == 0:
        return "the best combination is told from all others" if len(section.ranked) > 1 else None
    head = f"the best combination ties with {counted(settling.ties, 'other')}"
    if settling.seeds_for_half is None:
        return f"{head}: they differ by too little against what seeds do for any number of seeds to be named"
    now = max(row.metrics[section.metric].n_seeds for row in section.ranked)
    every = f"about {settling.seeds_for_all}" if settling.seeds_for_all else "over 1000, if any number"
    if settling.ties == 1:
        told = f"to tell it from that one takes {every} seeds (now {now})"
    else:
        told = f"to tell it from half of them takes about {settling.seeds_for_half} seeds (now {now}), from all {every}"
    if settling.within is not None:
        part = "all" if settling.within == 1 else f"at most {100 * settling.within:.0f} %"
        told += f"; {part} of the variance over seeds may be the error within a run"
    return f"{head}; {told}"


def closing_notes(section: TargetSection, declared: Declarations) -> list[str]:
    """Return the lines under a section's table on what its ranks leave open."""
    return [note for note in (floor_note(section, declared), settling_note(section)) if note]


def _agreement(entry: Agreement) -> str:
    clusters = f" in {counted(entry.clusters, 'cluster')}" if entry.clusters not in (None, entry.n) else ""
    return f"{entry.bound} {span(entry.kendall_tau, entry.low, entry.high)}, n={entry.n}{clusters}"


def section_table(section: TargetSection, board: Leaderboard, top: int | None) -> Table:
    """Return a section's table of ranked rows."""
    return Table(build(board, section, section.finished[:top]))


def failures_table(section: TargetSection) -> Table:
    """Return the failures of a section, with their reasons."""
    return reasons_table(section, section.failed)


def reasons_table(section: TargetSection, rows: Sequence[Row]) -> Table:
    """Return rows of a section that are not ranked, with their reasons."""
    names = tuple(" · ".join(section.combination(row, section.constants())) for row in rows)
    reasons = tuple(row.reason or "" for row in rows)
    return Table([Column("combination", names, naming=True), Column("reason", reasons, naming=True)])


def violations_table(section: TargetSection) -> Table:
    """Return every measured value of a section that is above a bound."""
    found = [(row, violation) for row in section.rows for violation in row.violations]
    names = (" · ".join(section.combination(row, section.constants())) for row, _ in found)
    measured = (f"{v.metric} {with_interval(*_estimate(row, v.metric))}" for row, v in found)
    bounds = (f"{v.bound} {with_interval(v.bound_value, None, None)}" for _, v in found)
    return Table(
        [
            Column("combination", tuple(names), naming=True),
            Column("measured", tuple(measured)),
            Column("bound", tuple(bounds)),
        ]
    )


def effects_table(board: Leaderboard) -> Table:
    """Return the effects: one row a choice, one column a target."""
    return Table(_effect_columns(board, repeat=True))


def _page(board: Leaderboard, top: int | None) -> Page:
    parts: list[Block] = [Paragraph([f"{summary(board)}."])]
    for section in sections(board):
        blocks = section_blocks(section, board, top)
        blocks += [Paragraph(["Failed:"]), failures_table(section)] if section.failed else []
        blocks += [Paragraph([_unfinished(section)])] if section.unfinished else []
        parts.append(Section([section.target], blocks))
    if board.effects:
        parts.append(Section(["Effect of each choice"], effects_blocks(board)))
    return Page([board.suite], parts)


def section_blocks(section: TargetSection, board: Leaderboard, top: int | None, elsewhere: Words = ()) -> list[Block]:
    """Return what is said of a target: its notes, its best rows, what of the others.

    Arguments:
        section: of the target.
        board: the leaderboard.
        top: the rows to show; None is all.
        elsewhere: where the rest is, as the end of a sentence.
    """
    blocks: list[Block] = [Listing([[line] for line in notes(section, board)])]
    blocks += [section_table(section, board, top)] if section.finished else []
    hidden = len(section.finished[top:]) if top else 0
    blocks += [Paragraph([f"{hidden} more", *elsewhere, "."])] if hidden else []
    blocks += [Paragraph([f"{note}."]) for note in closing_notes(section, board.declared)]
    blocks += [Listing([[line] for line in lines])] if (lines := valueless_lines(section)) else []
    blocks += [Paragraph([f"{line}."]) for line in inapplicable_lines(section)]
    return blocks + ([Paragraph([f"{diverged_line(section)}."])] if section.diverged else [])


def effects_blocks(board: Leaderboard) -> list[Block]:
    """Return what is said of effects: what one is, their table, and where an average misleads."""
    blocks: list[Block] = [Paragraph([f"{effects_meaning(board)}."]), effects_table(board)]
    lines = interaction_lines(board)
    return blocks + ([Paragraph([f"{lines[0]}:"]), Listing([[line] for line in lines[1:]])] if lines else [])


def effects_meaning(board: Leaderboard) -> str:
    """Return what an effect is, and over which settings it is a mean where not all are there; without the full stop."""
    shown = dict.fromkeys(target_label(effect.target, board) for effect in board.effects)
    pairs = [(section.effects_by, section.target) for section in sections(board) if section.target in shown]
    kinds: dict[bool, list[tuple[str, str]]] = {}
    for metric, target in pairs:
        kinds.setdefault(board.declared.compared_by(metric) == "difference", []).append((metric, target))
    told = [
        f"Difference in {_by_target([(in_unit(board, metric), target) for metric, target in found])} from the mean "
        "over the axis' choices, all else equal; below 0 is better"
        if by_difference
        else f"Factor on {_by_target(found)} against the mean over the axis' choices, all else equal; below 1 is better"
        for by_difference, found in kinds.items()
    ]
    return ". ".join([*told, *_of_part(board)])


def _of_part(board: Leaderboard) -> list[str]:
    """Return the sentence on the settings that effects are means over where a board has a part of a product."""
    most = board.vary_at_most
    if most is None:
        return []
    if most == 1:
        return [
            "The suite varies one axis at a time: all else is the first of each list, one setting, and of interactions "
            "nothing is known"
        ]
    pairs = "with the first choices alone" if most == 2 else f"with what departs from them on {_axes(most - 2)} at most"
    return [
        f"The suite varies {_axes(most)} at most: effects are means over the first of each list and what departs from "
        f"these on {_axes(most - 1)} at most, each once, so that axes with long lists weigh most; interactions are "
        f"known {pairs}"
    ]


def in_unit(board: Leaderboard, metric: str) -> str:
    """Return a metric with its unit, where a document tells it."""
    known = {entry.metric: entry.unit for entry in board.setup.metrics} if board.setup else {}
    unit = known.get(metric)
    return f"{metric} ({unit})" if unit else metric


def interaction_lines(board: Leaderboard) -> list[str]:
    """Return a heading and a line for each pair of axes whose averages mislead; empty where there is none."""
    found = misleading(board)
    lines = []
    for entry in found:
        best, axes = entry.best, (HEADERS[entry.axis], HEADERS[entry.other])
        own = _size(best)
        kind = f", {entry.among}" if len({each.among for each in board.interactions}) > 1 else ""
        lines.append(
            f"{target_label(entry.target, board)}{kind}: {' × '.join(axes)}: best {best.choice} with "
            f"{best.other_choice}, {own} {'from' if best.factor is None else 'of'} the mean over their pairs "
            f"(p {entry.p_value:.1g}); "
            f"{_spread_within(entry)}"
        )
    heading = "Where averages mislead: two axes interact, and their best pair is not that of the best averages"
    return [heading, *lines] if lines else []


def _spread_within(entry: Interaction) -> str:
    """Return the choice whose effect depends most on the other axis, with its best and its worst cell."""
    cells: dict[tuple[bool, str], list[Cell]] = {}
    for cell in entry.cells:
        cells.setdefault((False, cell.choice), []).append(cell)
        cells.setdefault((True, cell.other_choice), []).append(cell)
    ordered = {key: sorted(found, key=lambda cell: cell.size) for key, found in cells.items()}
    most = max(ordered, key=lambda key: _apart(ordered[key][0], ordered[key][-1]))
    swapped, choice = most
    best, worst = ordered[most][0], ordered[most][-1]
    names = [cell.choice if swapped else cell.other_choice for cell in (best, worst)]
    sizes = [number(cell.size) if cell.factor is None else f"{cell.factor:.2f}" for cell in (best, worst)]
    return f"{choice} is {sizes[0]} with {names[0]} and {sizes[1]} with {names[1]}"


def _apart(low: Cell, high: Cell) -> float:
    """Return how far apart two cells are, as they are compared."""
    return high.size - low.size if low.factor is None else high.size / low.size


def _text(board: Leaderboard, top: int | None, width: int | None) -> str:
    blocks = ["\n".join(break_lines([summary(board)], width))]
    for section in sections(board):
        head = break_lines([section.target + ":", *("  " + line for line in notes(section, board))], width)
        shown = section.finished[:top] if section.ranked or not top else ()
        body = ["", *fitted(build(board, section, shown), width)] if shown else []
        hidden = len(section.finished) - len(shown)
        more = [f"… {hidden} more; --top 0 shows all"] if hidden and shown else _unranked(section, width, hidden)
        found = closing_notes(section, board.declared)
        more += ["", *break_lines(found, width)] if found else []
        blocks.append(
            "\n".join(
                [
                    *head,
                    *body,
                    *more,
                    *_diverged(section, width),
                    *_valueless(section, width),
                    *(line for each in inapplicable_lines(section) for line in ("", *break_lines([each], width))),
                    *(_budgets(board, section, width) if shown else []),
                    *_failures(section, width),
                ]
            )
        )
    if board.effects:
        lines = break_lines([f"Effects. {effects_meaning(board)}"], width)
        blocks += ["\n".join([*lines, "", *text_table(columns)]) for columns in _chunks(board, width)]
        heading, *found = interaction_lines(board) or [""]
        told = [*break_lines([f"{heading}:"], width), "", *break_lines([f"  {line}" for line in found], width)]
        blocks += ["\n".join(told)] if found else []
    return "\n\n".join(blocks)


def _unranked(section: TargetSection, width: int | None, hidden: int) -> list[str]:
    """Return what stands in place of rows that no order is known of; nothing where there are none."""
    if not hidden:
        return []
    others = ", ".join(sorted({name for row in section.finished for name in row.metrics}))
    told = f"no combination has {section.metric}; rank by another (--by): {others}; --top 0 shows them in no order"
    return ["", *break_lines([told], width)]


def valueless_lines(section: TargetSection) -> list[str]:
    """Return why metrics and bounds have no value: a line for each reason, that of the most combinations first."""
    labels: dict[str, set[str]] = {}
    rows: Counter[str] = Counter()
    for row in section.rows:
        for label, reason in row.not_applicable.items():
            labels.setdefault(reason, set()).add(label)
        rows.update(set(row.not_applicable.values()))
    found = sorted(rows.items(), key=lambda pair: (-pair[1], pair[0]))
    return [f"n/a: {', '.join(sorted(labels[r]))} of {counted(n, 'combination')}: {r}" for r, n in found]


def _valueless(section: TargetSection, width: int | None) -> list[str]:
    found = valueless_lines(section)
    if not found:
        return []
    hidden = len(found) - SHOWN_REASONS
    more = [f"… {counted(hidden, 'more reason')}; --format markdown has all"] if hidden > 0 else []
    return ["", *break_lines([*found[:SHOWN_REASONS], *more], width)]


def inapplicable_lines(section: TargetSection) -> list[str]:
    """Return a sentence, without its full stop, for each reason why rows do not apply."""
    reasons = Counter(" ".join((row.reason or "").split()) for row in section.inapplicable)
    return [f"{counted(n, 'combination')} {'does' if n == 1 else 'do'} not apply: {why}" for why, n in reasons.items()]


def diverged_line(section: TargetSection) -> str:
    """Return one sentence, without its full stop, that counts the rows that diverged."""
    return f"{counted(len(section.diverged), 'combination')} diverged: their samples left the scale of the data"


def _diverged(section: TargetSection, width: int | None) -> list[str]:
    if not section.diverged:
        return []
    return ["", *break_lines([f"{diverged_line(section)}; --format csv lists them with what they score"], width)]


def _budgets(board: Leaderboard, section: TargetSection, width: int | None) -> list[str]:
    """Return the best rows that have an exact budget, term by term."""
    rows = [row for row in section.finished if row.budget][:SHOWN_BUDGETS]
    if not rows:
        return []
    line = f"best {len(rows)} with an exact budget of the path divergence, in nats"
    columns = build_budgets(board, section, rows)
    if not {term.field for term in BUDGET}.isdisjoint(left_out(columns, width)):
        line += f": {', '.join(f'{term.symbol} {term.words}' for term in BUDGET)}"
        columns = build_budgets(board, section, rows, symbols=True)
    return ["", *break_lines([f"{line}:"], width), "", *fitted(columns, width)]


def _failures(section: TargetSection, width: int | None) -> list[str]:
    lines = ["", *break_lines([_unfinished(section)], width)] if section.unfinished else []
    if not section.failed:
        return lines
    lines += ["", f"failed ({len(section.failed)}):"]
    for row in section.failed[:SHOWN_FAILURES]:
        names = " · ".join(section.combination(row, section.constants()))
        lines += break_lines([f"  {names}: {' '.join((row.reason or '').split())}"], width)
    hidden = len(section.failed) - SHOWN_FAILURES
    return [*lines, f"  … {hidden} more; --format csv lists all"] if hidden > 0 else lines


def _unfinished(section: TargetSection) -> str:
    return f"{counted(len(section.unfinished), 'combination')} {UNFINISHED}"


def _effect_columns(board: Leaderboard, repeat: bool) -> list[Column]:
    """Return axis, choice and one column a target; the axis on each line, or only where it changes.

    The axis names the kind of network where there are several.
    """
    targets = {name: target_label(name, board) for name in dict.fromkeys(e.target for e in board.effects)}
    found = {(targets[e.target], e.among or "", str(e.axis), e.choice): e for e in board.effects}
    keys = choices(board)
    several = len({among for among, axis, _ in keys if axis != "network"}) > 1
    axes = [f"{HEADERS[a]}, {among}" if several and a != "network" else HEADERS[a] for among, a, _ in keys]
    shown = axes if repeat else [a if a != b else "" for a, b in zip(axes, ["", *axes], strict=False)]
    columns = [Column("axis", tuple(shown), naming=True)]
    columns.append(Column("choice", tuple(choice for _, _, choice in keys), naming=True))
    for target in targets.values():
        cells = tuple(_size(found.get((target, *key))) for key in keys)
        columns.append(Column(target, cells))
    return columns


def _chunks(board: Leaderboard, width: int | None) -> Iterator[list[Column]]:
    """Yield the effects' columns in as many tables as it takes to fit a width."""
    axis, choice, *targets = _effect_columns(board, repeat=False)
    chunk: list[Column] = []
    used = start = axis.width + choice.width + 2
    for column in targets:
        if chunk and width is not None and used + column.width + 2 > width:
            yield [axis, choice, *chunk]
            chunk, used = [], start
        chunk.append(column)
        used += column.width + 2
    yield [axis, choice, *chunk]


def _size(effect: Effect | Cell | None) -> str:
    if effect is None:
        return ""
    return (with_interval if effect.factor is None else span)(effect.size, effect.low, effect.high)


def _rows(board: Leaderboard, top: int | None) -> list[dict[str, Any]]:
    label = labels(board.rows)
    shown = [row for section in sections(board) for row in (section.finished[:top] if top else section.rows)]
    return [_flatten(row, label, board.untold_numbers) for row in shown]


def _flatten(row: Row, label: Labels, hidden: Collection[str]) -> dict[str, Any]:
    """Return every field of a row but those that are hidden under a dotted name; null as nothing."""
    flat: dict[str, Any] = {}
    for field, value in row.model_dump(mode="json", exclude=set(hidden)).items():
        if field in crossed():
            flat[field] = label(field, row.component(field))
            for key, part in value.items():
                flat[f"{field}.{key}"] = json.dumps(part) if key == "params" else part
        elif field == "metrics":
            flat |= {f"metrics.{name}.{k}": v for name, entry in value.items() for k, v in entry.items()}
        elif field == "score_split":
            terms = {name: term for name, term in (value or {}).items() if isinstance(term, dict)}
            flat |= {f"{field}.{name}.{key}": part for name, term in terms.items() for key, part in term.items()}
            flat |= {f"{field}.objective": value["objective"]} if value else {}
        elif isinstance(value, dict):
            flat |= {f"{field}.{key}": part for key, part in value.items()}
        elif field == "same_as":
            names = ({axis: label(axis, reference) for axis, reference in other.items()} for other in row.same_as)
            flat[field] = json.dumps(list(names)) if value else ""
        elif field == "violations":
            flat[field] = json.dumps(value)
        elif field != "budget":
            flat[field] = value
    return flat


def _estimate(row: Row, metric: str) -> tuple[float, float | None, float | None]:
    entry = row.metrics[metric]
    return entry.value, entry.low, entry.high
