"""`harness grid`: from a curve or a file of data to levels; its mistakes in one line; its help without torch."""

import csv
import io
import json
import subprocess
import sys

import numpy as np
import pytest
import shell
from shell import assert_one_line

from harness.cli import main


@pytest.fixture
def curve(tmp_path):
    sigma = np.geomspace(0.05, 20, 24)
    u = sigma**2
    loss = 2 * u / (u + 1) + 0.2 * u**2 / (u + 0.3)
    rows = "".join(f"{a!r},{b!r},{0.01 * b!r}\n" for a, b in zip(sigma.tolist(), loss.tolist(), strict=True))
    path = tmp_path / "curve.csv"
    path.write_text(f"sigma,loss,error\n{rows}", encoding="utf-8")
    return str(path)


@pytest.fixture
def called(capsys):
    """Call the command here; return what it printed."""

    def call(*words):
        with pytest.raises(SystemExit) as ended:
            main(["grid", *words])
        told = capsys.readouterr()
        assert not ended.value.code, told.err
        return told.out

    return call


def test_help_imports_neither_torch_nor_scipy():
    code = (
        "import sys\nfrom harness.cli import main\ntry:\n    main(['grid', '--help'])\nexcept SystemExit:\n    pass\n"
    )
    code += "print([name for name in ('torch', 'scipy') if name in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == "[]"
    assert "summed over" in done.stdout


def test_a_curve_gives_levels_and_nats(curve, called):
    answer = json.loads(called("--loss-curve", curve, "--dim", "2", "--steps", "4,8", "--format", "json"))
    assert [grid["steps"] for grid in answer["grids"]] == [4, 8]
    for grid in answer["grids"]:
        assert [gain["than"] for gain in grid["gains"]] == ["EDM's (ρ = 7)", "geometric", "uniform", "EDM's, best ρ"]
        assert all(gain["low"] < gain["nats"] < gain["high"] and gain["nats"] > 0 for gain in grid["gains"])
        own = {gain["than"]: gain["nats"] for gain in grid["gains"]}
        assert own["EDM's, best ρ"] < own["EDM's (ρ = 7)"]
    rows = list(csv.DictReader(io.StringIO(called("--loss-curve", curve, "--dim", "2", "--format", "csv"))))
    assert len(rows) == 19
    assert "ahead of" in called("--loss-curve", curve, "--dim", "2")


def test_losses_a_coordinate_and_another_unit(curve, called, tmp_path):
    words = ("--dim", "2", "--steps", "6", "--export", "k-diffusion")
    whole = json.loads(called("--loss-curve", curve, *words))
    rows = np.loadtxt(curve, delimiter=",", skiprows=1)
    rows[:, 1:] /= 2
    path = tmp_path / "mean.csv"
    np.savetxt(path, rows, delimiter=",", header="sigma,loss,error", comments="", fmt="%.17g")
    each = json.loads(called("--loss-curve", str(path), *words, "--per-coordinate", "--scale", "0.5"))
    np.testing.assert_allclose(each, np.array(whole) / 2, rtol=1e-6)


def test_independent_errors_make_shorter_intervals(curve, called):
    widths = []
    for errors in ("independent", "any"):
        text = called("--loss-curve", curve, "--dim", "2", "--errors", errors, "--format", "json")
        [grid] = json.loads(text)["grids"]
        widths.append(np.array([gain["sampling"] for gain in grid["gains"]]))
    assert (widths[0] < widths[1]).all()


def test_data_alone_give_levels_in_their_unit(tmp_path, called):
    points = 100 * np.random.default_rng(0).standard_normal((200, 2)) + 1000
    np.save(tmp_path / "mine.npy", points)
    words = ("--jitter", str(tmp_path / "mine.npy"), "--steps", "8", "--format", "json")
    answer = json.loads(called(*words, "--sigma-min", "2"))
    [grid] = answer["grids"]
    assert grid["levels"][0] == pytest.approx(160 * points.std(), rel=0.1)
    assert grid["levels"][-1] == 2
    assert answer["dependence"] == "any"
    assert "untrained" in answer["law"]


