"""Distributions of strangers, each installed into a folder of its own: what they add, break and leave alone."""

import contextlib
import itertools
import json
import math
import re
import shutil
import sqlite3
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from strangers import carried_out, harness, here, install, listed, numbers
from suite_files import write_suite

from harness.api.marking import check_draw
from harness.api.verification import verify
from harness.cli.kinds import _site_board
from harness.commands import Source
from harness.results.bundles import read_bundle
from harness.results.read_board import read_document
from harness.running.runner import Options
from harness.store import DATABASE
from harness.views.site.row_pages import RowNames
from harness.views.site.writing import write_site


@pytest.fixture(scope="module")
def quadratic(tmp_path_factory):
    return install("harness-quadratic", tmp_path_factory.mktemp("quadratic"))


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    return install("harness-broken", tmp_path_factory.mktemp("broken"))


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    return install("harness-second", tmp_path_factory.mktemp("second"))


@pytest.fixture(scope="module")
def alone():
    return listed()


def test_an_installed_distribution_adds_its_line(quadratic, alone):
    found = listed(quadratic)
    added = [plugin for plugin in found["plugins"] if plugin not in alone["plugins"]]
    assert added == [
        {
            "entry_point": "quadratic",
            "distribution": "harness-quadratic",
            "version": "1.2.3",
            "status": "ok",
            "reason": "",
            "components": {"time_discretization": ["quadratic"]},
        }
    ]
    assert [plugin for plugin in found["plugins"] if plugin in alone["plugins"]] == alone["plugins"]
    assert found["problems"] == []


def test_its_component_is_explained(quadratic):
    done = harness("show", "quadratic", "--format", "json", path=quadratic)
    [page] = json.loads(done.stdout)["components"]
    assert (page["axis"], page["distribution"], page["version"]) == (
        "time_discretization",
        "harness-quadratic",
        "1.2.3",
    )
    assert page["parameters"] == [
        {
            "name": "power",
            "type": "number",
            "required": False,
            "default": 2.0,
            "constraints": "> 0",
            "description": "how fast the steps shrink",
        }
    ]
    assert "(1 − j/N)^power" in harness("show", "harness-quadratic/quadratic", path=quadratic).stdout


def test_a_broken_distribution_changes_nothing_but_its_own_lines(broken, alone):
    found = listed(broken)
    theirs = {p["entry_point"]: p for p in found["plugins"] if p["distribution"] == "harness-broken"}
    assert [p for p in found["plugins"] if p["distribution"] != "harness-broken"] == alone["plugins"]
    reasons = {name: plugin["reason"] for name, plugin in theirs.items() if plugin["status"] == "failed"}
    assert reasons == {
        "broken-class": "harness_samplers returned <class 'harness_broken.malformed.Identity'>, "
        "no subclass of harness.samplers.Sampler",
        "broken-hook": "unknown hook 'harness_weighting'; did you mean harness_weightings?",
        "broken-import": "RuntimeError: this plugin is broken on purpose (harness_broken/unimportable.py, line 3)",
    }
    assert theirs["broken-results"]["status"] == "ok"
    assert {p["plugin"]: p["reason"] for p in found["problems"]} == reasons


def test_the_table_tells_each_reason(broken):
    table = harness("plugins", path=broken).stdout
    assert "this plugin is broken on purpose" in table
    assert "unknown hook 'harness_weighting'" in table
    assert "Traceback" not in table


def test_the_environment_leaves_it_out(broken, quadratic):
    found = listed(broken, HARNESS_PLUGINS="song")
    assert {p["entry_point"] for p in found["plugins"] if p["status"] == "ok"} == {"song"}
    assert found["problems"] == []
    done = harness("plugins", path=quadratic, HARNESS_PLUGINS="quadratik")
    assert done.returncode == 2
    assert done.stderr == "harness: HARNESS_PLUGINS: no plugin 'quadratik' is installed; did you mean quadratic?\n"


# On the leaderboard


