"""`harness site`: published leaderboards as a site."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.commands import NewDirectory, Source, warn

if TYPE_CHECKING:
    from harness.views.site.component_pages import Explanation
    from harness.views.site.entry import Entry, Sheet


@click.command("site")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--out", type=NewDirectory(), required=True, help="Where the site is written; one that lies there goes.")
@click.option(
    "--docs",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="A folder of pages in Markdown, which become pages of the site; the README.md beside it is the first.",
)
def command(folder: Path, out: Path, docs: Path | None) -> None:
    """Write the documents in the folders of FOLDER as a site: static pages that need no server and no network.

    Each folder with a leaderboard, or with the document of an installed package, becomes a page, and each row of a
    leaderboard one of its own. So do the folders in a folder without a document, as leaderboards/submissions. What
    cannot become a page is left out, with a line that says why, and the exit status is then not 0.
    """
    from harness.errors import HarnessError
    from harness.views.digits import counted
    from harness.views.publishing import PAGE
    from harness.views.site.writing import LARGEST, write_site

    entries: dict[str, Entry] = {}
    faulty = 0
    for name, place in _places(folder):
        try:
            if (entry := _entry(place)) is not None:
                _check_name(name, place, entries)
                entries[name] = entry
            elif [each.name for each in place.iterdir()] != [PAGE]:
                warn(f"{place} holds no document; left out")
        except HarnessError as error:
            faulty += 1
            warn(f"{error}; left out")
    if not entries:
        raise HarnessError(f"{folder} has no folder with a document; name one whose folders harness publish wrote")
    written = write_site(entries, out, _explained(), _documents(docs, folder, entries) if docs else {})
    for page, size in written.large.items():
        warn(f"{page} has {size} bytes; a page should have at most {LARGEST}")
    click.echo(f"Written: {out}/index.html, {len(entries)} boards, {written.pages} pages")
    if faulty:
        raise HarnessError(f"{counted(faulty, 'folder')} of {folder} left out, as above; the site has the others")


def _places(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the folders that become pages, and what they are called on the site.

    Those within one that holds no document itself, as those that were handed in, are called by both names.
    """
    from harness.cli.documents import holds

    for place in _folders(folder):
        within = [] if holds(place) else _folders(place)
        yield from ((f"{place.name}-{each.name}", each) for each in within) if within else [(place.name, place)]


def _folders(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if each.is_dir())


def _documents(docs: Path, folder: Path, names: Collection[str]) -> Mapping[str, Sheet]:
    """Return the pages of a folder in Markdown, by their files on the site."""
    from harness.errors import HarnessError
    from harness.views.site.documentation import README, Sources, documentation

    front = docs.resolve().parent / README
    files = {f"{docs.resolve().name}/{file.name}": file for file in sorted(docs.glob("*.md"))}
    if link := next((file for file in files.values() if file.is_symlink()), None):
        raise HarnessError(f"{link} is a link; a page of {docs} is a file in it")
    try:
        texts = {
            path: file.read_text(encoding="utf-8") for path, file in {**files, README: front}.items() if file.is_file()
        }
    except (OSError, UnicodeDecodeError) as error:
        raise HarnessError(f"a page of {docs} cannot be read: {error}") from error
    if not files:
        raise HarnessError(f"{docs} has no page in Markdown; name a folder with files *.md")
    return documentation(Sources(texts, folder.resolve().name, names))


def _explained() -> list[Explanation]:
    """Return what every installed component tells of itself."""
    from harness.cli.show import explained
    from harness.registry.discovery import load

    registry = load()
    return [explained(registry, each) for axis in registry.axes for each in registry.classes(axis).values()]


def _check_name(name: str, place: Path, known: Collection[str]) -> None:
    """Check that a folder can be called so on the site; raises HarnessError where it is taken or no text."""
    from harness.errors import HarnessError

    if name.casefold() in {each.casefold() for each in known}:
        raise HarnessError(f"{place} and another folder would both be called {name} on the site; rename one")
    if not name.isprintable():
        raise HarnessError(f"{place}: the folder's name holds what is no text; rename it")


def _entry(place: Path) -> Entry | None:
    """Return what a folder brings to the site; None where it holds no document.

    Raises:
        HarnessError: the document breaks its contract, or its kind has no page on the site.
    """
    from harness.cli.documents import chosen, holds
    from harness.errors import HarnessError
    from harness.views.site.entry import Entry

    if not holds(place):
        return None
    source = Source(place)
    made = chosen(source, "", {}).site
    if made is None:
        raise HarnessError(f"what {place} holds has no page on a site; leave that folder out")
    found = made(source)
    if not isinstance(found, Entry):
        raise HarnessError(f"what {place} holds gave {type(found).__name__} to the site, no Entry")
    return found
