"""Store: keeps results, one SQLite database and a folder of checkpoints in one directory.

A record is what one unit of work produced, under the digest of everything it depends on. Each unit is committed as it
finishes, by one writer; a record carries a checksum of its content and is dropped, not trusted, where that fails.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import shlex
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

from harness.blobs import BlobFolder
from harness.errors import HarnessError
from harness.records import Record

SCHEMA_VERSION = 1
DATABASE = "results.sqlite"
CHECKPOINTS = "checkpoints"
ARITHMETIC = "arithmetic"
"""The key under which a directory keeps what arithmetic its results were made with (`harness.arithmetic.in_force`)."""
MANIFEST = "manifest"
"""The key under which a directory keeps what a suite compares, with `:NAME`; without, in earlier versions."""
SHOWN_BY = "shown by"
"""The key under which a command that keeps results of its own in a directory says how they are seen."""

_MAGIC = b"SQLite format 3\0"
_TABLES = """
create table if not exists meta (key text primary key, value text not null) without rowid;
create table if not exists records (
    key text primary key, kind text not null, status text not null, reason text,
    payload text not null, seconds real not null, checksum text not null
) without rowid;
"""


class StoreError(HarnessError):
    """The result directory cannot be used."""


class Store:
    """The records of one result directory."""

    def __init__(self, directory: Path, connection: sqlite3.Connection) -> None:
        self.directory = directory
        self.warnings: list[str] = []
        self._db = connection

    @classmethod
    def open(cls, directory: Path) -> Store:
        """Open a result directory for writing, made where it does not exist.

        A database that is damaged, or that is empty or missing beside what belongs to one, is named in `warnings`: its
        content will be computed again. What is left of it is moved aside.

        Raises:
            StoreError: the directory cannot be written, or its database has a newer schema.
        """
        with _writing(directory):
            (directory / CHECKPOINTS).mkdir(parents=True, exist_ok=True)
        warnings = _cut_off(directory)
        try:
            db = _connect(directory)
        except sqlite3.DatabaseError as error:
            if str(error).startswith("no such"):
                raise _unreadable(directory, error) from error
            if isinstance(error, sqlite3.OperationalError):
                raise StoreError(f"{directory} cannot be written: {_flat(error)}") from error
            with _writing(directory):
                aside = _move_aside(directory / DATABASE)
                db = _connect(directory)
            warnings.append(
                f"{directory / DATABASE} is damaged ({_flat(error)}): moved to {aside.name}, computing again"
            )
        store = cls(directory, db)
        store.warnings += warnings
        return store

    @classmethod
    def read(cls, directory: Path) -> Store:
        """Open an existing result directory for reading.

        Raises:
            StoreError: there is none, it is damaged, or its schema is newer than this program.
        """
        if directory.is_file():
            raise StoreError(f"{directory} is a file; name the result directory of a run")
        if (published := _published(directory)) is not None:
            told = f"{directory} is a published page, with what it shows in {published.name}"
            raise StoreError(f"{told}; name the result directory of the run that it was published from")
        if not (directory / DATABASE).is_file():
            raise StoreError(
                f"{directory} holds no results; make them with: harness run --out {shlex.quote(str(directory))}"
            )
        if not (directory / DATABASE).stat().st_size:
            raise StoreError(f"{directory / DATABASE} is empty: it was cut off; harness run computes it again")
        try:
            try:
                return cls(directory, _connect(directory, "?mode=ro"))
            except sqlite3.OperationalError:
                log = Path(f"{directory / DATABASE}-wal")
                if log.is_file() and log.stat().st_size:
                    raise
                # Where no file can be made beside it, a database without a log can only be read as one that stays.
                return cls(directory, _connect(directory, "?immutable=1"))
        except sqlite3.DatabaseError as error:
            raise _unreadable(directory, error) from error

    def warning_lines(self, most: int = 10) -> list[str]:
        """Return the warnings, each once, the first few where there are many."""
        lines = list(dict.fromkeys(self.warnings))
        return lines if len(lines) <= most else [*lines[:most], f"… and {len(lines) - most} more like these"]

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def meta(self, key: str) -> Any:
        """Return a value kept about the whole directory, or None; a damaged one is named in `warnings`: None."""
        with _read(self.directory):
            row = self._db.execute("select value from meta where key = ?", (key,)).fetchone()
        if row is None:
            return None
        checksum, _, text = str(row[0]).partition(" ")
        if checksum != _digest(text):
            self.warnings.append(f"{key} in {self.directory / DATABASE} is damaged: the next run writes it anew")
            return None
        return json.loads(text)

    def meta_keys(self, prefix: str) -> list[str]:
        """Return the keys of such values that begin with a prefix, sorted."""
        query = "select key from meta where substr(key, 1, ?) = ? order by key"
        with _read(self.directory):
            return [str(key) for (key,) in self._db.execute(query, (len(prefix), prefix))]

    def set_meta(self, key: str, value: Any) -> None:
        """Keep a JSON value about the whole directory."""
        with _writing(self.directory), self._db:
            text = json.dumps(value)
            self._db.execute("insert or replace into meta values (?, ?)", (key, f"{_digest(text)} {text}"))

    def arithmetic(self) -> list[str]:
        """Return what arithmetic the results were made with: a line for each kind of machine that took part."""
        return list(self.meta(ARITHMETIC) or [])

    def note_arithmetic(self, line: str) -> None:
        """Keep what arithmetic results are made with, each once."""
        known = self.arithmetic()
        if line not in known:
            self.set_meta(ARITHMETIC, [*known, line])

    def put(self, records: Iterable[Record]) -> None:
        """Commit records together: after a crash all of them are there or none."""
        rows = []
        for r in records:
            payload = json.dumps(r.payload, allow_nan=False)
            checksum = _checksum(r.key, r.kind, r.reason, payload, float(r.seconds))
            status = "ok" if r.ok else "failed" if r.applicable else "not applicable"
            rows.append((r.key, r.kind, status, r.reason, payload, r.seconds, checksum))
        with _writing(self.directory), self._db:
            self._db.executemany("insert or replace into records values (?, ?, ?, ?, ?, ?, ?)", rows)

    def get(self, keys: Collection[str]) -> dict[str, Record]:
        """Return the records found under the keys; one whose checksum fails is named in `warnings` and left out."""
        found = {}
        wanted = list(keys)
        for start in range(0, len(wanted), 500):
            part = wanted[start : start + 500]
            query = f"select key, kind, reason, payload, seconds, checksum from records where key in ({_marks(part)})"
            with _read(self.directory):
                rows = self._db.execute(query, part).fetchall()
            for key, kind, reason, payload, seconds, checksum in rows:
                if checksum == _checksum(key, kind, reason, payload, seconds):
                    found[key] = Record(key, kind, json.loads(payload), reason, seconds)
                else:
                    self._warn_of_record(key)
        return found

    def seconds(self, keys: Collection[str]) -> float:
        """Return how long the records under some keys took together, on one core; 0 for one that is not there."""
        found, wanted = [], list(dict.fromkeys(keys))
        for start in range(0, len(wanted), 500):
            part = wanted[start : start + 500]
            query = f"select seconds from records where key in ({_marks(part)})"
            with _read(self.directory):
                found += [seconds for (seconds,) in self._db.execute(query, part) if isinstance(seconds, float)]
        return math.fsum(found)

    def index(self) -> dict[str, bool]:
        """Return every key and whether its unit succeeded; damaged records are named in `warnings` and deleted."""
        found, damaged = {}, []
        with _read(self.directory):
            for key, kind, reason, payload, seconds, checksum in self._db.execute(
                "select key, kind, reason, payload, seconds, checksum from records"
            ):
                if checksum == _checksum(key, kind, reason, payload, seconds):
                    found[key] = reason is None
                else:
                    damaged.append(key)
                    self._warn_of_record(key)
        if damaged:
            self.delete(damaged)
        return found

    def failed_by(self, reason: str) -> bool:
        """Whether a record failed for a reason that contains these words."""
        with _read(self.directory):
            row = self._db.execute("select 1 from records where instr(reason, ?) limit 1", (reason,)).fetchone()
        return row is not None

    def failures(self) -> list[Record]:
        """Return the records that failed, by key; damaged ones are named in `warnings` and left out."""
        with _read(self.directory):
            rows = self._db.execute("select key from records where status = 'failed' order by key").fetchall()
        return list(self.get([str(key) for (key,) in rows]).values())

    def _warn_of_record(self, key: str) -> None:
        self.warnings.append(f"record {key} in {self.directory / DATABASE} is damaged: a run computes it again")

    def delete(self, keys: Collection[str]) -> None:
        """Forget records."""
        with _writing(self.directory), self._db:
            self._db.executemany("delete from records where key = ?", [(key,) for key in keys])

    @property
    def blobs(self) -> BlobFolder:
        """Where the blobs lie whose digests records hold."""
        return BlobFolder(self.directory / CHECKPOINTS)

    def intact(self, record: Record) -> bool:
        """Whether the blob that a record holds the digest of (`sha256`) is whole; if not, `warnings` names it."""
        sha256 = record.payload["sha256"]
        damage = self.blobs.damage(sha256)
        if damage is not None:
            self.warnings.append(f"checkpoint {self.blobs.file(sha256)} is {damage}: making it again")
        return damage is None


def _published(directory: Path) -> Path | None:
    """Return the document of a directory that `harness publish` wrote; None of any other."""
    if (directory / DATABASE).exists() or not (directory / "README.md").is_file():
        return None
    return next(iter(sorted(directory.glob("*.json"))), None)


def _connect(directory: Path, reading: str = "") -> sqlite3.Connection:
    """Open the database: to write it, made where there is none; or to read it, by a query of SQLite's URIs."""
    path, create = directory / DATABASE, not reading
    if create and path.is_file() and _begins(path) not in (b"", _MAGIC):
        # SQLite would say the same, and delete the log.
        raise sqlite3.DatabaseError("file is not a database")
    # A reader must leave no trace, and may stand before a read-only directory.
    db = sqlite3.connect(path) if create else sqlite3.connect(f"{path.absolute().as_uri()}{reading}", uri=True)
    # Damaged text must reach the checksum, which then fails.
    db.text_factory = lambda text: text.decode("utf-8", "replace")
    try:
        db.execute("pragma busy_timeout = 10000")
        verdict = db.execute("pragma quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise sqlite3.DatabaseError(str(verdict))
        fresh = create and not db.execute("select count(*) from sqlite_master").fetchone()[0]
        if fresh:
            db.executescript(f"begin; {_TABLES} commit;")
        row = db.execute("select value from meta where key = 'schema_version'").fetchone()
        version = SCHEMA_VERSION if row is None else _version(str(row[0]))
        if version > SCHEMA_VERSION:
            raise StoreError(
                f"{path} has schema {version}, this harness knows up to {SCHEMA_VERSION}: update diffusion-harness"
            )
        if create:
            db.execute("pragma journal_mode = wal")
            db.execute("pragma synchronous = normal")
        if row is None and create:
            with db:
                db.execute("insert into meta values ('schema_version', ?)", (str(SCHEMA_VERSION),))
    except BaseException:
        db.close()
        raise
    return db


def _begins(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_MAGIC))


