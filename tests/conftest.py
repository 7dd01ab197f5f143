"""Fixtures shared by all tests; one thread for torch, once it is imported, unless OMP_NUM_THREADS says otherwise."""

import os
import signal
import sys
import tempfile

import pytest

from harness import arithmetic

# Tests compare bits under the settings that the product has, whatever they import first.
arithmetic.fix()
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MKL_NUM_THREADS", "1")
os.environ.pop("HARNESS_PLUGINS", None)
_CACHE = tempfile.TemporaryDirectory(prefix="harness-cache-")
os.environ["HARNESS_CACHE"] = _CACHE.name
# A shell's background jobs, this one perhaps among them, ignore interrupts; what tests start must not inherit that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# One that outlives its terminal ignores hang-ups, likewise.
for number in (signal.SIGHUP, signal.SIGTERM):
    if signal.getsignal(number) == signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _one_thread():
    # Tests that need no torch must not wait for it.
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(int(os.environ["OMP_NUM_THREADS"]))


@pytest.fixture(scope="session")
def registry():
    """Every component that is installed."""
    from harness.registry.discovery import load

    return load()


@pytest.fixture(scope="session")
def taken(tmp_path_factory):
    """The result directory of `ranked_runs`, which no test changes."""
    import ranked_runs

    return ranked_runs.make(tmp_path_factory.mktemp("taken"))


_DRAWN = {}


@pytest.fixture
def drawn_once(monkeypatch):
    """Draw the plots of a leaderboard once, however often it is published: for tests of what is around them."""
    from harness.views import board_plots, plots, publishing

    def draw(board):
        plots.require_matplotlib()
        key = board.to_json()
        if key not in _DRAWN:
            _DRAWN[key] = board_plots.draw_board(board)
        return _DRAWN[key]

    monkeypatch.setattr(publishing, "draw_board", draw)
