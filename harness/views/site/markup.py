"""Markup: the blocks of a page as HTML. Whatever a document holds is shown as text, in one line where words are."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Sequence
from urllib.parse import quote

from markupsafe import Markup, escape

from harness.views.column import Column
from harness.views.page import (
    Block,
    CodeSpan,
    Commands,
    Docstring,
    Image,
    Link,
    Listing,
    Paragraph,
    Quote,
    Section,
    Strong,
    Table,
    Wording,
    Words,
    in_line,
    in_words,
    printable,
)
from harness.views.site.entry import Passage

DEEPEST = 6
"""The last level of headings that HTML has."""


CONTROLS = Markup(
    '<div id="controls" hidden></div>'
    "<noscript><p>Sorting and filtering take a script; the tables below are complete.</p></noscript>"
)
"""Where a script puts what sorts and filters."""

RESERVED = ("main", "controls", "compare")
"""Identifiers that pages have besides those of their sections."""


class Identifiers:
    """The identifiers of one page: each once."""

    def __init__(self) -> None:
        self._taken = set(RESERVED)

    def __call__(self, words: str) -> str:
        """Return an identifier made of some words."""
        stem = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")[:60] or "part"
        found, n = stem, 1
        while found in self._taken:
            n += 1
            found = f"{stem}-{n}"
        self._taken.add(found)
        return found


def html(
    blocks: Iterable[Block | Markup | Passage], ids: Identifiers, level: int = 2, caption: Words = ("Table",)
) -> Markup:
    """Return blocks as HTML; a section's title is a heading of `level`, one within it of the next.

    Arguments:
        blocks: of a page; markup stands as it is.
        ids: of the whole page.
        level: 1 is the page's own title.
        caption: what a table is called that stands in no section.
    """
    return Markup("\n").join(_blocks(blocks, ids, level, caption))


def contents(blocks: Iterable[Block | Markup | Passage], ids: Identifiers) -> list[tuple[str, str]]:
    """Return the identifier and the title of each section, as `html` gives them with equal identifiers."""
    found = []
    for each in blocks:
        if isinstance(each, Section | Passage):
            title = in_words(each.title)
            found.append((ids(title), title))
            contents(each.blocks, ids)  # what is within takes identifiers before the next section does
    return found


def words(spans: Words) -> Markup:
    """Return a run of words as HTML."""
    return Markup("").join(map(_span, spans)).strip()


def line(text: str) -> Markup:
    """Return text from anywhere as one harmless line."""
    return escape(in_line(text))


def address(file: str) -> str:
    """Return the address of a file beside a page: no name of a file leads elsewhere."""
    return quote(file, safe="/.-_~")


def table(columns: Sequence[Column], caption: Words = ()) -> Markup:
    """Return columns as a table; the first that names something heads its rows."""
    head = next((i for i, column in enumerate(columns) if column.naming), 0)
    sides = [Markup(' class="l"') if column.left else "" for column in columns]
    heads = Markup("").join(
        Markup('<th scope="col"{}>{}</th>').format(side, line(column.header))
        for side, column in zip(sides, columns, strict=True)
    )
    lines = zip(*(column.cells for column in columns), strict=True)
    body = Markup("\n").join(
        Markup("<tr>{}</tr>").format(
            Markup("").join(
                Markup('<th scope="row"{}>{}</th>' if i == head else "<td{}>{}</td>").format(side, line(cell))
                for i, (side, cell) in enumerate(zip(sides, cells, strict=True))
            )
        )
        for cells in lines
    )
    told = Markup("<caption>{}</caption>").format(words(caption)) if caption else ""
    whole = Markup("<table>{}<thead><tr>{}</tr></thead><tbody>\n{}\n</tbody></table>").format(told, heads, body)
    return wide(in_words(caption) or "table", whole)


def wide(label: str, content: Markup) -> Markup:
    """Return a table, called as the label says, in a part of the page that is scrolled by itself."""
    return Markup('<div class="wide" tabindex="0" role="region" aria-label="{}">{}</div>').format(label, content)


def drawn_table(title: str, heads: Sequence[str], lines: Iterable[Markup], *, right: Container[str] = ()) -> Markup:
    """Return a table of lines that are markup, of cells that are aligned themselves.

    Arguments:
        title: its caption.
        heads: of its columns.
        lines: each begins with `<tr>`.
        right: the heads of figures, which are aligned right.
    """
    told = Markup("").join(
        Markup("<th scope=col{}>{}").format(Markup("" if head in right else ' class="l"'), line(head)) for head in heads
    )
    table = Markup('<table class="drawn"><caption>{}</caption><thead><tr>{}</thead><tbody>\n{}</tbody></table>').format(
        line(title), told, Markup("\n").join(lines)
    )
    return wide(in_line(title), table)


def _blocks(
    blocks: Iterable[Block | Markup | Passage], ids: Identifiers, level: int, caption: Words
) -> Iterator[Markup]:
    for block in blocks:
        if isinstance(block, Markup):
            yield block
        elif isinstance(block, Section | Passage):
            yield section(block.title, block.blocks, ids, level)
        else:
            yield _block(block, caption)


def section(title: Words, blocks: Sequence[Block | Markup | Passage], ids: Identifiers, level: int) -> Markup:
    """Return a titled part of a page; its tables are called as it is, from the second on with their number."""
    name, tables = ids(in_words(title)), 0
    inner = []
    for each in blocks:
        tables += isinstance(each, Table)
        caption = [*title, f", {tables}"] if tables > 1 else title
        inner.append(html([each], ids, level + 1, caption))
    return Markup('<section><h{1} id="{0}">{2}</h{1}>\n{3}\n</section>').format(
        name, min(level, DEEPEST), words(title), Markup("\n").join(inner)
    )


def _block(block: Paragraph | Listing | Table | Commands | Image | Quote | Docstring, caption: Words) -> Markup:
    match block:
        case Paragraph(spans):
            return Markup("<p>{}</p>").format(words(spans))
        case Listing(items):
            return Markup("<ul>{}</ul>").format(Markup("").join(Markup("<li>{}").format(words(i)) for i in items))
        case Table(columns):
            return table(columns, caption)
        case Commands(text):
            return Markup('<pre tabindex="0"><code>{}</code></pre>').format(printable(text.strip()))
        case Image(file):
            return Markup('<p><img class="plot" loading="lazy" src="{}" alt="{}"></p>').format(
                address(file), in_line(block.alternative)
            )
        case Quote(spans):
            return Markup("<blockquote><p>{}</p></blockquote>").format(words(spans))
        case Docstring(summary, text):
            return Markup("<details><summary>{}</summary><pre>{}</pre></details>").format(
                line(summary), printable(text)
            )


def _span(span: str | Wording | CodeSpan | Strong | Link) -> Markup:
    match span:
        case Wording(text):
            return escape(text)
        case CodeSpan(text):
            return Markup("<code>{}</code>").format(in_line(text))
        case Strong(text):
            return Markup("<strong>{}</strong>").format(in_line(text.strip()))
        case Link(text, file):
            return Markup('<a href="{}">{}</a>').format(address(file), in_line(text))
        case _:
            return line(span)
