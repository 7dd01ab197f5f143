"""The pages of a published leaderboard and of its bounds, from the documents and nothing else."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from harness.errors import in_words as axis_in_words
from harness.results.bounds import BoundsBoard
from harness.results.bounds_ranking import rank_bounds
from harness.results.labels import Labels
from harness.results.leaderboard import PUBLISHED, Leaderboard
from harness.results.sections import TargetSection, bounds_of, sections
from harness.results.setup import Setup
from harness.views.board_columns import budget_columns
from harness.views.board_plots import BoardPlots, Plot
from harness.views.bounds_tables import MEANING, by_target, entries_table, standings_table
from harness.views.budgets import budget_rows, meanings
from harness.views.column import Column
from harness.views.digits import counted, number
from harness.views.effects import effects_blocks
from harness.views.page import (
    Block,
    CodeSpan,
    Commands,
    Image,
    Link,
    Listing,
    Page,
    Paragraph,
    Section,
    Table,
    Words,
    listing,
    prose,
)
from harness.views.tables import (
    failures_table,
    part_held,
    ranked_by,
    reasons_table,
    section_blocks,
    violations_table,
)

SOURCE = PUBLISHED
"""The file that a page is drawn from, beside it."""

TOP = 20
"""Rows of each target on the page."""

BUDGETS = 5
"""Rows of each target whose budget is told in figures."""

HOW_TO_READ = """\
- Each row is one combination, trained and sampled with several seeds; a metric is their mean ± its interval.
- `3 (1–9)` is rank 3; with these seeds ranks 1 to 9 cannot be excluded. Where 1 is one of
  them, no row is told better; rows whose ranks do not overlap are told apart.
- A perfect generator scores what a held-out sample of the same size does: that floor stands above each table.
- Bounds ({bounds}) are upper bounds from theory, in nats, on the divergence of the samples from the target;
  `n/a` where one does not apply (to a deterministic sampler, none does).
- `bound/…` is the tightest bound over the measured divergence, below 1 only by noise; `!` marks a measured
  value above a bound by more than its interval.
- Kendall τ compares the order by a bound with the measured order: 1 the same, 0 unrelated, −1 the reverse.
- A row that diverged is not ranked: its samples left the scale of the data, so its number says how it exploded.
- `a = b` in a row are two names of one design: every stage received the same under both."""

_COMPUTE = """\
Error against all evaluations of the network: 3 a point of a training step, and those of sampling. Colour is the share
that training took; the line is the front, below which nothing lies; a ring marks the best row of each total, with its
steps of training and of sampling. Rows without training are left out."""

_SAMPLES = """\
Real images above, below them samples of the best row of each network, of the first seed. Samples of one column start
at the same noise and meet the same noise on the way, so that the eye compares designs; real images have no part in it.
Where points have classes, a column is of one: a network that was told the class should draw it, any other draws what it
will. Numbers beyond those of the data are cut to black and white."""

_CERTIFIED = """\
Properties of components that were measured against what they claim (harness certify): orders, laws, derivatives,
errors. Of an unclaimed one no certificate was made with these parameters and this code."""

_HOW_TO_READ_BOUNDS = """\
- A bound says, before anything is sampled, how large the error can be. `violations` counts measured values
  above it by more than their interval: any is a failure of the bound, of the estimate, or of the code.
- `bound/measured` says how much too large it is: the median over the rows that have both, with quartiles.
  `against` names the metric that the bound is compared with: the marginal divergence of the samples; where that cannot
  be measured, the exact divergence of the paths, to which a bound that is that divergence has ratio 1 by definition.
  A bound on another distance is compared with what measures that.
- Bounds apply to different rows (`applies`), so a median may rest on easy ones; `tightest` counts the rows in
  which no other bound on the same metric is smaller.
- Kendall τ says how well a bound orders the designs: 1 as measured, 0 not at all. Over all targets it is the
  mean, path divergences left out."""


def board_title(board: Leaderboard) -> Words:
    """Return the title of a leaderboard's page."""
    return ["Leaderboard ", CodeSpan(board.suite)]


def bounds_title(board: BoundsBoard) -> Words:
    """Return the title of the page on which bounds compete."""
    return ["Bounds of ", CodeSpan(board.suite)]


