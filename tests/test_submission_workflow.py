"""The workflow that receives submissions: what may run where, and its own lines carried out on made-up requests."""

import json
import os
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / ".github" / "workflows" / "submission.yml").read_text(encoding="utf-8")
WORKFLOW = yaml.safe_load(TEXT)
JOBS = WORKFLOW["jobs"]


def lines(job):
    return "\n".join(step.get("run", "") for step in JOBS[job]["steps"])


def test_nothing_of_a_submitter_runs_where_anything_may_be_written():
    assert WORKFLOW["permissions"] == {}
    assert {name: job["permissions"] for name, job in JOBS.items()} == {
        "validate": {"contents": "read"},
        "rerun": {},
        "mark": {"contents": "write"},
    }
    # YAML 1.1 reads the key `on` as true. Requests of strangers have no `pull_request_target`, which has secrets.
    assert set(WORKFLOW[True]) == {"pull_request", "push"}
    assert "secrets" not in TEXT
    for job in ("validate", "mark"):
        assert "requirement" not in lines(job)
        assert [line for line in lines(job).splitlines() if "install" in line] in (
            ["python -m pip install ./trusted && python -m pip wheel --no-deps --wheel-dir parcel ./trusted"],
            ["python -m pip install ."],
        )
    assert "requirements.txt" in lines("rerun")
    assert "token" not in str(JOBS["rerun"])
    assert "token" not in str(JOBS["validate"])
    assert "push" in JOBS["mark"]["if"]
    assert "needs.validate.result == 'success'" in JOBS["mark"]["if"]


def test_no_credentials_lie_about_and_no_words_of_a_request_reach_a_shell():
    steps = [step for job in JOBS.values() for step in job["steps"]]
    for step in steps:
        assert "${{" not in step.get("run", "")
        if step.get("uses", "").startswith("actions/checkout"):
            assert step["with"]["persist-credentials"] is False
    own = {
        "actions/checkout@v4",
        "actions/setup-python@v5",
        "actions/upload-artifact@v4",
        "actions/download-artifact@v4",
    }
    assert {step["uses"] for step in steps if "uses" in step} == own


def test_rows_are_drawn_by_what_is_known_after_the_submission_alone():
    assert WORKFLOW["env"] == {"ROWS": 4, "SEED": "${{ github.run_id }}"}
    assert not any({"ROWS", "SEED"} & set(job.get("env", {})) for job in JOBS.values())
    assert 'harness verify bundle --rows "$ROWS" --seed "$SEED" --record' in lines("rerun")
    # Whoever's packages ran in rerun may have written anything: one call, of these rows, is all that is taken.
    assert 'harness verify "$BUNDLE" --rows "$ROWS" --seed "$SEED" --recorded' in lines("mark")


def test_a_change_of_a_request_ends_what_looked_at_it_and_a_merge_ends_no_other():
    group = WORKFLOW["concurrency"]["group"]
    assert "github.event.pull_request.number || github.run_id" in group
    assert WORKFLOW["concurrency"]["cancel-in-progress"] is True


def test_no_workflow_restores_what_a_stranger_may_have_cached():
    """Rerun on main runs strangers' code, which may write into the caches of main; SECURITY.md says so."""
    for file in (ROOT / ".github" / "workflows").iterdir():
        steps = [step for job in yaml.safe_load(file.read_text())["jobs"].values() for step in job["steps"]]
        for step in steps:
            assert "cache" not in f"{step.get('uses', '')} {step.get('with', '')}".lower(), file.name
    assert "cache" in (ROOT / "SECURITY.md").read_text()


# What a request may change


