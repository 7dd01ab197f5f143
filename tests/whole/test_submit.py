"""A run is handed in: what the bundle holds makes its rows again, and mistakes are told in one line."""

import json
import shutil

import click
import pytest
from safetensors.numpy import load
from shell import called as shell

from harness.api.submissions import submit, trained_networks
from harness.blobs import digest_of
from harness.cli.submit import command as submit_command
from harness.cli.verify import command as verify_command
from harness.errors import HarnessError
from harness.registry.discovery import load as load_plugins
from harness.results.bundles import read_bundle
from harness.results.document import DocumentError
from harness.results.read_board import read_document
from harness.running.in_process import in_process
from harness.running.runner import Options, run
from harness.store import StoreError
from harness.suites.model import load_suite

SUITE = """
name = "handed-in"
targets = ["gaussian:dim=2", { name = "file", path = "POINTS" }]
weightings = ["edm", "eps"]
noise_schedules = ["edm"]
time_discretizations = ["polynomial:rho=7", "exponential"]
networks = ["mlp:width=8,depth=1", "exact"]
samplers = ["heun"]
metrics = ["sliced-wasserstein"]
rank_by = "sliced-wasserstein"
steps = [4]
seeds = 2
training = { steps = [3], batch_size = 16 }
sampling = { samples = 60, sigma_max = [10, 20] }
"""
OPTIONS = Options(progress=False, executor=in_process)
SAID = {"submitter": "Ada", "disclosure": "ρ was tuned on gaussian.\nNothing else was."}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run on a law and on a file that is named by its place."""
    folder = tmp_path_factory.mktemp("handed-in")
    (folder / "points.csv").write_text("".join(f"{i % 7},{i % 11}\n" for i in range(120)))
    points = folder / "points.csv"
    (folder / "suite.toml").write_text(SUITE.replace("POINTS", str(points)), encoding="utf-8")
    suite = load_suite(str(folder / "suite.toml"))
    run(suite, load_plugins(), folder / "out", OPTIONS)
    return folder


@pytest.fixture(scope="module")
def bundle(folder):
    board, networks = read_document(folder / "out"), trained_networks(folder / "out")
    submit(board, folder / "bundle", contact="ada@example.org", networks=networks, **SAID)
    return folder / "bundle"


def numbers(board):
    """What was measured, by design."""
    axes = ("target", "weighting", "time_discretization", "network")
    return {(*(row.component(axis).name for axis in axes), row.sigma_max): row.metrics for row in board.rows}


def test_the_suite_of_a_bundle_makes_its_rows_again(folder, bundle, tmp_path):
    shutil.copy(folder / "points.csv", tmp_path)
    shutil.copy(bundle / "suite.toml", tmp_path)
    suite = load_suite(str(tmp_path / "suite.toml"))
    run(suite, load_plugins(), tmp_path / "again", OPTIONS)
    made, board = numbers(read_document(tmp_path / "again")), read_bundle(bundle).board
    assert made == numbers(board)
    assert len(made) == len(board.rows) > 10


def test_it_holds_what_was_said_and_every_network(folder, bundle):
    found = read_bundle(bundle)
    assert (found.submission.submitter, found.submission.disclosure) == (SAID["submitter"], SAID["disclosure"])
    files = sorted((bundle / "checkpoints").iterdir())
    assert [file.stem for file in files] == sorted(each.stem for each in (folder / "out" / "checkpoints").iterdir())
    for file in files:
        assert digest_of(file.read_bytes()) == file.stem
        assert load(file.read_bytes())


def test_no_folder_of_this_machine_is_told(folder, bundle):
    assert str(folder) not in "".join(each.read_text() for each in bundle.iterdir() if each.is_file())
    assert '"points.csv"' in (bundle / "suite.toml").read_text()


def test_mistakes_leave_nothing(folder, bundle, tmp_path):
    board = read_document(folder / "out")
    with pytest.raises(DocumentError, match="is there already"):
        submit(board, bundle, **SAID)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(DocumentError, match="is there already"):
        submit(board, tmp_path / "link", **SAID)
    (tmp_path / "link").unlink()
    with pytest.raises(HarnessError, match=r"is of none of the leaderboard's distributions: it has only our own"):
        submit(board, tmp_path / "b", sources=["theirs==1"], **SAID)
    with pytest.raises(DocumentError, match="disclosure: is blank"):
        submit(board, tmp_path / "b", submitter="Ada", disclosure=" ")
    with pytest.raises(DocumentError, match=r"b/checkpoints?.*no tensors|holds no tensors"):
        submit(board, tmp_path / "b", networks={digest_of(b"x"): b"x"}, **SAID)
    wrong = board.model_copy(update={"command": "harness run x && rm -rf ~"})
    with pytest.raises(DocumentError, match="a command is harness and its words"):
        submit(wrong, tmp_path / "b", **SAID)
    row = board.rows[0].model_copy(update={"rank": board.rows[0].rank + 1})
    with pytest.raises(DocumentError, match="does not agree with itself: "):
        submit(board.model_copy(update={"rows": [row, *board.rows[1:]]}), tmp_path / "b", **SAID)
    assert not list(tmp_path.iterdir())


def test_in_the_shell(folder, tmp_path):
    said = ["--submitter", "Ada", "--disclosure", "Nothing was tuned."]
    (tmp_path / "published").mkdir()
    (tmp_path / "published" / "leaderboard.json").write_text(read_document(folder / "out").to_json())
    done = shell("submit", tmp_path / "published", "--out", tmp_path / "b", *said)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"Written: {tmp_path / 'b'}, 3 files" in done.stdout
    with pytest.raises(StoreError, match="which has no networks"):
        called(submit_command, tmp_path / "published", "--out", tmp_path / "c", "--checkpoints", *said)
    with pytest.raises(click.UsageError, match="say how many with --rows"):
        called(verify_command, tmp_path / "b", "--record")
    said = json.loads((tmp_path / "b" / "submission.json").read_text()) | {"submitter": "\x1b[2J\nAda"}
    (tmp_path / "b" / "submission.json").write_text(json.dumps(said))
    done = shell("verify", tmp_path / "b")
    assert (done.returncode, done.stderr) == (1, "")
    assert "\x1b" not in done.stdout
    assert len(done.stdout.splitlines()) == 2


def called(command, *words):
    return command.main(list(map(str, words)), standalone_mode=False)
