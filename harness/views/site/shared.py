"""Shared pages: what a site tells of several boards at once, and which of it stands on the index."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from harness.results.leaderboard import Leaderboard
from harness.views.page import Words
from harness.views.site import across, component_pages
from harness.views.site.board_differences import difference_sheets
from harness.views.site.component_pages import Explanation
from harness.views.site.documentation import FRONT
from harness.views.site.entry import Entry, Sheet

HIGHLIGHTS = 3
"""Boards whose designs across targets the index tells of."""


@dataclass(frozen=True)
class Shared:
    """Pages beside those of boards.

    Attributes:
        pages: by their files, from the folder of the site.
        links: what the index leads to: words, a file, and what it tells.
        highlights: what the index tells of designs across targets.
        targets: the page of each target, by its name.
    """

    pages: Mapping[str, Sheet] = field(default_factory=dict)
    links: Sequence[tuple[str, str, str]] = ()
    highlights: Sequence[Words] = ()
    targets: Mapping[str, str] = field(default_factory=dict)


def shared_pages(
    entries: Mapping[str, Entry], explained: Sequence[Explanation], documents: Mapping[str, Sheet]
) -> Shared:
    """Return the pages on all leaderboards of a site, and those of the documentation.

    Arguments:
        entries: by the names that they have on the site.
        explained: what installed components tell of themselves.
        documents: the pages of the documentation, by their files.
    """
    read = [("Documentation", FRONT, "what all of this is, and how to do it yourself")] if documents else []
    boards: dict[str, Leaderboard] = {name: each.board for name, each in entries.items() if each.board is not None}
    if not boards:
        return Shared(documents, read)
    found = {name: across.on_board(name, board) for name, board in boards.items()}
    pages = {across.PAGE: across.site_sheet(boards, found), **component_pages.component_sheets(boards, explained)}
    links = [
        (across.TITLE, across.PAGE, "win rates, places and improvability, on each board and over boards"),
        ("Components", component_pages.PAGE, "what each one is, where it wins and where it loses, over all boards"),
    ]
    changes = difference_sheets(boards)
    links += [(str(sheet.title[0]), file, "what changed, one suite twice") for file, sheet in changes.items()]
    return Shared(
        {**pages, **changes, **documents},
        [*links, *read],
        across.highlights(found)[:HIGHLIGHTS],
        component_pages.target_pages(boards),
    )
