"""The table of axes: everything that lists axes reads it, and reading it costs nothing."""

import json
import subprocess
import sys

import pytest

from harness.axes import AXES, crossed, design

ONE_MORE = '''
"""A line in the table, a contract and a hook: what adding an axis takes. Then everything else is asked about it."""

import json, sys
from dataclasses import replace
from pathlib import Path

folder = Path(sys.argv[1])
sys.path.insert(0, str(folder))

from harness import axes

line = axes.Axis("augmentation", "augmented:Augmentation", "design", "flips", default=("plain",))
lines = list(axes.AXES.values())
axes.AXES = axes.table([*lines[:7], line, *lines[7:]])

import pluggy
from harness import hookspecs


def harness_augmentations():
    """Augmentations: what is done to a point before it is noised."""


hookspecs.harness_augmentations = pluggy.HookspecMarker("harness")(harness_augmentations)

from click.testing import CliRunner
from harness.cli import group
from harness.metrics import Measurement
from harness.planning.manifest import manifest
from harness.planning.plan import Plan
from harness.registry.discovery import load
from harness.results.leaderboard import Leaderboard
from harness.results.read_board import outcome
from harness.results.ranking import leaderboard
from harness.results.reader import read_results
from harness.results.references import Reference
from harness.store import Store
from harness.suites.combinations import expand
from harness.suites.model import load_suite
from harness.views.tables import render


def say(*words):
    result = CliRunner().invoke(group, words)
    return result.output if result.exception is None else repr(result.exception)


registry = load()
quick = load_suite("quick")
suite = quick.with_selection(targets=["ring"], augmentations=["plain", "flip:share=0.5,1"], seeds=1)
plan = Plan(suite, registry, expand(suite, registry), folder)
store = Store.open(folder / "results")
rows = manifest(plan, lambda key: None)
store.set_meta("manifest", rows.model_dump(mode="json"))
components = {digest: Reference.model_validate(content) for digest, content in rows.components.items()}
outcomes = [outcome(rows, row, read_results(rows, row, store), rows.rank_by, components) for row in rows.rows]
store.close()
measured = [{rows.rank_by: [Measurement(1.0 + i, 0.01)]} for i in range(len(outcomes))]
outcomes = [replace(o, reason=None, measurements=m) for o, m in zip(outcomes, measured)]
board = leaderboard(outcomes, suite="quick", metric=rows.rank_by, environment={}, declared=rows.declared)
schema = Leaderboard.json_schema()
print(json.dumps({
    "problems": [problem.reason for problem in registry.problems],
    "without": len(expand(quick.with_selection(targets=["ring"], seeds=1), registry)),
    "default": list(quick.augmentations),
    "rows": len(rows.rows),
    "names": sorted({rows.components[row.components["augmentation"]]["name"] for row in rows.rows}),
    "fields": list(board.model_dump()["rows"][0]),
    "component": board.rows[0].component("augmentation").name,
    "required": "augmentation" in schema["$defs"]["Row"]["required"],
    "effects": sorted({e.choice for e in board.effects if e.axis == "augmentation"}),
    "coordinates": schema["$defs"]["Effect"]["properties"]["axis"]["enum"],
    "csv": render(board, "csv").partition("\\n")[0].split(","),
    "markdown": render(board, "markdown"),
    "help": say("run", "--help"),
    "plan": say("plan", "quick", "--augmentation", "flip:share=0.5,1"),
    "unknown": say("plan", "quick", "--augmentation", "flap"),
    "show": say("show", "flip", "--axis", "augmentation"),
}))
'''

PLUGIN = '''
from pydantic import Field
from harness import hookimpl
from harness.components import Component


class Augmentation(Component):
    """What is done to a point before it is noised."""

    axis = "augmentation"


class Plain(Augmentation):
    """Nothing."""

    name = "plain"


class Flip(Augmentation):
    """The sign of some points."""

    name = "flip"
    share: float = Field(0.5, ge=0, le=1, description="share of the points")


@hookimpl
def harness_augmentations():
    return [Plain, Flip]
'''


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What a house with one more axis says, in a process of its own."""
    folder = tmp_path_factory.mktemp("augmented")
    (folder / "augmented.py").write_text(PLUGIN)
    info = folder / "augmented-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: augmented\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[harness]\naugmented = augmented\n")
    done = subprocess.run([sys.executable, "-c", ONE_MORE, folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class TestOneMoreAxis:
    """An axis is added by a line in the table, a contract and a hook; here nothing else was."""

    def test_its_hook_is_called_and_its_components_are_found(self, found):
        assert found["problems"] == []
        assert found["show"].startswith("augmentation flip")

    def test_a_suite_lists_its_components_or_has_the_default(self, found):
        assert found["default"] == ["plain"]

    def test_combinations_cross_it(self, found):
        assert found["rows"] == 3 * found["without"]
        assert found["names"] == ["flip", "plain"]

    def test_it_is_an_option_of_the_shell(self, found):
        assert "Compare this augmentation in place of the suite's; repeatable." in " ".join(found["help"].split())
        assert "flip:share=1" in next(line for line in found["plan"].splitlines() if line.startswith("augmentations"))
        assert "--augmentation: unknown augmentation 'flap'" in found["unknown"]

    def test_a_row_of_a_leaderboard_has_it_after_the_older_axes(self, found):
        assert found["fields"][found["fields"].index("initial_law") + 1] == "augmentation"
        assert found["component"] in ("flip", "plain")
        assert found["required"]
        assert found["coordinates"][:7] == [*design(), "augmentation"]

    def test_tables_show_it(self, found):
        assert {"augmentation", "augmentation.name", "augmentation.digest"} <= set(found["csv"])
        assert "| flips" in found["markdown"]

    def test_its_choices_have_effects(self, found):
        assert found["effects"] == ["flip:share=0.5", "flip:share=1", "plain"]


def test_the_target_comes_first_and_metrics_and_bounds_are_no_choice_of_a_design():
    assert list(crossed()) == ["target", *design()]
    assert list(AXES) == [*crossed(), "metric", "bound"]


def test_the_table_is_read_without_any_contract():
    found = "[m for m in sys.modules if m.startswith(('harness.', 'pydantic'))]"
    script = f"import sys; from harness.axes import AXES; print({found})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['harness.arithmetic', 'harness.axes']"


@pytest.mark.parametrize("words", [["show", "heun"], ["plugins"]])
def test_what_only_reads_names_loads_no_numerical_library(words):
    script = (
        "import sys; from harness.cli import group\n"
        "group.main(sys.argv[1:], standalone_mode=False)\n"
        "print([m for m in ('numpy', 'scipy', 'torch', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
