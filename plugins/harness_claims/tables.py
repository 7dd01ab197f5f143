"""The verdicts on claims as a page, as text for a terminal, and as flat rows.

A terminal too narrow for all columns loses, in this order: the time, the units, the statistic, the processors
that say so, the target that decides, the caution, which then stands below. Claim, verdict, effect and the count of
targets stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import IntEnum
from textwrap import wrap

from harness.views import formats
from harness.views.column import Column
from harness.views.digits import number, with_interval
from harness.views.formats import View
from harness.views.page import Block, Listing, Page, Paragraph, Table
from harness.views.terminal import GAP, break_lines, shorten, text_table
from harness.views.terminal import wrap as join_words
from harness_claims.document import ClaimEntry, ClaimsBoard, EffectEntry, FindingEntry, InterpretationEntry
from harness_claims.verdicts import chance

NARROWEST, NARROWEST_CAUTION = 14, 28
"""Columns of text are not made narrower, that of whole sentences least; a word that is longer is broken."""

TARGETS = "targets for / against / open"
"""Head of the column that counts what the targets say: supported, contradicted, undecided."""

CAUTION = "caution"
"""Head of the column that says what a verdict means, and what other interpretations of the claim say."""

SENTENCES = ("claim", "effect", CAUTION, "statistic")
"""Columns whose cells are broken into lines."""

LONGEST = 14
"""Characters of a line of the name of the target that decides."""


class ClaimDrop(IntEnum):
    """The order in which a terminal that is too narrow loses columns; those that have none stay."""

    TIME, UNITS, STATISTIC, SEEN, DECIDES, CAUTION = range(6)


def render_claims(board: ClaimsBoard, form: str, *, width: int | None = None) -> str:
    """Return the verdicts in a format, with a newline at the end.

    Arguments:
        board: the verdicts.
        form: one of `harness.views.formats.FORMATS`; `csv` has a flat row a claim.
        width: the columns of the terminal; None is no limit. Only a table heeds it.

    Raises:
        DocumentError: the format is unknown.
    """
    return formats.render(claims_view(board), form, width=width)


def claims_view(board: ClaimsBoard) -> View:
    """Return the verdicts as formats take them; they are always all shown."""
    return View(lambda: board, lambda _: _page(board), lambda _, width: _text(board, width), lambda _: _rows(board))


def _page(board: ClaimsBoard) -> Page:
    return Page(["Claims"], [Paragraph([f"{summary(board)}."]), claims_table(board), *errors_list(board)])


def _rows(board: ClaimsBoard) -> list[dict[str, object]]:
    """Return a flat row a claim, without what its page alone shows: findings, panels, the text of its rule."""
    rows: list[dict[str, object]] = []
    for entry in board.claims:
        fields = entry.model_dump(mode="json", exclude={"findings", "panels", "interpretations", "rule", "seen"})
        effect = fields.pop("effect") or {}
        said = {
            f"interpretation.{interpretation.name}": interpretation.verdict for interpretation in entry.interpretations
        }
        rows.append({**fields, **{f"effect.{name}": value for name, value in effect.items()}, **said})
    return rows


def summary(board: ClaimsBoard) -> str:
    """Return one line: how many claims, with which verdicts, at which level."""
    verdicts = [entry.verdict or "error" for entry in board.claims]
    counts = [f"{verdicts.count(each)} {each}" for each in ("supported", "contradicted", "undecided", "error")]
    sizes = "quick sizes" if board.quick else "full sizes"
    said = ", ".join(count for count in counts if not count.startswith("0 "))
    noun = "claim" if len(verdicts) == 1 else "claims"
    levels = ", ".join(f"{p.alpha:.2g}{f' ({p.name})' if len(board.papers) > 1 else ''}" for p in board.papers)
    near = sum(entry.within_rounding for entry in board.claims)
    said += f" ({near} of them within rounding)" if near else ""
    return f"{len(verdicts)} {noun} ({sizes}): {said}; each tested at level {levels}"


def claims_table(board: ClaimsBoard) -> Table:
    """Return the table of verdicts."""
    return Table(_columns(board))


def findings_table(entry: ClaimEntry | InterpretationEntry) -> Table:
    """Return what each target says of one claim, or of an interpretation of it."""
    found = entry.findings
    name = entry.effect.name if entry.effect else "effect"
    columns = [
        Column("target", tuple(f.target for f in found), naming=True),
        Column("verdict", tuple(_of_target(f) for f in found), naming=True),
        Column(name, tuple(with_interval(f.effect, f.low, f.high) for f in found)),
        Column("statistic", tuple(f.statistic for f in found), naming=True),
        Column("p for", tuple(_chance(f, f.p_value) for f in found)),
        Column("p against", tuple(_chance(f, f.p_against) for f in found)),
        Column("units", tuple(str(f.seeds) for f in found)),
    ]
    if any(f.note for f in found):
        columns.append(Column("note", tuple(f.note for f in found), naming=True))
    return Table(columns)


def _of_target(finding: FindingEntry | InterpretationEntry) -> str:
    return f"{finding.verdict}, within rounding" if finding.within_rounding else finding.verdict


def errors_list(board: ClaimsBoard) -> list[Block]:
    """Return the list of claims that have an error; empty where there is none."""
    return _listed({board.label(entry): entry.error for entry in board.claims})


def caution(entry: ClaimEntry) -> str:
    """Return what a verdict means, and the verdicts on other interpretations of the claim."""
    others = "; ".join(
        f"{interpretation.name}: {_of_target(interpretation)}" for interpretation in entry.interpretations
    )
    return " ".join(part for part in (entry.note, f"Read otherwise: {others}." if others else "") if part)


def _listed(said: Mapping[str, str]) -> list[Block]:
    lines = [[f"claim {label}: {words}"] for label, words in said.items() if words]
    return [Listing(lines)] if lines else []


def clock(seconds: float) -> str:
    """Return seconds of work as a reader wants them."""
    return f"{seconds:.0f} s" if seconds < 99.5 else f"{seconds / 60:.1f} min"


def _columns(board: ClaimsBoard) -> list[Column]:
    entries, several = board.claims, len(board.processors) > 1
    return [
        Column("#", tuple(map(board.label, entries))),
        Column("claim", tuple(e.title for e in entries), naming=True),
        Column("verdict", tuple(e.verdict or "error" for e in entries), naming=True),
        *(
            [Column("processors that say so", tuple(map(_seen, entries)), ClaimDrop.SEEN, naming=True)]
            if several
            else []
        ),
        Column("effect", tuple(_size(e.effect) for e in entries), naming=True),
        Column(CAUTION, tuple(caution(e) or "n/a" for e in entries), ClaimDrop.CAUTION, naming=True),
        Column("statistic", tuple(e.statistic or "n/a" for e in entries), ClaimDrop.STATISTIC, naming=True),
        Column(TARGETS, tuple(_counts(e) for e in entries), naming=True),
        Column("decided by", tuple(_broken(_decisive(e), LONGEST) for e in entries), ClaimDrop.DECIDES, naming=True),
        Column("units", tuple(str(e.seeds) if e.verdict else "n/a" for e in entries), ClaimDrop.UNITS),
        Column("time", tuple(clock(e.seconds) for e in entries), ClaimDrop.TIME),
    ]


def _counts(entry: ClaimEntry | InterpretationEntry) -> str:
    said = [finding.verdict for finding in entry.findings]
    return " / ".join(str(said.count(each)) for each in ("supported", "contradicted", "undecided")) if said else "n/a"


def _seen(entry: ClaimEntry) -> str:
    """Return on how many of the processors the verdict was seen."""
    return f"{entry.seen.count(entry.verdict)} of {len(entry.seen)}"


def _decisive(entry: ClaimEntry) -> str:
    """Return the target that decides, by its name alone where no other of the claim's targets has it."""
    name = entry.target.partition(":")[0]
    alone = [finding.target.partition(":")[0] for finding in entry.findings].count(name) == 1
    return (name if alone else shorten(entry.target, LONGEST)) or "n/a"


