"""Blobs: named by their content, whole or not at all, the same wherever they are kept."""

import hashlib
import os
import pickle

import pytest
import torch

from harness.blobs import Blob, BlobError, BlobFolder, CarriedBlobs, digest_of
from harness.engine.checkpoints import read_state, write_state
from harness.errors import DiskError

CONTENT = b"weights"


@pytest.fixture(params=["folder", "memory"])
def blobs(request, tmp_path):
    return BlobFolder(tmp_path) if request.param == "folder" else CarriedBlobs({})


def test_a_content_comes_back_by_its_sha_256(blobs):
    sha256 = blobs.write(CONTENT)
    assert sha256 == digest_of(CONTENT) == hashlib.sha256(CONTENT).hexdigest()
    assert blobs.read(sha256) == Blob(sha256, blobs).read() == CONTENT


def test_what_is_not_there_ends_the_run(blobs):
    # Not the unit: its record would stay failed when the next run has made the blob again.
    with pytest.raises(DiskError, match="run the command again"):
        blobs.read(digest_of(b"another"))


def test_tensors_come_back_to_the_last_bit_from_one_content(blobs):
    state = {"b": torch.randn(3, 4).T, "a": torch.tensor(0.1, dtype=torch.float64), "count": torch.arange(3)}
    sha256 = write_state(blobs, state)
    assert write_state(blobs, dict(reversed(state.items()))) == sha256
    again = read_state(Blob(sha256, blobs))
    assert again.keys() == state.keys()
    assert all(torch.equal(again[name], value) and again[name].dtype == value.dtype for name, value in state.items())


def test_the_same_content_is_one_file_named_by_it(tmp_path):
    blobs = BlobFolder(tmp_path)
    sha256 = blobs.write(CONTENT)
    before = os.stat(blobs.file(sha256)).st_mtime_ns
    assert blobs.write(CONTENT) == sha256
    assert [path.name for path in tmp_path.iterdir()] == [f"{sha256}.safetensors"]
    assert os.stat(blobs.file(sha256)).st_mtime_ns == before


@pytest.mark.parametrize(
    ("change", "damage"),
    [
        (lambda path: path.write_bytes(b"weightz"), "damaged"),
        (lambda path: path.write_bytes(b""), "damaged"),
        (lambda path: path.unlink(), "missing"),
    ],
)
def test_a_file_that_changed_is_not_read_and_is_written_anew(tmp_path, change, damage):
    blobs = BlobFolder(tmp_path)
    sha256 = blobs.write(CONTENT)
    assert blobs.damage(sha256) is None
    change(blobs.file(sha256))
    assert blobs.damage(sha256) == damage
    with pytest.raises(BlobError, match=f"{sha256}.safetensors is {damage}: run the command again"):
        blobs.read(sha256)
    assert blobs.write(CONTENT) == sha256
    assert blobs.read(sha256) == CONTENT


def test_what_cannot_be_written_leaves_nothing(tmp_path, monkeypatch):
    blobs = BlobFolder(tmp_path)

    def full(path, target):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.replace", full)
        with pytest.raises(DiskError, match="cannot be written: No space left on device; what was committed is kept"):
            blobs.write(CONTENT)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(DiskError, match="cannot be written: No such file or directory"):
        BlobFolder(tmp_path / "absent").write(CONTENT)


def test_what_was_cut_off_is_cleared_and_nothing_else(tmp_path):
    blobs = BlobFolder(tmp_path)
    kept = blobs.file(blobs.write(CONTENT))
    (tmp_path / "x.1.part").write_bytes(b"of a run that was killed")
    # Of a version that named checkpoints by the keys of their records.
    (tmp_path / "0123.safetensors").write_bytes(b"older")
    blobs.clear_parts()
    assert set(tmp_path.iterdir()) == {kept, tmp_path / "0123.safetensors"}


def test_a_blob_is_its_content_wherever_it_lies(tmp_path):
    here, there = BlobFolder(tmp_path), CarriedBlobs({})
    one, other = Blob(here.write(CONTENT), here), Blob(there.write(CONTENT), there)
    assert one == other
    assert hash(one) == hash(other)
    assert one != Blob(there.write(b"else"), there)
    assert pickle.loads(pickle.dumps(one)).read() == CONTENT


def test_what_travelled_is_compared_with_its_digest():
    given = CarriedBlobs({digest_of(CONTENT): CONTENT, digest_of(b"b"): b"not b"})
    assert given.read(digest_of(CONTENT)) == CONTENT
    assert given.written == {}
    with pytest.raises(BlobError, match="did not arrive whole"):
        given.read(digest_of(b"b"))
