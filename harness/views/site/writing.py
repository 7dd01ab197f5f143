"""Writing the site: entries as pages in a folder, all drawn before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from harness.results.document import DocumentError
from harness.views.page import in_line, in_words
from harness.views.site.compare import SCRIPT as COMPARE
from harness.views.site.component_pages import Explanation
from harness.views.site.entry import Entry, Sheet
from harness.views.site.shared import Shared, shared_pages
from harness.whole_files import write_whole

if TYPE_CHECKING:
    from jinja2 import Environment

INDEX, STYLE, SCRIPT, FILES = "index.html", "site.css", "site.js", "site-files.txt"
"""The files of the site itself; the last lists all others, which the next writing replaces."""

BOARDS = "boards"
"""The folder of all boards: none can take the name of a file of the site."""

LARGEST = 300_000
"""Bytes that a page should have at most."""

TITLE = "Leaderboards"

NOTHING: Mapping[str, Sheet] = MappingProxyType({})


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        pages: how many pages there are.
        large: pages of more than `LARGEST` bytes, with their sizes.
    """

    pages: int
    large: Mapping[str, int]


def site_files(
    entries: Mapping[str, Entry], explained: Sequence[Explanation] = (), documents: Mapping[str, Sheet] = NOTHING
) -> dict[str, bytes]:
    """Return every file of the site by its path.

    Arguments:
        entries: documents by the names that they have on it.
        explained: what installed components tell of themselves.
        documents: the pages of the documentation, by their files.
    """
    shared = shared_pages(entries, explained, documents)
    files = {name: (Path(__file__).parent / name).read_bytes() for name in (STYLE, SCRIPT, COMPARE)}
    files[INDEX] = _index(entries, shared).encode()
    files |= {file: _page(sheet, _home(file.count("/"))).encode() for file, sheet in shared.pages.items()}
    for name, entry in entries.items():
        folder = f"{BOARDS}/{name}"
        files[f"{folder}/{INDEX}"] = _page(entry.sheet, _home(2), name, entry).encode()
        files |= {f"{folder}/{file}": content for file, content in entry.files.items()}
        for file, sheet in entry.further.items():
            above = file.count("/")
            trail = [*_home(2 + above), (in_line(name), f"{'../' * above}{INDEX}")]
            files[f"{folder}/{file}"] = _page(sheet, trail, name).encode()
    return files


def _home(depth: int) -> list[tuple[str, str]]:
    """Return the way from a page that lies so many folders deep to the index."""
    return [(TITLE, f"{'../' * depth}{INDEX}")]


def write_site(
    entries: Mapping[str, Entry],
    out: Path,
    explained: Sequence[Explanation] = (),
    documents: Mapping[str, Sheet] = NOTHING,
) -> Written:
    """Write the site into a new or an empty folder, or in place of one that was written before.

    Arguments:
        entries: as `site_files`.
        out: the folder.
        explained: as `site_files`.
        documents: likewise.

    Raises:
        DocumentError: the folder holds something else, or cannot be written.
    """
    files = site_files(entries, explained, documents)
    try:
        former = _former(out)
        for name, content in files.items():
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            write_whole(out / name, content)
        write_whole(out / FILES, "".join(f"{name}\n" for name in sorted(files)).encode())
        for name in former - files.keys():
            (out / name).unlink(missing_ok=True)
            _remove_empty(out, (out / name).parent)
    except OSError as error:
        raise DocumentError(f"{out} cannot be written: {error.strerror or error}") from error
    pages = {name: len(content) for name, content in files.items() if name.endswith(".html")}
    return Written(len(pages), {name: size for name, size in pages.items() if size > LARGEST})


def _former(out: Path) -> set[str]:
    """Return the files that were written into a folder before; refuse one that holds something else."""
    if out.exists() and not out.is_dir():
        raise DocumentError(f"{out} is a file; write the site into a folder")
    if not (out / FILES).is_file():
        if out.is_dir() and any(out.iterdir()):
            raise DocumentError(f"{out} holds something else than a site; write it into a new or an empty folder")
        return set()
    listed = (out / FILES).read_text(encoding="utf-8").splitlines()
    whole = out.resolve()
    return {name for name in listed if (out / name).resolve().is_relative_to(whole) and (out / name).is_file()}


def _remove_empty(out: Path, folder: Path) -> None:
    """Remove a folder of the site and those above it as far as nothing is left in them."""
    while folder != out and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _index(entries: Mapping[str, Entry], shared: Shared) -> str:
    from markupsafe import Markup

    from harness.views.site.markup import address, words

    # In the order of the entry that tells most.
    telling = sorted((entry.facts for entry in entries.values()), key=len, reverse=True)
    heads = list(dict.fromkeys(head for facts in telling for head in facts))
    told = [
        {
            "file": f"{BOARDS}/{address(name)}/{INDEX}",
            "name": in_line(name),
            "question": in_line(entry.question),
            "facts": {head: in_line(fact) for head, fact in entry.facts.items()},
        }
        for name, entry in entries.items()
    ]
    beside: dict[str, object] = {"highlights": [words(each) for each in shared.highlights], "links": shared.links}
    beside["targets"] = [(in_line(name), file) for name, file in shared.targets.items()]
    body = Markup(_templates().get_template("index.html").render(heads=heads, entries=told, **beside))
    return _rendered(title=TITLE, heading=TITLE, root="", body=body)


def _page(sheet: Sheet, trail: Sequence[tuple[str, str]], name: str = TITLE, entry: Entry | None = None) -> str:
    """Return a page.

    Arguments:
        sheet: its title and parts.
        trail: the way to it, words and addresses; the first leads to the index.
        name: of its board.
        entry: whose own page it is; None for any other.
    """
    from harness.views.site.markup import Identifiers, address, contents, html, words

    root = trail[0][1].removesuffix(INDEX)
    return _rendered(
        title=f"{in_words(sheet.title)} · {in_line(name)}",
        heading=words(sheet.title),
        root=root,
        trail=trail,
        scripts=[*sheet.scripts, *([f"{root}{SCRIPT}"] if entry else [])],
        question=in_line(entry.question) if entry else "",
        downloads=[(address(file), words) for file, words in entry.downloads.items()] if entry else [],
        contents=sheet.contents or (contents(sheet.parts, Identifiers()) if entry or not root else []),
        body=html(sheet.parts, Identifiers(), caption=sheet.title),
    )


def _rendered(**values: object) -> str:
    blank = {"trail": [], "scripts": [], "question": "", "downloads": [], "contents": []}
    return _templates().get_template("page.html").render(**(blank | values))


@cache
def _templates() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
