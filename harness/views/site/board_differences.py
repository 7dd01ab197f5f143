"""Board differences: what changed between leaderboards of one suite that stand on a site, a page for each pair."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from harness.results.differences import differences
from harness.results.leaderboard import Leaderboard
from harness.views.differences import difference_blocks
from harness.views.page import Block, CodeSpan, Link, Paragraph
from harness.views.site.entry import Sheet

FOLDER = "changes"
"""The folder of these pages."""

MOST = 100
"""Changes that a page shows, the largest first."""


def difference_sheets(boards: Mapping[str, Leaderboard]) -> dict[str, Sheet]:
    """Return a page for each two boards of one suite that follow one another by name.

    Arguments:
        boards: by the names that they have on the site.
    """
    suites: dict[str, list[str]] = {}
    for name in sorted(boards):
        suites.setdefault(boards[name].suite, []).append(name)
    pairs = [pair for names in suites.values() for pair in pairwise(names)]
    return {f"{FOLDER}/{n}.html": _sheet(boards, *pair) for n, pair in enumerate(pairs, 1)}


def _sheet(boards: Mapping[str, Leaderboard], first: str, second: str) -> Sheet:
    up: Block = Paragraph(
        [
            "First ",
            Link(first, f"../boards/{first}/index.html"),
            ", then ",
            Link(second, f"../boards/{second}/index.html"),
            ", of the suite ",
            CodeSpan(boards[first].suite),
            f". As harness diff tells it; of what changed, the {MOST} largest.",
        ]
    )
    found = differences(boards[first], boards[second])
    return Sheet([f"From {first} to {second}"], [up, *difference_blocks(found, MOST)])
