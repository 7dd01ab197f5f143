import sqlite3

import pytest

from harness.records import Record
from harness.store import DATABASE, SCHEMA_VERSION, Store, StoreError


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path / "results")
    yield store
    store.close()


def test_a_record_comes_back_as_it_was(store):
    record = Record("k", "sample", {"values": [0.1, 1e-300, -3.0], "name": "σ"}, None, 1.25)
    failed = Record("f", "sample", reason="diverged", seconds=0.5)
    store.put([record, failed])
    assert store.get(["k", "f", "absent"]) == {"k": record, "f": failed}
    assert store.index() == {"k": True, "f": False}


def test_what_failed_is_found_with_its_traceback(store):
    failed = Record("f", "metric", {"traceback": "Traceback …"}, "no luck")
    store.put([Record("k", "metric"), failed])
    assert store.failures() == [failed]


def test_more_keys_than_sqlite_takes_in_one_query(store):
    records = [Record(f"k{i}", "sample", {"i": i}) for i in range(2345)]
    store.put(records)
    found = store.get([r.key for r in records])
    assert [found[r.key].payload["i"] for r in records] == list(range(2345))


def test_records_of_one_unit_are_committed_together(store):
    bad = Record("b", "sample", {"value": float("nan")})
    with pytest.raises(ValueError, match="JSON compliant"):
        store.put([Record("a", "sample"), bad])
    assert store.index() == {}


@pytest.mark.parametrize("column", ["payload", "reason", "kind", "seconds"])
def test_a_changed_record_is_named_and_not_trusted(store, column):
    store.put([Record("good", "sample", {"x": 1}), Record("bad", "sample", {"x": 1})])
    with sqlite3.connect(store.directory / DATABASE) as db:
        db.execute(f"update records set {column} = '{{\"x\": 2}}' where key = 'bad'")
    assert set(store.get(["good", "bad"])) == {"good"}
    assert store.index() == {"good": True}
    assert "record bad" in store.warnings[0]
    assert store.get(["bad"]) == {}


def test_a_damaged_database_is_moved_aside(tmp_path):
    Store.open(tmp_path).close()
    (tmp_path / DATABASE).write_bytes(b"this is no database, whatever its name says" * 100)
    with pytest.raises(StoreError, match="cannot be read"):
        Store.read(tmp_path)
    store = Store.open(tmp_path)
    assert "is damaged" in store.warnings[0]
    assert (tmp_path / f"{DATABASE}.damaged-1").exists()
    assert store.index() == {}
    store.close()


@pytest.mark.parametrize("left", ["nothing", "checkpoints", "log"])
@pytest.mark.parametrize("how", ["empty", "missing"])
def test_a_database_of_which_nothing_is_left_is_told(tmp_path, how, left):
    store = Store.open(tmp_path)
    path, log = tmp_path / DATABASE, tmp_path / f"{DATABASE}-wal"
    store.put([Record("k", "sample")])
    kept = log.read_bytes()
    store.close()
    path.unlink() if how == "missing" else path.write_bytes(b"")
    if left == "log":
        log.write_bytes(kept)
    if left == "checkpoints":
        store.blobs.write(b"weights")
    with pytest.raises(StoreError, match="is empty: it was cut off" if how == "empty" else "holds no results"):
        Store.read(tmp_path)
    store = Store.open(tmp_path)
    store.close()
    told = {
        "nothing": f"{path} is {how}: computing again",
        "checkpoints": f"{path} is {how}, though checkpoints lie beside it: computing again",
        "log": f"{path} is {how}: its log moved to {DATABASE}.damaged-1-wal, computing again",
    }
    # A directory in which nothing is left of a database is a new one.
    assert store.warnings == ([] if (how, left) == ("missing", "nothing") else [told[left]])
    if left == "log":
        assert (tmp_path / f"{DATABASE}.damaged-1-wal").read_bytes() == kept
    store = Store.open(tmp_path)
    assert store.warnings == []
    store.close()


def test_the_log_of_a_damaged_database_is_kept_beside_it(tmp_path):
    Store.open(tmp_path).close()
    (tmp_path / DATABASE).write_bytes(b"this is no database, whatever its name says" * 100)
    (tmp_path / f"{DATABASE}-wal").write_bytes(b"what was committed last")
    Store.open(tmp_path).close()
    assert (tmp_path / f"{DATABASE}.damaged-1-wal").read_bytes() == b"what was committed last"


def test_a_newer_schema_is_refused_and_left_alone(tmp_path):
    store = Store.open(tmp_path)
    store.put([Record("k", "sample")])
    store.close()
    with sqlite3.connect(tmp_path / DATABASE) as db:
        db.execute(f"update meta set value = '{SCHEMA_VERSION + 1}' where key = 'schema_version'")
    for opening in (Store.open, Store.read):
        with pytest.raises(StoreError, match="update diffusion-harness"):
            opening(tmp_path)
    with sqlite3.connect(tmp_path / DATABASE) as db:
        assert db.execute("select count(*) from records").fetchone() == (1,)


def test_reading_nothing_says_how_to_make_it(tmp_path):
    with pytest.raises(StoreError, match="harness run --out"):
        Store.read(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()


def test_a_place_that_cannot_be_written_is_told_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be written: (Not a directory|File exists)"):
        Store.open(tmp_path / "file")


def test_a_full_disk_loses_nothing_that_was_committed(store):
    store.put([Record("k", "sample", {"x": 1})])
    (pages,) = store._db.execute("pragma page_count").fetchone()
    store._db.execute(f"pragma max_page_count = {pages}")
    with pytest.raises(StoreError, match="cannot be written: database or disk is full"):
        store.put([Record(f"big{i}", "sample", {"x": "y" * 100_000}) for i in range(10)])
    assert store.index() == {"k": True}


def test_a_checkpoint_is_compared_with_its_digest(store):
    sha256 = store.blobs.write(b"weights")
    path, record = store.blobs.file(sha256), Record("k", "network", {"sha256": sha256})
    assert store.intact(record)
    path.write_bytes(b"weightz")
    assert not store.intact(record)
    path.unlink()
    assert not store.intact(record)
    assert [line.split(" is ")[1] for line in store.warnings] == [
        "damaged: making it again",
        "missing: making it again",
    ]


def test_meta_is_json(store):
    store.set_meta("manifest", {"rows": [1, 2.5, None]})
    assert store.meta("manifest") == {"rows": [1, 2.5, None]}
    assert store.meta("other") is None


@pytest.mark.parametrize("name", ["leaderboard.json", "claims.json", "of-a-package.json"])
def test_a_published_page_is_told_from_a_result_directory(tmp_path, name):
    (tmp_path / "README.md").write_text("# A page")
    (tmp_path / name).write_text("{}")
    with pytest.raises(StoreError, match=f"is a published page, with what it shows in {name}; name the result direc"):
        Store.read(tmp_path)
    Store.open(tmp_path).close()
    Store.read(tmp_path).close()
