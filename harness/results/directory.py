"""The suites that lie in a result directory: they share its records, and each has a manifest of its own."""

from __future__ import annotations

import shlex

from pydantic import ValidationError

from harness.axes import crossed
from harness.errors import did_you_mean
from harness.planning.manifest import Manifest
from harness.store import MANIFEST, SHOWN_BY, Store, StoreError

MOST_NAMED = 8
"""Suites that a line names at most."""


def suites(store: Store) -> list[str]:
    """Return the names of the suites that have been planned in a directory, sorted."""
    return sorted(_keys(store))


def _keys(store: Store) -> dict[str, str]:
    """Return under which key the manifest of each suite lies."""
    found = {key.removeprefix(f"{MANIFEST}:"): key for key in store.meta_keys(f"{MANIFEST}:")}
    # Directories of earlier versions hold one suite, which its manifest names.
    alone = store.meta(MANIFEST)
    if isinstance(alone, dict):
        found.setdefault(str(alone.get("suite")), MANIFEST)
    return found


def read_manifest(store: Store, suite: str | None = None) -> Manifest:
    """Return what a suite of a result directory compares.

    Arguments:
        store: the directory's.
        suite: its name; None where the directory holds one alone.

    Raises:
        StoreError: the directory holds no such suite, or several and none was named; or its manifest is damaged, or
            was made by another version.
    """
    keys = _keys(store)
    content = store.meta(keys[_chosen(store, suite, sorted(keys))])
    if content is None:
        raise StoreError(store.warnings.pop())
    other = StoreError(
        f"{store.directory} was made by another version of diffusion-harness; run the same command again"
    )
    _share_texts(content)
    try:
        manifest = Manifest.model_validate(content)
    except ValidationError as error:
        raise other from error
    # An axis that is younger than the directory: which component its rows had there, nothing in it says.
    if any(crossed().keys() - row.components.keys() for row in manifest.rows):
        raise other
    return manifest


def _share_texts(content: object) -> None:
    """Keep each key that rows name once in memory, in place: many rows share what they are made of."""
    rows = content.get("rows") if isinstance(content, dict) else None
    once: dict[str, str] = {}
    for row in rows if isinstance(rows, list) else ():
        for field, value in row.items() if isinstance(row, dict) else ():
            if isinstance(value, list):
                row[field] = [once.setdefault(each, each) if isinstance(each, str) else each for each in value]
            elif isinstance(value, dict):
                row[field] = {
                    key: once.setdefault(each, each) if isinstance(each, str) else each for key, each in value.items()
                }


def _chosen(store: Store, suite: str | None, known: list[str]) -> str:
    if suite in known:
        return suite
    if not known:
        raise StoreError(store.warnings.pop() if store.warnings else _empty(store))
    if suite is not None:
        raise StoreError(f"{store.directory} holds no suite {suite!r}; {did_you_mean(suite, known)}")
    if len(known) > 1:
        named = [*known[:MOST_NAMED], *(["…"] if len(known) > MOST_NAMED else [])]
        raise StoreError(f"{store.directory} holds {len(known)} suites; choose one with --suite: {', '.join(named)}")
    return known[0]


def _empty(store: Store) -> str:
    out = shlex.quote(str(store.directory))
    other = store.meta(SHOWN_BY)
    if other is not None:
        return f"{store.directory} holds no suite; what it holds is made and shown by: {other} --out {out}"
    return f"{store.directory} holds no rows yet; make them with: harness run --out {out}"
