"""`harness site`: which folders become pages, and mistakes in one line."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest
import shell
from documents import make_document
from site_pages import faults

from harness.cli import installed
from harness.commands import DocumentKind
from harness.views.page import Paragraph
from harness.views.site.entry import Entry, Sheet

BOARDS = Path(__file__).parents[2] / "leaderboards"


@pytest.fixture
def folder(tmp_path):
    """Two published boards, one of them of bounds, and a folder that holds nothing."""
    found = tmp_path / "boards"
    for name in ("made", "empty"):
        (found / name).mkdir(parents=True)
    (found / "made" / "leaderboard.json").write_text(json.dumps(make_document()))
    shutil.copytree(BOARDS / "bounds", found / "bounds")
    return found


def files(out):
    return {str(each.relative_to(out)): each.read_bytes() for each in out.rglob("*") if each.is_file()}


def test_folders_with_documents_become_pages(folder, tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "more.md").write_text("# More\n\n## So it is\n")
    (tmp_path / "README.md").write_text("# Us\n\n[more](docs/more.md#so-it-is), [made](boards/made/README.md)\n")
    done = shell.called("site", folder, "--out", tmp_path / "site", "--docs", tmp_path / "docs")
    assert done.returncode == 0, done.stderr
    assert "2 boards, 390 pages" in done.stdout
    assert done.stderr == f"harness: {folder / 'empty'} holds no document; left out\n"
    written = files(tmp_path / "site")
    assert not faults(written)
    assert b"Which design is best?" in written["index.html"]
    assert b"Which bound is valid" in written["index.html"]
    # What harness show tells of an installed component stands on its page.
    assert b"Karras et al., arXiv 2206.00364, algorithm 1" in written["components/sampler-heun.html"]
    front = written["docs/index.html"].decode()
    assert 'href="more.html#so-it-is"' in front
    assert 'href="../boards/made/index.html"' in front


def test_mistakes_are_one_line(folder, tmp_path):
    out = tmp_path / "site"
    shell.assert_one_line(shell.called("site", tmp_path / "none", "--out", out), "none")
    shell.assert_one_line(shell.called("site", folder), "--out")


def test_what_cannot_become_a_page_takes_nothing_else_with_it(folder, tmp_path):
    out = tmp_path / "site"
    os.mkdir(os.fsencode(folder) + b"/bad\xff")
    shutil.copy(folder / "made" / "leaderboard.json", os.fsencode(folder) + b"/bad\xff/leaderboard.json")
    (folder / "newer").mkdir()
    (folder / "newer" / "leaderboard.json").write_text('{"schema_version": 99}')
    done = shell.called("site", folder, "--out", out)
    assert done.returncode == 2
    assert "newer/leaderboard.json: schema_version: 99 is newer" in done.stderr
    assert "the folder's name holds what is no text; rename it; left out" in done.stderr
    assert f"2 folders of {folder} left out, as above; the site has the others" in done.stderr.splitlines()[-1]
    assert {each.name for each in (out / "boards").iterdir()} == {"made", "bounds"}


def test_a_folder_without_documents_is_refused(tmp_path):
    (tmp_path / "nothing").mkdir()
    shell.assert_one_line(
        shell.called("site", tmp_path / "nothing", "--out", tmp_path / "site"), "has no folder with a document"
    )


def test_documentation_that_cannot_be_read_is_one_line(folder, tmp_path, monkeypatch):
    from harness.cli.site import _documents
    from harness.errors import HarnessError

    shell.assert_one_line(
        shell.called("site", folder / "made", "--out", tmp_path / "site", "--docs", tmp_path / "none"), "none"
    )
    with pytest.raises(HarnessError, match="has no page in Markdown"):
        _documents(folder, folder, ())
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_bytes(b"\xff")
    with pytest.raises(HarnessError, match="cannot be read"):
        _documents(tmp_path / "docs", folder, ())
    (tmp_path / "docs" / "a.md").write_text("# A")
    (tmp_path / "docs" / "secret.md").symlink_to("/etc/hostname")
    with pytest.raises(HarnessError, match=r"secret.md is a link; a page of .* is a file in it"):
        _documents(tmp_path / "docs", folder, ())
    (tmp_path / "docs" / "secret.md").unlink()
    monkeypatch.setitem(sys.modules, "markdown_it", None)
    with pytest.raises(HarnessError, match=r"pip install 'diffusion-harness\[docs\]'"):
        _documents(tmp_path / "docs", folder, ())


class Offered:
    """A kind of document of an installed package."""

    name = "verdicts.json"

    def __init__(self, kind):
        self.kind = kind

    def document(self):
        return self.kind


def site(folder, monkeypatch, kind):
    from harness.cli.site import _entry

    monkeypatch.setattr(installed, "documents", lambda: [Offered(kind)])
    (folder / "verdicts.json").write_text("{}")
    return _entry(folder)


def test_a_package_brings_its_own_page(tmp_path, monkeypatch):
    own = Entry(Sheet(["Verdicts"], [Paragraph(["All of them."])]), "Is it so?")
    kind = DocumentKind(lambda *_: "", site=lambda source: own)
    assert site(tmp_path, monkeypatch, kind) is own


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (DocumentKind(lambda *_: ""), "has no page on a site"),
        (DocumentKind(lambda *_: "", site=lambda source: "<h1>"), "gave str to the site, no Entry"),
    ],
)
def test_a_package_without_a_page_is_told(tmp_path, monkeypatch, kind, message):
    from harness.errors import HarnessError

    with pytest.raises(HarnessError, match=message):
        site(tmp_path, monkeypatch, kind)
