"""The answer that a result directory holds already: to the same question, to another, or about other or older data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from harness.errors import HarnessError
from harness.registry.references import Reference
from harness.results.directory import read_manifest
from harness.results.document import DocumentError
from harness.results.recommendation import FILE, Recommendation
from harness.store import Store, StoreError

if TYPE_CHECKING:
    from harness.components import Component
    from harness.registry.registry import Registry
    from harness.suites.model import Suite


def answer_in(directory: Path) -> Recommendation | None:
    """Return the answer that a directory holds; None where there is none that can be read: the next one mends it."""
    try:
        return Recommendation.read(directory / FILE) if (directory / FILE).is_file() else None
    except DocumentError:
        return None


def check_data(found: Recommendation, directory: Path, target: Reference) -> None:
    """Refuse a directory that holds the answer about other data.

    Arguments:
        found: the answer that lies there.
        directory: where another is to lie.
        target: what it will be about.

    Raises:
        HarnessError: the data are others.
    """
    before = found.best.components.get("target")
    if before is None or (before.name, _resolved(before)) != (target.name, _resolved(target)):
        raise HarnessError(
            f"{directory} holds the answer about other data, to {found.command}; give another directory (--out, in "
            "Python out=)"
        )


def changed_data(found: Recommendation, directory: Path, registry: Registry) -> str | None:
    """Return a line where the data are no longer what a directory answered for, under the same name; else None.

    Arguments:
        found: the answer that lies there, about data of this name (`check_data`).
        directory: where another is to lie.
        registry: where components come from.

    Raises:
        ComponentError: the target that it names is not installed, or the data cannot be read.
    """
    target = found.best.components["target"]
    if registry.reference(registry.rebuild("target", target)).digest == target.digest:
        return None
    path = target.params.get("path")
    what = f"{path}, or the code that reads it," if path else f"the code of target {target.name}"
    return (
        f"{what} has changed since {directory} answered for it: all is done anew, and this answer takes the place of "
        "that one; with --out of its own both stay"
    )


def other_question(
    found: Recommendation,
    directory: Path,
    suite: Suite,
    metric: str,
    evaluations: int,
    designs: Sequence[Mapping[str, Component | None]],
    registry: Registry,
) -> str | None:
    """Return a line where a directory holds the answer to another question about the same data; else None.

    The same question may have more seeds and more minutes. A directory that cannot be read answers nothing: what opens
    it for the race tells or mends it.

    Arguments:
        found: the answer that lies there.
        directory: where another is to lie.
        suite: of the question.
        metric: what decides.
        evaluations: of the network a sample.
        designs: the components of each that may race.
        registry: where they come from.
    """
    try:
        with closing(Store.read(directory)) as store:
            before = read_manifest(store, suite.name)
    except StoreError:
        return None
    asked = metric, evaluations, found.best.train_steps in suite.training.steps, suite.seeds[0]
    chosen = {(axis, registry.reference(part).digest) for each in designs for axis, part in each.items() if part}
    # The target is the same, though a path may be written in another way.
    raced = {(axis, own) for row in before.rows for axis, own in row.components.items() if own and axis != "target"}
    if asked == (found.metric, found.evaluations, True, before.seeds[0]) and raced <= chosen:
        return None
    return (
        f"{directory} holds the answer to another question, {found.command}: this one's takes its place; with --out of "
        "its own both stay"
    )


def _resolved(target: Reference) -> dict[str, object]:
    """Return the parameters of a target, its path as the file that it names here."""
    path = target.params.get("path")
    return {**target.params, "path": str(Path(path).resolve())} if isinstance(path, str) and path else {**target.params}
