"""Entries: what a document brings to the site, its page and what lies beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from harness.views.page import Block, Words

if TYPE_CHECKING:
    from markupsafe import Markup

    from harness.results.leaderboard import Leaderboard


@dataclass(frozen=True)
class Passage:
    """A titled part of a page of the site, with markup where blocks do not do."""

    title: Words
    blocks: Sequence[Block | Markup]


@dataclass(frozen=True)
class Sheet:
    """A page of the site.

    Attributes:
        title: its heading.
        parts: what stands below it.
        scripts: that it runs, by their addresses from it; the page of a board has that of the site besides.
        contents: the identifier and the words of each of its sections, where its parts are not made of sections.
    """

    title: Words
    parts: Sequence[Block | Markup | Passage]
    scripts: Sequence[str] = ()
    contents: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Entry:
    """A document on the site.

    Attributes:
        sheet: its page.
        question: what it answers, in a sentence; empty where the document does not tell.
        facts: what the index tells of it, by column.
        files: what lies beside its page, as images and the document itself, by name.
        downloads: which of these files the page offers, with words for each.
        further: further pages, by names below its own; each may lead to `../index.html`.
        board: the leaderboard that it is drawn from, for pages on several of them; None where it is none.
    """

    sheet: Sheet
    question: str
    facts: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    downloads: Mapping[str, str] = field(default_factory=dict)
    further: Mapping[str, Sheet] = field(default_factory=dict)
    board: Leaderboard | None = None

    def offering(self, originals: Mapping[str, bytes]) -> Entry:
        """Return it with the files that it was read from in place of those that would be written of them now.

        Marks and listings name a document by its SHA-256, which the text of another version does not have.
        """
        return replace(
            self, files={**self.files, **{name: originals[name] for name in self.files.keys() & originals.keys()}}
        )