GRIDS = {
    "name": "grids",
    "targets": ["gaussian:dim=3,std=0.8"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["polynomial", "exponential"],
    "networks": ["exact"],
    "samplers": ["exponential-integrator"],
    "metrics": ["path-kl"],
    "rank_by": "path-kl",
    "steps": [6],
    "seeds": 2,
    "noise": {"sigma_min": 0.1, "sigma_max": 10.0},
    "sampling": {"samples": 50},
}


def path_divergence(sigmas, variance, dim):
    """KL of the exponential integrator's path on N(0, variance·I), each step's kernels N(same mean, ·) compared."""

    def divergence(ratio):
        return (ratio - 1 - math.log(ratio)) / 2

    total = divergence((variance + sigmas[0] ** 2) / sigmas[0] ** 2)
    for sigma, below in itertools.pairwise(sigmas):
        total += divergence((variance + below**2) / (variance + sigma**2))
    return dim * total


LEVELS = {
    "polynomial": [(10 ** (1 / 7) + j / 6 * (0.1 ** (1 / 7) - 10 ** (1 / 7))) ** 7 for j in range(7)],
    "exponential": [10 * 0.01 ** (j / 6) for j in range(7)],
    "quadratic": [0.1 + 9.9 * (1 - j / 6) ** 2 for j in range(7)],
    "quadratic:power=5": [0.1 + 9.9 * (1 - j / 6) ** 5 for j in range(7)],
}


@pytest.fixture(scope="module")
def beside_ours(quadratic, tmp_path_factory):
    """The folder of a run in which their grid stands beside ours, its leaderboard, and what was told on the way."""
    folder = tmp_path_factory.mktemp("with") / "run"
    grids = ["polynomial", "exponential", {"name": "quadratic", "power": [2.0, 5.0]}]
    return folder, *carried_out(folder, GRIDS | {"time_discretizations": grids}, quadratic)


def test_its_grid_has_its_place_on_the_leaderboard(beside_ours, tmp_path):
    _, content, told = beside_ours
    assert told == ""
    measured, places = {}, {}
    for row in content["rows"]:
        grid = row["time_discretization"]
        label = "quadratic:power=5" if grid["params"].get("power") == 5 else grid["name"]
        theirs = grid["name"] == "quadratic"
        assert (grid["distribution"], grid["version"] == "1.2.3") == (
            ("harness-quadratic", True) if theirs else ("diffusion-harness", False)
        )
        measured[label] = row["metrics"]["path-kl"]["value"]
        places[label] = (row["rank"], row["rank_low"], row["rank_high"])
    expected = {label: path_divergence(levels, 0.64, 3) for label, levels in LEVELS.items()}
    assert measured == pytest.approx(expected, rel=1e-9)
    # The divergence is exact: the order is certain, and theirs are neither first nor last by courtesy.
    order = sorted(expected, key=expected.__getitem__)
    assert places == {label: (rank, rank, rank) for rank, label in enumerate(order, 1)}
    alone, _ = carried_out(tmp_path / "without", GRIDS)
    ours = [row["metrics"] for row in content["rows"] if row["time_discretization"]["name"] != "quadratic"]
    assert [row["metrics"] for row in alone["rows"]] == ours


@pytest.mark.slow
def test_its_leaderboard_goes_from_a_bundle_to_marked_rows_on_the_site(beside_ours, quadratic, tmp_path):
    """Handed in, validated without its package, verified with it, and marked."""
    folder, content, _ = beside_ours
    bundle = tmp_path / "leaderboards" / "submissions" / "ada-quadratic"
    requirement = f"harness-quadratic @ https://example.org/q-1.2.3-py3-none-any.whl#sha256={'0' * 64}"
    said = ["--submitter", "Ada", "--disclosure", "Nothing was tuned.", "--source", requirement]
    done = here("submit", folder / "out", "--out", bundle, *said, path=quadratic)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"harness-quadratic 1.2.3 from: {requirement}" in done.stdout

    # Whoever receives it has not installed the package: data are looked at, and no row can be made again.
    assert verify(bundle).passed
    without = verify(bundle, rows=4, seed=1, options=Options(workers=1, progress=False))
    assert {each.what.partition(":")[0] for each in without.findings} == {"cannot be made again"}
    theirs = [i for i, row in enumerate(content["rows"]) if row["time_discretization"]["name"] == "quadratic"]
    assert [each.where for each in without.findings] == [f"rows[{i}]" for i in theirs]
    # They stay reported, and the call tells of all that its seed drew.
    verdicts = {row.row: row.verdict for row in without.remade.rows}
    assert list(verdicts) == list(range(len(content["rows"])))
    assert [i for i, verdict in verdicts.items() if verdict == "not comparable"] == theirs

    # Where it is installed, rows drawn by a seed come out to the last bit.
    again = harness("verify", bundle, "--rows", 3, "--seed", 11, "--record", "--workers", 1, path=quadratic)
    assert (again.returncode, again.stderr) == (0, ""), again.stdout
    (call,) = json.loads((bundle / "verification.json").read_text())["calls"]
    made = {each["row"] for each in call["rows"]}
    assert {each["verdict"] for each in call["rows"]} == {"same bits"}
    assert made & set(theirs)
    assert check_draw(bundle, 3, 11) == []

    assert write_site({"ada": _site_board(Source(bundle))}, tmp_path / "site").pages >= 6
    page = (tmp_path / "site" / "boards" / "ada" / "index.html").read_text()
    assert requirement.partition("#")[0] in page
    names = RowNames(read_bundle(bundle).board.rows)
    for place, row in enumerate(read_bundle(bundle).board.rows):
        text = (tmp_path / "site" / "boards" / "ada" / "r" / f"{names(row)}.html").read_text()
        assert ("Verified:" in text, "Reported:" in text) == (place in made, place not in made)

    # A mark of another document is refused; so is a value that was changed after it was handed in.
    file = bundle / "leaderboard.json"
    file.write_text(file.read_text().replace('"rank": 1,', '"rank":  1,', 1))
    assert "leaderboard.json is not what submission.json lists" in verify(bundle).findings[0].what


GOOD = {
    "name": "mixed",
    "targets": ["gaussian:dim=2"],
    "weightings": ["edm"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["polynomial"],
    "networks": ["mlp:width=8,depth=1", "exact"],
    "samplers": ["exponential-integrator", "heun"],
    "metrics": ["energy", "path-kl"],
    "bounds": ["budget"],
    "rank_by": "energy",
    "steps": [4],
    "seeds": 2,
    "training": {"steps": [20], "batch_size": 16},
    "sampling": {"samples": 20},
    "limits": {"seconds": 6.0},
}
BROKEN = {
    "targets": ["nowhere"],
    "weightings": ["negative", "hanging"],
    "noise_schedules": ["falling"],
    "time_discretizations": ["increasing", "short", "hanging"],
    "networks": ["raising", "misshapen"],
    "samplers": ["flat", "undefined", "dying", "leaving", "puzzling"],
    "metrics": ["unmeasurable", "unfitted", "hanging-fit", "shapeless"],
    "bounds": ["unbounded"],
}
REASONS = {
    ("target", "nowhere"): "target: RuntimeError: no target today",
    ("noise_schedule", "falling"): "noise schedule harness-broken/falling: time: no increase above sigma = 0.05",
    ("time_discretization", "increasing"): "harness-broken/increasing: levels: 5.0375 then 10.025 at step 2",
    ("time_discretization", "short"): "harness-broken/short: levels: shape (4,); it must be (5,)",
    ("time_discretization", "hanging"): "time discretization: ran out of its time limit of 6 s",
    ("weighting", "negative"): "weighting harness-broken/negative: omega: -1 at sigma = 0.05",
    ("weighting", "hanging"): "weighting: ran out of its time limit of 6 s",
    ("network", "raising"): "network harness-broken/raising: module: RuntimeError: no network today",
    ("network", "misshapen"): "denoiser returned (20, 3) torch.float64; it must return (20, 2)",
    ("sampler", "flat"): "sampler 'flat' (harness_broken.misbehaving): step returned (20,)",
    ("sampler", "undefined"): "sample 0 is not finite after step 1 of 4",
    ("sampler", "dying"): "its process ended (exit status 3)",
    ("sampler", "leaving"): "SystemExit: a sampler leaves",
    ("sampler", "puzzling"): "Unusual: one and two and three",
}
"""What is said of each broken component, in the order in which a combination meets them."""


@pytest.fixture(scope="module")
def sound_run(tmp_path_factory):
    """The folder of a run of the good components, with nothing else installed."""
    folder = tmp_path_factory.mktemp("sound") / "run"
    return folder, *carried_out(folder, GOOD)


@pytest.fixture
def copy(sound_run, tmp_path):
    """A folder of one's own with what was run there."""
    return Path(shutil.copytree(sound_run[0], tmp_path / "run"))


@pytest.fixture(scope="module")
def sound(sound_run):
    """The leaderboard of that run."""
    _, content, told = sound_run
    assert told == ""
    return content


def records(folder):
    with contextlib.closing(sqlite3.connect(folder / "out" / DATABASE)) as db:
        return db.execute("select key, seconds from records order by key").fetchall()


def test_a_broken_distribution_beside_has_nothing_made_again(broken, sound, copy):
    before = records(copy)
    content, told = carried_out(copy, GOOD, broken, by=harness)
    assert content == sound
    assert records(copy) == before
    lines = [line for line in told.splitlines() if line.startswith("harness: ")]
    assert len(lines) == 3
    assert all(line.startswith("harness: plugin broken-") for line in lines)


def test_broken_components_fail_alone(broken, sound, tmp_path):
    mixed = GOOD | {key: [*GOOD[key], *BROKEN[key]] for key in BROKEN}
    content, told = carried_out(tmp_path / "run", mixed, broken, status=1, by=harness)
    axes = ("target", "weighting", "noise_schedule", "time_discretization", "network", "sampler")
    seen = set()

    def design(row):
        return json.dumps([row[axis]["digest"] for axis in axes])

    good = {design(row): row for row in sound["rows"]}
    for row in content["rows"]:
        if design(row) in good:
            expected = good.pop(design(row))
            assert row["status"] == "ok"
            assert {key: row[key] for key in ("metrics", "budget", "nfe")} == {
                key: expected[key] for key in ("metrics", "budget", "nfe")
            }
            assert row["bounds"] == expected["bounds"] | {"unbounded": None}
            continue
        assert row["status"] == "failed"
        met = [pair for pair in REASONS if row[pair[0]]["name"] == pair[1]]
        assert any(REASONS[pair] in row["reason"] for pair in met), row["reason"]
        seen |= set(met[:1])
        if len(met) == 1:
            assert row["metrics"] == {}
    assert good == {}
    assert seen == set(REASONS)
    assert content["calibration"] == sound["calibration"]
    assert [row["metrics"] for row in content["rows"] if row["status"] == "ok"] == [
        row["metrics"] for row in sound["rows"]
    ]
    assert (
        "harness: metric unmeasurable: RuntimeError: no measurement today (harness_broken/misbehaving.py, line " in told
    )
    assert ") (8 of 8 samplings" in told
    for what in (
        "unfitted: fit: RuntimeError: no fit today (harness_broken/misbehaving.py, line ",
        "hanging-fit: fit: ran out of its time limit of 6 s (8 of 8",
        "shapeless: fit: returned 'mean': float; it must be a dict of tensors by name (8 of 8",
    ):
        assert f"harness: metric {what}" in told
    assert "harness: bound unbounded: " in told
    # File and line are in the reason, and what led there is kept.
    reasons = [row["reason"] for row in content["rows"] if row["network"]["name"] == "raising"]
    line = r"RuntimeError: no network today \(harness_broken/misbehaving\.py, line \d+\)$"
    assert any(re.search(line, reason) for reason in reasons)
    shown = harness("rank", tmp_path / "run" / "out", "--failures", HARNESS_PLUGINS="").stdout
    for what in ("no network today", "no measurement today", "no fit today"):
        assert re.search(rf"^\d+ × .*{what} \(harness_broken.*\)\n    Traceback ", shown, re.M), what
    assert re.search(r'File ".*harness_broken/misbehaving.py", line \d+, in compare', shown)


STACKED = "modules train stacked, by vmap: no dropout, no branch that depends on data, no statistics of the batch"
UNSTACKABLE = {
    "dropout": f"extra is a Dropout; {STACKED}",
    "functional-dropout": STACKED,
    "branch": STACKED,
    "batch-norm": f"extra is a BatchNorm1d; {STACKED}",
    "buffer": f"its buffer calls changes when it is called; {STACKED}",
    "class": "Another and Another are two classes; at each call it must be of one",
    "shape": "shape (4, 1) of (4, 2); it must keep the shape",
}


def test_rows_whose_network_cannot_be_stacked_or_whose_weighting_cannot_learn_say_so(broken, tmp_path):
    networks = ["mlp:width=8,depth=1", *({"name": "unstackable", "way": way} for way in UNSTACKABLE)]
    suite = GOOD | {"networks": networks, "samplers": ["heun"], "metrics": ["energy"], "bounds": [], "name": "stacked"}
    suite |= {"weightings": ["edm", "unlearned"], "seeds": 1}
    content, _ = carried_out(tmp_path / "run", suite, broken, status=1, by=harness)
    assert len(content["rows"]) == 2 * (1 + len(UNSTACKABLE))
    reasons = {r["network"]["params"].get("way"): r for r in content["rows"] if r["weighting"]["name"] == "edm"}
    assert len(reasons) == 1 + len(UNSTACKABLE)
    assert reasons.pop(None)["status"] == "ok"
    for way, row in reasons.items():
        assert row["status"] == "failed"
        label = "unstackable" + ("" if way == "dropout" else f":way={way}")
        assert f"network harness-broken/{label}: module: " in row["reason"]
        assert UNSTACKABLE[way] in row["reason"]
        assert len(row["reason"]) <= 300 + len("training: ")
    (unlearned,) = (
        r for r in content["rows"] if r["weighting"]["name"] == "unlearned" and r["network"]["name"] == "mlp"
    )
    wanted = "weighting harness-broken/unlearned: learn: RuntimeError: nothing learned today (harness_broken/unstack"
    assert wanted in unlearned["reason"]


# Foreign code that changes what a process shares

PATIENT = GOOD | {"limits": {"seconds": 100.0}}
"""Where nothing hangs, a machine that is busy must fail nothing."""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    return install("harness-hostile", tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def beside_hostile(hostile, tmp_path_factory):
    """A directory in which hostile components were run beside sound ones, its leaderboard, and what was told."""
    folder = tmp_path_factory.mktemp("beside") / "run"
    theirs = {
        "weightings": ["flat"],
        "samplers": ["harness-hostile/heun", "hidden-noise"],
        "metrics": ["gap"],
    }
    mixed = PATIENT | {key: [*GOOD[key], *names] for key, names in theirs.items()}
    return folder, *carried_out(folder, mixed, hostile, status=1, by=harness)


def test_what_foreign_code_patches_reaches_no_row_of_ours(beside_hostile, sound):
    _, content, _ = beside_hostile
    found = numbers(content["rows"])
    for design, expected in numbers(sound["rows"]).items():
        metrics = {name: value for name, value in found[design]["metrics"].items() if name != "gap"}
        assert found[design] | {"metrics": metrics} == expected
        assert found[design]["metrics"]["gap"] is not None
    assert [each for each in content["calibration"] if each["metric"] != "gap"] == sound["calibration"]
    assert len(found) > len(sound["rows"])


def test_nor_the_same_directory_without_it(beside_hostile, sound):
    folder, *_ = beside_hostile
    content, told = carried_out(folder, GOOD)
    assert content == sound
    assert told == ""


def test_what_is_planned_and_ranked_beside_it_is_what_is_without(hostile, sound, copy):
    """`harness run` plans and ranks in the process that imported it: no function that it patched is in the way."""
    before = records(copy)
    words = ("run", copy / "suite.toml", "--out", copy / "out", "--workers", 2)
    done = [harness(*words, path=hostile), here(*words)]
    assert [each.returncode for each in done] == [0, 0], done
    assert done[0].stdout == done[1].stdout
    for name in ("numpy.mean", "numpy.allclose"):
        assert name in done[0].stderr
    # Each plan had the keys of what was computed without it, and nothing was left to do.
    assert records(copy) == before
    assert numbers(json.loads(read_document(copy / "out").to_json())["rows"]) == numbers(sound["rows"])


WITHOUT_TORCH = """
import json, sys
sys.modules["torch"] = None
from harness.cli import main
for words in json.loads(sys.argv[1]):
    try:
        main(words)
    except SystemExit as end:
        if end.code:
            raise
"""
"""Calls one command after the other in a process that cannot import torch."""


@pytest.mark.slow
def test_torch_takes_no_part_in_planning_ranking_and_publishing(tmp_path):
    """What a plugin patches of torch cannot be put back where it was the first to import it: it must not matter."""
    file = write_suite(tmp_path / "suite.toml", PATIENT)
    commands = [["plan", file], ["run", file, "--out", tmp_path / "out", "--workers", "2"]]
    commands += [["rank", tmp_path / "out", *more] for more in ([], ["--bounds"], ["--budget"])]
    commands += [["publish", tmp_path / "out", tmp_path / "page"]] if find_spec("matplotlib") else []
    words = json.dumps([list(map(str, each)) for each in commands])
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH, words], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_who_changes_what_is_told_once(beside_hostile):
    _, _, told = beside_hostile
    lines = [line for line in told.splitlines() if line.startswith("harness: ")]
    assert len(lines) == len(set(lines))
    for what in ("the environment", "torch's default dtype", "numpy.mean"):
        assert f"harness: plugin hostile (harness-hostile): changed {what} when it was loaded; it was put back" in lines
    used = [line for line in lines if line.startswith("harness: harness-hostile changed ")]
    assert {line.partition(" changed ")[2].partition(" while ")[0] for line in used} >= {
        "torch's default dtype",
        "torch's random state",
        "the working directory",
    }


def test_a_sampler_with_hidden_noise_is_refused(beside_hostile):
    _, content, _ = beside_hostile
    reasons = {row["reason"] for row in content["rows"] if row["sampler"]["name"] == "hidden-noise"}
    assert len(reasons) == 1
    assert "sampler hidden-noise says that it is deterministic, and twice from the same points" in reasons.pop()


def test_a_bare_name_means_ours_and_suites_go_on(hostile, beside_hostile):
    _, _, told = beside_hostile
    assert "offered" not in told
    shown = json.loads(harness("show", "heun", "--format", "json", path=hostile).stdout)["components"]
    assert [page["distribution"] for page in shown] == ["diffusion-harness"]
    done = harness("show", "harness-hostile/heun", "--format", "json", path=hostile)
    assert json.loads(done.stdout)["components"][0]["distribution"] == "harness-hostile"


@pytest.mark.slow
def test_a_data_file_of_its_package_is_part_of_what_it_computed(hostile, tmp_path):
    suite = GRIDS | {"name": "pushed", "samplers": ["pushed"], "metrics": ["energy"], "rank_by": "energy"}
    suite |= {"time_discretizations": ["polynomial"], "seeds": 1}
    before, _ = carried_out(tmp_path / "run", suite, hostile, by=harness)
    settings = hostile / "harness_hostile" / "settings.json"
    text = settings.read_text()
    settings.write_text('{"push": 1.0}')
    after, _ = carried_out(tmp_path / "run", suite, hostile, by=harness)
    settings.write_text(text)
    values = [[row["metrics"]["energy"]["value"] for row in content["rows"]] for content in (before, after)]
    assert values[1][0] > 2 * values[0][0] > 0


# A command, an axis and a claim


def test_its_command_is_listed_and_runs(second):
    assert re.search(r"^  remarks +List what papers say in passing\.$", harness("--help", path=second).stdout, re.M)
    assert "remarks" not in here("--help").stdout
    done = harness("remarks", path=second)
    assert (done.returncode, done.stdout) == (0, "grids-matter: Few things matter as much as the grid.\n")
    done = harness("remarks", "--about", "losses", path=second)
    assert (done.returncode, done.stderr) == (2, "harness: no remark about 'losses'\n")


def test_its_axis_is_one_of_all(second, alone):
    found = listed(second)
    [theirs] = [plugin for plugin in found["plugins"] if plugin not in alone["plugins"]]
    assert (theirs["distribution"], theirs["status"]) == ("harness-second", "ok")
    assert theirs["components"] == {"claim": ["halving"], "remark": ["grids-matter"]}
    assert found["problems"] == []
    shown = harness("show", "remark/grids-matter", path=second).stdout
    assert shown.startswith("remark grids-matter\nA remark on grids.")
    assert "“Few things matter as much as the grid.”" in shown
    assert harness("show", "grids-matter", "--axis", "remark", path=second).stdout == shown


@pytest.mark.slow
def test_its_claim_has_a_verdict_beside_those_of_another_paper(second, tmp_path):
    chosen = ("--claim", "second-2025/1", "--claim", 12)
    words = ("claims", "--quick", *chosen, "--out", tmp_path / "out", "--workers", 2)
    done = harness(*words, "--format", "json", path=second)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert [(entry["paper"], entry["number"]) for entry in document["claims"]] == [
        ("second-2025", 1),
        ("wang-2024", 12),
    ]
    theirs, ours = document["claims"]
    assert theirs["verdict"] == "supported"
    levels = {paper["name"]: (paper["claims"], paper["alpha"]) for paper in document["papers"]}
    assert levels == {"second-2025": (1, pytest.approx(0.05)), "wang-2024": (13, pytest.approx(0.05 / 13))}
    # What is said of a claim does not depend on which other papers are installed.
    done = here("claims", "--quick", "--claim", 12, "--out", tmp_path / "out", "--format", "json")
    assert done.returncode == 0, done.stderr
    [alone] = json.loads(done.stdout)["claims"]
    assert alone | {"seconds": 0} == ours | {"seconds": 0}
    assert (tmp_path / "out" / "plots" / "second-2025-claim-01.svg").is_file()
    done = harness("claims", "--quick", "--claim", 1, "--out", tmp_path / "out", path=second)
    told = "harness: --claim: 2 papers have a claim 1; write second-2025/1 or wang-2024/1\n"
    assert (done.returncode, done.stderr) == (2, told)
