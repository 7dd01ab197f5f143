"""States of units that were cut off: whole or not there, found by their code alone, gone when they are done."""

from threading import Event, Thread

import pytest

from harness.errors import DiskError
from harness.unfinished import Reached, UnfinishedFolder


@pytest.fixture
def folder(tmp_path):
    return UnfinishedFolder(tmp_path / "unfinished", "code")


def test_what_was_written_last_is_read_and_says_how_far_it_is(folder):
    assert folder.read("key") is None
    assert folder.reached("key") is None
    for step in (3, 5):
        folder.write("key", Reached(step, 9), b"\n\x00state" * step)
    assert folder.read("key") == b"\n\x00state" * 5
    assert folder.reached("key") == Reached(5, 9)
    assert folder.reached("other") is None


def test_another_code_finds_nothing_and_clears_it(folder):
    folder.write("key", Reached(1, 2), b"state")
    other = UnfinishedFolder(folder.path, "later")
    assert other.read("key") is None
    assert list(folder.clear()) == []
    assert folder.read("key") == b"state"
    assert list(other.clear()) == []
    assert not folder.path.exists()


@pytest.mark.parametrize("place", [0, 66, -1])
def test_one_that_is_damaged_is_not_read_and_told_once(folder, place):
    folder.write("key", Reached(1, 2), b"state")
    (file,) = folder.path.iterdir()
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    assert folder.read("key") is None
    (line,) = folder.clear()
    assert line.endswith("damaged: it begins anew")
    assert list(folder.clear()) == []
    assert not folder.path.exists()


def test_one_that_was_cut_short_is_damaged(folder):
    folder.write("key", Reached(1, 2), b"state")
    (file,) = folder.path.iterdir()
    for length in (0, 30, 68, len(file.read_bytes()) - 1):
        file.write_bytes(file.read_bytes()[:length])
        assert folder.read("key") is None


def test_the_folder_is_there_as_long_as_it_holds_something(folder):
    for key in ("one", "other"):
        folder.write(key, Reached(1, 2), b"state")
    folder.forget(["one", "unknown"])
    assert folder.read("other") == b"state"
    folder.forget(["other"])
    assert not folder.path.exists()
    folder.forget(["other"])


def test_the_folder_may_be_removed_at_any_moment(folder):
    """The parent forgets the state of one unit while a worker keeps that of another."""
    done, raised = Event(), []

    def forget():
        while not done.is_set():
            try:
                folder.forget(["key"])
            except OSError as error:
                raised.append(error)

    parent = Thread(target=forget)
    parent.start()
    try:
        for _ in range(500):
            folder.write("key", Reached(1, 2), b"state")
    finally:
        done.set()
        parent.join()
    assert raised == []
    folder.forget(["key"])
    assert not folder.path.exists()


def test_a_folder_that_has_just_been_written_to_stays(folder, monkeypatch):
    folder.write("key", Reached(1, 2), b"state")
    monkeypatch.setattr(type(folder.path), "iterdir", lambda self: iter(()))
    folder.forget(["other"])
    assert folder.read("key") == b"state"


def test_without_the_result_directory_nothing_is_kept(tmp_path):
    folder = UnfinishedFolder(tmp_path / "elsewhere" / "unfinished", "code")
    folder.write("key", Reached(1, 2), b"state")
    assert not (tmp_path / "elsewhere").exists()


def test_a_disk_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "unfinished").write_bytes(b"")
    with pytest.raises(DiskError, match=r"unfinished cannot be written: .*; what was committed is kept"):
        UnfinishedFolder(tmp_path / "unfinished", "code").write("key", Reached(1, 2), b"state")
