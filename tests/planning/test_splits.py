"""Targets that give each seed a split of its own: what of the work is a seed's, and what seeds have in common."""

import pickle
from collections import Counter
from typing import ClassVar

import numpy as np
import pytest
from harness_data.targets import File
from harness_synthetic.targets import Gaussian

from harness.errors import ContractError
from harness.planning.splits import SeedTargets, splits
from harness.planning.units import Stage
from harness.targets import Target

SUITE = {
    "weightings": ["edm", "grid-matched"],
    "time_discretizations": ["polynomial", "fisher"],
    "networks": ["mlp:width=8,depth=1", "exact"],
    "samplers": ["ancestral"],
    "metrics": ["nll-bound:noised=60", "energy", "memorisation", "classifier-frechet:train_steps=5"],
    "rank_by": "nll-bound:noised=60",
    "bounds": [],
    "training": {"steps": [4], "batch_size": 16},
}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    where = tmp_path_factory.mktemp("data") / "points.npz"
    points = np.random.default_rng(0).normal(size=(50, 2))
    np.savez(where, points=points, digit=(points[:, 0] > 0).astype(int))
    return f"{where},labels=digit"


@pytest.fixture(scope="module")
def finished(planned, carry_out, path, tmp_path_factory):
    records = {}
    plan = planned(tmp_path_factory.mktemp("checkpoints"), targets=[f"file:path={path}"], seeds=3, **SUITE)
    return plan, [unit for unit, _ in carry_out(plan, records)], records


def of_seed(plan, seed):
    return plan.keys.target(plan.combinations[0].target, seed)


def test_each_unit_of_a_seed_has_the_target_of_the_seed(finished):
    plan, units, records = finished
    jobs = [unit.job(records.get) for unit in units]
    folds = Counter((type(job).__name__, (job.course if hasattr(job, "course") else job).target) for job in jobs
                    if getattr(job, "target", True) is not None)  # fmt: skip
    kinds = {kind for kind, _ in folds}
    assert kinds == {
        "MeasureTargetJob", "TabulateWeightingJob", "LayOutGridJob", "TrainNetworksJob", "MeasureScoreErrorsJob",
        "FitMetricJob", "EvaluateSamplesJob", "CalibrateMetricsJob",
    }  # fmt: skip
    assert {target for _, target in folds} == {of_seed(plan, seed) for seed in (0, 1, 2)}
    for kind in kinds:
        assert len({folds[kind, of_seed(plan, seed)] for seed in (0, 1, 2)}) == 1
    for job in jobs:
        if hasattr(job, "seed"):
            assert job.target.fold == job.seed
        for learner in getattr(job, "learners", ()):
            assert job.course.target.fold == learner.seed
    assert all(record.ok for record in records.values())


def test_only_what_needs_the_target_is_done_for_each_seed(finished):
    plan, units, _ = finished
    grids = {c.time_discretization.name: {plan.keys.grid(c, seed) for seed in (0, 1, 2)} for c in plan.combinations}
    assert {name: len(found) for name, found in grids.items()} == {"polynomial": 1, "fisher": 3}
    assert len({key for unit in units for key in unit.keys}) == sum(len(unit.keys) for unit in units)


def test_designs_of_a_seed_are_paired_and_seeds_differ(finished):
    """One split a seed, whatever the design: and each split another reference, standardization and floor."""
    plan, _, records = finished
    information = {tuple(row.information) for row in plan.contents(records.get, "").rows}
    assert len(information) == 1
    assert len(set(*information)) == 3
    manifest = plan.contents(records.get, "")
    for keys in (*manifest.calibration.values().__iter__().__next__().values(), *map(list, information)):
        assert len(set(keys)) == 3
    assert all(len(keys) == 3 for metrics in manifest.fits.values() for keys in metrics.values())
    values = [records[key].payload["value"] for metrics in manifest.calibration.values() for key in metrics["energy"]]
    assert len(set(values)) == 3
    assert manifest.record_keys() == set(records)


def test_the_split_of_seeds_is_told(finished, planned):
    plan, _, records = finished
    (found,) = plan.contents(records.get, "").splits.values()
    assert found.model_dump() == pytest.approx({"count": 3, "held_out": 30, "reference": 0.0, "both": 1 / 3})
    assert planned().contents(lambda key: None, "").splits == {}