def leaderboard_page(board: Leaderboard, command: str, plots: BoardPlots) -> Page:
    """Return the page of a leaderboard.

    Arguments:
        board: the leaderboard.
        command: the commands that made it, a line each.
        plots: what was drawn of it.
    """
    blocks: list[Block] = [Commands(command), Paragraph([_summary(board)]), _source("plots")]
    blocks.append(how_to_read(HOW_TO_READ, bounds=", ".join(bounds_of(board.rows)) or "none here"))
    blocks += [_target(section, board) for section in sections(board)]
    if plots.samples:
        shown = [_section(target, _image(plot)) for target, plot in plots.samples.items()]
        blocks.append(_section("Samples", Paragraph(prose(_SAMPLES)), *shown))
    if plots.against:
        blocks.append(_section("Error against bound", *map(_image, plots.against)))
    if plots.compute:
        blocks.append(_section("Training against sampling", Paragraph(prose(_COMPUTE)), _image(plots.compute)))
    if plots.budgets:
        blocks.append(_section("Where the error comes from", *_budgets(board, plots.budgets)))
    if bounds_of(board.rows):
        plot = [_image(plots.tightness)] if plots.tightness else []
        blocks.append(_section("Bounds", Paragraph([f"{MEANING}."]), standings_table(rank_bounds(board)), *plot))
    if board.effects:
        plot = [_image(plots.effects)] if plots.effects else []
        meaning, *rest = effects_blocks(board)
        blocks.append(_section("Effect of each choice", meaning, *plot, *rest))
    blocks += _exceptions(board)
    blocks += [_certificates(board)] if board.certificates else []
    blocks += [made_section(board.setup)] if board.setup is not None else []
    return Page(board_title(board), [*blocks, environment_section(board.environment)])


def bounds_page(board: BoundsBoard, command: str, plots: BoardPlots) -> Page:
    """Return the page on which bounds compete; arguments as `leaderboard_page`."""
    total = sum(standing.violations for standing in board.bounds)
    counts = f"{len(board.bounds)} bounds on {len(by_target(board))} targets; {total} violations."
    blocks: list[Block] = [Commands(command), Paragraph([counts]), _source("plot")]
    images = map(_image, plots.files)
    blocks.append(_section("Over all targets", Paragraph([f"{MEANING}."]), standings_table(board), *images))
    blocks.append(how_to_read(_HOW_TO_READ_BOUNDS))
    blocks += [_section(target, entries_table(entries)) for target, entries in by_target(board).items()]
    return Page(bounds_title(board), [*blocks, environment_section(board.environment)])


def how_to_read(text: str, **values: str) -> Section:
    """Return the section that explains a page, from its words as a list; `{name}` stands for a value."""
    return _section("How to read it", Listing([prose(item, **values) for item in listing(text)]))


def environment_section(environment: Mapping[str, Any]) -> Section:
    """Return the section that tells with which software results were made."""
    told = {k: v if isinstance(v, str) else json.dumps(v, ensure_ascii=False) for k, v in environment.items()}
    items = [[f"{key}: {value}"] for key, value in told.items()]
    return _section("Environment", Listing(items) if items else Paragraph(["Not recorded."]))


def _image(plot: Plot) -> Image:
    return Image(plot.file)


def _section(title: str, *blocks: Block) -> Section:
    return Section([title], blocks)


def _source(drawn: str) -> Paragraph:
    return Paragraph(["Source: ", Link(SOURCE, SOURCE), f", from which this page and its {drawn} are drawn."])


def _target(section: TargetSection, board: Leaderboard) -> Section:
    return _section(section.target, *section_blocks(section, board, TOP, [" in ", Link(SOURCE, SOURCE)]))


def _budgets(board: Leaderboard, plot: Plot) -> list[Block]:
    """Return what is said of the exact path divergence: what it means, the bars, the best rows in figures."""
    blocks: list[Block] = [Paragraph([". ".join(meanings(board)) + "."]), _image(plot)]
    for section in sections(board):
        rows = budget_rows(section)[:BUDGETS]
        if rows:
            blocks.append(Paragraph([f"{section.target}, the best {len(rows)}:"]))
            blocks.append(Table(budget_columns(board, section, rows)))
    return blocks


