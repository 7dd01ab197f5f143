"""What the site tells of several boards and designs at once: pages say what the documents hold, and no more."""

import copy
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from documents import make_document
from site_pages import Parsed, faults

from harness.axes import crossed
from harness.results.across import across_targets
from harness.results.component_standings import ComponentName
from harness.results.differences import differences
from harness.results.leaderboard import CertificateSummary, Estimate, Leaderboard
from harness.results.sections import sections
from harness.views.differences import summary
from harness.views.digits import number, with_interval
from harness.views.site.across import highlights, on_board
from harness.views.site.answers import answer
from harness.views.site.boards import leaderboard_entry
from harness.views.site.component_pages import Explanation
from harness.views.site.documentation import Sources, documentation
from harness.views.site.row_pages import RowNames, component_file
from harness.views.site.writing import site_files

ROOT = Path(__file__).parents[2]
HEUN = Explanation(
    "sampler", "heun", "diffusion-harness", "0.1.0", "Heun's method.", "x' = x + h f", "Heun 1900", "",
    [("churn", "0.0", "number, ≥ 0", "noise that is added")],
)  # fmt: skip


@pytest.fixture(scope="module")
def board():
    return Leaderboard.validate(make_document())


@pytest.fixture(scope="module")
def files(board):
    """The site of one board."""
    return site_files({"quick": leaderboard_entry(board)}, [HEUN])


@pytest.fixture
def little(small):
    return Leaderboard.validate(small)


def text_of(files, name):
    return " ".join("".join(Parsed(files[name].decode()).text).split())


def table_rows(files, name, caption):
    """The cells of each row of a table's body, as text; end tags of cells are left out there."""
    page = files[name].decode()
    body = re.search(rf"<caption>{re.escape(caption)}.*?<tbody>(.*?)</tbody>", page, re.DOTALL)[1]
    rows = re.split(r"<tr>", body)[1:]
    return [[re.sub(r"<[^>]+>", "", cell).strip() for cell in re.split(r"<t[hd][^>]*>", row)[1:]] for row in rows]


# Across targets


def test_the_page_across_targets_has_the_numbers_of_the_standings(board, files):
    found = across_targets("quick", board, trained=True)
    rows = table_rows(files, "boards/quick/across.html", "Trained designs of quick")
    assert len(rows) == len(found.standings)
    names = RowNames(board.rows)
    for cells, standing in zip(rows, found.standings, strict=True):
        assert f"{100 * standing.place.win_rate:.0f} %" in cells
        assert f"{standing.may_be_best} of {standing.targets}" in cells
        missing = sum(row is None for row in standing.rows)
        assert cells[-len(standing.rows) :].count("") == missing
    led = {each["href"] for _, each in Parsed(files["boards/quick/across.html"].decode()).all("a")}
    assert {f"r/{names(row)}.html" for each in found.standings for row in each.rows if row} <= led
    assert "quick:" in text_of(files, "index.html")


def test_a_board_of_one_target_has_no_such_page(little):
    files = site_files({"one": leaderboard_entry(little)})
    assert "boards/one/across.html" not in files
    assert not faults(files)


def with_sets(document, sets):
    """The document with rank sets by a function of the place of a design among those ranked on both targets."""
    document = copy.deepcopy(document)
    names = [axis for axis in crossed() if axis != "target"]
    by_design = {}
    for row in document["rows"]:
        by_design.setdefault(json.dumps([row[name] for name in names] + [row["train_steps"]]), []).append(row)
    both = [rows for rows in by_design.values() if all(row["status"] == "ok" for row in rows)]
    both.sort(key=lambda rows: rows[0]["metrics"]["sliced-wasserstein"]["value"])
    n = len(document["rows"]) // 2
    for row in document["rows"]:
        row |= {"rank": n, "rank_low": n, "rank_high": n, "violations": []}
    for place, rows in enumerate(both):
        for target, row in enumerate(rows):
            low, high = sets(place, target, len(both))
            row |= {"rank": low, "rank_low": low, "rank_high": high}
            for name in row["metrics"]:
                row["metrics"][name] = {"value": float(low), "low": float(low), "high": float(high), "n_seeds": 3}
    ends = [row for row in document["rows"] if row["rank"] == n and row["status"] == "ok"]
    for row in ends:
        row["metrics"] = {"sliced-wasserstein": {"value": 999.0, "low": 999.0, "high": 999.0, "n_seeds": 3}}
    return Leaderboard.validate(document | {"effects": [], "interactions": [], "agreement": []})


