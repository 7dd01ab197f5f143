"""`harness sample` and `harness export`: files and texts of a ranked design; mistakes in one line, before any work."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import ranked_runs
import torch
from shell import assert_one_line, harness

from harness.cli import main
from harness.engine.random_streams import NoiseStream


@pytest.fixture
def called(capsys):
    """Call the command here; return what it printed."""

    def call(*words):
        with pytest.raises(SystemExit) as ended:
            main([str(word) for word in words])
        told = capsys.readouterr()
        assert not ended.value.code, told.err
        return told.out

    return call


def refused(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    told = capsys.readouterr()
    assert ended.value.code == 2
    assert told.out == ""
    assert told.err.startswith("harness: ")
    assert told.err.count("\n") == 1
    assert len(told.err) <= 310
    return told.err


def test_samples_are_written_and_the_seed_is_heeded(taken, tmp_path, called):
    words = ("sample", taken, "--target", "file", "-n", 5)
    said = called(*words, "--out", tmp_path / "a.npy", "--seed", 4)
    assert said == f"Samples of rank 1 on file: {tmp_path / 'a.npy'} (5×2)\n"
    called(*words, "--out", tmp_path / "b.csv", "--seed", 4)
    called(*words, "--out", tmp_path / "c.npy", "--seed", 5)
    moved = shutil.copy(taken.parent / "table.csv", tmp_path / "moved.csv")
    called(*words, "--out", tmp_path / "d.npy", "--seed", 4, "--data", moved)
    assert np.array_equal(np.load(tmp_path / "d.npy"), np.load(tmp_path / "a.npy"))
    first, other = np.load(tmp_path / "a.npy"), np.load(tmp_path / "c.npy")
    assert (tmp_path / "b.csv").read_text().startswith("length,width\n")
    np.testing.assert_allclose(np.loadtxt(tmp_path / "b.csv", delimiter=",", skiprows=1), first)
    assert not np.allclose(first, other)
    said = called(*words, "--out", tmp_path / "a.npy", "--force", "--rank", 2)
    assert said.startswith("Samples of rank 2 on file")


def test_images_and_their_labels(taken, tmp_path, called):
    import harness

    told = next(row for row in harness.rank(taken).for_target("digits") if row.components["network"] == "unet")
    words = ("sample", taken, "--target", "digits", "-n", 3, "--rank", told.rank)
    assert called(*words, "--out", tmp_path / "s.png").endswith("; its labels are left out, .npz and .csv hold them\n")
    assert called(*words, "--out", tmp_path / "s.npz").endswith("(3×1×8×8)\n")
    assert np.load(tmp_path / "s.npz")["labels"].shape == (3,)


@pytest.mark.parametrize("form", ["edm", "diffusers", "k-diffusion", "json", "python"])
def test_every_format_is_written(taken, called, form):
    text = called("export", taken, "--target", "file", "--format", form)
    assert {"edm": "--rho=7", "diffusers": "trained_betas", "k-diffusion": ", 0.0]"}.get(form, "plain_step") in (
        text.replace("def step", "plain_step")
    )


STRANGER = """
import json, runpy, sys

class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0].startswith("harness"):
            raise ImportError(name)

sys.meta_path.insert(0, Nothing())
import numpy as np

made, given = runpy.run_path(sys.argv[1]), json.load(sys.stdin)
rows, noise = np.array(given["rows"]), iter(np.array(given["noise"]))

def denoise(x, sigma):
    logits = -((x[:, None] - rows) ** 2).sum(2) / (2 * sigma**2)
    weights = np.exp(logits - logits.max(1, keepdims=True))
    return weights @ rows / weights.sum(1, keepdims=True)

