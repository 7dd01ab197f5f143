"""Probe: a foreign entry point that is seen for the first time is loaded in a child process before it is loaded here.

One that exits, hangs or interrupts at import would end every command; here it costs one line. What was found is kept
in a small file of the user's cache (`harness.user_cache`), and holds until the package changes.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from harness.components import digest
from harness.user_cache import cache_file, read_cache, write_cache

SECONDS = 60.0
"""A foreign entry point that takes longer to load is not loaded."""

_FILE = "probed.json"

_LIMIT = 500
"""Entry points that are remembered at most."""

_CHILD = """
import json, sys
words = json.loads(sys.stdin.readline())
sys.path[:] = words["path"]
from harness.registry.discovery import load
try:
    load(words["entry_point"], probing=True)
except KeyboardInterrupt:
    print("KeyboardInterrupt")
    sys.exit(1)
except Exception:
    pass
print(words["token"])
"""
"""What the child does. Other exceptions are no danger: whoever loads the plugin meets them again, and says so."""


def obstacle(entry_point: metadata.EntryPoint, distribution: str, version: str) -> str:
    """Return why a foreign entry point must not be loaded in this process; empty where it may be."""
    key = _key(entry_point, distribution, version)
    known = _remembered()
    if key not in known:
        known[key] = _tried(f"{distribution}/{entry_point.name}")
        _remember(known)
    return known[key]


def _key(entry_point: metadata.EntryPoint, distribution: str, version: str) -> str:
    """Return a digest of what is seen of a plugin without loading it: names, and times and sizes of its files."""
    files = [(str(path), *_stamp(path)) for path in sorted(_files(entry_point.module.partition(".")[0]))]
    return digest(sys.prefix, sys.version, distribution, version, entry_point.name, entry_point.value, files)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        state = path.stat()
    except OSError:
        return 0, 0
    return state.st_size, state.st_mtime_ns


def _files(package: str) -> Iterator[Path]:
    """Yield the source files of a package, which is not imported."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        return
    if spec is None:
        return
    for folder in spec.submodule_search_locations or ():
        yield from Path(folder).rglob("*.py")
    if spec.origin is not None and not spec.submodule_search_locations:
        yield Path(spec.origin)


def _tried(entry_point: str) -> str:
    """Load an entry point in a child; return how the child ended, where that was not by itself."""
    token = secrets.token_hex(8)
    words = json.dumps({"path": sys.path, "entry_point": entry_point, "token": token}) + "\n"
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = child.communicate(words, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"took longer than {SECONDS:g} s to load; {_again()}"
    finally:
        _end(child)
    lines = said.splitlines()
    if token in lines:
        return ""
    interrupted = lines[-1:] == ["KeyboardInterrupt"]
    how = "raised KeyboardInterrupt" if interrupted else f"ended the process (exit status {child.returncode})"
    return f"{how} when it was loaded; {_again()}"


def _again() -> str:
    return f"it is tried again when its files change, or without {cache_file(_FILE)}"


def _end(child: subprocess.Popen[str]) -> None:
    # Its session too: what it started must not outlive it.
    with contextlib.suppress(OSError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()


@functools.cache
def _memory() -> dict[str, str]:
    """What this process has found, where the file cannot be written."""
    return {}


def _remembered() -> dict[str, str]:
    found = read_cache(_FILE)
    sound = all(isinstance(each, str) for each in found.values())
    return {**(found if sound else {}), **_memory()}


def _remember(known: dict[str, str]) -> None:
    """Keep what was found; where that cannot be written, it is found again by the next command."""
    _memory().update(known)
    write_cache(_FILE, known, _LIMIT)
