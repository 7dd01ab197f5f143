"""Units that train networks: what they are told, and what becomes of those whose weighting cannot be tabulated."""

from pathlib import Path

import pytest

from harness.blobs import BlobFolder
from harness.engine.courses import Course, Learner
from harness.planning.trainings import table_unit, training_unit
from harness.planning.units import NotPossible, Stage
from harness.records import Record
from harness.trainers import Adam, Recording

BLOBS = BlobFolder(Path("here"))
TABLE = Record("table", "table", {"density": [1.0], "omega": [1.0]})


@pytest.fixture(scope="module")
def course(registry):
    target, network = registry.parse("target", "ring")[0], registry.parse("network", "mlp")[0]
    return Course(target, network, (3, 5), Recording())


def learner(registry, table, seed):
    weighting = registry.parse("weighting", "edm")[0]
    return Learner(weighting, table, seed, (f"{seed} short", f"{seed} long"), (f"{seed} way", f"{seed} long way"))


def test_a_unit_makes_networks_and_their_trajectories(registry, course):
    unit = training_unit([learner(registry, "table", seed) for seed in (0, 1)], course, Adam(), BLOBS)
    assert (unit.stage, unit.networks, unit.cost) == (Stage.TRAINING, 2, Adam().seconds(5, 2))
    assert unit.keys == tuple(f"{s} {what}" for s in (0, 1) for what in ("short", "long", "way", "long way"))
    job = unit.job({"table": TABLE}.get)
    assert (job.course, job.trainer, job.blobs) == (course, Adam(), BLOBS)
    assert [(each.seed, each.table) for each in job.learners] == [(0, TABLE.payload), (1, TABLE.payload)]


def test_a_network_without_a_table_is_left_out_and_alone_tells_why(registry, course):
    failed = Record("bad", "table", reason="weighting edm: no")
    records = {"table": TABLE, "bad": failed}
    unit = training_unit([learner(registry, "bad", 0), learner(registry, "table", 1)], course, Adam(), BLOBS)
    assert [each.seed for each in unit.job(records.get).learners] == [1]
    with pytest.raises(NotPossible, match=r"^weighting edm: no"):
        training_unit([learner(registry, "bad", 0)], course, Adam(), BLOBS).job(records.get)


def test_a_table_waits_for_its_grid(registry):
    weighting, target = registry.parse("weighting", "grid-matched")[0], registry.parse("target", "ring")[0]
    unit = table_unit("table", weighting, target, Adam(), "grid")
    assert (unit.stage, unit.after) == (Stage.GROUNDWORK, {"grid"})
    grid = Record("grid", "grid", {"sigmas": [20.0, 0.05]})
    assert unit.job({"grid": grid}.get).sigmas == (20.0, 0.05)
    with pytest.raises(NotPossible, match="time discretization: not computed"):
        unit.job({}.get)