def _version(text: str) -> int:
    """Return the schema version, which stays a plain number: any version of the program can read it."""
    if not text.isdecimal():
        raise sqlite3.DatabaseError(f"its schema version is {text!r}")
    return int(text)


def _checksum(*fields: object) -> str:
    """Return the digest of a row's fields; whatever a damaged one holds, bytes say, has another."""
    return _digest("\n".join(map(repr, fields)))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _marks(part: Collection[str]) -> str:
    return ",".join("?" * len(part))


def _cut_off(directory: Path) -> list[str]:
    """Return what to say of a database that is empty, or missing beside what belongs to it; its log is moved aside.

    SQLite would take it for a new one, and delete the log with all that it holds.
    """
    path = directory / DATABASE
    if path.exists() and path.stat().st_size:
        return []
    log = Path(f"{path}-wal")
    checkpoints = any((directory / CHECKPOINTS).iterdir())
    if not path.exists() and not log.exists() and not checkpoints:
        return []
    what = f"{path} is {'empty' if path.exists() else 'missing'}"
    if log.exists() and log.stat().st_size:
        with _writing(directory):
            return [f"{what}: its log moved to {_move_aside(path).name}-wal, computing again"]
    return [f"{what}{', though checkpoints lie beside it' if checkpoints else ''}: computing again"]


