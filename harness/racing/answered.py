"""The answer that a result directory holds already: to the same question, to another, or about other data."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from harness.errors import HarnessError
from harness.registry.references import Reference
from harness.results.directory import read_manifest
from harness.results.document import DocumentError
from harness.results.recommendation import FILE, Recommendation
from harness.store import Store


def check_answered(directory: Path, target: Reference) -> None:
    """Refuse a directory that holds the answer about other data.

    Arguments:
        directory: where an answer is to lie.
        target: what it will be about.

    Raises:
        HarnessError: it does.
    """
    found = _answer(directory)
    if found is None:
        return
    before = found.best.components["target"]
    if (before.name, before.params) != (target.name, target.params):
        raise HarnessError(
            f"{directory} holds the answer about other data, to {found.command}; give another directory (--out, in "
            "Python out=)"
        )


def other_answer(
    directory: Path, suite: str, metric: str, evaluations: int, train_steps: Sequence[int], seeds: Sequence[int]
) -> str | None:
    """Return a line where the directory holds the answer to another question about the same data; else None.

    Arguments:
        directory: where the answer is to lie.
        suite: its name there.
        metric: what decides.
        evaluations: of the network a sample.
        train_steps: lengths of training.
        seeds: all that a design may get.

    Raises:
        StoreError: the directory cannot be read.
    """
    found = _answer(directory)
    if found is None:
        return None
    with closing(Store.read(directory)) as store:
        before = read_manifest(store, suite).seeds
    asked = metric, evaluations, [*train_steps], [*seeds]
    if asked == (found.metric, found.evaluations, [found.best.train_steps], before):
        return None
    return (
        f"{directory} holds the answer to another question, {found.command}: this one's takes its place; with --out of "
        "its own both stay"
    )


def _answer(directory: Path) -> Recommendation | None:
    """Return the answer that a directory holds; None where there is none that can be read: the next one mends it."""
    try:
        return Recommendation.read(directory / FILE) if (directory / FILE).is_file() else None
    except DocumentError:
        return None
