"""What failed in a result directory: each cause once, and nothing that was mended since."""

import pytest

from harness.axes import crossed
from harness.planning.keys import measured
from harness.planning.manifest import Manifest, PlannedRow
from harness.planning.units import NotPossible, require_record
from harness.records import Record, traced
from harness.results.failures import Failure, read_failures
from harness.store import MANIFEST, SHOWN_BY, Store

ROW = PlannedRow(
    components=dict.fromkeys(crossed(), "c"), steps=4,
    train_steps=9, sigma_max=20, compute=None, training_share=None, networks=["n0", "n1"],
    errors=["e0", "e1"], tables=["t", "t"], information=["i", "i"], grids=["g0", "g1"],
    samples=["s0", "s1"], reason=None,
)  # fmt: skip
PLANNED = Manifest(
    suite="quick", command="", rank_by="kl", seeds=[0, 1], metrics={"kl": "m"}, bounds={"budget": "b"}, components={},
    calibration={"ring": {"kl": ["c0", "c1"]}}, rows=[ROW], environment={}, fits={"ring": {"kl": ["f"]}},
)  # fmt: skip


@pytest.fixture
def store(tmp_path):
    made = Store.open(tmp_path)
    made.set_meta(f"{MANIFEST}:quick", PLANNED.model_dump())
    yield made
    made.close()


def test_what_builds_on_a_failed_network_is_no_further_failure(store):
    reason = "training: network mlp: no"
    networks = [Record(key, "unmade", traced("Traceback …"), reason=reason) for key in ("n0", "n1")]
    follows = [measured(sample, "m") for sample in ROW.samples]
    with pytest.raises(NotPossible, match=f"^{reason}$") as error:
        require_record({"n0": networks[0]}.get, "n0", "training")
    store.put([*networks, *(Record(key, "unmade", reason=str(error.value)) for key in (*ROW.samples, *follows))])
    assert read_failures(store) == [Failure(reason, "Traceback …", 2)]


def test_a_network_that_diverged_has_no_traceback_and_is_counted_alone(store):
    reason = "training diverged: the loss was not finite at step 3"
    store.put([Record("n0", "network", reason=reason), Record("s0", "unmade", reason=reason)])
    assert read_failures(store) == [Failure(reason, "", 1)]


def test_each_traceback_of_a_reason_is_shown_the_frequent_first(store):
    store.put([Record(k, "unmade", traced(trace), reason="no") for k, trace in (("s0", "a"), ("s1", "b"), ("n0", "b"))])
    store.put([Record(key, "unmade", reason="was not made") for key in ("g0", "g1", "i")])
    assert read_failures(store) == [Failure("no", "b", 2), Failure("no", "a", 1), Failure("was not made", "", 3)]


def test_what_no_suite_compares_any_longer_was_mended(store):
    store.put([Record("old", "unmade", traced("Traceback …"), reason="a mistake of yesterday")])
    assert read_failures(store) == []
    store.set_meta(SHOWN_BY, "harness other")  # whose records no manifest names
    assert [each.reason for each in read_failures(store)] == ["a mistake of yesterday"]


@pytest.mark.parametrize("key", ["n1", "e0", "t", "i", "g1", "s0", measured("s1", "m"), measured("s0", "b"), "c1", "f"])
def test_any_record_that_a_suite_is_made_of_is_told(store, key):
    store.put([Record(key, "unmade", reason="no")])
    assert read_failures(store) == [Failure("no", "", 1)]
