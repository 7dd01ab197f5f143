"""What certificates said is kept in the user's cache, and told by leaderboards."""

import pytest
from documents import make_document

from harness.certification import certify, memory
from harness.errors import HarnessError
from harness.results.leaderboard import Leaderboard
from harness.user_cache import cache_file


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))


@pytest.fixture
def certified(registry, own_cache):
    return certify("vp-linear", registry=registry)


def board_with(digest):
    """A leaderboard of which one schedule has a digest."""
    document = make_document()
    for row in document["rows"]:
        if row["noise_schedule"]["name"] == document["rows"][0]["noise_schedule"]["name"]:
            row["noise_schedule"] = row["noise_schedule"] | {"digest": digest}
    return Leaderboard.validate(document)


def standings(board):
    return {each.standing for each in memory.with_certificates(board).certificates}


def test_a_leaderboard_tells_what_was_certified(certified):
    board = memory.with_certificates(board_with(certified.digest))
    (told,) = [each for each in board.certificates if each.standing == "certified"]
    assert told.axis == "noise_schedule"
    assert told.passed == sum(each.verdict == "pass" for each in certified.properties)
    assert (told.failed, len(board.certificates)) == (0, len(board.components()))
    memory.check_certified(board)
    assert Leaderboard.validate(board.model_dump(mode="json")) == board


def test_one_that_failed_is_refused(certified):
    failing = certified.properties[0].model_copy(update={"verdict": "fail"})
    memory.remember([certified.model_copy(update={"properties": [failing]})])
    board = memory.with_certificates(board_with(certified.digest))
    assert "failed" in standings(board)
    with pytest.raises(HarnessError, match=r"the certificate of noise schedule .* failed; harness certify says why"):
        memory.check_certified(board)


def test_another_code_knows_nothing(certified, monkeypatch):
    monkeypatch.setattr(memory, "_code", lambda: "another")
    assert standings(board_with(certified.digest)) == {"unclaimed"}


@pytest.mark.parametrize("content", ["[]", "{", '{"x": 1}', None])
def test_a_file_that_cannot_be_read_knows_nothing(certified, content):
    file = cache_file(memory.FILE)
    if content is None:
        text = file.read_text(encoding="utf-8")
        file.write_text(text.replace("[", '["x",'), encoding="utf-8")
    else:
        file.write_text(content, encoding="utf-8")
    assert standings(board_with(certified.digest)) == {"unclaimed"}


def test_what_nothing_identifies_is_not_kept(certified):
    before = cache_file(memory.FILE).read_text(encoding="utf-8")
    memory.remember([certified.model_copy(update={"digest": ""})])
    assert cache_file(memory.FILE).read_text(encoding="utf-8") == before