def _chance(finding: FindingEntry, p: float) -> str:
    """Return a p-value; of arithmetic without randomness there is none."""
    return "exact" if finding.exact else chance(p)


def _size(e: EffectEntry | None) -> str:
    if e is None:
        return "n/a"
    return f"{e.name}: {with_interval(e.value, e.low, e.high) if e.low is not None else number(e.value)}"


def _text(board: ClaimsBoard, width: int | None) -> str:
    columns = _fitted(_columns(board), width)
    lines = [summary(board), "", *text_table(columns)]
    errors = [f"claim {board.label(entry)}: {entry.error}" for entry in board.claims if entry.error]
    shown = any(column.header == CAUTION for column in columns)
    notes = [f"claim {board.label(e)}: {caution(e)}" for e in board.claims if caution(e) and not shown]
    head = break_lines(lines[:1], width)
    tail = [line for part in (errors, notes) if part for line in ("", *break_lines(part, width))]
    return "\n".join([*head, *lines[1:], *tail])


def _fitted(columns: Sequence[Column], width: int | None) -> list[Column]:
    """Break heads and the cells that hold sentences until the table fits, the widest first; then drop columns."""
    columns = [replace(c, header=_broken(c.header, _widest(c.cells))) for c in columns]
    if width is None:
        return columns
    while True:
        sizes = _sizes(columns, width)
        droppable = {c.drop_order: c for c in columns if c.drop_order is not None}
        if not droppable or sum(sizes) + GAP * (len(sizes) - 1) <= width:
            return [_narrowed(column, size) for column, size in zip(columns, sizes, strict=True)]
        columns.remove(droppable[min(droppable)])


def _sizes(columns: Sequence[Column], width: int) -> list[int]:
    """Return the width of each column: those that hold sentences give way, the widest first, down to a limit."""
    sizes = [column.width for column in columns]
    flexible = [i for i, column in enumerate(columns) if column.header in SENTENCES]
    while sum(sizes) + GAP * (len(sizes) - 1) > width:
        widest = max(flexible, key=lambda i: sizes[i] - _least(columns[i]))
        if sizes[widest] <= _least(columns[widest]):
            break
        sizes[widest] -= 1
    return sizes


def _least(column: Column) -> int:
    return NARROWEST_CAUTION if column.header == CAUTION else NARROWEST


def _widest(cells: Sequence[str]) -> int:
    return max((len(line) for cell in cells for line in cell.split("\n")), default=0)


def _narrowed(column: Column, size: int) -> Column:
    if column.header not in SENTENCES:
        return column
    return replace(column, cells=tuple("\n".join(wrap(cell, size, break_on_hyphens=False)) for cell in column.cells))


def _broken(cell: str, size: int) -> str:
    return cell if len(cell) <= size else join_words(cell.split(" "), size, joint=" ")
