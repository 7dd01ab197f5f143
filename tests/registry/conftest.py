"""Distributions made for a test, on the path while it runs."""

import sys
import textwrap

import pytest
from distributions import write_distribution


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Make a distribution on the path: entry points of the group, each with the source of its module.

    None is loaded by a child process first: `test_probe.py` is about that.
    """
    monkeypatch.setattr("harness.registry.probe.obstacle", lambda *words: "")
    made = []

    def make(distribution, version="1.0", **sources):
        folder = tmp_path / f"site{len(made)}"
        modules = {entry_point: f"{distribution.replace('-', '_')}_{entry_point}" for entry_point in sources}
        write_distribution(folder, distribution, {"harness": modules}, version)
        for entry_point, module in modules.items():
            monkeypatch.delitem(sys.modules, module, raising=False)
            (folder / f"{module}.py").write_text(textwrap.dedent(sources[entry_point]))
            made.append(module)
        monkeypatch.syspath_prepend(folder)
        return folder

    yield make
    for module in made:
        sys.modules.pop(module, None)
