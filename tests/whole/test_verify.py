"""A published leaderboard is verified, and each kind of change to it is found."""

import copy
import json
import shutil
import sys
from pathlib import Path

import pytest
from shell import called as shell

import harness
from harness.api import verification
from harness.api.submissions import submit
from harness.api.verification import verify
from harness.results.leaderboard import Leaderboard
from harness.running.runner import Options
from harness.views.publishing import publish

SUITE = """
name = "verified-suite"
targets = ["gaussian:dim=2"]
weightings = ["edm", "eps"]
noise_schedules = ["edm"]
time_discretizations = ["polynomial:rho=7", "exponential"]
networks = ["mlp:width=8,depth=1", "exact"]
samplers = ["heun", "exponential-integrator"]
metrics = ["sliced-wasserstein", "path-kl"]
bounds = ["theorem-2"]
rank_by = "sliced-wasserstein"
steps = [4]
seeds = 2
training = { steps = [3], batch_size = 16 }
sampling = { samples = 60 }
"""
COMMAND = "harness run verified-suite.toml"
LOOKED_AT = ["the contract", "what follows from the rows", "the suite", "levels of grids, 2 of 2"]
OPTIONS = Options(workers=1, progress=False)


pytestmark = pytest.mark.usefixtures("drawn_once")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """A small leaderboard, run and published."""
    folder = tmp_path_factory.mktemp("verify")
    (folder / "verified-suite.toml").write_text(SUITE, encoding="utf-8")
    board = harness.run(folder / "verified-suite.toml", out=folder / "out", workers=1, progress=False)
    publish(board.document, folder / "published", COMMAND)
    return folder / "published"


@pytest.fixture(scope="module")
def once(published):
    """Make every row again, once for all tests whose documents ask for the same."""
    with pytest.MonkeyPatch.context() as patch:
        kept, real = {}, verification._run

        def made(suite, combinations, *others):
            asked = suite.model_dump_json(), tuple(combinations)
            if asked not in kept:
                kept[asked] = real(suite, combinations, *others)
            return kept[asked]

        patch.setattr(verification, "_run", made)
        rows = len(Leaderboard.read(published / "leaderboard.json").rows)
        assert verify(published, rows=rows, options=OPTIONS).passed  # all rows, for what is kept
        yield rows


def test_what_was_published_is_what_it_says(published, once):
    found = verify(published, rows=once, seed=1, options=OPTIONS)
    assert found.passed
    assert not found.notes
    assert [each.split(" made again")[0] for each in found.checked[:-1]] == [*LOOKED_AT, "the page and its plots"]


def _first(document, metric="sliced-wasserstein"):
    return next(row for row in document["rows"] if metric in row["metrics"])


def _times(row, metric, factor):
    for part in ("value", "low", "high"):
        if row["metrics"][metric][part] is not None:
            row["metrics"][metric][part] *= factor


def _swap(document):
    a, b = document["rows"][0], document["rows"][1]
    a["metrics"], b["metrics"] = b["metrics"], a["metrics"]


def _trained(document):
    return next(row for row in document["rows"] if row["train_steps"])


def _level(document, factor):
    document["grids"][0]["sigmas"][1] *= factor


