"""Tables: a leaderboard as a page, as text for a terminal, and as flat rows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

from harness.axes import crossed
from harness.quantities import Declarations
from harness.results.labels import Labels, labels
from harness.results.leaderboard import UNFINISHED, Agreement, Leaderboard, Row
from harness.results.misleading import misleading
from harness.results.sections import TargetSection, bounds_of, metrics_of, sections, target_label
from harness.results.setup import TargetSetup
from harness.results.terms import BUDGET
from harness.views import formats
from harness.views.board_columns import build, build_budgets
from harness.views.column import Column
from harness.views.digits import counted, joined, number, span, with_interval
from harness.views.effects import (
    effects_blocks,
    effects_columns,
    effects_meaning,
    interaction_lines,
    n_axes,
    per_target,
)
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
        form: one of `harness.views.formats.FORMATS`; `csv` has one flat row a combination, with all but pictures.
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
    return [] if most is None else [f"these differ from the first of each list on {n_axes(most)} at most"]


def ranked_by(board: Leaderboard, shown: Sequence[TargetSection]) -> str:
    """Return the metric that ranks, or where it differs between targets each with its targets."""
    return per_target([(section.metric, section.target) for section in shown]) or ", ".join(board.rank_by)


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
    for target in _setups(section, board):
        scale = f"σ_data {number(target.sigma_data)}, m₂ {number(target.second_moment**0.5)}"
        levels = "" if setup is None else f"; σ from {setup.sigma_min:g} to {setup.sigma_max:g}"
        lines.append(f"d = {target.dim}, {scale}{levels}")
        if target.train is not None and target.held_out is not None:
            lines += _sizes(target, target.train, target.held_out) + _laws(section, board.declared)
        lines += [f"note: {note}" for note in target.notes]
    return lines


def _setups(section: TargetSection, board: Leaderboard) -> list[TargetSetup]:
    """Return the target of a section in numbers; nothing where it is not known."""
    known = [] if board.setup is None else board.setup.targets
    return [each for each in known if target_label(each.target, board) == section.target]


def _sizes(target: TargetSetup, train: int, held_out: int) -> list[str]:
    """Return how many points are trained on and how many a metric sees, a line each where seeds have their own."""
    points = f"{counted(train, 'point')} to train on, {held_out} held out"
    if target.splits == 1:
        return [f"{points}: no metric sees more data than these"]
    seen = "" if target.tested is None else f" hold out {counted(target.tested, 'point')} in all"
    return [
        f"{points} for each seed, which has a split of its own",
        f"{target.splits} splits{seen}; numbers and notes of the target are of the first seed's",
    ]


def _laws(section: TargetSection, declared: Declarations) -> list[str]:
    """Return which numbers speak of the training points' own law and which of the law behind them, and of oracles."""
    finished, lines = section.finished, []
    metrics = [name for name in metrics_of(section, finished) if declared.compared_by(name) != "nothing"]
    own = [name for name in metrics if declared.is_divergence(name)]
    own += [name for name in bounds_of(finished) if declared.bounds_divergence(name)]
    if own:
        unseen = [name for name in metrics if name not in own]
        lines.append(
            f"{joined(own)} {'is' if len(own) == 1 else 'are'} of the training points' own law, which a perfect "
            "denoiser copies" + (f"; {joined(unseen)} of the law behind them, by held-out points" if unseen else "")
        )
    oracles = dict.fromkeys(
        section.labels("network", row.component("network")) for row in section.ranked if not row.train_steps
    )
    if oracles:
        lines.append(
            f"not trained: {joined(list(oracles))}, which is given the training points' own law and draws these points "
            "again; its rank says what training lost, not what to use"
        )
    return lines


def floor_note(section: TargetSection, declared: Declarations) -> str | None:
    """Return the line under a section's table on rows that are as good as can be told; None without floor or rows."""
    within = section.within_floor()
    if within is None or not section.ranked:
        return None
    told = f"{within} of {counted(len(section.ranked), 'combination')}"
    if copying := len(section.copying(declared)):
        told += f", of which {copying} {'copies' if copying == 1 else 'copy'} training points (marked c)"
    rule = "no higher than its interval, none told to be better"
    return f"within the floor of a perfect generator by {section.metric} ({rule}): {told}"


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