def test_two_names_of_one_design_are_one_on_all_splits(finished):
    plan, _, records = finished
    rows = plan.contents(records.get, "").rows
    kinds = {c.time_discretization.name + c.network.name + str(c.weighting): row.design
             for c, row in zip(plan.combinations, rows, strict=True)}  # fmt: skip
    assert None not in kinds.values()
    assert len(set(kinds.values())) == len(kinds)


def test_a_target_of_one_split_has_the_keys_and_the_stacks_that_it_would_have_for_one_seed(planned, path):
    """Three networks of a weighting train together on the fixed split, and each alone where it has its own."""
    changes = SUITE | {"weightings": ["edm"], "seeds": 3}
    stacks = {}
    for folds in (1, 5):
        plan = planned(targets=[f"file:path={path},folds={folds}"], **changes)
        units = [unit for unit in plan.fixed_work(lambda key: True) if unit.stage == Stage.TRAINING]
        stacks[folds] = sorted(unit.networks for unit in units)
    assert stacks == {1: [3], 5: [1, 1, 1]}


def test_what_was_tried_of_a_target_is_known_of_all_its_splits(planned, path):
    plan = planned(targets=[f"file:path={path}"], seeds=3, **SUITE | {"weightings": ["edm"]})
    stacks = plan.stacks(lambda key: True)
    assert len({plan.costs._training_key(learners, course) for learners, course in stacks}) == 1
    trials = plan.trials()
    plan.costs.known = dict.fromkeys(trials, (0.5, 0.25))
    assert plan.trials() == {}
    assert {plan.costs.training(learners, course) for learners, course in stacks} == {0.5 + 4 * 0.25}


# Shares


def share(targets):
    return splits(targets).model_dump()


def test_seeds_of_one_partition_share_no_reference_and_further_partitions_share_the_folds_part(tmp_path):
    np.save(tmp_path / "points.npy", np.random.default_rng(0).normal(size=(500, 1)))
    target = File(path=str(tmp_path / "points.npy"))
    one = share([target.for_seed(seed) for seed in range(5)])
    # Of ten pairs five are neighbours, whose two parts have one fold in common.
    assert one == pytest.approx({"count": 5, "held_out": 500, "reference": 0.0, "both": 0.25})
    two = share([target.for_seed(seed) for seed in range(10)])
    assert (two["count"], two["held_out"]) == (10, 500)
    # 25 of 45 pairs are of two partitions: they share a fifth.
    assert two["reference"] == pytest.approx(25 / 45 / 5, rel=0.05)
    assert share([target.for_seed(seed) for seed in (0, 0, 1)])["reference"] == pytest.approx(1 / 3)
    assert splits([target.for_seed(2)] * 3) is None
    assert splits([target.for_seed(2)]) is None


class Drawn(Target):
    """A law of its own for each seed, which tells nothing of its points."""

    name: ClassVar[str] = "drawn"
    law: int | None = None

    def distribution(self):
        return Gaussian(dim=1).distribution()

    def for_seed(self, seed):
        return self if self.law is not None else Drawn(law=seed // 2)


def test_targets_that_do_not_tell_their_points_share_none_but_with_themselves():
    known = SeedTargets()
    found = splits([known.of(Drawn(), seed) for seed in range(4)])
    assert found.model_dump() == pytest.approx({"count": 2, "held_out": None, "reference": 1 / 3, "both": 1 / 3})
    assert known.original(known.of(Drawn(), 1)) == Drawn()
    assert known.of(Drawn(), 2) is known.of(Drawn(), 3)
    assert pickle.loads(pickle.dumps(known.of(Drawn(), 2))) == Drawn(law=1)


class Nothing(Drawn):
    name: ClassVar[str] = "nothing"

    def for_seed(self, seed):
        return None


class Restless(Drawn):
    name: ClassVar[str] = "restless"

    def for_seed(self, seed):
        return Restless(law=seed)


@pytest.mark.parametrize(
    ("target", "fault"),
    [
        (Nothing(), "target nothing: for_seed returned NoneType; it must be a Target"),
        (Restless(), r"target restless: for_seed\(3\) returned restless:law=3; what it returns must be its own"),
    ],
)
def test_a_target_of_a_seed_that_is_none_is_refused(target, fault):
    with pytest.raises(ContractError, match=fault):
        SeedTargets().of(target, 3)
