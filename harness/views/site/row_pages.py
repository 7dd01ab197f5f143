"""Row pages: everything that a leaderboard holds of one design on one target, and the command that makes it alone."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from markupsafe import Markup, escape

from harness import DISTRIBUTION
from harness.axes import AXES, crossed, told_numbers
from harness.components import digest, format_value
from harness.results.component_standings import ComponentName
from harness.results.leaderboard import Leaderboard, Row
from harness.results.pictures import TargetPictures
from harness.results.row_commands import row_command
from harness.results.sections import HEADERS, TargetSection, ratio
from harness.results.terms import BUDGET, SCORE_MAX, SPLIT, TOTAL
from harness.views.column import Column
from harness.views.digits import counted, number, optional, with_interval
from harness.views.page import Block, Commands, Link, Listing, Paragraph, Section, Table, in_line
from harness.views.sample_plots import montage, pictures_of
from harness.views.site.charts import levels_figure
from harness.views.site.entry import Passage, Sheet
from harness.views.site.markup import drawn_table

ROWS = "r"
"""The folder of the pages of rows: short, for a table names it in each row."""

SHORTEST, LONGEST = 6, 32
"""Characters of a page's name; the longest is a whole digest."""

LEAST = 32
"""Pixels of the smaller side of a picture, which is as many whole times its size."""


PageOf = Callable[[str, Row], str]
"""The address of the page of a row of a board, which is named, from where it is led to."""


class RowNames:
    """The names of the pages of a board's rows: of each design on its target, whatever its rank.

    They are the beginnings of digests, as long as it takes to tell all rows apart.
    """

    def __init__(self, rows: Sequence[Row]) -> None:
        self._numbers = told_numbers(rows)
        known = [_digest(row, self._numbers) for row in rows]
        self._length = next(n for n in range(SHORTEST, LONGEST + 1) if len({name[:n] for name in known}) == len(known))

    def __call__(self, row: Row) -> str:
        """Return the name of a row's page."""
        return _digest(row, self._numbers)[: self._length]


def _digest(row: Row, numbers: Sequence[str]) -> str:
    return digest(*(row.component(axis).key for axis in crossed()), [getattr(row, number) for number in numbers])


def row_sheet(board: Leaderboard, section: TargetSection, row: Row, names: RowNames) -> Sheet:
    """Return the page of one row; `names` are those of the board's rows."""
    name = " · ".join(section.combination(row, section.constants()))
    up: Block = Paragraph(
        ["A row of ", Link(f"{board.suite} on {section.target}", "../index.html"), f": {_place(section, row)}."]
    )
    parts: list[Block | Markup | Passage] = [
        up,
        *_beside_best(section, row, names),
        *_samples(board, section, row),
        Section(["Measured"], list(_measured(board, section, row))),
    ]
    parts += [Section([title], [block]) for title, block in _terms(row)]
    parts += [Passage(["Design"], [_design(board, row), *_other_names(section, row)])]
    parts += [Passage(["Noise levels"], levels) for levels in [_levels(board, row)] if levels]
    parts += [Section(["Networks"], [each]) for each in _networks(board, row)]
    parts += [
        Passage(["How this row is made alone"], [Commands(row_command(board, row)), Paragraph([_MADE]), _VERIFIED])
    ]
    return Sheet([name], parts)


_MADE = (
    "With a suite of your own, name its file. Where a suite compares several starts of sampling, or divisions of a "
    "total of evaluations, the command makes the row with each. Seeds, training and software are those of the board, "
    "told on its page; seconds are those of one core."
)


_VERIFIED = Markup(
    '<p><a href="../index.html#verified">What of the board was verified, and how rows of it are made again</a>.</p>'
)


def _beside_best(section: TargetSection, row: Row, names: RowNames) -> list[Markup]:
    """Return the link to a comparison with the best design, or of the best with the second."""
    others = [each for each in section.ranked[:2] if each is not row]
    if not others:
        return []
    words = "the best design" if others[0] is section.ranked[0] else "the next"
    return [
        Markup('<p><a href="../compare.html#{}">Compare with {} on this target</a>, or with any other.</p>').format(
            choice(names, [row, others[0]]), words
        )
    ]