def git(folder, *words):
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    names = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run(
        ["git", *words], cwd=folder, check=True, capture_output=True, text=True, env=os.environ | own | names
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A repository with one submission, and its first commit."""
    folder = tmp_path_factory.mktemp("repository")
    git(folder, "init", "--quiet")
    write(folder, "leaderboards/submissions/old/submission.json")
    write(folder, "leaderboards/submissions/README.md")
    write(folder, "harness/code.py")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "before")
    return folder, git(folder, "rev-parse", "HEAD")


def write(folder, name):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(f"{name} {os.urandom(4).hex()}")


NEW = "leaderboards/submissions/ada-grid"
WHOLE = [f"{NEW}/submission.json", f"{NEW}/leaderboard.json", f"{NEW}/checkpoints/x.safetensors"]
REQUESTS = {
    "a bundle": (WHOLE, NEW),
    "nothing": (["harness/more.py"], None),
    "two bundles": ([*WHOLE, "leaderboards/submissions/b/submission.json"], None),
    "a bundle and code": ([*WHOLE, "harness/code.py"], None),
    "a bundle and a workflow": ([*WHOLE, ".github/workflows/more.yml"], None),
    "a bundle and the rules": ([*WHOLE, "leaderboards/submissions/README.md"], None),
    "a bundle and another's file": ([*WHOLE, "leaderboards/submissions/old/leaderboard.json"], None),
    "an old one changed": (["leaderboards/submissions/old/submission.json"], None),
    "marks of its own": ([*WHOLE, f"{NEW}/verification.json"], None),
    "a name that a shell reads": (["leaderboards/submissions/$(id)/submission.json"], None),
    "a name of two lines": (["leaderboards/submissions/a\nb/submission.json"], None),
    "a name that begins as another": ([*WHOLE, f"{NEW}-2/leaderboard.json"], None),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_adds_one_folder_and_nothing_else(name, repository, tmp_path):
    files, bundle = REQUESTS[name]
    folder, base = repository
    git(folder, "checkout", "--quiet", "--detach", base)
    for each in files:
        write(folder, each)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "request")
    done = find(folder, base, tmp_path, "pull_request")
    assert (done.returncode == 0) == (bundle is not None), done.stdout + done.stderr
    assert (tmp_path / "output").read_text() == (f"bundle={bundle}\n" if bundle else "")
    if bundle is None:
        assert done.stdout.startswith("::error::")
        assert done.stdout.count("\n") == 1


GITLINK = f"{NEW}/checkpoints"
MODES = {
    "a submodule": lambda folder, base: git(folder, "update-index", "--add", "--cacheinfo", f"160000,{base},{GITLINK}"),
    "a program": lambda folder, base: git(folder, "update-index", "--chmod=+x", f"{NEW}/leaderboard.json"),
    "a link": lambda folder, base: (
        (folder / NEW / "suite.toml").symlink_to("submission.json"),
        git(folder, "add", f"{NEW}/suite.toml"),
    ),
}


@pytest.mark.parametrize("event", ["pull_request", "push"])
@pytest.mark.parametrize("name", MODES)
def test_what_is_no_plain_file_is_refused(name, event, repository, tmp_path):
    folder, base = repository
    git(folder, "checkout", "--quiet", "--force", "--detach", base)
    git(folder, "clean", "--quiet", "-ffdx")
    for each in WHOLE[:2]:
        write(folder, each)
    git(folder, "add", ".")
    MODES[name](folder, base)
    git(folder, "commit", "--quiet", "--message", "request")
    done = find(folder, base, tmp_path, event)
    assert (done.returncode, done.stdout.count("\n")) == (1, 1), done.stderr
    assert "::error::a bundle is new plain files" in done.stdout
    assert (tmp_path / "output").read_text() == ""


def pushed(folder, base, tmp_path, files):
    """What is found of files that were merged and pushed."""
    git(folder, "checkout", "--quiet", "--force", "--detach", base)
    for each in files:
        write(folder, each)
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "merged")
    return find(folder, base, tmp_path, "push")


def test_two_bundles_in_one_push_are_told_what_to_do(repository, tmp_path):
    folder, base = repository
    done = pushed(folder, base, tmp_path, (*WHOLE, "leaderboards/submissions/b/submission.json"))
    assert done.returncode == 1
    assert "harness verify FOLDER --rows 4 --seed 17 --record" in done.stdout


def test_one_bundle_in_a_push_is_found_whatever_comes_with_it(repository, tmp_path):
    folder, base = repository
    done = pushed(folder, base, tmp_path, (*WHOLE, "harness/code.py"))
    assert (done.returncode, (tmp_path / "output").read_text()) == (0, f"bundle={NEW}\n"), done.stdout


def test_a_push_that_brings_none_is_let_be(repository, tmp_path):
    folder, base = repository
    git(folder, "checkout", "--quiet", "--detach", base)
    write(folder, "leaderboards/submissions/old/verification.json")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "marks")
    assert find(folder, base, tmp_path, "push").returncode == 0
    assert (tmp_path / "output").read_text() == ""


def find(folder, base, tmp_path, event):
    """Carry out the lines that find the bundle of a request, as the workflow's shell does."""
    (step,) = (step for step in JOBS["validate"]["steps"] if step.get("id") == "find")
    (tmp_path / "output").write_text("")
    head = git(folder, "rev-parse", "HEAD")
    own = {"BASE": base, "HEAD": head, "GITHUB_EVENT_NAME": event, "GITHUB_OUTPUT": str(tmp_path / "output")}
    own |= {"ROWS": str(WORKFLOW["env"]["ROWS"]), "SEED": "17"}
    command = ["bash", "--noprofile", "--norc", "-e", "-c", step["run"]]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=os.environ | own)


def test_requirements_are_what_the_submission_lists(tmp_path):
    (step,) = (step for step in JOBS["rerun"]["steps"] if step.get("name") == "The submitter's packages")
    script = step["run"].partition("<<'PYTHON'\n")[2].partition("PYTHON\n")[0]
    (tmp_path / "bundle").mkdir()
    said = {"distributions": [{"requirement": "a==1"}, {"requirement": "b==2"}]}
    (tmp_path / "bundle" / "submission.json").write_text(json.dumps(said))
    done = subprocess.run(["python3", "-"], input=script, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "a==1\nb==2\n"