CHANGES = {
    # The document alone is looked at: a forger draws the page anew.
    "a value ten times smaller": lambda d: _times(d["rows"][-1], "sliced-wasserstein", 0.1),
    "the best value a little smaller": lambda d: _times(d["rows"][0], "sliced-wasserstein", 0.5),
    "a value in its last digits": lambda d: _times(d["rows"][0], "sliced-wasserstein", 1 - 1e-9),
    "a value of a metric that does not rank": lambda d: _times(_first(d, "path-kl"), "path-kl", 1.01),
    "an interval that is narrower": lambda d: d["rows"][0]["metrics"]["sliced-wasserstein"].update(
        low=d["rows"][0]["metrics"]["sliced-wasserstein"]["value"]
    ),
    "an interval below what is possible": lambda d: d["rows"][0]["metrics"]["sliced-wasserstein"].update(low=-1.0),
    "an interval beside its value": lambda d: d["rows"][0]["metrics"]["sliced-wasserstein"].update(low=1e9),
    "more seeds than there were": lambda d: d["rows"][0]["metrics"]["sliced-wasserstein"].update(n_seeds=9),
    "two rows' values exchanged": _swap,
    "a row left out": lambda d: d["rows"].pop(),
    "a row twice": lambda d: d["rows"].append(copy.deepcopy(d["rows"][-1])),
    "another rank": lambda d: d["rows"][0].update(rank=2, rank_low=1, rank_high=2),
    "a rank set without its rank": lambda d: d["rows"][0].update(rank_low=2),
    "a rank beyond the rows": lambda d: d["rows"][-1].update(rank_high=999),
    "another τ": lambda d: d["agreement"][0].update(kendall_tau=0.0, low=-0.5, high=0.5),
    "τ of more rows": lambda d: d["agreement"][0].update(n=d["agreement"][0]["n"] + 1),
    "an effect of one choice": lambda d: d["effects"][0].update(
        factor=d["effects"][0]["factor"] * 0.8, low=None, high=None
    ),
    "a bound that is smaller": lambda d: _first(d, "path-kl")["bounds"].update(
        {"theorem-2": _first(d, "path-kl")["bounds"]["theorem-2"] * 1e-3}
    ),
    "a term of a budget": lambda d: _first(d, "path-kl")["budget"].update(score=1e3),
    "a violation that is none": lambda d: _first(d, "path-kl")["violations"].append(
        {"bound": "theorem-2", "metric": "path-kl", "value": 1.0, "low": 0.9, "bound_value": 0.1, "bound_high": None}
    ),
    "a metric that is left out": lambda d: d["rows"][-1]["metrics"].pop("sliced-wasserstein"),
    "a mean without an interval": lambda d: d["rows"][-1]["metrics"]["sliced-wasserstein"].update(low=None, high=None),
    "another split of the score term": lambda d: next(row for row in d["rows"] if row["score_split"])["score_split"][
        "score_exact"
    ].update(low=None),
    "fewer evaluations than it took": lambda d: d["rows"][0].update(nfe=1),
    "a smaller compute": lambda d: _trained(d).update(compute=1),
    "another parameter": lambda d: next(r for r in d["rows"] if r["time_discretization"]["params"])[
        "time_discretization"
    ]["params"].update(rho=6.0),
    "a plugin of another version": lambda d: [r["sampler"].update(version="9.9") for r in d["rows"]],
    "a plugin that is not installed": lambda d: [r["sampler"].update(distribution="nowhere") for r in d["rows"]],
    "a failure told as finished": lambda d: d["rows"][-1].update(status="ok", reason="it failed"),
    "a metric that the suite lacks": lambda d: d["rows"][0]["metrics"].update(
        magic={"value": 0.0, "low": None, "high": None, "n_seeds": 1}
    ),
    "a seed that made nothing": lambda d: d["setup"]["seeds"].append(9),
    "a number of steps that no suite takes": lambda d: d["rows"][0].update(steps=10**12),
    "more samples than a suite takes": lambda d: d["setup"].update(samples=10**15),
    "other seeds": lambda d: d["setup"].update(seeds=[5, 6]),
    "fewer samples": lambda d: d["setup"].update(samples=40),
    "a level of a grid": lambda d: _level(d, 1.001),
    "a level in its last digits": lambda d: _level(d, 1 - 1e-12),
    "levels that rise": lambda d: _level(d, 10.0),
    "two grids exchanged": lambda d: d["grids"].reverse(),
    "a grid told to be each seed's": lambda d: d["grids"][0].update(own=True),
    "a grid that no row has": lambda d: d["grids"].append(d["grids"][0]),
    "another checkpoint": lambda d: d["networks"][0]["checkpoints"].__setitem__(1, "0" * 16),
    "two networks exchanged": lambda d: d["networks"].reverse(),
    "a row without its networks": lambda d: _trained(d).update(trained=None),
    "the networks of another row": lambda d: _trained(d).update(trained=1 - _trained(d)["trained"]),
    "less time than training took": lambda d: d["computation"].update(core_seconds=0.0),
    "a shorter training of one row": lambda d: _trained(d)["seconds"].update(train=1e-3),
    "a call that did more than its workers could": lambda d: d["computation"]["calls"][0].update(core_seconds=1e6),
    "a suite with another learning rate": lambda d: d["definition"]["training"].update(learning_rate=0.5),
    "a suite with a sampler less": lambda d: d["definition"]["samplers"].pop(),
    "a suite with a key of its own": lambda d: d["definition"].update(colour="red"),
    "a field of its own": lambda d: d.update(note="verified"),
    "a version to come": lambda d: d.update(schema_version=99),
    "a number as text": lambda d: d["rows"][0].update(steps="4"),
}


def _elsewhere(document):
    """Say that a document was made with another version, so that its rows are compared by intervals."""
    document["environment"]["torch"] = "0.0"
    return document


