"""Distributions made for a test, on the path while it runs."""

import sys
import textwrap

import pytest


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Make a distribution on the path: entry points of the group, each with the source of its module.

    None is loaded by a child process first: `test_probe.py` is about that.
    """
    monkeypatch.setattr("harness.registry.probe.obstacle", lambda *words: "")
    made = []

    def make(distribution, version="1.0", **sources):
        folder = tmp_path / f"site{len(made)}"
        info = folder / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        lines = []
        for entry_point, source in sources.items():
            module = f"{distribution.replace('-', '_')}_{entry_point}"
            monkeypatch.delitem(sys.modules, module, raising=False)
            (folder / f"{module}.py").write_text(textwrap.dedent(source))
            lines.append(f"{entry_point} = {module}")
            made.append(module)
        (info / "entry_points.txt").write_text("\n".join(["[harness]", *lines]))
        monkeypatch.syspath_prepend(folder)
        return folder

    yield make
    for module in made:
        sys.modules.pop(module, None)