def choice(names: RowNames, rows: Sequence[Row]) -> str:
    """Return the fragment of an address that chooses rows to be compared."""
    return f"rows={','.join(map(names, rows))}"


def _place(section: TargetSection, row: Row) -> str:
    """Return where the row stands, or why nowhere."""
    if not row.ok:
        return f"{row.status}: {row.reason or ''}"
    if section.metric not in row.metrics:
        return f"not ranked, without {section.metric}"
    told = f"rank {row.rank} of {len(section.ranked)} by {section.metric}"
    if row.rank_low == row.rank_high:
        return told
    return f"{told}; with these seeds ranks {row.rank_low} to {row.rank_high} cannot be excluded"


def _measured(board: Leaderboard, section: TargetSection, row: Row) -> Iterator[Block]:
    """Yield metrics beside a perfect generator, then bounds, then what has no value and why."""
    floors = {name: with_interval(f.value, f.low, f.high) for name, f in section.floors.items()}
    found = row.metrics
    if found:
        yield Table(
            [
                Column("metric", tuple(found), naming=True),
                Column("value", tuple(with_interval(e.value, e.low, e.high) for e in found.values())),
                Column("seeds", tuple(str(e.n_seeds) for e in found.values())),
                Column("perfect generator", tuple(floors.get(name, "") for name in found)),
            ]
        )
    known = {name: value for name, value in row.bounds.items() if value is not None}
    if known:
        highs = tuple(number(row.bound_highs[name]) if name in row.bound_highs else "" for name in known)
        columns = [Column("bound", tuple(known), naming=True), Column("value", tuple(map(number, known.values())))]
        yield Table([*columns, Column("upper limit", highs)])
    lines = [
        f"{v.metric} {number(v.value)} is above {v.bound} {number(v.bound_value)} by more than the interval"
        for v in row.violations
    ]
    lines += [
        f"the tightest bound is {number(times)} times the measured {metric}"
        for metric in filter(board.declared.is_divergence, found)
        if (times := ratio(row, metric, board.declared)) is not None
    ]
    lines += [f"{label}: n/a, {reason}" for label, reason in row.not_applicable.items()]
    if lines:
        yield Listing([[line] for line in lines])


def _terms(row: Row) -> Iterator[tuple[str, Block]]:
    """Yield the path divergence and the score error of a trained network, term by term."""
    if row.budget is not None:
        values = [(term, getattr(row.budget, term.field)) for term in (*BUDGET, TOTAL)]
        yield (
            "Where the error comes from",
            Table(
                [
                    Column("term", tuple(f"{term.words} {term.symbol}" for term, _ in values), naming=True),
                    Column("nats", tuple(number(value) for _, value in values)),
                ]
            ),
        )
    if row.score_split is not None:
        parts = [(term, getattr(row.score_split, term.field)) for term in (*SPLIT, SCORE_MAX)]
        yield (
            "The score error, as Theorem 3 splits it",
            Table(
                [
                    Column("term", tuple(f"{term.words} {term.symbol}" for term, _ in parts), naming=True),
                    Column("nats", tuple(with_interval(e.value, e.low, e.high) for _, e in parts)),
                ]
            ),
        )


COMPONENTS = "components"
"""The folder of the pages of components."""


def component_file(component: ComponentName) -> str:
    """Return the page of a component on the site: its name where that is a plain one of ours, else a digest."""
    axis, plain = component.axis.replace("_", "-"), re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", component.name)
    if component.distribution == DISTRIBUTION and plain and len(component.name) <= LONGEST:
        return f"{COMPONENTS}/{axis}-{component.name}.html"
    return f"{COMPONENTS}/{axis}--{digest(component.distribution, component.name)}.html"


def rank_in_words(row: Row) -> str:
    """Return the rank of a row, with its set where that is more than the rank."""
    return str(row.rank) if row.rank_low == row.rank_high else f"{row.rank} ({row.rank_low}–{row.rank_high})"