def _summary(board: Leaderboard) -> str:
    shown = sections(board)
    failed = sum(len(section.failed) for section in shown)
    diverged = sum(len(section.diverged) for section in shown)
    inapplicable = sum(len(section.inapplicable) for section in shown)
    above = sum(section.violations for section in shown)
    targets = ", ".join(section.target for section in shown)
    ranked = "; ".join([f"{ranked_by(board, shown)}, smaller is better", *part_held(board)])
    return (
        f"{counted(len(board.rows), 'combination')} on {counted(len(shown), 'target')} ({targets}), ranked by "
        f"{ranked}. {f'{diverged} diverged; ' if diverged else ''}"
        f"{f'{inapplicable} not applicable; ' if inapplicable else ''}{failed} failed; "
        f"{above} measured above a bound by more than the interval."
    )


def _exceptions(board: Leaderboard) -> list[Section]:
    """Return what is said of violations and failures, where there are any."""
    shown = sections(board)
    above = [_section(section.target, violations_table(section)) for section in shown if section.violations]
    failed = [_section(section.target, failures_table(section)) for section in shown if section.failed]
    diverged = [_section(section.target, *_diverged(section)) for section in shown if section.diverged]
    pairs = (("Above a bound", above), ("Diverged", diverged), ("Failed", failed))
    return [_section(title, *parts) for title, parts in pairs if parts]


def _diverged(section: TargetSection) -> list[Block]:
    """Return the first rows whose samples left the scale of the data, with how far."""
    hidden = len(section.diverged[TOP:])
    more = [Paragraph([f"{hidden} more in ", Link(SOURCE, SOURCE), "."])] if hidden else []
    return [reasons_table(section, section.diverged[:TOP]), *more]


def _compared(setup: Setup) -> list[str]:
    """Return how many samples were asked for, and of each finite target how many its held-out part let be compared."""
    limited = [t for t in setup.targets if t.held_out is not None and t.held_out < setup.samples]
    told = [f"on {t.target} {t.held_out}, for only so many points are held out" for t in limited]
    return [f"{setup.samples} of each combination and seed", *told]


def _certificates(board: Leaderboard) -> Section:
    """Return the section that tells what was certified of the components of its rows."""
    label, told = Labels(board.components()), board.certificates
    counts = Counter(each.standing for each in told)
    words = ", ".join(f"{counts[each]} {each}" for each in ("certified", "failed", "unclaimed") if counts[each])
    table = [
        Column("axis", tuple(axis_in_words(each.axis) for each in told), naming=True),
        Column("component", tuple(label(each.axis, each.component) for each in told), naming=True),
        Column("certificate", tuple(each.standing for each in told), naming=True),
        Column("hold", tuple(str(each.passed) for each in told)),
        Column("fail", tuple(str(each.failed) for each in told)),
        Column("no claim", tuple(str(each.unclaimed) for each in told)),
    ]
    return _section("Certificates", Paragraph(prose(f"{words}. {_CERTIFIED}")), Table(table))


def made_section(setup: Setup) -> Section:
    """Return the section that tells what was fixed for all rows."""
    lines = [f"seeds: {', '.join(map(str, setup.seeds))}"]
    lines.append(f"noise levels: {setup.sigma_min:g} to {setup.sigma_max:g}, in units of the data")
    if setup.training is not None:
        settings = [f"{name.replace('_', ' ')} {value}" for name, value in setup.training.params.items()]
        lines.append("training: " + ", ".join([setup.training.method, *settings]))
    lines.append("samples: " + "; ".join(_compared(setup)))
    units = [f"{entry.metric} ({entry.unit})" if entry.unit else entry.metric for entry in setup.metrics]
    lines.append("metrics, with their units: " + ", ".join(units))
    table = [
        Column("target", tuple(target.target for target in setup.targets), naming=True),
        Column("dimension", tuple(str(target.dim) for target in setup.targets)),
        Column("σ_data", tuple(number(target.sigma_data) for target in setup.targets)),
        Column("E‖X_0‖²", tuple(number(target.second_moment) for target in setup.targets)),
        Column("law", tuple("finite data" if target.finite else "density" for target in setup.targets), naming=True),
    ]
    return _section("How this was made", Listing([[line] for line in lines]), Table(table))
