"""Pages: what a published page says, as a tree of sections, and its text in Markdown.

A page is made of values, not of markup: who builds one names titles, words, lists, tables and images, and leaves to a
renderer how each is written and what must be escaped. Today there is one renderer, `markdown`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape

from harness.views.column import Column

_ESCAPES = str.maketrans({char: f"\\{char}" for char in "\\|*`[]<"})


# Words


@dataclass(frozen=True)
class Wording:
    """The harness's own words, which hold no markup; their line breaks stay."""

    text: str


@dataclass(frozen=True)
class CodeSpan:
    """A name, as code."""

    text: str


@dataclass(frozen=True)
class Strong:
    """Words that stand out."""

    text: str


@dataclass(frozen=True)
class Link:
    """Words that lead to a file beside the page."""

    text: str
    file: str


Words = Sequence[str | Wording | CodeSpan | Strong | Link]
"""A run of words. A plain string may come from anywhere, a plugin or a document: whatever it holds is shown, in one
line."""


def prose(text: str, **values: str) -> Words:
    """Return the harness's own words, in which backticks mark code and `{name}` stands for a value from elsewhere."""
    words: list[str | Wording | CodeSpan] = []
    for i, piece in enumerate(text.split("`")):
        if i % 2:
            words.append(CodeSpan(piece))
            continue
        for j, part in enumerate(re.split(r"\{(\w+)\}", piece)):
            words += [values[part] if j % 2 else Wording(part)] if part else []
    return tuple(words)


def listing(text: str) -> Sequence[str]:
    """Return the items of a list that is written with `- ` before each; their line breaks stay."""
    return [item.replace("\n  ", "\n") for item in text.removeprefix("- ").split("\n- ")]


# Blocks


@dataclass(frozen=True)
class Paragraph:
    """Words that stand alone."""

    words: Words


@dataclass(frozen=True)
class Listing:
    """Items below one another."""

    items: Sequence[Words]


@dataclass(frozen=True)
class Table:
    """Columns side by side."""

    columns: Sequence[Column]


@dataclass(frozen=True)
class Commands:
    """What was typed, a command a line."""

    text: str


@dataclass(frozen=True)
class Image:
    """A plot in a file beside the page."""

    file: str

    @property
    def alternative(self) -> str:
        """What stands for it where it cannot be shown: its name in words."""
        return self.file.rpartition(".")[0].replace("-", " ")


@dataclass(frozen=True)
class Quote:
    """Words that were said elsewhere, or that stand out as a whole."""

    words: Words


@dataclass(frozen=True)
class Docstring:
    """A plugin's docstring, line by line, shown only to those who open it below its summary."""

    summary: str
    text: str


@dataclass(frozen=True)
class Section:
    """A titled part of a page; one within another stands a level below it."""

    title: Words
    blocks: Sequence[Block]


Block = Section | Paragraph | Listing | Table | Commands | Image | Quote | Docstring


@dataclass(frozen=True)
class Page:
    """A whole page."""

    title: Words
    blocks: Sequence[Block] = field(default=())


# Markdown


def markdown(page: Page) -> str:
    """Return a page as Markdown, with a newline at the end."""
    return "\n\n".join(_blocks([Section(page.title, page.blocks)], 1)) + "\n"


def in_markdown(text: str) -> str:
    """Make text harmless in a cell or a line of Markdown: one line, nothing in it is markup."""
    return in_line(text).translate(_ESCAPES)


def in_line(text: str) -> str:
    """Put text into one line that a terminal may show."""
    return printable(re.sub(r"\s+", " ", text))


def in_words(words: Words) -> str:
    """Return words as one line of plain text, code in backticks."""
    return in_line("".join(_plain(span) for span in words))


def _plain(span: str | Wording | CodeSpan | Strong | Link) -> str:
    return span if isinstance(span, str) else f"`{span.text}`" if isinstance(span, CodeSpan) else span.text


def printable(text: str) -> str:
    """Replace control characters, which a terminal would obey, wherever a plugin put them."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\n" else " " for char in text)


def markdown_table(columns: Sequence[Column]) -> str:
    """Return columns as a Markdown table, whatever their cells hold."""
    from tabulate import tabulate

    rows = [[_cell(cell) for cell in cells] for cells in zip(*(c.cells for c in columns), strict=True)]
    align = ["left" if column.left else "right" for column in columns]
    heads = [_cell(column.header) for column in columns]
    return tabulate(rows, heads, tablefmt="pipe", colalign=align if rows else None, disable_numparse=True)


def _cell(text: str) -> str:
    return in_markdown(text.strip())


def _blocks(blocks: Iterable[Block], level: int) -> Iterator[str]:
    """Yield the text of each block; a section's title has as many marks as the section is deep."""
    for block in blocks:
        if isinstance(block, Section):
            yield f"{'#' * level} {_words(block.title)}"
            yield from _blocks(block.blocks, level + 1)
        else:
            yield _block(block)


def _block(block: Paragraph | Listing | Table | Commands | Image | Quote | Docstring) -> str:
    match block:
        case Paragraph(words):
            return _words(words)
        case Listing(items):
            return "\n".join("- " + _words(item).replace("\n", "\n  ") for item in items)
        case Table(columns):
            return markdown_table(columns)
        case Commands(text):
            return _fenced(text.strip())
        case Image(file):
            return f"![{block.alternative}]({file})"
        case Quote(words):
            return f"> {_words(words)}"
        case Docstring(summary, text):
            # The summary stands within HTML, where a backslash escapes nothing.
            quoted = "\n".join(f"> {printable(line).translate(_ESCAPES)}".rstrip() for line in text.splitlines())
            return f"<details><summary>{escape(in_line(summary))}</summary>\n\n{quoted}\n\n</details>"


def _words(words: Words) -> str:
    return "".join(map(_span, words)).strip()


def _span(span: str | Wording | CodeSpan | Strong | Link) -> str:
    match span:
        case Wording(text):
            return text
        case CodeSpan(text):
            return f"`{text}`"
        case Strong(text):
            return f"**{in_markdown(text.strip())}**"
        case Link(text, file):
            return f"[{in_markdown(text)}]({file})"
        case _:
            return in_markdown(span)


def _fenced(text: str) -> str:
    """Return commands as a block of code, whatever backticks they have."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}sh\n{text}\n{fence}"