def _move_aside(path: Path) -> Path:
    """Move a database, and the log that belongs to it, to where nothing writes them; return the new name."""
    number = 1
    while any((path.parent / f"{path.name}.damaged-{number}{tail}").exists() for tail in ("", "-wal")):
        number += 1
    aside = path.with_name(f"{path.name}.damaged-{number}")
    for tail in ("", "-wal"):
        with contextlib.suppress(FileNotFoundError):
            os.replace(f"{path}{tail}", f"{aside}{tail}")
    with contextlib.suppress(FileNotFoundError):
        os.remove(f"{path}-shm")
    return aside


@contextlib.contextmanager
def _writing(directory: Path) -> Iterator[None]:
    """Turn a failing disk into one line."""
    try:
        yield
    except (OSError, sqlite3.DatabaseError) as error:
        what = error.strerror if isinstance(error, OSError) and error.strerror else _flat(error)
        kept = "; what was committed is kept" if os.path.exists(directory / DATABASE) else ""
        raise StoreError(f"{directory} cannot be written: {what}{kept}") from error


@contextlib.contextmanager
def _read(directory: Path) -> Iterator[None]:
    """Turn a database that shows its damage only now into one line."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise _unreadable(directory, error) from error


def _unreadable(directory: Path, error: sqlite3.DatabaseError) -> StoreError:
    path = directory / DATABASE
    if str(error).startswith("no such"):
        return StoreError(f"{path} holds no results of this program ({_flat(error)}); choose another directory")
    if isinstance(error, sqlite3.OperationalError):
        return StoreError(f"{path} cannot be read: {_flat(error)}")
    return StoreError(f"{path} cannot be read ({_flat(error)}); harness run moves it aside and computes it again")


def _flat(error: Exception) -> str:
    return " ".join(str(error).split())
