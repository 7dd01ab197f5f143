"""Component pages: what each component on a board is, what its certificate said, and where it wins and where it loses.

What a component is it tells itself where it is installed; of one that is not, documents tell its name, its parameters
and where it came from. How it does is told by boards alone: by the effects of its choices, and by its best designs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.axes import AXES, crossed, design
from harness.errors import in_words
from harness.results.component_standings import (
    Appearance,
    ComponentName,
    ComponentStanding,
    Verdict,
    component_standings,
)
from harness.results.labels import Labels
from harness.results.leaderboard import TRAINED, UNTRAINED, Effect, Leaderboard, Row
from harness.results.sections import sections
from harness.results.statistics.intervals import CONFIDENCE
from harness.views.column import Column
from harness.views.digits import counted, number, span, with_interval
from harness.views.page import Block, CodeSpan, Commands, Link, Listing, Paragraph, Section, Table, Words, in_line
from harness.views.site.answers import answer, leader
from harness.views.site.charts import effect_strip
from harness.views.site.entry import Passage, Sheet
from harness.views.site.markup import address, drawn_table
from harness.views.site.row_pages import ROWS, PageOf, RowNames, component_file, rank_in_words

PAGE = "components.html"
"""The list of all components."""


@dataclass(frozen=True)
class Explanation:
    """What an installed component tells of itself, as `harness show` does.

    Attributes:
        parameters: the name, the default, the rules and the description of each.
        runs: the library of another project that it runs; empty where none.
    """

    axis: str
    name: str
    distribution: str
    version: str
    description: str
    formula: str
    source: str
    runs: str
    parameters: Sequence[tuple[str, str, str, str]]


def component_sheets(boards: Mapping[str, Leaderboard], explained: Iterable[Explanation]) -> dict[str, Sheet]:
    """Return the list of the components that stand on boards, and the page of each, by their files.

    Arguments:
        boards: by the names that they have on the site.
        explained: what installed components tell of themselves.
    """
    known = {ComponentName(each.axis, each.distribution, each.name): each for each in explained}
    told = [(each, known.get(each.name)) for each in component_standings(boards)]
    names = {name: RowNames(board.rows) for name, board in boards.items()}

    def page_of(board: str, row: Row) -> str:
        return f"../boards/{address(board)}/{ROWS}/{names[board](row)}.html"

    sheets = {component_file(each.name): _sheet(each, explanation, page_of) for each, explanation in told}
    targets = {each.name: sheets[component_file(each.name)] for each, _ in told if each.name.axis == "target"}
    answered = {component_file(name): _with_answers(name, sheet, boards) for name, sheet in targets.items()}
    return {PAGE: _list(told)} | sheets | answered


def target_pages(boards: Mapping[str, Leaderboard]) -> dict[str, str]:
    """Return the pages of the targets of some boards, by their names."""
    found = {ComponentName.of("target", each) for board in boards.values() for each in board.targets.values()}
    return {str(name): component_file(name) for name in sorted(found, key=str)}


def _with_answers(name: ComponentName, sheet: Sheet, boards: Mapping[str, Leaderboard]) -> Sheet:
    """Return the page of a target with what each board says is best on it, first."""
    up, *rest = sheet.parts
    items = [item for title, board in boards.items() for item in _answers(name, title, board)]
    return Sheet(sheet.title, [up, Section(["What is best on it"], [Listing(items)]), *rest])


def _answers(name: ComponentName, title: str, board: Leaderboard) -> Iterator[Words]:
    told = dict(answer(board))
    for section in sections(board):
        if ComponentName.of("target", section.rows[0].target) != name:
            continue
        asked = f" ({board.title}) " if board.title else " "
        best = leader(section, trained=True) or leader(section, trained=False)
        page = f"../boards/{title}/{ROWS}/{RowNames(board.rows)(best.row)}.html" if best else ""
        link: Words = [" ", Link("How the best was made", page), "."] if best else []
        yield [
            Link(title, f"../boards/{title}/index.html"),
            f" on {section.target}{asked}",
            told.get(section.target, told[""]),
            *link,
        ]


_LIST = (
    "Each component that stands on a board of this site, by axis. Effects are counted over boards and targets: better, "
    "or worse, than the mean of the choices that it is compared with there, where the interval leaves out no effect. "
    "No count is corrected for how many there are. On data whose seeds have one split an effect is one on its held-out "
    "rows, by metrics of which a board says so."
)


def _list(told: Sequence[tuple[ComponentStanding, Explanation | None]]) -> Sheet:
    verdicts = [verdict for each, _ in told for verdict in each.verdicts]
    parts: list[Block | Markup | Passage] = [Paragraph([_LIST])]
    parts += [Paragraph([_counted(verdicts)])] if verdicts else []
    for axis in dict.fromkeys(each.name.axis for each, _ in told):
        mine = [(each, explanation) for each, explanation in told if each.name.axis == axis]
        parts.append(Passage([_plural(axis)], [_axis_table(axis, mine)]))
    return Sheet(["Components"], parts)


def _plural(axis: str) -> str:
    return in_words(AXES[axis].plural).capitalize()


def _axis_table(axis: str, told: Sequence[tuple[ComponentStanding, Explanation | None]]) -> Markup:
    lines = (
        Markup('<tr><th scope=row class="l"><a href="{}">{}</a><td class="l">{}<td>{}<td class="l">{}').format(
            component_file(each.name),
            in_line(str(each.name)),
            in_line(explanation.description) if explanation else "not installed where this site was made",
            len(each.boards),
            _counts(each.verdicts),
        )
        for each, explanation in told
    )
    heads = ("component", "what", "boards", "effects told")
    return drawn_table(_plural(axis), heads, lines, right=("boards",))


def _counts(verdicts: Sequence[Verdict]) -> str:
    """Return how often effects are told, in words; empty where there are none."""
    return ", ".join(f"{n} {told}" for told, n in sorted(Counter(each.told for each in verdicts).items()))


def _sheet(used: ComponentStanding, explanation: Explanation | None, page_of: PageOf) -> Sheet:
    parts: list[Block | Markup | Passage] = list(_identity(used, explanation))
    if used.name.axis in design():
        parts.append(Passage(["Where it wins and where it loses"], list(_effects(used))))
        parts.append(Passage(["Its best designs"], list(_appearances(used, page_of))))
    else:
        items = [[Link(name, f"../boards/{name}/index.html")] for name in used.boards]
        parts.append(Section(["On boards"], [Listing(items)]))
    if used.name.axis in crossed():
        parts.append(Section(["Certificate"], list(_certificate(used))))
    return Sheet([f"{AXES[used.name.axis].words.capitalize()} ", CodeSpan(str(used.name))], parts)


def _identity(used: ComponentStanding, explanation: Explanation | None) -> Iterator[Block]:
    """Yield what the component is."""
    yield Paragraph(["One of the ", Link("components", f"../{PAGE}"), " on boards of this site."])
    origins = ", ".join(used.origins)
    if explanation is None:
        came = f" Boards have it from {origins}." if origins else ""
        yield Paragraph([f"It is not installed where this site was made: what it computes is not known here.{came}"])
        return
    yield Paragraph([explanation.description])
    facts = {"formula": explanation.formula, "source": explanation.source, "runs": explanation.runs}
    facts |= {"installed": f"{explanation.distribution} {explanation.version}", "on boards": origins}
    known = {name: text for name, text in facts.items() if text}
    yield Table([Column("fact", tuple(known), naming=True), Column("is", tuple(known.values()), naming=True)])
    if explanation.parameters:
        columns = zip(
            ("parameter", "default", "rules", "what it is"), zip(*explanation.parameters, strict=True), strict=True
        )
        yield Section(["Parameters"], [Table([Column(head, tuple(cells), naming=True) for head, cells in columns])])


def _effects(used: ComponentStanding) -> Iterator[Block | Markup]:
    if not used.verdicts:
        yield Paragraph(["No board compares it with another choice in the same settings."])
        return
    yield Paragraph([f"{_counted(used.verdicts)} {_EFFECTS}"])
    by_choice: dict[str, list[Verdict]] = {}
    for each in used.verdicts:
        by_choice.setdefault(each.effect.choice, []).append(each)
    if len(by_choice) > 1:
        yield Listing([[f"{choice}: {_counts(found)}"] for choice, found in by_choice.items()])
    heads = ("board", "target", "choice", "among", "effect", "drawn, left is better", "told", "contexts")
    yield drawn_table("Effects on boards", heads, map(_verdict, used.verdicts), right=("effect", "contexts"))


_EFFECTS = (
    "An effect is the ranking metric with this choice over its mean with all choices that it is compared with there, "
    "in the same settings: a factor, below 1 is better; or a difference from that mean, below 0 is better. What else "
    "competed differs from board to board, so effects of different boards are not set against each other."
)


def _counted(verdicts: Sequence[Verdict]) -> str:
    """Return how many effects are told, and how many intervals leave out no effect by chance."""
    count = Counter(each.told for each in verdicts)
    verb = "is" if count["better"] == 1 else "are"
    told = f"Of {counted(len(verdicts), 'effect')}, {count['better']} {verb} told better than the mean of the choices "
    told += f"beside it, {count['worse']} worse, {count['not told']} neither"
    told += f"; {count['no interval']} without an interval" if count["no interval"] else ""
    intervals = len(verdicts) - count["no interval"]
    return f"{told}. {_by_chance(intervals)}" if intervals else f"{told}."


def _by_chance(intervals: int) -> str:
    """Return the sentence on how many of some intervals would tell an effect where there is none."""
    percent, expected = round(100 * (1 - CONFIDENCE)), (1 - CONFIDENCE) * intervals
    noun = "interval" if intervals == 1 else "intervals"
    return (
        f"Each interval holds with {100 - percent} %: if no choice had an effect, about {number(expected)} of "
        f"{intervals} {noun} ({percent} %) would be told better or worse by chance."
    )


def _verdict(each: Verdict) -> Markup:
    effect = each.effect
    sized = (with_interval if effect.factor is None else span)(effect.size, effect.low, effect.high)
    return Markup(
        '<tr><th scope=row class="l"><a href="../boards/{}/index.html">{}</a><td class="l">{}<td class="l">{}'
        '<td class="l">{}<td>{}<td>{}<td class="l">{}<td>{}'
    ).format(
        address(each.board),
        in_line(each.board),
        in_line(each.target),
        in_line(effect.choice),
        in_line(effect.among or "all"),
        sized,
        effect_strip(effect.size, effect.low, effect.high, _ends(effect), effect.factor is not None),
        each.told,
        effect.contexts,
    )


def _ends(effect: Effect) -> tuple[float, float]:
    """Return the ends of the scale of one effect: from half to double, or twice the reach of a difference."""
    if effect.factor is not None:
        return 0.5, 2.0
    reach = 2 * max(abs(each) for each in (effect.size, effect.low, effect.high) if each is not None) or 1.0
    return -reach, reach


def _appearances(used: ComponentStanding, page_of: PageOf) -> Iterator[Block | Markup]:
    if not used.appearances:
        yield Paragraph(["No design with it is ranked."])
        return
    near = sum(each.overlaps for each in used.appearances)
    cases = f"{near} of {counted(len(used.appearances), 'case')}"
    yield Paragraph([f"In {cases} its best design is the best, or their rank sets overlap."])
    heads = ("board", "target", "among", "as", "designs with it", "without", "best rank", "overlaps with the best")
    lines = (_appears(each, page_of(each.board, each.best)) for each in used.appearances)
    yield drawn_table("Best designs with it", heads, lines, right=heads[4:7])


def _appears(each: Appearance, page: str) -> Markup:
    return Markup(
        '<tr><th scope=row class="l"><a href="../boards/{}/index.html">{}</a><td class="l">{}<td class="l">{}'
        '<td class="l">{}<td>{}<td>{}<td><a href="{}">{}</a><td class="l">{}'
    ).format(
        address(each.board),
        in_line(each.board),
        in_line(each.target),
        TRAINED if each.trained else UNTRAINED,
        in_line(", ".join(each.labels)),
        each.designs,
        each.others,
        page,
        rank_in_words(each.best),
        "yes" if each.overlaps else "no",
    )


def _certificate(used: ComponentStanding) -> Iterator[Block]:
    known = [(board, each) for board, each in used.certificates if each.standing != "unclaimed"]
    if not known:
        told = "No board tells a certificate of it. This makes one, where it is installed:"
        yield from (Paragraph([told]), Commands(f"harness certify {used.name} --properties"))
        return
    label = Labels((each.axis, each.component) for _, each in known)
    yield Table(
        [
            Column("board", tuple(board for board, _ in known), naming=True),
            Column("as", tuple(label(each.axis, each.component) for _, each in known), naming=True),
            Column("standing", tuple(each.standing for _, each in known), naming=True),
            Column("passed", tuple(str(each.passed) for _, each in known)),
            Column("failed", tuple(str(each.failed) for _, each in known)),
            Column("unclaimed", tuple(str(each.unclaimed) for _, each in known)),
        ]
    )