drawn = made["sample"](denoise, made["SIGMAS"][0] * next(noise), lambda: next(noise))
print(json.dumps([made["SIGMAS"], drawn.tolist(), any(name.startswith("harness") for name in sys.modules)]))
"""


@pytest.fixture(scope="module")
def of_the_oracle(tmp_path_factory):
    return ranked_runs.make(tmp_path_factory.mktemp("oracle"), ranked_runs.ORACLE)


@pytest.mark.parametrize("sampler", ["heun", "analytic"])
def test_the_python_file_draws_our_samples_where_the_harness_is_not_installed(of_the_oracle, tmp_path, called, sampler):
    """With the exact denoiser of the training rows, written anew, and the same noise: to 1e-9 of their deviation."""
    from harness.api.boards import rank

    row = next(row for row in rank(of_the_oracle).for_target("file") if row.components["sampler"] == sampler)
    words = ("--target", "file", "--rank", row.rank, "--format", "python")
    (tmp_path / "design.py").write_text(called("export", of_the_oracle, *words), encoding="utf-8")
    target, units = row.stored.target(), row.stored.units()
    train, mean = (units.restore(each).numpy() for each in (target.distribution().train, torch.zeros(1, 2)))
    stream = NoiseStream(3, 0, 5, 2, torch.float64)
    given = {"rows": (train - mean).tolist(), "noise": [stream().tolist() for _ in range(len(row.sigmas) + 1)]}
    words = [sys.executable, "-I", "-c", STRANGER, str(tmp_path / "design.py")]
    done = subprocess.run(words, input=json.dumps(given), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    levels, drawn, imported = json.loads(done.stdout)
    assert not imported
    np.testing.assert_allclose(levels, row.sigmas * units.scale, rtol=1e-12)
    np.testing.assert_allclose(drawn + mean, row.sample(5, seed=3), rtol=0, atol=1e-9 * units.scale)


def test_levels_are_of_the_data_unless_told_otherwise(taken, called):
    words = ("export", taken, "--target", "file", "--format", "json")
    plain, scaled = (json.loads(called(*words, *further)) for further in ((), ("--sigma-data", 1)))
    assert plain["sigma_data"] > 50
    assert scaled["sigma_data"] == pytest.approx(1)
    assert scaled["levels"][0] == pytest.approx(20)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("DIR", "--out", "s.npy"), "2 such targets; say which: digits, file"),
        (("DIR", "--out", "s.npy", "--target", "rings"), "target 'rings' has no rows here; known: digits, file"),
        (("DIR", "--out", "s.npy", "--target", "file", "--rank", "99"), "rank 99 does not exist"),
        (("DIR", "--out", "s.npy", "--target", "file", "--rank", "5"), "not applicable: network unet"),
        (("DIR", "--out", "s.npy", "--target", "file", "--rank", "0"), "0 is not in the range x>=1"),
        (("DIR", "--out", "s.npy", "--target", "file", "-n", "0"), "0 is not in the range x>=1"),
        (("DIR", "--out", "s.npy", "--target", "file", "--seed", "-1"), "-1 is not in the range x>=0"),
        (("DIR", "--out", "s.npy", "--target", "file", "--network-seed", "7"), "no network has seed 7"),
        (("DIR", "--out", "s.npy", "--target", "file", "--by", "kl"), "kl"),
        (("DIR", "--out", "s.npy", "--target", "digits", "--data", "x.npy"), "target digits reads no file"),
        (("DIR", "--out", "s.npy", "--suite", "quick"), "holds no suite 'quick'"),
        (("DIR", "--target", "file"), "missing option '--out'"),
        (("DIR", "--out", "s.gif", "--target", "file"), "known: .npy, .npz, .csv, .png"),
        (("none", "--out", "s.npy"), "none holds no results; make them with: harness run --out none"),
        (("PAGE", "--out", "s.npy"), "is a published page, which has no networks"),
        (("--out", "s.npy"), "missing argument 'DIRECTORY'"),
    ],
)
def test_mistakes_are_told_in_one_line(taken, tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "leaderboard.json").write_text("{}")
    places = {"DIR": taken, "PAGE": tmp_path / "page"}
    assert message in refused(capsys, "sample", *(places.get(word, word) for word in words))
    assert not (tmp_path / "s.npy").exists()


def test_a_file_that_is_there_is_kept(taken, tmp_path, capsys):
    (tmp_path / "mine.npy").write_text("mine")
    assert "is there already" in refused(capsys, "sample", taken, "--target", "file", "--out", tmp_path / "mine.npy")
    assert (tmp_path / "mine.npy").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--format", "onnx"), "'onnx' is not one of"),
        (("--sigma-data", "-2"), "'--sigma-data': -2.0 is not in the range x>0"),
        (("--sigma-data", "much"), "not a valid float"),
        (("--network-seed", "9"), "no network has seed 9"),
    ],
)
def test_mistakes_of_an_export_are_told_in_one_line(taken, capsys, words, message):
    assert message in refused(capsys, "export", taken, "--target", "file", *words)


def test_in_a_shell_of_its_own(taken, tmp_path):
    assert_one_line(harness("sample", taken, "--target", "file", "--out", tmp_path / "s.bmp"), "no format of samples")


@pytest.mark.parametrize("command", ["sample", "export"])
def test_help_imports_no_numerical_library(command):
    code = "import sys\nfrom harness.cli import main\ntry:\n    main([sys.argv[1], '--help'])\n"
    code += "except SystemExit:\n    pass\n"
    code += "print([name for name in ('torch', 'scipy', 'pydantic') if name in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code, command], capture_output=True, text=True)
    assert done.stderr.strip() == "[]"
    assert "--rank" in done.stdout
