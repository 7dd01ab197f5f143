"""Several moving averages of one training: planned once, each under the key that it has alone."""

import pytest

from harness.engine.worker import perform
from harness.planning.units import Stage

DECAYS = [0.9, 0.2, 0]
"""Apart after three steps: in the first ones a decay is approached as (1 + k)/(10 + k)."""


def training(decay):
    return {"training": {"steps": [4, 9], "batch_size": 16, "ema_decay": decay}}


@pytest.fixture(scope="module")
def finished(planned, carry_out, tmp_path_factory):
    plan, records = planned(tmp_path_factory.mktemp("checkpoints"), **training(DECAYS)), {}
    return plan, carry_out(plan, records), records


def trained(units):
    return [unit for unit in units if unit.stage == Stage.TRAINING]


def test_each_network_has_the_key_that_it_has_alone(planned):
    found = set(planned(**training(DECAYS)).trained_keys())
    alone = [set(planned(**training(decay)).trained_keys()) for decay in DECAYS]
    assert found == set.union(*alone)
    assert len(found) == sum(map(len, alone)) == 3 * 8


def test_one_decay_in_a_list_is_that_decay(planned):
    assert planned(**training([0.9])).trained_keys() == planned(**training(0.9)).trained_keys()


def test_one_training_makes_them_all(planned, finished):
    plan, done, _ = finished
    alone = trained(planned(**training(0.9)).fixed_work(lambda key: True))
    units = trained(unit for unit, _ in done)
    assert sorted(unit.networks for unit in units) == sorted(unit.networks for unit in alone) == [2, 2]
    assert [len(unit.keys) for unit in units] == [3 * len(unit.keys) for unit in alone]
    assert all(set(unit.keys) == set(made) for unit, made in done)
    assert not plan.work(finished[2].get, lambda key: key not in finished[2])


def test_a_suite_with_one_of_them_finds_its_networks(planned, finished):
    _, _, records = finished
    for decay in DECAYS:
        alone = planned(**training(decay))
        assert not alone.work(records.get, lambda key: key not in records)


def test_what_one_training_makes_is_what_each_makes_alone(planned, carry_out, finished, tmp_path):
    _, _, records = finished
    alone: dict = {}
    for decay in DECAYS:
        carry_out(planned(tmp_path, **training(decay)), alone)
    assert alone.keys() == records.keys()
    assert all(alone[key].payload == records[key].payload for key in records)  # networks by their SHA-256


def test_one_that_is_lost_is_trained_again_with_the_others(finished):
    plan, _, records = finished
    lost = plan.trained_keys()[4]
    (unit,) = trained(plan.fixed_work(lambda key: key == lost))
    made = {record.key: record.payload for record in perform(unit.job(records.get))}
    assert made == {key: records[key].payload for key in unit.keys}


def test_averages_that_no_row_has_are_not_kept(planned, carry_out, tmp_path):
    """Beside the first decay, and the first length, only these: (4, 0.9), (4, 0.2), (4, 0), (9, 0.9)."""
    plan, records = planned(tmp_path, **training(DECAYS), vary_at_most=1, weightings=["edm"]), {}
    done = carry_out(plan, records)
    (unit,) = trained(unit for unit, _ in done)
    assert len(unit.keys) == 2 * 4
    assert len(list(tmp_path.iterdir())) == 2 * 4
    assert all(set(unit.keys) == set(made) for unit, made in done)


def test_they_are_designs_apart(planned, finished):
    plan, _, records = finished
    rows = plan.contents(records.get, "harness run").rows
    of_trained = [row for row in rows if row.networks]
    assert len({row.design for row in of_trained}) == len(of_trained)
    assert {row.ema_decay for row in of_trained} == {0.9, 0.2, 0.0}
    assert {row.ema_decay for row in rows if not row.networks} == {None}
