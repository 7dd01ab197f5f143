"""The user's cache: what cannot be read was never found, and what cannot be written is no error."""

import pytest

from harness.user_cache import cache_file, read_cache, write_cache


@pytest.fixture(autouse=True)
def _own(monkeypatch, tmp_path):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))


def test_the_newest_are_kept():
    write_cache("a.json", {"x": 1, "y": 2, "z": 3}, 2)
    assert read_cache("a.json") == {"y": 2, "z": 3}
    assert read_cache("b.json") == {}
    assert [path.name for path in cache_file("a.json").parent.iterdir()] == ["a.json"]


@pytest.mark.parametrize("text", ["", "[1]", "{", "null"])
def test_what_is_no_object_was_never_found(text):
    cache_file("a.json").parent.mkdir()
    cache_file("a.json").write_text(text)
    assert read_cache("a.json") == {}


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path):
    (tmp_path / "cache").write_text("a file")
    write_cache("a.json", {"x": 1}, 5)
    assert read_cache("a.json") == {}
