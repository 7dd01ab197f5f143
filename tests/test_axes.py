"""The table of axes: everything that lists axes reads it, and reading it costs nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from distributions import write_distribution

from harness.axes import AXES, NETWORK, Axis, crossed, design, table, taken_by
from harness.results.budgets import Budgets

LEADERBOARDS = Path(__file__).parents[1] / "leaderboards"

ONE_MORE = '''
"""A line in the table, a contract and a hook: what adding an axis takes besides its use in the unit that takes it.
Then everything else is asked about it."""

import json, sys
from dataclasses import replace
from pathlib import Path

folder, unit, leaderboards = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
sys.path.insert(0, str(folder))

from harness import axes

line = axes.Axis(
    *("augmentation", "augmented:Augmentation", "design", "flips"),
    default=("plain",),
    absent="none" if unit == "training" else "",
    since=11,
    phase=unit,
)
lines = list(axes.AXES.values())
axes.AXES = axes.table([*lines[:7], line, *lines[7:]])

import pluggy
from harness import hookspecs


def harness_augmentations():
    """Augmentations: what is done to a point before it is noised."""


hookspecs.harness_augmentations = pluggy.HookspecMarker("harness")(harness_augmentations)

from click.testing import CliRunner
from harness_claims.document import ClaimsBoard
from harness_claims.plan import descents
from harness.cli import group
from harness.metrics import Measurement
from harness.planning.manifest import manifest
from harness.planning.plan import Plan
from harness.records import Record
from harness.registry.discovery import load
from harness.results.bounds import BoundsBoard
from harness.results.budgets import Budgets
from harness.results.leaderboard import Leaderboard
from harness.results.read_board import read_outcomes
from harness.results.ranking import leaderboard
from harness.store import Store
from harness.suites.combinations import expand
from harness.suites.model import load_suite
from harness.trainers import Adam, Recording, TrajectoryRequest
from harness.views.tables import render


def say(*words):
    result = CliRunner().invoke(group, words)
    return result.output if result.exception is None else repr(result.exception)


def keys(c):
    network, sigmas = plan.keys.network(c, 0), [20.0, 1.0, 0.05]
    return {
        "grid": plan.keys.grid(c, 0),
        "table": None if c.weighting is None else plan.keys.table(c, 0),
        "network": network,
        "error": plan.keys.score_error(network),
        "sample": plan.keys.sample(c, sigmas, 0),
    }


def apart():
    """Which keys tell apart designs that differ in the new axis alone; each with the share of pairs that it does."""
    alike = {}
    for c in plan.combinations:
        rest = tuple(x for name, x in c.components.items() if name != "augmentation")
        alike.setdefault((*rest, c.steps, c.train_steps, c.sigma_max), []).append(keys(c))
    pairs = [(found[0], other) for found in alike.values() for other in found[1:]]
    return {kind: sum(a[kind] != b[kind] for a, b in pairs) / len(pairs) for kind in pairs[0][0]}


def carried():
    """What of the new axis each kind of job carries; in one training, alike for all networks of a stack."""
    made = lambda key: Record(key, "made", {"sigmas": [20.0, 1.0, 0.05], "sha256": "0"})
    found = {}
    for job in (unit.job(made) for unit in [*plan.groundwork(lambda key: True), *plan.work(made, lambda key: True)]):
        if hasattr(job, "learners"):
            (taken,) = {each.components.get("augmentation") for each in job.learners}
        else:
            taken = getattr(job, "components", {}).get("augmentation")
        if taken is not None:
            found.setdefault(type(job).__name__, set()).add(taken.label())
    return {kind: sorted(names) for kind, names in found.items()}


def published():
    """The schema version and the components on the new axis of boards among the dozen smallest documents."""
    found = []
    for file in sorted(leaderboards.glob("*/*.json"), key=lambda file: file.stat().st_size)[:12]:
        content = json.loads(file.read_text(encoding="utf-8"))
        if "calls" in content:  # marks of rows that were made again, no board
            continue
        if "rows" not in content:
            (BoundsBoard if "entries" in content else ClaimsBoard).read(file)
            continue
        board = Leaderboard.read(file)
        names = {(row.train_steps > 0, row.component("augmentation").name) for row in board.rows}
        found.append([board.schema_version, sorted(names)])
    return found


registry = load()
chosen = {"targets": ["ring"], "networks": ["mlp", "exact"], "weightings": ["edm", "eps"], "seeds": 1}
quick = load_suite("quick").with_selection(**chosen)
suite = quick.with_selection(augmentations=["plain", "flip:share=0.5,1"])
plan = Plan(suite, registry, expand(suite, registry), folder)
store = Store.open(folder / "results")
rows = manifest(plan, lambda key: None)
store.set_meta("manifest", rows.model_dump(mode="json"))
outcomes = read_outcomes(rows, store)
store.close()
measured = [{name: [Measurement(1.0 + i, 0.01)] for name in rows.rank_by} for i in range(len(outcomes))]
outcomes = [replace(o, reason=None, measurements=m) for o, m in zip(outcomes, measured)]
board = leaderboard(outcomes, suite="quick", rank_by=rows.rank_by, environment={}, declared=rows.declared)
schema = Leaderboard.json_schema()
request = TrajectoryRequest("ring", "mlp", "edm", (0,), 5, Adam(), Recording())
print(json.dumps({
    "problems": [problem.reason for problem in registry.problems],
    "without": len(expand(quick, registry)),
    "untrained": sum(c.weighting is None for c in expand(quick, registry)),
    "apart": apart(),
    "carried": carried(),
    "published": [] if unit == "sampling" else published(),
    "budgets": Budgets.version(),
    "descent": sorted(descents(request, registry).learners[0].components),
    "default": list(quick.augmentations),
    "rows": len(rows.rows),
    "names": sorted({rows.components[row.components["augmentation"]].name for row in rows.rows}),
    "fields": list(board.model_dump()["rows"][0]),
    "component": board.rows[0].component("augmentation").name,
    "required": "augmentation" in schema["$defs"]["Row"]["required"],
    "effects": sorted({e.choice for e in board.effects if e.axis == "augmentation"}),
    "coordinates": schema["$defs"]["Effect"]["properties"]["axis"]["enum"],
    "csv": render(board, "csv").partition("\\n")[0].split(","),
    "markdown": render(board, "markdown"),
    "help": say("run", "--help"),
    "plan": say("plan", "quick", "--guess", "--augmentation", "flip:share=0.5,1"),
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


@pytest.fixture(
    scope="module", params=["training", *(pytest.param(each, marks=pytest.mark.slow) for each in ("grid", "sampling"))]
)
def unit(request):
    """The unit of work that takes the new axis."""
    return request.param


@pytest.fixture(scope="module")
def found(tmp_path_factory, unit):
    """What a house with one more axis says, in a process of its own."""
    folder = tmp_path_factory.mktemp("augmented")
    (folder / "augmented.py").write_text(PLUGIN)
    write_distribution(folder, "augmented", {"harness": {"augmented": "augmented"}})
    words = [sys.executable, "-c", ONE_MORE, folder, unit, LEADERBOARDS]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class TestOneMoreAxis:
    """An axis is added by a line in the table, a contract and a hook; here nothing else was.

    The unit of work that takes it is what its author changes besides.
    """

    def test_its_hook_is_called_and_its_components_are_found(self, found):
        assert found["problems"] == []
        assert found["show"].startswith("augmentation flip")

    def test_a_suite_lists_its_components_or_has_the_default(self, found):
        assert found["default"] == ["plain"]

    def test_combinations_cross_it(self, found, unit):
        # What trains a network is no choice where none is trained.
        once = found["untrained"] if unit == "training" else 0
        assert found["untrained"] > 0
        assert found["rows"] == 3 * (found["without"] - once) + once
        assert found["names"] == ["flip", *(["none"] if once else []), "plain"]

    def test_designs_that_differ_in_it_share_no_record_of_its_unit(self, found, unit):
        kinds = {"grid": {"grid"}, "training": {"network", "error", "sample"}, "sampling": {"sample"}}
        # Some grids are laid out for a network; then they differ as the networks do.
        assert {kind for kind, share in found["apart"].items() if share == 1} == kinds[unit]
        if unit == "sampling":
            assert {kind for kind, share in found["apart"].items() if share > 0} == {"sample"}

    def test_the_jobs_of_its_unit_carry_it(self, found, unit):
        job = {"grid": "LayOutGridJob", "training": "TrainNetworksJob", "sampling": "EvaluateSamplesJob"}[unit]
        assert found["carried"] == {job: ["flip", "flip:share=1", "plain"]}

    def test_a_descent_takes_its_default(self, found, unit):
        assert ("augmentation" in found["descent"]) == (unit == "training")

    def test_published_boards_are_read_with_its_default(self, found, unit):
        assert found["budgets"] == Budgets.version() + 1
        if unit == "sampling":
            return  # Nothing that is published tells it from the unit of the grid.
        assert len(found["published"]) >= 7
        assert {version for version, _ in found["published"]} == {11}
        had = {(trained, name) for _, names in found["published"] for trained, name in names}
        assert had == {(True, "plain"), (False, "none" if unit == "training" else "plain")}

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


def test_each_axis_of_a_design_enters_one_unit():
    assert [*taken_by("training"), *taken_by("grid"), *taken_by("sampling")] == [
        *("weighting", "network", "noise_schedule", "time_discretization", "sampler", "initial_law"),
    ]


@pytest.mark.parametrize(
    ("axis", "rule"),
    [
        (
            Axis("hue", "x:Hue", "design"),
            "axis 'hue': phase says where work takes it, as exactly the role design has",
        ),
        (Axis("hue", "x:Hue", phase="grid"), "axis 'hue': phase says where work takes it"),
        (Axis("hue", "x:Hue", "design", phase="training"), "axis 'hue': absent says what stands where no network is"),
        (Axis("hue", "x:Hue", "design", phase="grid", since=4), "axis 'hue': default is the one component of rows"),
    ],
)
def test_an_axis_that_no_key_would_hold_or_no_older_row_could_have_is_refused(axis, rule):
    with pytest.raises(ValueError, match=rule):
        table([axis])
    assert table([Axis("net", NETWORK, "design", phase="training")])["net"].words == "net"


def test_the_target_comes_first_and_metrics_and_bounds_are_no_choice_of_a_design():
    assert list(crossed()) == ["target", *design()]
    assert list(AXES) == [*crossed(), "metric", "bound", "preconditioning", "noise_distribution"]


def test_the_table_is_read_without_any_contract():
    found = "[m for m in sys.modules if m.startswith(('harness.', 'pydantic'))]"
    script = f"import sys; from harness.axes import AXES; print({found})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['harness.arithmetic', 'harness.limits', 'harness.errors', 'harness.axes']"


@pytest.mark.parametrize("words", [["show", "heun"], ["plugins"]])
def test_what_only_reads_names_loads_no_numerical_library(words):
    script = (
        "import sys; from harness.cli import group\n"
        "group.main(sys.argv[1:], standalone_mode=False)\n"
        "print([m for m in ('numpy', 'scipy', 'torch', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script, *words], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
