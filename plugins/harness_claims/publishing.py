"""Publishing verdicts: a directory with the document, a page and a plot for each claim.

`claims.json` is the source; the page and the plots beside it are drawn from it and nothing else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from harness.commands import DocumentKind, Source
from harness.store import StoreError
from harness.views import plots
from harness.views.board_pages import environment_section, how_to_read
from harness.views.board_plots import Plot
from harness.views.digits import counted
from harness.views.page import (
    Block,
    CodeSpan,
    Commands,
    Docstring,
    Image,
    Link,
    Page,
    Paragraph,
    Quote,
    Section,
    Strong,
)
from harness.views.publishing import Publication
from harness.whole_files import write_whole
from harness_claims.document import ClaimEntry, ClaimsBoard
from harness_claims.plots import claim_figure
from harness_claims.tables import TARGETS, claims_table, findings_table, render_claims, summary
from harness_claims.verdicts import steady

SOURCE = "claims.json"


_HOW_TO_READ = """\
- Each claim is a statement of the paper; its experiment and its rule were fixed in code before the runs that decide. A
  rule that was revised says so: after a pilot on other seeds, or by a review and on the same data. Where there are no
  seeds (arithmetic), no data are fresh.
- `supported`: on every target the test for the claim is significant. `contradicted`: on some target the test
  against it is, corrected for the number of targets. `undecided`: neither; that is no verdict on the claim.
- Every test of a claim has 5 % divided among all claims of its paper as its level, so that verdicts do not depend on
  which claims ran together: {levels}. Intervals are at 95 %.
- Training can amplify rounding, so that another processor ends elsewhere with the same seed. Each rule allows for a
  share of the variance that is rounding: p must be below the level by so much that no processor takes the verdict
  away. What passes the level and not that is `undecided`, within rounding. What p has to pass stands with each claim.
- "{targets}": how many targets support the claim, contradict it, and leave it open. Effect and statistic are those of
  the target that decides: the weakest one for a claim that is supported or undecided, the strongest against it where it
  is contradicted.
- `p for` is the chance of such evidence, or stronger, for the claim if it were false, `p against` that of such evidence
  against it if it were true. "exact" is arithmetic without randomness: nothing is left to chance, there is no p-value.
- Units are what varies independently: seeds, unless the rule says otherwise (dimensions for a slope over dimensions);
  1 where the result is exact.
- "Read otherwise" is what a claim may also be taken to say, decided beside it at the same level. That takes no part in
  the verdict, and the 5 % are not divided among interpretations as well.
- A verdict is on the claim as its rule states it, at these sizes. A theorem for very wide networks is not refuted by
  networks of practical width.
- Time is the work on one core that a claim's records took; claims share records, so that times do not add up."""


def publish_claims(board: ClaimsBoard, directory: Path | str, command: str) -> list[Path]:
    """Write verdicts, their page and their plots into a directory; return the files.

    Arguments:
        board: the verdicts.
        directory: a new directory, an empty one, or one that was published before.
        command: the commands that made them, as typed, a line each.

    Raises:
        DocumentError: matplotlib is missing, or the directory cannot be
            written or holds something else. Nothing is half written.
    """
    return CLAIMS.write(board, Path(directory), command)


def _show(source: Source, form: str, top: int | None, width: int | None) -> str:
    """Return the verdicts that lie in a directory, in a format."""
    return render_claims(read_document(source.directory), form, width=width)


def _publish(source: Source, destination: Path, command: str | None) -> None:
    """Publish the verdicts that lie in a directory."""
    board = read_document(source.directory)
    publish_claims(board, destination, command or board.command)


def _site(source: Source) -> object:
    """Return what the verdicts that lie in a directory bring to a site."""
    from harness.views.site.entry import Entry, Sheet

    board = read_document(source.directory)
    page, drawn = _draw(board, board.command)
    command, told, seen, source_line, verdicts, *rest = page.blocks
    parts = [Section(["The answer"], [told, verdicts]), *rest, Section(["Command"], [command, seen, source_line])]
    counts = Counter(entry.verdict or "no verdict" for entry in board.claims)
    facts = {"holds": ", ".join(f"{n} {verdict}" for verdict, n in sorted(counts.items()))}
    software = [f"{name} {board.environment[name]}" for name in ("harness", "torch") if name in board.environment]
    return Entry(
        Sheet(page.title, parts),
        f"Do the claims of {' and '.join(paper.name for paper in board.papers)} hold, as they are measured here?",
        {**facts, "made with": ", ".join(software)},
        {SOURCE: board.to_json().encode(), **{plot.file: plot.svg for plot in drawn}},
        {SOURCE: "the whole document (JSON)"},
    )


KIND = DocumentKind(_show, _publish, site=_site)
"""What `harness rank`, `harness publish` and `harness site` do with `claims.json`."""


