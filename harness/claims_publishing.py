"""Publishing verdicts: a directory with the document, a page and a plot for each claim.

`claims.json` is the source; the page and the plots beside it are drawn from it and nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from harness import plots
from harness.claims_board import ClaimEntry, ClaimsBoard, claims_to_json, validate_claims
from harness.claims_plots import claim_figure
from harness.claims_tables import TARGETS, claims_table, findings_table, summary
from harness.leaderboard import LeaderboardError
from harness.publishing import environment_list, fenced, image, publish_files
from harness.store import StoreError
from harness.tables import in_markdown
from harness.verdicts import steady

SOURCE, PAGE = "claims.json", "README.md"

_HOW_TO_READ = """\
- Each claim is a statement of the paper; its experiment and its rule were fixed in code before the runs that decide. A
  rule that was revised says so: after a pilot on other seeds, or by a review and on the same data. Where there are no
  seeds (arithmetic), no data are fresh.
- `supported`: on every target the test for the claim is significant. `contradicted`: on some target the test
  against it is, corrected for the number of targets. `undecided`: neither; that is no verdict on the claim.
- Every test of a claim has level {alpha:.2g}, 5 % divided among 13 claims, so that verdicts do not depend on which
  claims ran together. Intervals are at 95 %.
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
- A verdict is on the claim as its rule states it, at these sizes. A theorem for very wide networks is not refuted by
  networks of practical width.
- Time is the work on one core that a claim's records took; claims share records, so that times do not add up."""


def publish_claims(document: object, directory: Path | str, command: str) -> list[Path]:
    """Write verdicts, their page and their plots into a directory; return the files.

    Arguments:
        document: the verdicts, as a model or as plain JSON data.
        directory: a new directory, an empty one, or one that was published before.
        command: the commands that made them, as typed, a line each.

    Raises:
        LeaderboardError: the document breaks its contract, matplotlib is missing, or the directory cannot be
            written or holds something else. Nothing is half written.
    """
    board = validate_claims(document)
    return publish_files(lambda: render_claims_files(board, command), Path(directory), SOURCE)


def render_claims_files(board: ClaimsBoard, command: str) -> dict[str, bytes]:
    """Return the name and content of every published file.

    Raises:
        LeaderboardError: matplotlib is missing.
    """
    drawn = dict(draw_claims(board))
    page = _page(board, command, set(drawn))
    return {**drawn, PAGE: page.encode(), SOURCE: claims_to_json(board).encode()}


def draw_claims(board: ClaimsBoard) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of each claim's plot.

    Raises:
        LeaderboardError: matplotlib is missing.
    """
    plots.require_matplotlib()
    for entry in board.claims:
        figure = claim_figure(entry)
        if figure is not None:
            yield plot_name(entry), plots.svg(figure)


def plot_name(entry: ClaimEntry) -> str:
    """Return the name of a claim's plot."""
    return f"claim-{entry.number:02d}.svg"


def write_document(board: ClaimsBoard, directory: Path) -> None:
    """Keep the verdicts on all claims beside the results that they rest on.

    Raises:
        StoreError: the directory cannot be written.
    """
    part = directory / f"{SOURCE}.part"
    try:
        part.write_text(claims_to_json(board), encoding="utf-8")
        part.replace(directory / SOURCE)
    except OSError as error:
        raise StoreError(f"{directory / SOURCE} cannot be written: {error.strerror or error}") from error


def read_document(directory: Path) -> ClaimsBoard | None:
    """Return the verdicts that lie in a directory, or None where there are none.

    Raises:
        LeaderboardError: they cannot be read, or break their contract.
    """
    path = directory / SOURCE
    if not path.is_file():
        return None
    try:
        return validate_claims(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise LeaderboardError(f"{path} cannot be read: {' '.join(str(error).split())}") from error
    except LeaderboardError as error:
        raise LeaderboardError(f"{path}: {error}") from error


def _page(board: ClaimsBoard, command: str, drawn: set[str]) -> str:
    sizes = ", quick sizes" if board.quick else ""
    parts = [f"# Claims{sizes}: what the paper says, and what was measured", fenced(command)]
    parts.append(f"{summary(board)}.")
    count = len(board.processors)
    parts.append(f"Seen on {count} processor{'s' * (count > 1)}: {'; '.join(map(in_markdown, board.processors))}.")
    parts.append(f"Source: [{SOURCE}]({SOURCE}), from which this page and its plots are drawn.")
    parts += [claims_table(board), "## How to read it", _HOW_TO_READ.format(alpha=board.alpha, targets=TARGETS)]
    for entry in board.claims:
        parts += _section(entry, drawn, board.alpha)
    return "\n\n".join([*parts, "## Environment", environment_list(board.environment)]) + "\n"


def _levels(entry: ClaimEntry, alpha: float) -> str:
    """Return what p has to pass for a claim and against it."""
    sides = (steady(alpha, entry.rounding), steady(alpha / len(entry.findings), entry.rounding))
    allowed = f"; {entry.rounding:g} of the variance is taken to be rounding" if entry.rounding else ""
    return f"For a verdict `p for` is at most {sides[0]:.2g}, `p against` at most {sides[1]:.2g}{allowed}."


def _section(entry: ClaimEntry, drawn: set[str], alpha: float) -> list[str]:
    parts = [f"## {entry.number}. {in_markdown(entry.title)}: {entry.verdict or 'error'}"]
    parts += [f"> **{in_markdown(entry.note)}**"] if entry.note else []
    parts.append(
        f"**Claim.** {in_markdown(entry.statement)}" + (f" ({in_markdown(entry.source)})" if entry.source else "")
    )
    if entry.error:
        return [*parts, f"**No verdict.** {in_markdown(entry.error)}"]
    parts += [findings_table(entry), _levels(entry, alpha)]
    parts += [image(plot_name(entry))] if plot_name(entry) in drawn else []
    parts += [f"**No plot.** {in_markdown(entry.plot_error)}"] if entry.plot_error else []
    rule = "\n".join(f"> {line}".rstrip() for line in entry.rule.splitlines())
    return [*parts, f"<details><summary>The rule</summary>\n\n{rule}\n\n</details>"]
