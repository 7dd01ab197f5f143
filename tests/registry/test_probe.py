"""Probing: a foreign plugin that would end or stop the process that loads it costs one line, once."""

import json
import time

import pytest

from harness.registry import probe
from harness.registry.discovery import load
from harness.user_cache import cache_file

real = probe.obstacle


@pytest.fixture
def site(install, monkeypatch, tmp_path):
    """`install`, with probing as it is, a cache of its own, and a count of the child processes."""
    monkeypatch.setattr(probe, "obstacle", real)
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    probe._memory.cache_clear()
    children = []
    tried = probe._tried
    monkeypatch.setattr(probe, "_tried", lambda entry_point: (children.append(entry_point), tried(entry_point))[1])

    def loaded(source):
        folder = install("bad-luck", bad=source)
        found = load("bad")
        return folder, next(plugin for plugin in found.plugins if plugin.entry_point == "bad")

    loaded.children = children
    return loaded


FINE = "from harness import hookimpl\n\n\n@hookimpl\ndef harness_samplers():\n    return []\n"
WORDS = "when it was loaded; it is tried again when its files change, or without "


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import os\nos._exit(0)", f"ended the process (exit status 0) {WORDS}"),
        ("raise KeyboardInterrupt", f"raised KeyboardInterrupt {WORDS}"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", f"ended the process (exit status -9) {WORDS}"),
        (FINE.replace("    return []", "    import os\n    os._exit(3)"), f"ended the process (exit status 3) {WORDS}"),
    ],
)
def test_one_that_ends_the_process_is_named_and_not_loaded_here(site, source, reason, tmp_path):
    _, found = site(source)
    assert (found.status, found.reason) == ("failed", f"{reason}{tmp_path / 'cache' / 'probed.json'}")


def test_so_is_one_that_never_ends_and_it_costs_its_time_once(site, monkeypatch):
    monkeypatch.setattr(probe, "SECONDS", 3.0)
    _, found = site("while True:\n    pass")
    assert found.reason.startswith("took longer than 3 s to load; ")
    start = time.monotonic()
    probe._memory.cache_clear()
    assert next(plugin for plugin in load("bad").plugins if plugin.entry_point == "bad") == found
    assert time.monotonic() - start < 2
    assert site.children == ["bad-luck/bad"]


def test_one_that_is_fine_or_fails_by_itself_is_tried_once_until_its_files_change(site):
    folder, found = site(FINE)
    assert found.status == "ok"
    for _ in range(2):
        probe._memory.cache_clear()
        load("bad")
    assert len(site.children) == 1
    file = folder / "bad_luck_bad.py"
    file.write_text(file.read_text() + "# edited\n")
    load("bad")
    assert len(site.children) == 2
    _, found = site("raise RuntimeError('no luck')")
    assert found.reason == "RuntimeError: no luck (bad_luck_bad.py, line 1)"


@pytest.mark.parametrize("content", ["", "[1]", '{"a": 1}', "{"])
def test_a_cache_that_cannot_be_read_or_written_is_no_error(site, monkeypatch, tmp_path, content):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "probed.json").write_text(content)
    assert site(FINE)[1].status == "ok"
    assert "" in json.loads((tmp_path / "cache" / "probed.json").read_text()).values()
    monkeypatch.setenv("HARNESS_CACHE", "/proc/nowhere")
    assert load("bad").problems == ()


def test_where_the_cache_lies(monkeypatch, tmp_path):
    monkeypatch.delenv("HARNESS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_file("probed.json") == tmp_path / "diffusion-harness" / "probed.json"


def test_our_own_are_never_tried(monkeypatch):
    monkeypatch.setattr(probe, "obstacle", lambda *words: pytest.fail("tried"))
    assert load("karras").problems == ()