def render_claims_files(board: ClaimsBoard, command: str) -> dict[str, bytes]:
    """Return the name and content of every published file.

    Raises:
        DocumentError: matplotlib is missing.
    """
    return CLAIMS.files(board, command)


def _draw(board: ClaimsBoard, command: str) -> tuple[Page, list[Plot]]:
    drawn = [Plot(name, content) for name, content in draw_claims(board)]
    return _page(board, command, {plot.file for plot in drawn}), drawn


def _title(board: ClaimsBoard) -> str:
    sizes = ", quick sizes" if board.quick else ""
    return f"Claims{sizes}: what the paper says, and what was measured"


CLAIMS = Publication[ClaimsBoard](
    SOURCE, _title, _draw, lambda board: {plot_name(board, entry) for entry in board.claims}
)
"""How verdicts are published."""


def draw_claims(board: ClaimsBoard) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each claim's plot.

    Raises:
        DocumentError: matplotlib is missing.
    """
    plots.require_matplotlib()
    for entry in board.claims:
        figure = claim_figure(entry)
        if figure is not None:
            yield plot_name(board, entry), plots.svg(figure)


def plot_name(board: ClaimsBoard, entry: ClaimEntry) -> str:
    """Return the name of a claim's plot; with its paper where the document has several."""
    paper = f"{entry.paper}-" if len(board.papers) > 1 else ""
    return f"{paper}claim-{entry.number:02d}.svg"


def write_document(board: ClaimsBoard, directory: Path) -> None:
    """Keep the verdicts on all claims beside the results that they rest on.

    Raises:
        StoreError: the directory cannot be written.
    """
    try:
        write_whole(directory / SOURCE, board.to_json().encode())
    except OSError as error:
        raise StoreError(f"{directory / SOURCE} cannot be written: {error.strerror or error}") from error


def read_document(directory: Path) -> ClaimsBoard:
    """Return the verdicts that lie in a directory.

    Raises:
        DocumentError: they cannot be read, or break their contract.
    """
    return ClaimsBoard.read(directory / SOURCE)


def _page(board: ClaimsBoard, command: str, drawn: set[str]) -> Page:
    count = len(board.processors)
    seen = Paragraph([f"Seen on {count} processor{'s' * (count > 1)}: {'; '.join(board.processors)}."])
    source = Paragraph(["Source: ", Link(SOURCE, SOURCE), ", from which this page and its plots are drawn."])
    blocks: list[Block] = [Commands(command), Paragraph([f"{summary(board)}."]), seen, source, claims_table(board)]
    blocks.append(how_to_read(_HOW_TO_READ, targets=TARGETS, **_levels(board)))
    blocks += [_section(board, entry, drawn) for entry in board.claims]
    return Page([_title(board)], [*blocks, environment_section(board.environment)])


def _levels(board: ClaimsBoard) -> dict[str, str]:
    """Return the levels of the tests in words."""
    levels = (f"{paper.alpha:.2g} for the {counted(paper.claims, 'claim')} of {paper.name}" for paper in board.papers)
    return {"levels": "; ".join(levels)}


def _passed(board: ClaimsBoard, entry: ClaimEntry) -> Paragraph:
    """Return what p has to pass for a claim and against it."""
    alpha = next(paper.alpha for paper in board.papers if paper.name == entry.paper)
    sides = (steady(alpha, entry.rounding), steady(alpha / len(entry.findings), entry.rounding))
    allowed = f"; {entry.rounding:g} of the variance is taken to be rounding" if entry.rounding else ""
    said = (f" is at most {sides[0]:.2g}, ", f" at most {sides[1]:.2g}{allowed}.")
    return Paragraph(["For a verdict ", CodeSpan("p for"), said[0], CodeSpan("p against"), said[1]])


def _section(board: ClaimsBoard, entry: ClaimEntry, drawn: set[str]) -> Section:
    source = f" ({entry.source})" if entry.source else ""
    plot = plot_name(board, entry)
    blocks: list[Block] = [Quote([Strong(entry.note)])] if entry.note else []
    blocks.append(Paragraph([Strong("Claim."), f" {entry.statement}{source}"]))
    if entry.error:
        blocks.append(Paragraph([Strong("No verdict."), f" {entry.error}"]))
    else:
        blocks += [findings_table(entry), _passed(board, entry)]
        for interpretation in entry.interpretations:
            blocks.append(Paragraph([Strong("Read otherwise."), f" {interpretation.name}: {interpretation.verdict}."]))
            blocks.append(findings_table(interpretation))
        blocks += [Image(plot)] if plot in drawn else []
        blocks += [Paragraph([Strong("No plot."), f" {entry.plot_error}"])] if entry.plot_error else []
        blocks.append(Docstring("The rule", entry.rule))
    return Section([f"{board.label(entry)}. {entry.title}: {entry.verdict or 'error'}"], blocks)