def _estimate(row, **other):
    row["metrics"]["sliced-wasserstein"] |= other


def _bound(row, factor):
    row["bounds"] = {name: value and value * factor for name, value in row["bounds"].items()}


def _budget(row, factor):
    row["budget"] = {term: value * factor for term, value in row["budget"].items()}


def _untrained(document):
    """The place of a row with a budget and no training."""
    rows = enumerate(document["rows"])
    return next(place for place, row in rows if row["budget"] and not row["train_steps"])


FORGED_ELSEWHERE = {
    "a value without an interval": lambda row: _estimate(row, value=1e-6, low=None, high=None),
    "a value in a wide interval": lambda row: _estimate(row, value=1e-6, low=0.0, high=1e9),
    "a wide interval": lambda row: _estimate(row, high=1e9),
    "a value of one seed": lambda row: _estimate(row, low=None, high=None, n_seeds=1),
    "a metric that is left out": lambda row: row["metrics"].pop("path-kl"),
    "fewer evaluations": lambda row: row.update(nfe=1),
    "a smaller compute": lambda row: row.update(compute=1),
    "a smaller bound": lambda row: _bound(row, 0.9),
    "a budget by another factor": lambda row: _budget(row, 0.9),
    "no budget": lambda row: row.update(budget=None),
}


OF_A_BUDGET = {
    "a value of one seed",
    "a metric that is left out",
    "a smaller bound",
    "a budget by another factor",
    "no budget",
}


def test_a_row_made_elsewhere_is_equal_within_intervals(published, once, tmp_path):
    document = _elsewhere(json.loads((published / "leaderboard.json").read_text()))
    (tmp_path / "elsewhere.json").write_text(json.dumps(document), encoding="utf-8")
    found = verify(tmp_path / "elsewhere.json", rows=once, seed=1, options=OPTIONS)
    assert found.passed
    assert {row.verdict for row in found.remade.rows} == {"within intervals"}
    assert "torch" in found.notes[-1]


@pytest.mark.parametrize("name", FORGED_ELSEWHERE)
def test_a_row_forged_as_made_elsewhere_is_disputed(name, published, once, tmp_path):
    """Whoever hands in says in which environment rows were made: that it was another must not hide a forged row."""
    document = _elsewhere(json.loads((published / "leaderboard.json").read_text()))
    place = _untrained(document) if name in OF_A_BUDGET else 0
    before = copy.deepcopy(document["rows"][place])
    FORGED_ELSEWHERE[name](document["rows"][place])
    assert document["rows"][place] != before
    (tmp_path / "forged.json").write_text(json.dumps(document), encoding="utf-8")
    found = verify(tmp_path / "forged.json", rows=once, seed=1, options=OPTIONS)
    verdicts = {row.row: row.verdict for row in found.remade.rows}
    assert verdicts.pop(place) == "differs", found.findings
    assert set(verdicts.values()) == {"within intervals"}


def test_one_seed_says_nothing_of_how_far_numbers_may_be_apart_elsewhere(tmp_path):
    """Neither verified nor disputed, unless they are equal but for rounding."""
    (tmp_path / "one.toml").write_text(ONE, encoding="utf-8")
    board = harness.run(tmp_path / "one.toml", out=tmp_path / "out", workers=1, progress=False)
    document = _elsewhere(json.loads(board.document.to_json()))
    _times(document["rows"][1], "sliced-wasserstein", 1.01)
    (tmp_path / "one.json").write_text(json.dumps(document), encoding="utf-8")
    found = verify(tmp_path / "one.json", rows=2, seed=1, options=OPTIONS)
    assert [row.verdict for row in found.remade.rows] == ["within intervals", "not comparable"]
    assert "rows 1: one seed does not say" in found.notes[-1]
    assert found.passed


ONE = """
name = "one"
targets = ["gaussian:dim=2"]
weightings = ["edm"]
noise_schedules = ["edm"]
time_discretizations = ["polynomial:rho=7", "exponential"]
networks = ["exact"]
samplers = ["heun"]
metrics = ["sliced-wasserstein"]
rank_by = "sliced-wasserstein"
steps = [4]
seeds = 1
sampling = { samples = 60 }
"""


FEW = """
name = "few"
targets = ["gaussian:dim=2"]
weightings = ["edm"]
noise_schedules = ["edm"]
time_discretizations = ["polynomial:rho=7", "exponential"]
networks = ["exact"]
samplers = ["heun", "euler"]
metrics = ["sliced-wasserstein"]
rank_by = "sliced-wasserstein"
steps = [4]
seeds = 2
vary_at_most = 1
sampling = { samples = 60 }
"""


