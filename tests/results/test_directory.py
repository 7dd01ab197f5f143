"""The suites of a result directory: one alone, several, one that was made by an earlier version."""

import pytest

from harness.axes import crossed
from harness.planning.manifest import Manifest
from harness.results.directory import read_manifest, suites
from harness.store import MANIFEST, SHOWN_BY, Store, StoreError


def manifest(suite):
    empty = {"metrics": {}, "bounds": {}, "components": {}, "calibration": {}, "rows": [], "environment": {}}
    return Manifest(suite=suite, command="", rank_by="kl", seeds=[0], **empty).model_dump()


@pytest.fixture
def store(tmp_path):
    made = Store.open(tmp_path)
    yield made
    made.close()


def holding(store, *names):
    for name in names:
        store.set_meta(f"{MANIFEST}:{name}", manifest(name))
    return store


def test_one_alone_needs_no_name(store):
    assert read_manifest(holding(store, "quick")).suite == "quick"
    assert read_manifest(store, "quick").suite == "quick"


def test_rows_share_the_keys_that_they_name(store):
    """A hundred thousand rows name few networks and components, so memory holds each once."""
    reference = {"name": "a", "params": {}, "distribution": "d", "version": "1", "digest": "a" * 32}
    row = {
        "components": dict.fromkeys(crossed(), "a" * 32),
        **{"steps": 1, "train_steps": 1, "sigma_max": 1.0, "compute": None, "training_share": None, "reason": None},
        **{key: ["b" * 32] for key in ("networks", "errors", "tables", "information", "grids")},
    }
    content = manifest("quick") | {
        "components": {"a" * 32: reference},
        "rows": [row | {"samples": [f"{k:032}"]} for k in range(3)],
    }
    store.set_meta(f"{MANIFEST}:quick", content)
    rows = read_manifest(store).rows
    assert len({id(each.networks[0]) for each in rows}) == 1
    assert len({id(digest) for each in rows for digest in each.components.values()}) == 1
    assert [each.samples for each in rows] == [[f"{k:032}"] for k in range(3)]


def test_of_several_one_is_named(store):
    holding(store, "quick", "paper", "quick-selection")
    assert suites(store) == ["paper", "quick", "quick-selection"]
    assert read_manifest(store, "paper").suite == "paper"
    with pytest.raises(StoreError, match=r"holds 3 suites; choose one with --suite: paper, quick, quick-selection$"):
        read_manifest(store)
    with pytest.raises(StoreError, match=r"holds no suite 'papers'; did you mean paper\?$"):
        read_manifest(store, "papers")


def test_many_are_asked_for_in_a_line_that_can_be_read(store):
    holding(store, *(f"suite-number-{i}" for i in range(100)))
    with pytest.raises(StoreError, match="holds 100 suites") as error:
        read_manifest(store)
    assert len(str(error.value)) - len(str(store.directory)) < 200


def test_a_directory_of_an_earlier_version_holds_one(store):
    store.set_meta(MANIFEST, manifest("quick"))
    store.set_meta("suite", "quick")
    assert suites(store) == ["quick"]
    assert read_manifest(store).suite == "quick"
    # Run again, it is the new one that counts; another suite stands beside it.
    store.set_meta(f"{MANIFEST}:quick", manifest("quick") | {"command": "again"})
    assert read_manifest(store).command == "again"
    assert suites(holding(store, "paper")) == ["paper", "quick"]


def test_without_suites_it_says_what_makes_some_or_shows_the_rest(store):
    with pytest.raises(StoreError, match="holds no rows yet; make them with: harness run --out "):
        read_manifest(store)
    store.set_meta(SHOWN_BY, "harness certify")
    with pytest.raises(StoreError, match="holds no suite; what it holds is made and shown by: harness certify --out "):
        read_manifest(store, "quick")


def test_a_directory_that_is_older_than_an_axis_was_made_by_another_version(store):
    row = {
        "components": {axis: "d" for axis in crossed() if axis != "initial_law"},
        **{"steps": 5, "train_steps": 0, "sigma_max": 20.0, "compute": None, "training_share": None, "table": None},
        **{"networks": [], "errors": [], "information": "i", "grids": ["g"], "samples": ["s"], "reason": None},
    }
    store.set_meta(f"{MANIFEST}:quick", manifest("quick") | {"rows": [row]})
    with pytest.raises(StoreError, match="was made by another version of diffusion-harness; run the same command"):
        read_manifest(store)
    row["components"]["initial_law"] = "d"
    store.set_meta(f"{MANIFEST}:quick", manifest("quick") | {"rows": [row]})
    assert len(read_manifest(store).rows) == 1


def test_what_another_version_wrote_is_told(store):
    store.set_meta(f"{MANIFEST}:quick", {"suite": "quick"})
    with pytest.raises(StoreError, match="was made by another version of diffusion-harness"):
        read_manifest(store)