REDRAWN = 4
"""Times as many held-out rows as a seed compares with, from which on other rows are nearly all in its intervals."""


def held_out_note(section: TargetSection, board: Leaderboard) -> str | None:
    """Return the line under a section's table on whose rows its differences speak of; None where intervals know others.

    They do not where all seeds of a data set have one split, and the metric compares two samples, so that a held-out
    one calibrates it, and does not tell how its values vary over points. They nearly do where each seed compares with
    other rows: as many as there are samples, drawn from more than `REDRAWN` times as many.
    """
    samples = board.setup.samples if board.setup else 0
    split = [each for each in _setups(section, board) if each.finite and each.splits == 1]
    fixed = [each for each in split if each.held_out is None or each.held_out < REDRAWN * samples]
    known = section.over_points
    metrics = [m for m in dict.fromkeys((section.metric, section.effects_by)) if m in section.floors and m not in known]
    if not fixed or not metrics or len(section.ranked) < 2:
        return None
    count = "" if fixed[0].held_out is None else f"{fixed[0].held_out} "
    told = f"ranks and effects by {joined(metrics)} are of these {count}held-out rows"
    return f"{told}: what other rows would say is not in the intervals of differences"


def closing_notes(section: TargetSection, board: Leaderboard) -> list[str]:
    """Return the lines under a section's table on what its ranks leave open."""
    found = floor_note(section, board.declared), settling_note(section), held_out_note(section, board)
    return [note for note in found if note]


def _agreement(entry: Agreement) -> str:
    clusters = None if entry.clusters in (None, entry.n) else counted(entry.clusters, "cluster")
    grids = None if entry.grids in (None, 1, entry.n) else counted(entry.grids, "grid")
    told = joined([each for each in (clusters, grids) if each])
    return f"{entry.bound} {span(entry.kendall_tau, entry.low, entry.high)}, n={entry.n}{told and f' in {told}'}"


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
    blocks += [Paragraph([f"{note}."]) for note in closing_notes(section, board)]
    blocks += [Listing([[line] for line in lines])] if (lines := valueless_lines(section)) else []
    blocks += [Paragraph([f"{line}."]) for line in inapplicable_lines(section)]
    return blocks + ([Paragraph([f"{diverged_line(section)}."])] if section.diverged else [])


def _text(board: Leaderboard, top: int | None, width: int | None) -> str:
    blocks = ["\n".join(break_lines([summary(board)], width))]
    for section in sections(board):
        head = break_lines([section.target + ":", *("  " + line for line in notes(section, board))], width)
        shown = section.finished[:top] if section.ranked or not top else ()
        body = ["", *fitted(build(board, section, shown), width)] if shown else []
        hidden = len(section.finished) - len(shown)
        more = [f"… {hidden} more; --top 0 shows all"] if hidden and shown else _unranked(section, width, hidden)
        found = closing_notes(section, board)
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
        misled = misleading(board)
        lines = break_lines([f"Effects. {effects_meaning(board)}"], width)
        blocks += ["\n".join([*lines, "", *text_table(columns)]) for columns in effects_columns(board, misled, width)]
        heading, *found = interaction_lines(board, misled) or [""]
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


def _rows(board: Leaderboard, top: int | None) -> list[dict[str, Any]]:
    label = labels(board.rows)
    shown = [row for section in sections(board) for row in (section.finished[:top] if top else section.rows)]
    return [_flatten(row, label, board.untold_numbers) for row in shown]


def _flatten(row: Row, label: Labels, hidden: Collection[str]) -> dict[str, Any]:
    """Return the fields of a row under dotted names, without hidden ones and its pictures, which no table can show.

    Null is nothing.
    """
    flat: dict[str, Any] = {}
    for field, value in row.model_dump(mode="json", exclude={"pictures", *hidden}).items():
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