def test_a_suite_that_varies_few_axes_goes_its_whole_way_and_misses_a_row(tmp_path):
    (tmp_path / "few.toml").write_text(FEW, encoding="utf-8")
    board = harness.run(tmp_path / "few.toml", out=tmp_path / "out", workers=1, progress=False).document
    publish(board, tmp_path / "published", "harness run few.toml")
    assert len(board.rows) == 3  # of 2 × 2, without the one that differs in both
    found = verify(tmp_path / "published", rows=3, seed=1, options=OPTIONS)
    assert (found.findings, found.notes) == ([], [])
    submit(board, tmp_path / "bundle", submitter="Ada", disclosure="Nothing was tuned.")
    found = verify(tmp_path / "bundle", rows=3, seed=1, options=OPTIONS)
    assert (found.findings, found.notes) == ([], [])
    assert [row.verdict for row in found.remade.rows] == ["same bits"] * 3
    for place in range(3):
        document = json.loads(board.to_json())
        del document["rows"][place]
        (tmp_path / "forged.json").write_text(json.dumps(document), encoding="utf-8")
        findings = verify(tmp_path / "forged.json").findings
        assert any("suite" in str(each) for each in findings), findings


def test_the_page_counts_the_kinds_of_change():
    page = (Path(__file__).parents[2] / "docs" / "verify.md").read_text(encoding="utf-8")
    assert f"{len(CHANGES)} kinds of change to a document" in " ".join(page.split())


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_document_is_found(name, published, once, tmp_path):
    document = json.loads((published / "leaderboard.json").read_text())
    before = copy.deepcopy(document)
    CHANGES[name](document)
    assert document != before
    (tmp_path / "forged.json").write_text(json.dumps(document), encoding="utf-8")
    assert not verify(tmp_path / "forged.json", rows=once, seed=1, options=OPTIONS).passed


@pytest.mark.parametrize("name", ["README.md", "effects.svg", "leaderboard.json"])
def test_a_changed_file_is_found(name, published, tmp_path):
    shutil.copytree(published, tmp_path / "copy")
    file = tmp_path / "copy" / name
    file.write_bytes(file.read_bytes() + b"\n")
    (finding,) = verify(tmp_path / "copy").findings
    assert name in finding.where
    file.unlink()
    if name != "leaderboard.json":
        assert "cannot be read" in verify(tmp_path / "copy").findings[0].what


def test_without_matplotlib_all_else_is_looked_at(published, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    found = verify(published)
    assert found.passed
    assert found.checked == LOOKED_AT
    assert "README.md and plots: plots need matplotlib" in found.notes[0]
    shutil.copytree(published, tmp_path / "copy")
    (tmp_path / "copy" / "leaderboard.json").write_text("{}")
    assert not verify(tmp_path / "copy").passed


@pytest.mark.parametrize("changed", ['"rank": 1, "rank": 1,', f'"rank": 1, "{"x" * 1000}": 1,'])
def test_a_key_twice_or_a_long_one_is_told_in_one_line(changed, published, tmp_path):
    text = (published / "leaderboard.json").read_text().replace('"rank": 1,', changed, 1)
    (tmp_path / "forged.json").write_text(text, encoding="utf-8")
    found = verify(tmp_path / "forged.json")
    assert not found.checked
    assert len(str(found.findings[0])) <= 300 + len(str(tmp_path)) + 20


def test_a_file_that_is_not_drawn_is_found(published, tmp_path):
    shutil.copytree(published, tmp_path / "copy")
    (tmp_path / "copy" / "extra.svg").write_text("<svg/>")
    (finding,) = verify(tmp_path / "copy").findings
    assert finding.where.endswith("extra.svg")


def test_in_the_shell(published, tmp_path):
    assert shell("verify", str(published)).returncode == 0
    forged = tmp_path / "forged.json"
    text = (published / "leaderboard.json").read_text()
    forged.write_text(text.replace('"rank": 1,', '"rank": 1, "best": true,', 1))
    done = shell("verify", str(forged), "--format", "json")
    assert done.returncode == 1
    (finding,) = json.loads(done.stdout)["findings"]
    assert "best" in finding["where"] + finding["what"]
    assert shell("verify", str(tmp_path / "nothing")).returncode == 2
    done = shell("diff", str(published), str(published))
    assert done.returncode == 0
    assert "0 changed beyond their intervals" in done.stdout
    assert "gaussian" in shell("rank", str(published)).stdout
