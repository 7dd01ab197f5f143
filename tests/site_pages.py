"""Pages of the site as a parser sees them: what must hold of each, without a browser."""

import re
import unicodedata
from collections import Counter
from functools import lru_cache
from html.parser import HTMLParser
from itertools import pairwise
from posixpath import dirname, join, normpath
from urllib.parse import unquote

VOID = {"meta", "link", "img", "input", "br", "hr"}
OPTIONAL = {"td", "th", "tr", "li", "tbody", "thead", "p", "option"}
"""Elements whose end tags HTML does without."""


class Parsed(HTMLParser):
    """A page: its elements with their attributes, its text, and end tags that close nothing."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.text, self.open, self.stray = [], [], [], []
        self.named = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self._element(tag, attrs)
        assert len(attrs) == len(dict(attrs)), (tag, attrs)
        if tag not in VOID and tag not in OPTIONAL:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self._element(tag, attrs)

    def _element(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        for name, value in attrs:
            self.named.setdefault(name, []).append(value)

    def handle_endtag(self, tag):
        if tag in OPTIONAL:
            return
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.stray.append(tag)

    def handle_data(self, data):
        self.text.append(data)

    def all(self, *tags):
        return [(tag, attributes) for tag, attributes in self.elements if tag in tags]

    def attributes(self, name):
        return self.named.get(name, [])


class Pages(dict):
    """The pages of a site by path, each parsed when it is first asked for."""

    def __init__(self, files):
        super().__init__()
        self.files = files

    def __missing__(self, name):
        self[name] = page = Parsed(self.files[name].decode())
        return page


def faults(files, seen=lambda name: True):
    """What is wrong with a site, from its files by path: a list of sentences, empty for one that is as it should be.

    `seen` chooses the pages that are looked at, by path.
    """
    pages = Pages(files)
    found = []
    for name in [name for name in files if name.endswith(".html") and seen(name)]:
        page = pages[name]
        found += [f"{name}: {each}" for each in _of_page(page)]
        found += [f"{name}: {each}" for each in _links(name, page, pages, files)]
        found += [f"{name}: {len(files[name])} bytes"] * (len(files[name]) > 320_000)
    return found


def _of_page(page):
    yield from (f"</{tag}> closes nothing" for tag in page.stray)
    yield from (f"<{tag}> is not closed" for tag in page.open)
    yield from (f"id {each} occurs {n} times" for each, n in Counter(page.attributes("id")).items() if n > 1)
    levels = [int(tag[1]) for tag, _ in page.all("h1", "h2", "h3", "h4", "h5", "h6")]
    if levels.count(1) != 1 or levels[0] != 1:
        yield f"headings {levels}: one of the first level has to come first"
    yield from (f"a heading of level {b} below {a}" for a, b in pairwise(levels) if b > a + 1)
    regions = Counter(each["aria-label"] for _, each in page.elements if each.get("role") == "region")
    yield from (f"{n} regions are called {each!r}" for each, n in regions.items() if n > 1)
    if len(page.all("table")) != len(page.all("caption")):
        yield "a table without a caption"
    yield from ("a table's head without its scope" for _, each in page.all("th") if "scope" not in each)
    yield from ("an image without words" for _, each in page.all("img") if not each.get("alt"))
    yield from (
        f"{tag} {each}" for tag, each in page.elements for key in each if key.startswith("on") or key == "style"
    )
    yield from (f"script {each}" for _, each in page.all("script") if set(each) != {"src", "defer"})
    yield from (f"<{tag}>" for tag, _ in page.all("iframe", "object", "embed", "form", "base"))
    shown = "".join(page.text) + "".join(value or "" for _, each in page.elements for value in each.values())
    yield from (
        f"control character {char!r}"
        for char in sorted(set(shown))
        if unicodedata.category(char) in {"Cc", "Cf"} and char != "\n"
    )


def _links(name, page, pages, files):
    """Yield addresses that lead nowhere, or off the site."""
    here = dirname(name)
    for address in dict.fromkeys([*page.attributes("href"), *page.attributes("src")]):
        if address.startswith("data:image/png;base64,"):
            continue
        if name.startswith("docs/") and address.startswith("https://"):
            continue  # a page of the documentation cites; nothing is asked for before it is clicked
        file, _, part = address.partition("#")
        target = normpath(join(here, unquote(file))) if file else name
        if ":" in file or file.startswith("/") or target not in files:
            yield f"{address!r} leads to no file of the site"
        elif part.startswith("rows="):
            known = _compared(files[join(dirname(target), "rows.js")])
            yield from (f"{row} is no row to compare" for row in part[5:].split(",") if row not in known)
        elif part and part not in pages[target].attributes("id"):
            yield f"{address!r} leads to no part of the page"


@lru_cache
def _compared(script):
    """The names of the rows that are compared on a board."""
    return set(re.findall(r'"([0-9a-f]+)":\[\[', script.decode()))