def test_edms_options_are_in_its_unit_where_that_of_the_data_is_known(tmp_path, called):
    points = 100 * np.random.default_rng(0).standard_normal((200, 2)) + 1000
    np.save(tmp_path / "mine.npy", points)
    words = ("--jitter", str(tmp_path / "mine.npy"), "--steps", "8", "--export", "edm")
    ends = []
    for further in ((), ("--scale", "0.01")):
        options, *comments = called(*words, *further).splitlines()
        given = dict(word.removeprefix("--").split("=") for word in options.split())
        ends.append((float(given["sigma_min"]), float(given["sigma_max"])))
        [told] = [line for line in comments if "as they stand times" in line]
        factor = float(told.partition(" times ")[2].split(",")[0].split()[0])
        assert ends[-1] == pytest.approx((0.004 * factor * points.std(), 160 * factor * points.std()), rel=0.1)
    assert ends[0] == pytest.approx((0.002, 80))
    assert told == (
        "# Levels are those of the data as they stand times 0.01 (--scale), which deviate by "
        f"{ends[1][1] / 160:.4g} then; its networks have 0.5."
    )


def test_a_target_of_data_takes_its_parameters(tmp_path, called):
    """Columns of one unit give the levels of any unit; a file that is given by its parameter, those of the path."""
    points = np.random.default_rng(0).standard_normal((200, 2))
    levels = {}
    for name, scale in (("one", 1.0), ("odd", np.array([1.0, 1000.0]))):
        np.save(tmp_path / f"{name}.npy", scale * points)
        form = f"file:path={tmp_path / name}.npy"
        for given in (f"{tmp_path / name}.npy", form, f"{form},standardize=columns"):
            text = called("--jitter", given, "--steps", "8", "--format", "json")
            levels[name, given.rpartition("npy")[2], "file:" in given] = json.loads(text)["grids"][0]["levels"]
    assert levels["odd", "", False] == levels["odd", "", True]
    columns = [levels[name, ",standardize=columns", True] for name in ("one", "odd")]
    np.testing.assert_allclose(columns[0], columns[1], rtol=1e-6)
    assert levels["odd", "", True][0] > 100 * columns[1][0]


def test_a_note_on_its_own_curve_does_not_ask_for_a_check(tmp_path, called):
    points = np.random.default_rng(0).standard_normal((300, 3)) * [1, 5, 20]
    np.save(tmp_path / "mine.npy", points)
    [note] = json.loads(called("--jitter", str(tmp_path / "mine.npy"), "--format", "json"))["notes"]
    assert "the untrained denoiser is worse than none" in note
    assert "check" not in note


@pytest.mark.parametrize("ends", [("--sigma-min", "0"), ("--sigma-min", "nan"), ("--sigma-max", "0.001")])
def test_data_need_a_range(tmp_path, ends):
    np.save(tmp_path / "mine.npy", np.random.default_rng(0).standard_normal((20, 2)))
    assert_one_line(shell.called("grid", "--jitter", str(tmp_path / "mine.npy"), *ends), "are no range")


@pytest.mark.parametrize("export", ["edm", "diffusers", "k-diffusion", "json", "python"])
def test_every_export_is_written(curve, called, export):
    text = called("--loss-curve", curve, "--dim", "2", "--export", export)
    assert {"edm": "--rho=", "diffusers": "trained_betas", "k-diffusion": ", 0.0]"}.get(export, "20.0") in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give one of --loss-curve CSV and --jitter DATA"),
        (("--loss-curve", "CURVE", "--jitter", "x.npy"), "give one of"),
        (("--loss-curve", "CURVE"), "needs --dim"),
        (("--jitter", "CURVE", "--dim", "2"), "--jitter knows them"),
        (("--jitter", "none.npy"), "none.npy: cannot be read"),
        (("--jitter", "ring"), "target ring has no rows to jitter; give data, as file:path=mine.csv"),
        (("--jitter", "file"), "needs parameter 'path'"),
        (("--jitter", "file:path=a.npy,b.npy"), "means 2 targets; give one"),
        (("--loss-curve", "none.csv", "--dim", "2"), "none.csv: cannot be read"),
        (("--loss-curve", "CURVE", "--dim", "2", "--sampler", "heun"), "covered: analytic, ancestral, exponential"),
        (("--loss-curve", "CURVE", "--dim", "2", "--sampler", "ancestrale"), "did you mean ancestral"),
        (("--loss-curve", "CURVE", "--dim", "2", "--steps", "1"), "at least 2 steps"),
        (("--loss-curve", "CURVE", "--dim", "2", "--sigma-max", "80"), "which covers 0.05 to 20"),
        (("--loss-curve", "CURVE", "--dim", "2", "--scale", "0"), "give a positive number"),
        (("--loss-curve", "CURVE", "--dim", "2", "--steps", "4,8", "--export", "edm"), "give one number of steps"),
    ],
)
def test_mistakes_are_told_in_one_line(curve, words, message):
    assert_one_line(shell.called("grid", *(curve if word == "CURVE" else word for word in words)), message)