def concluded(board):
    ((words, *_),) = [each[1:] for each in highlights({"q": on_board("q", board)})]
    return words


def test_the_conclusion_says_what_may_be_best_on_every_target(document):
    """One design is told worse than no other; then two are; then on each target another one is."""
    one = concluded(with_sets(document, lambda i, target, n: (1, 1) if i == 0 else (2, n)))
    assert re.search(
        r"One of \d+ designs may be best on all 2 targets \(ring and digits\), none is told better there: ", one
    )
    # The third's set holds the second rank: it overlaps with those of the first two, and yet is told worse than one.
    two = concluded(with_sets(document, lambda i, target, n: (1, 2) if i < 2 else (2, n)))
    assert re.search(r"^ 2 of \d+ designs may be best on all 2 targets", two)
    none = concluded(with_sets(document, lambda i, target, n: (1, 1) if i == target else (2, n)))
    assert "No design may be best on all 2 targets" in none
    assert re.search(
        r"Of \d+ ranked on all of them it has the largest win rate, 100 %; wherever rank sets let them be", one
    )
    assert re.search(r"has the largest win rate, \d+ %; the places of \d+ of \d+ others overlap with its own\.$", two)


def test_places_overlap_only_where_either_may_be_before_the_other(document):
    """Ranked on one target alone and first there, a design is not counted among those that are ranked on both."""
    board = with_sets(document, lambda i, target, n: (i + 2, i + 2))
    alone = next(row for row in board.rows if row.ok and row.rank == len(board.rows) // 2)
    first = {"rank": 1, "rank_low": 1, "rank_high": 1, "metrics": {"sliced-wasserstein": Estimate(
        value=1.0, low=1.0, high=1.0, n_seeds=3)}}  # fmt: skip
    rows = [row.model_copy(update=first) if row is alone else row for row in board.rows]
    (found,) = on_board("q", board.model_copy(update={"rows": rows}))
    assert [each.targets for each in found.standings] == sorted((e.targets for e in found.standings), reverse=True)
    (told,) = highlights({"q": [found]})
    both = sum(each.targets == 2 for each in found.standings)
    assert both < len(found.standings)
    assert re.search(rf"Of {both} ranked on all of them .* has the largest win rate, 100 %", told[1])
    assert told[1].endswith("wherever rank sets let them be, its mean place is before that of all others of these.")


# Components


def test_a_component_that_is_installed_tells_what_it_is_and_another_that_it_is_not(files):
    page = text_of(files, "components/sampler-heun.html")
    for said in (HEUN.description, HEUN.formula, HEUN.source, "noise that is added", "number, ≥ 0"):
        assert said in page
    assert "not installed where this site was made" not in page
    assert "not installed where this site was made" in text_of(files, "components/sampler-analytic.html")
    assert "not installed where this site was made" in text_of(files, "components.html")


def test_each_row_leads_to_its_components_and_these_to_their_effects(board, files):
    row = board.rows[0]
    page = Parsed(files[f"boards/quick/r/{RowNames(board.rows)(row)}.html"].decode())
    for axis in crossed():
        name = component_file(ComponentName.of(axis, row.component(axis)))
        assert f"../../../{name}" in page.attributes("href")
    told = [e for e in board.effects if e.axis == "sampler" and e.choice == "heun"]
    assert told
    assert len(table_rows(files, "components/sampler-heun.html", "Effects on boards")) == len(told)


def test_how_many_effects_chance_would_tell_stands_beside_those_that_are(board, files):
    """Of the numbers of steps no component tells: they are no component's choice."""
    mine = [each for each in board.effects if each.axis in crossed()]
    better, worse = (sum(test(each) for each in mine) for test in (lambda e: e.high < 1, lambda e: e.low > 1))
    page = text_of(files, "components.html")
    assert (
        f"Of {len(mine)} effects, {better} are told better than the mean of the choices beside it, {worse} worse"
        in page
    )
    chance = f"about {number(0.05 * len(mine))} of {len(mine)} intervals (5 %) would be told better or worse by chance"
    assert f"Each interval holds with 95 %: if no choice had an effect, {chance}." in page
    assert "about 0.100 of 2 intervals (5 %)" in text_of(files, "components/sampler-heun.html")


def test_the_page_of_a_target_has_each_boards_answer(board, files):
    page = text_of(files, "components/target-digits.html")
    assert dict(answer(board))["digits"] in page
    assert 'href="components/target-digits.html"' in files["index.html"].decode()


def test_a_certificate_is_told(little):
    told = CertificateSummary(
        axis="sampler", component=little.rows[0].sampler, standing="failed", passed=3, failed=1, unclaimed=0
    )
    files = site_files({"quick": leaderboard_entry(little.model_copy(update={"certificates": [told]}))})
    name = component_file(ComponentName.of("sampler", little.rows[0].sampler))
    assert re.search(r"standing.*failed310", text_of(files, name))
    assert "No board tells a certificate" in text_of(files, "components/network-mlp.html")


@pytest.mark.parametrize("name", ["Heun", "../../index", "con\x07", "é", "a" * 60, "heun-"])
def test_a_name_that_is_no_plain_one_gives_a_digest(name):
    found = component_file(ComponentName("sampler", "diffusion-harness", name))
    assert re.fullmatch(r"components/sampler--[0-9a-f]{32}\.html", found)
    theirs = component_file(ComponentName("sampler", "theirs", "heun"))
    assert theirs != component_file(ComponentName("sampler", "diffusion-harness", "heun"))


# Compare


def compared(files, name):
    text = re.search(r"JSON.parse\('(.*)'\);\n$", files[f"boards/{name}/rows.js"].decode(), re.DOTALL)[1]
    return json.loads(re.sub(r"\\(['\\])", r"\1", text))


def test_what_is_compared_is_what_the_document_holds(board, files):
    data, names = compared(files, "quick"), RowNames(board.rows)
    for section in sections(board):
        target = data["targets"][section.target]
        assert target["rows"].keys() == {names(row) for row in section.rows}
        for row in section.rows:
            own, ranks, status, cost, metrics, bounds = target["rows"][names(row)]
            assert ranks == ([row.rank, row.rank_low, row.rank_high] if row in section.ranked else None)
            assert bool(status) == (ranks is None)
            assert cost == [row.nfe, row.compute]
            for label, value in zip(target["metrics"], metrics, strict=True):
                entry = row.metrics.get(label)
                assert value == (entry and [with_interval(entry.value, entry.low, entry.high), entry.low, entry.high])
            assert len(bounds) == len(target["bounds"])
            assert len(own) == len(target["fields"])


def test_without_a_script_the_page_to_compare_leads_to_the_board(files):
    page = Parsed(files["boards/quick/compare.html"].decode())
    assert page.all("noscript")
    assert "index.html" in page.attributes("href")


def test_the_script_that_compares_asks_for_nothing_and_writes_no_markup():
    text = site_files({})["compare.js"].decode()
    assert not re.search(r"https?:|//[a-z]|@import|fetch\(|XMLHttpRequest|innerHTML|eval\(", text.replace("// ", ""))


@pytest.mark.skipif(shutil.which("node") is None, reason="no node to read scripts with")
@pytest.mark.parametrize("name", ["site.js", "compare.js"])
def test_scripts_are_read_by_an_engine(name, tmp_path):
    (tmp_path / name).write_bytes(site_files({})[name])
    done = subprocess.run(["node", "--check", tmp_path / name], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


STAND_IN = """
class Node {
  constructor(tag) { this.tag = tag; this.parts = []; this.textContent = ""; this.classList = {}; }
  append(...parts) { this.parts.push(...parts); }
  replaceChildren(...parts) { this.parts = parts; }
  add(part) { this.parts.push(part); }
  setAttribute() {}
  addEventListener() {}
  querySelector() { return null; }
}
class Option {}
const place = new Node("div");
const document = { getElementById: () => place, createElement: (tag) => new Node(tag) };
const window = { addEventListener() {} };
const history = { replaceState() {} };
const location = { hash: process.argv[2] };
"""
"""As much of a browser as the script that compares takes."""


@pytest.mark.skipif(shutil.which("node") is None, reason="no node to run scripts with")
@pytest.mark.parametrize(
    ("sets", "said"),
    [
        ([(1, 1, 2), (3, 2, 3)], "By kl the rank sets of A and B overlap: whether they are told apart does not follow "
         "from the document."),
        ([(1, 1, 2), (3, 3, 3)], "By kl A is better than B: their rank sets do not overlap."),
        ([(1, 1, 1), (2, 2, 3), (3, 2, 3)], "By kl A is better than B, A is better than C: their rank sets do not "
         "overlap; by kl the rank sets of B and C overlap: whether they are told apart does not follow from the "
         "document."),
    ],
)  # fmt: skip
def test_of_rank_sets_that_overlap_the_script_says_nothing(sets, said, tmp_path):
    """Sets [1, 2] and [2, 3] overlap though their designs may be told apart."""
    rows = {f"r{i}": [["x"], list(each), "", [1, None], [], []] for i, each in enumerate(sets)}
    target = {"metric": "kl", "fields": ["sampler"], "metrics": [], "bounds": [], "same": [], "rows": rows}
    data = json.dumps({"folder": "r", "targets": {"ring": target}})
    script = site_files({})["compare.js"].decode()
    told = "console.log(place.parts[1].textContent);"
    (tmp_path / "x.js").write_text(f"{STAND_IN}\nconst boardRows = {data};\n{script}\n{told}")
    command = ["node", tmp_path / "x.js", f"#rows={','.join(rows)}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, said), done.stderr


# One suite twice


def test_one_suite_twice_is_told_apart_as_harness_diff_does(small, little):
    changed = copy.deepcopy(small)
    for row in changed["rows"]:
        row["violations"] = []
        for name in ("value", "low", "high"):
            if row["metrics"]:
                row["metrics"]["kl"][name] *= 1e3
    after = Leaderboard.validate(changed)
    files = site_files({"new": leaderboard_entry(after), "old": leaderboard_entry(little)})
    assert not faults(files)
    page = text_of(files, "changes/1.html")
    for said in summary(differences(after, little)):
        assert said in page
    assert "From new to old" in text_of(files, "index.html")
    assert not [name for name in site_files({"old": leaderboard_entry(little)}) if name.startswith("changes/")]


# Documentation

DOCS = {
    "README.md": "# Front\n\n[theory](docs/theory.md#the-mathematics--of-it), [a board](leaderboards/quick/README.md), "
    "[none](leaderboards/none/), [code](harness/x.py)\n",
    "docs/theory.md": "# Theory\n\n## The *mathematics* & of it\n\n| a | b |\n| --- | ---: |\n| `x` | 1<br>2 |\n\n"
    "| c |\n| --- |\n| d |\n\n<script>alert(1)</script> <b onclick='x'>y</b>\n\n```sh\nls <a>\n```\n\n"
    "[front](../README.md) [up](#the-mathematics--of-it) ![a picture](p.png) [j](javascript:alert)\n\n# Again\n",
}


def pages(texts, names=("quick",)):
    return documentation(Sources(texts, "leaderboards", names))


def test_pages_in_markdown_become_pages_that_hold_together(little):
    files = site_files({"quick": leaderboard_entry(little)}, documents=pages(DOCS))
    assert not faults(files)
    front = Parsed(files["docs/index.html"].decode())
    led = front.attributes("href")
    assert "theory.html#the-mathematics--of-it" in led
    assert "../boards/quick/index.html" in led
    assert not [each for each in led if "none" in each or "harness" in each]
    theory = Parsed(files["docs/theory.html"].decode())
    assert not theory.all("script", "b", "img")
    assert [value for _, each in theory.all("h2") for value in each.values()] == ["the-mathematics--of-it", "again"]
    assert "<script>alert(1)</script>" in text_of(files, "docs/theory.html")
    assert "Documentation" in text_of(files, "index.html")


def test_without_a_front_page_there_is_a_list():
    found = pages({"docs/theory.md": DOCS["docs/theory.md"].replace("[front](../README.md) ", "")})
    assert list(found) == ["docs/index.html", "docs/theory.html"]


def test_the_documentation_of_this_repository_holds_together():
    """Its anchors too: what GitHub leads to is there. Boards are as none."""
    texts = {f"docs/{file.name}": file.read_text() for file in sorted((ROOT / "docs").glob("*.md"))}
    files = site_files({}, documents=pages({**texts, "README.md": (ROOT / "README.md").read_text()}, ()))
    assert not faults(files)
    assert len(files) > len(texts)
