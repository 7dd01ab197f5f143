"""Documentation: pages in Markdown as pages of the site, with its look, its tables and its links.

Headings have the anchors that GitHub gives them, so that links between pages hold. A link to another page, or to a
board of the site, leads there; one elsewhere in the repository, which the site has not, is its words alone. HTML within
a page is text, but for a few tags without attributes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from posixpath import dirname, join, normpath, relpath
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from harness.results.document import DocumentError
from harness.views.page import Link, Listing, Paragraph, Words, in_line, printable
from harness.views.site.entry import Sheet
from harness.views.site.markup import RESERVED, address

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

FOLDER, FRONT, README = "docs", "docs/index.html", "README.md"
"""The folder of these pages on the site, the first of them, and the page that is made of it where there is one."""

TITLE = "Documentation"

TAGS = re.compile(r"</?(br|details|summary|sub|sup|kbd)>")
"""HTML that stands in pages as it is."""


@dataclass(frozen=True)
class Sources:
    """Pages in Markdown.

    Attributes:
        texts: by their paths from the folder that links are told from, as `docs/theory.md`.
        boards: the folder of published boards there.
        names: of the boards that are on the site.
    """

    texts: Mapping[str, str]
    boards: str
    names: Collection[str]

    def place(self, path: str) -> str | None:
        """Return the file of the site that a path of the repository has become; None where it has none."""
        if path in self.texts:
            return FRONT if path == README else f"{FOLDER}/{path.rpartition('/')[2].removesuffix('.md')}.html"
        folder, _, rest = path.partition("/")
        name = rest.partition("/")[0]
        return f"boards/{name}/index.html" if folder == self.boards and name in self.names else None


def documentation(sources: Sources) -> dict[str, Sheet]:
    """Return the pages by their files on the site, the first leading to all others.

    Raises:
        DocumentError: the library that reads Markdown is not installed.
    """
    pages = {sources.place(path) or "": _Page(sources, path).sheet(text) for path, text in sources.texts.items()}
    return pages if FRONT in pages else {FRONT: _list(pages), **pages}


def _list(pages: Mapping[str, Sheet]) -> Sheet:
    items: list[Words] = [[Link(str(sheet.title[0]), relpath(file, FOLDER))] for file, sheet in sorted(pages.items())]
    return Sheet([TITLE], [Paragraph(["All pages."]), Listing(items)])


def _reader() -> MarkdownIt:
    try:
        from markdown_it import MarkdownIt
    except ImportError as error:
        rule = "pages of documentation need markdown-it-py; install it (pip install 'diffusion-harness[docs]')"
        raise DocumentError(rule) from error
    return MarkdownIt("commonmark").enable("table")


@dataclass
class _Page:
    """One page as it is read.

    Attributes:
        sources: all pages.
        path: of this one.
        taken: identifiers that it has.
        headings: of the second level, with their identifiers.
        tables: how many there were below the last heading.
    """

    sources: Sources
    path: str
    taken: set[str] = field(default_factory=lambda: set(RESERVED))
    headings: list[tuple[str, str]] = field(default_factory=list)
    heading: str = ""
    tables: dict[str, int] = field(default_factory=dict)

    def sheet(self, text: str) -> Sheet:
        reader = _reader()
        tokens = reader.parse(printable(text))
        title = self.path.rpartition("/")[2].removesuffix(".md")
        if tokens and tokens[0].type == "heading_open" and tokens[0].tag == "h1":
            title, tokens = in_line(_plain(tokens[1])), tokens[3:]
        self.heading = title
        for place, token in enumerate(tokens):
            self._prepare(tokens, place, token)
        reader.renderer.rules |= _RULES  # type: ignore[attr-defined]
        body = Markup(reader.renderer.render(tokens, reader.options, {}))
        return Sheet([title], [body], contents=tuple(self.headings))

    def _prepare(self, tokens: Sequence[Token], place: int, token: Token) -> None:
        """Give a token what its markup needs: identifiers, captions, addresses."""
        if token.type == "heading_open":
            words = in_line(_plain(tokens[place + 1]))
            # A page has one heading of the first level, its title.
            token.tag = tokens[place + 2].tag = f"h{max(2, int(token.tag[1]))}"
            token.attrs["id"] = self._identifier(words)
            self.heading = words
            if token.tag == "h2":
                self.headings.append((str(token.attrs["id"]), words))
        elif token.type == "table_open":
            self.tables[self.heading] = n = self.tables.get(self.heading, 0) + 1
            token.meta["caption"] = self.heading if n == 1 else f"{self.heading}, {n}"
        elif token.type == "th_open" and not tokens[place + 1].content:
            token.tag = tokens[place + 2].tag = "td"  # a head without words names nothing
        elif token.type == "inline":
            self._lead(token.children or [])

    def _identifier(self, words: str) -> str:
        """Return the anchor of a heading: its words in lower case, joined by hyphens; of equal ones with a number."""
        stem = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-") or "part"
        found, n = stem, 0
        while found in self.taken:
            n += 1
            found = f"{stem}-{n}"
        self.taken.add(found)
        return found

    def _lead(self, tokens: Sequence[Token]) -> None:
        """Lead each link of a line to where its page is on the site."""
        for token in tokens:
            if token.type == "link_open":
                token.meta["to"] = self._address(str(token.attrs["href"]))
        opened = [token for token in tokens if token.type == "link_open"]
        for start, end in zip(opened, (t for t in tokens if t.type == "link_close"), strict=True):
            end.hidden = start.meta["to"] is None

    def _address(self, href: str) -> str | None:
        """Return where a link leads on the site, None where nowhere."""
        if href.startswith("https://"):
            return href
        file, _, part = href.partition("#")
        if not file:
            return f"#{part}"
        place = self.sources.place(normpath(join(dirname(self.path), file)))
        if place is None:
            return None
        leads = address(relpath(place, FOLDER))
        return f"{leads}#{part}" if part and place.startswith(f"{FOLDER}/") else leads


def _plain(token: Token) -> str:
    """Return a line without its markup."""
    return "".join(each.content for each in token.children or [] if each.type in ("text", "code_inline"))


# Markup


Rule = Any
"""How the renderer writes a token: of its tokens, which one, its options and its environment."""


def _table_open(tokens: Sequence[Token], place: int, *_: object) -> str:
    caption = tokens[place].meta["caption"]
    return Markup(
        '<div class="wide" tabindex="0" role="region" aria-label="{0}"><table class="prose"><caption>{0}</caption>'
    ).format(caption)


def _cell_open(tokens: Sequence[Token], place: int, *_: object) -> str:
    token = tokens[place]
    scope = ' scope="col"' if token.tag == "th" else ""
    side = ' class="r"' if "right" in str(token.attrs.get("style", "")) else ""
    return f"<{token.tag}{scope}{side}>"


def _code(tokens: Sequence[Token], place: int, *_: object) -> str:
    return Markup('<pre tabindex="0"><code>{}</code></pre>\n').format(tokens[place].content)


def _link_open(tokens: Sequence[Token], place: int, *_: object) -> str:
    leads = tokens[place].meta["to"]
    return "" if leads is None else Markup('<a href="{}">').format(leads)


def _link_close(tokens: Sequence[Token], place: int, *_: object) -> str:
    return "" if tokens[place].hidden else "</a>"


def _image(tokens: Sequence[Token], place: int, *_: object) -> str:
    return str(escape(tokens[place].content))


def _html(tokens: Sequence[Token], place: int, *_: object) -> str:
    """Return HTML as text, but for the few tags that may stand."""
    text = tokens[place].content
    kept = [found.span() for found in TAGS.finditer(text)]
    ends = [0, *(end for span in kept for end in span), len(text)]
    pieces = [text[a:b] for a, b in pairwise(ends)]
    return "".join(piece if i % 2 else str(escape(piece)) for i, piece in enumerate(pieces))


_RULES: Mapping[str, Rule] = {
    "table_open": _table_open,
    "table_close": lambda *_: "</table></div>\n",
    "th_open": _cell_open,
    "td_open": _cell_open,
    "fence": _code,
    "code_block": _code,
    "link_open": _link_open,
    "link_close": _link_close,
    "image": _image,
    "html_inline": _html,
    "html_block": _html,
}
