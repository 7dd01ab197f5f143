"""Merging: result directories of one suite, each with a part of its combinations, become one.

Ranks, intervals and effects take the values of each seed and are made anew from all records together. So what is
merged is directories, not published documents, which do not hold those values.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from harness.axes import NUMBERS, Axis, crossed, numbers_of
from harness.errors import HarnessError, shortened
from harness.planning.calls import CALLS
from harness.planning.manifest import Manifest, PlannedRow, absent, is_absent
from harness.planning.plan import Plan
from harness.registry.discovery import load
from harness.results.directory import read_manifest
from harness.results.published import published_file
from harness.running.runner import opened
from harness.store import CHECKPOINTS, MANIFEST, Store
from harness.suites.combinations import Combination, expand
from harness.suites.model import COMMAND_LINE, SELECTION, Suite, table_form

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness.trainers import Device, Precision

TOGETHER = 500
"""Records that are copied at once."""

Key = tuple[object, ...]
"""What tells combinations apart: the digests of their components, and their numbers."""


class MergeError(HarnessError):
    """Directories that cannot become one; says in what they differ first."""


@dataclass(frozen=True)
class Merged:
    """What came of it.

    Attributes:
        suite: the name of the merged suite.
        rows: its combinations.
        counts: how many of them each directory had, in their order.
    """

    suite: str
    rows: int
    counts: Sequence[int]


@dataclass(frozen=True)
class _Source:
    """One of the directories, open, with the suite in it."""

    directory: Path
    store: Store
    manifest: Manifest
    suite: Suite


def merge(
    directories: Sequence[Path | str],
    out: Path | str,
    *,
    suite: str | None = None,
    warn: Callable[[str], None] = lambda line: None,
) -> Merged:
    """Put the results of several directories into a new one, as if one run had made them.

    Arguments:
        directories: result directories of one suite, or of selections from it, made by the code that is installed with
            the same settings. Together they have every combination of the lists of their components and numbers.
        out: the new directory.
        suite: the name of the suite, where directories hold several.
        warn: is told what was found damaged, a line each.

    Raises:
        MergeError: they differ in a setting, or in a result that two have; or a combination is in none of them.
        HarnessError: a directory cannot be read or written, or a component is not installed.
    """
    new = Path(out)
    if len(directories) < 2:
        raise MergeError("one directory is merged with nothing; name two or more")
    if new.exists() and (not new.is_dir() or any(new.iterdir())):
        raise MergeError(f"{new} is there already; name a new directory with --out")
    registry = load()
    with ExitStack() as stack:
        sources = [_source(Path(each), suite, stack) for each in directories]
        for other in sources[1:]:
            _check_settings(sources[0], other)
        _check_code(sources, registry)
        whole = _whole(sources, registry)
        combinations = expand(whole, registry, yes=True)
        try:
            new.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MergeError(f"{new} cannot be written: {error.strerror}; name another directory with --out") from error
        folder = new.parent / f".{new.name}.part-{os.getpid()}"
        try:
            plan = Plan(whole, registry, combinations, folder.absolute() / CHECKPOINTS)
            _check_whole(sources, combinations, plan)
            _fill(folder, sources, plan)
            os.replace(folder, new)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            for source in sources:
                for line in source.store.warning_lines():
                    warn(line)
    return Merged(whole.name, len(combinations), [len(source.manifest.rows) for source in sources])


def _source(directory: Path, suite: str | None, stack: ExitStack) -> _Source:
    """Open a directory; refuse what is none of results that can be merged."""
    if published_file(directory) is not None:
        rule = (
            "ranks and intervals take the values of each seed, which lie in the result directory of the run; name that"
        )
        raise MergeError(f"{directory} is a published leaderboard: {rule}")
    store = stack.enter_context(closing(Store.read(directory)))
    manifest = read_manifest(store, suite)
    if manifest.looks > 1:
        rule = (
            "which of its rows got more seeds depended on all the others in it; run the suite without --until-settled"
        )
        raise MergeError(f"{directory} holds a race: {rule}")
    if manifest.definition is None:
        rule = "run the same command there again, which computes nothing anew"
        raise MergeError(f"{directory} was made before directories held their suite: {rule}")
    data = {**manifest.definition, "name": manifest.suite, "title": manifest.title}
    return _Source(directory, store, manifest, _placed(Suite.from_mapping(data, COMMAND_LINE), manifest))


def _placed(suite: Suite, manifest: Manifest) -> Suite:
    """Return a suite on the device and in the precision that its results were made on."""
    device, precision, training = (manifest.environment.get(key, "") for key in (*suite.place(), "training_precision"))
    plain = suite.on(cast("Device", device))
    same = (plain.precision, plain.trainer.precision) == (precision, training)
    return plain if same else suite.on(cast("Device", device), cast("Precision", precision))


# What has to be the same


def _check_settings(first: _Source, other: _Source) -> None:
    """Refuse two directories that differ in a setting, or in what a component of one name is."""
    if first.suite.family != other.suite.family:
        raise _differ(first, other, "suite", first.manifest.suite, other.manifest.suite)
    mine, theirs = dict(_settings(first)), dict(_settings(other))
    for name in dict.fromkeys((*mine, *theirs)):
        if mine.get(name) != theirs.get(name):
            raise _differ(first, other, name, mine.get(name), theirs.get(name))


def _settings(source: _Source) -> Iterator[tuple[str, object]]:
    """Yield what has to be the same, by name."""
    manifest, suite = source.manifest, source.suite
    yield "seeds", manifest.seeds
    yield "rank_by", manifest.rank_by
    yield "noise.sigma_min", suite.noise.sigma_min
    yield "noise.sigma_max", suite.noise.sigma_max
    yield "sampling.samples", suite.sampling.samples
    yield "compute", suite.compute
    yield "training.method", suite.trainer.method
    chosen = suite.trainer.chosen()
    yield from ((f"training.{name}", value) for name, value in chosen.items() if name not in NUMBERS)
    yield "metrics", sorted(manifest.metrics)
    yield "bounds", sorted(manifest.bounds)
    yield from ((f"environment.{name}", value) for name, value in manifest.environment.items())
    yield from ((f"code of metric {name}", value) for name, value in sorted(manifest.metrics.items()))
    yield from ((f"code of bound {name}", value) for name, value in sorted(manifest.bounds.items()))


def _differ(first: _Source, other: _Source, what: str, mine: object, theirs: object) -> MergeError:
    told = f"{what} is {_short(mine)} in {first.directory}, and {_short(theirs)} in {other.directory}"
    return MergeError(shortened(f"they cannot be merged: {told}"))


def _short(value: object) -> str:
    return "not there" if value is None else shortened(str(value), 60)


def _check_code(sources: Sequence[_Source], registry: Registry) -> None:
    """Refuse results of components whose code is not what is installed: they would have other keys."""
    for source in sources:
        for row in source.manifest.rows:
            for axis, digest in row.components.items():
                reference = source.manifest.components[digest]
                if not is_absent(axis, reference):
                    registry.remake(axis, reference)


# The whole


def _whole(sources: Sequence[_Source], registry: Registry) -> Suite:
    """Return the suite of which each directory has a part: its lists are theirs, one behind the other."""
    first = sources[0].suite
    name = first.name if all(each.suite.name == first.name for each in sources) else f"{first.family}{SELECTION}"
    data: dict[str, Any] = {**first.written(registry), "name": name, "title": first.title}
    data |= {axis.plural: _forms(axis, sources, registry) for axis in crossed().values()}
    training = {}
    if first.compute is None:
        data["steps"] = _joined(each.suite.steps for each in sources)
        if trained := [each.suite.training.steps for each in sources if _trains(each)]:
            training["steps"] = _joined(trained)
    decays = _joined(each.suite.trainer.ema_decays for each in sources if _trains(each))
    if decays not in ([], list(first.trainer.ema_decays)):
        training["ema_decay"] = decays
    if training:
        data["training"] = {**data.get("training", {}), **training}
    starts = _joined(each.suite.sigma_max for each in sources)
    if starts != [first.noise.sigma_max]:
        data["sampling"] = {**data.get("sampling", {}), "sigma_max": starts}
    return _placed(Suite.from_mapping(data, COMMAND_LINE), sources[0].manifest)


def _forms(axis: Axis, sources: Sequence[_Source], registry: Registry) -> list[Any]:
    """Return the components of an axis that the directories have, as a suite lists them."""
    found = _joined(source.suite.components(axis.name, registry) for source in sources)
    if found == sources[0].suite.components(axis.name, registry):
        return list(getattr(sources[0].suite, axis.plural))
    return [table_form(each, registry) for each in found]


def _trains(source: _Source) -> bool:
    return any(row.train_steps for row in source.manifest.rows)


def _joined(lists: Iterable[Iterable[Any]]) -> list[Any]:
    return list(dict.fromkeys(value for values in lists for value in values))


def _check_whole(sources: Sequence[_Source], combinations: Sequence[Combination], plan: Plan) -> None:
    """Refuse a part of a product: which rows are not there could have been chosen by their results."""
    there = {_key(row) for source in sources for row in source.manifest.rows}
    lacking = [c for c in combinations if _key_of(c, plan) not in there]
    if lacking:
        told = f"{len(lacking)} of the {len(combinations)} combinations of their components are in none of them"
        labels = [part.label() for part in lacking[0].components.values() if part is not None]
        raise MergeError(shortened(f"they cannot be merged: {told}, as {', '.join(labels)}; run those first"))


def _key(row: PlannedRow) -> Key:
    return *row.components.values(), *numbers_of(row).values()


def _key_of(c: Combination, plan: Plan) -> Key:
    parts = ((axis, c.component(name)) for name, axis in crossed().items())
    digests = (absent(axis).digest if part is None else plan.keys.reference(part).digest for axis, part in parts)
    return *digests, *numbers_of(c).values()


# The new directory


def _fill(folder: Path, sources: Sequence[_Source], plan: Plan) -> None:
    """Write records, checkpoints and what is told of the runs, and which keys the rows have."""
    with opened(folder) as store:
        for source in sources:
            _copy(source, store)
        command = "\n".join(_joined(source.manifest.command.splitlines() for source in sources))
        made = plan.contents(cache(lambda key: store.get([key]).get(key)), command)
        _check_keys(sources, made)
        _check_score_errors(made, store)
        key = f"{MANIFEST}:{plan.suite.name}"
        store.set_meta(key, made.model_dump(mode="json"))
        calls = [call for source in sources for call in _calls(source, key)]
        store.set_meta(CALLS, sorted(calls, key=lambda call: str(call["started"])))
        for line in _joined(source.store.arithmetic() for source in sources):
            store.note_arithmetic(line)


def _copy(source: _Source, store: Store) -> None:
    """Copy the records of a suite, with their checkpoints.

    Raises:
        MergeError: one is there already, with another content.
    """
    keys = sorted(source.manifest.record_keys())
    for start in range(0, len(keys), TOGETHER):
        part = keys[start : start + TOGETHER]
        there = store.get(part)
        found = source.store.get(part)
        for key, record in found.items():
            known = there.get(key)
            if known is not None and known.ok and record.ok and known.payload != record.payload:
                told = f"the {record.kind} {key} has another content than in those before"
                rule = "merge what one kind of processor made"
                raise MergeError(f"{source.directory} cannot be merged: {told}; {rule}")
        new = [record for key, record in found.items() if key not in there or (record.ok and not there[key].ok)]
        for record in new:
            if record.ok and "sha256" in record.payload and source.store.intact(record):
                store.blobs.write(source.store.blobs.read(record.payload["sha256"]))
        store.put(new)


def _check_keys(sources: Sequence[_Source], made: Manifest) -> None:
    """Refuse rows that have other keys in the new directory: other code of the harness made them."""
    rows = {_key(row): row for row in made.rows}
    for source in sources:
        for row in source.manifest.rows:
            if row.samples and rows[_key(row)].samples != row.samples:
                rule = "run the same command there again"
                raise MergeError(f"{source.directory} was made by other code of the harness than is installed: {rule}")


def _check_score_errors(made: Manifest, store: Store) -> None:
    """Refuse networks whose score error no part asked for, where the whole does: its splits would be other ones."""
    pairs = {pair for row in made.rows for pair in zip(row.networks, row.errors, strict=False)}
    known = store.get([key for pair in pairs for key in pair])
    lacking = sum(network in known and known[network].ok and error not in known for network, error in pairs)
    if lacking:
        told = f"the score error of {lacking} networks was not measured: their part has no path divergence"
        raise MergeError(f"they cannot be merged: {told} and no bound; run the whole in one of the directories")


def _calls(source: _Source, key: str) -> Iterator[dict[str, Any]]:
    """Yield the calls in which the suite of a directory asked for something, as calls of the merged one."""
    own = f"{MANIFEST}:{source.manifest.suite}"
    for call in source.store.meta(CALLS) or ():
        if own in call["works"]:
            yield {**call, "works": [key]}
