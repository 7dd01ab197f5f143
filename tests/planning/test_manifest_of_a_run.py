"""The rows of a suite before they are filled, and after: which keys they name."""

import json

import pytest

from harness.planning.keys import measured
from harness.planning.manifest import Manifest, manifest


@pytest.fixture(scope="module")
def finished(planned, carry_out, tmp_path_factory):
    plan, records = planned(tmp_path_factory.mktemp("checkpoints")), {}
    carry_out(plan, records)
    return plan, records


def test_every_key_of_a_finished_suite_is_that_of_a_record(finished):
    plan, records = finished
    rows = manifest(plan, records.get)
    assert len(rows.rows) == len(plan.combinations) == 2 * (2 * 2 + 1)
    for row in rows.rows:
        named = [*row.networks, *row.errors, *row.grids, *row.samples, *row.information, *row.tables]
        named += [
            measured(s, digest) for s in row.samples for digest in (*rows.metrics.values(), *rows.bounds.values())
        ]
        assert set(named) <= set(records)
        assert row.reason is None
        assert len(row.samples) == 2
        assert set(row.components.values()) <= set(rows.components)
    keys = [key for labels in rows.calibration.values() for found in labels.values() for key in found]
    assert keys
    assert set(keys) <= set(records)
    assert set(rows.calibration) <= set(rows.components)


def test_before_the_grids_are_known_there_are_no_samplings(planned):
    rows = manifest(planned(), {}.get, "harness run small").rows
    assert not any(row.samples for row in rows)
    assert {row.reason for row in rows} == {"target: not computed"}


def test_it_is_the_same_after_json(finished):
    plan, records = finished
    made = manifest(plan, records.get, "harness run small")
    assert Manifest.model_validate(json.loads(json.dumps(made.model_dump()))) == made
    assert plan.contents(records.get, "harness run small") == made


def test_an_oracle_takes_no_training(finished):
    plan, records = finished
    oracles = [row for row in manifest(plan, records.get).rows if not row.tables]
    assert len(oracles) == 2
    assert all((row.networks, row.errors, row.compute, row.training_share) == ([], [], None, None) for row in oracles)
