"""Bundles of a made-up leaderboard, as someone hands them in, and ways to change one."""

import copy
import hashlib
import json

import documents
import pytest

from harness.results.bundles import SUBMISSION
from harness.results.leaderboard import PUBLISHED, Leaderboard
from harness.results.suite_files import SUITE, suite_file


def complete(small):
    """The small document with the setup that tells how its rows were made, and a command."""
    document = copy.deepcopy(small) | {"setup": documents.setup(), "command": "harness run tiny.toml"}
    document["setup"]["targets"] = document["setup"]["targets"][:1]
    return document


def listed(name, content):
    return {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def write_bundle(folder, document, *, suite=None, submission=None, **files):
    """Write a bundle whose list of files is right, whatever they hold; return the folder.

    Arguments:
        folder: a new one.
        document: as JSON values, or as the text of its file.
        suite: the text of that file; None: the one that the document makes, or nothing where it makes none.
        submission: what is said otherwise than usual.
        files: further files, as bytes, by name.
    """
    folder.mkdir(parents=True)
    text = document if isinstance(document, bytes) else json.dumps(document).encode()
    if suite is None:
        try:
            suite = suite_file(Leaderboard.validate(json.loads(text)))
        except Exception:
            suite = ""
    contents = {PUBLISHED: text, SUITE: suite.encode("utf-8", "surrogatepass"), **files}
    said = {"schema_version": 1, "submitter": "Ada", "contact": None, "disclosure": "Nothing was tuned.",
            "distributions": [], "files": [listed(*each) for each in contents.items()]}  # fmt: skip
    for name, content in contents.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / SUBMISSION).write_text(json.dumps(said | (submission or {})))
    return folder


@pytest.fixture
def handed_in(small, tmp_path):
    """A bundle that is as it should be."""
    return write_bundle(tmp_path / "bundles" / "tiny", complete(small))