def _design(board: Leaderboard, row: Row) -> Markup:
    """Return the components with all parameters and their origin, each leading to its own page, then the numbers."""
    lines = [_component(axis, row) for axis in crossed()]
    numbers = {HEADERS[field]: getattr(row, field) for field in board.told_numbers}
    numbers |= {"NFE": row.nfe, "compute": row.compute, "share of training": row.training_share}
    numbers |= {f"seconds to {what}": seconds for what, seconds in row.seconds.items()}
    lines += [
        Markup('<tr><th scope="row" class="l">{}</th><td class="l">{}</td><td></td><td></td><td></td></tr>').format(
            in_line(name), _figure(value)
        )
        for name, value in numbers.items()
        if value is not None
    ]
    return drawn_table("Design", ("part", "is", "parameters", "from", "digest"), lines)


def _component(axis: str, row: Row) -> Markup:
    found = row.component(axis)
    given = ", ".join(f"{key}={format_value(value)}" for key, value in found.params.items())
    cells = (given, f"{found.distribution} {found.version}", found.digest)
    return Markup('<tr><th scope="row" class="l">{}</th><td class="l">{}</td>{}</tr>').format(
        AXES[axis].words,
        _led(ComponentName.of(axis, found)),
        Markup("").join(Markup('<td class="l">{}</td>').format(in_line(cell)) for cell in cells),
    )


def _led(component: ComponentName) -> Markup:
    """Return the name of a component; it leads to its page where it is one."""
    if component.absent:
        return escape(in_line(component.name))
    return Markup('<a href="../../../{}">{}</a>').format(component_file(component), in_line(component.name))


def _levels(board: Leaderboard, row: Row) -> list[Block | Markup]:
    """Return the levels that sampling goes through, drawn and in figures; nothing where a document does not tell."""
    if row.grid is None:
        return []
    grid = board.grids[row.grid]
    ratios = [a / b for a, b in pairwise(grid.sigmas)]
    told = f"{counted(len(ratios), 'step')} from {number(grid.sigmas[0])} to {number(grid.sigmas[-1])}; a step divides "
    told += f"the level by {number(min(ratios))} at least, by {number(max(ratios))} at most."
    told += " Each seed has a grid of its own; this is the first's." if grid.own else ""
    figures = Markup("<details><summary>The levels in figures</summary><p>{}</p></details>").format(
        ", ".join(f"{sigma:.6g}" for sigma in grid.sigmas)
    )
    return [levels_figure(grid.sigmas, told, "levels_drawn"), figures]


def _networks(board: Leaderboard, row: Row) -> list[Block]:
    """Return the checkpoints that drew the samples, where a document tells them."""
    if row.trained is None:
        return []
    digests = board.networks[row.trained].checkpoints
    words = (
        "One a seed, by the first digits of the SHA-256 of its checkpoint: ",
        ", ".join(d or "none" for d in digests),
    )
    return [Paragraph(["".join(words), "."])]


def _figure(value: float) -> str:
    return str(value) if isinstance(value, int) else optional(value)


def _other_names(section: TargetSection, row: Row) -> list[Block]:
    """Return the other combinations that are this very design."""
    others = [
        " · ".join(f"{HEADERS[axis]} {section.labels(axis, each)}" for axis, each in other.items())
        for other in row.same_as
    ]
    head = f"{counted(len(others), 'more combination')} {'is' if len(others) == 1 else 'are'} this very design, with:"
    return [Paragraph([head]), Listing([[other] for other in others])] if others else []


def _samples(board: Leaderboard, section: TargetSection, row: Row) -> list[Block | Markup]:
    """Return real images above those that the row drew, where the document has some."""
    shown = pictures_of(board, section.target)
    if shown is None or row.pictures is None:
        return []
    told = ", told the class of each" if row.pictures.conditional and shown.classes else ""
    real = _picture(f"Real images of {section.target}", shown.images, shown)
    drawn = _picture(f"Samples of the first seed{told}, at the same places", row.pictures.images, shown)
    return [Markup('<div class="samples">{}{}</div>').format(real, drawn)]


def _picture(words: str, images: Sequence[str | None], shown: TargetPictures) -> Markup:
    from PIL import Image

    pixels = montage(images, shown, max(1, -(-LEAST // min(shown.shape[1:]))))
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG", optimize=True)
    height, width = pixels.shape[:2]
    return Markup(
        '<figure><img width="{}" height="{}" src="data:image/png;base64,{}" alt="{}">'
        "<figcaption>{}</figcaption></figure>"
    ).format(width, height, base64.b64encode(out.getvalue()).decode(), in_line(words), in_line(words))
