"""Reading a leaderboard: from the records of a suite in a result directory to the document, ranked by any metric.

What each combination gave is put together here (`outcome`); `harness.results.ranking` makes the document of it.
"""

from __future__ import annotations

import gc
import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from pydantic import JsonValue, ValidationError

from harness.axes import crossed
from harness.engine.payloads.target import TargetNumbers
from harness.errors import LENGTH, shortened
from harness.metrics import Measurement
from harness.planning.manifest import Manifest, PlannedRow
from harness.planning.splits import Splits
from harness.quantities import Declarations
from harness.results.core_time import CoreTime, computation
from harness.results.directory import read_manifest
from harness.results.document import DocumentError, one_rule
from harness.results.leaderboard import UNFINISHED, Calibration, Leaderboard, Terms
from harness.results.making import DIGITS, Grid
from harness.results.older import declarations
from harness.results.outcomes import Outcome
from harness.results.own_points import of_own_points
from harness.results.ranking import finite, leaderboard
from harness.results.reader import Results, Stored, read_calibration, read_fits, read_grids, read_rows, read_target
from harness.results.references import short_form
from harness.results.setup import MetricSetup, Setup, TargetSetup, TrainingSetup
from harness.results.split_records import score_splits
from harness.results.statistics.intervals import error_within, mean_interval
from harness.store import ARITHMETIC, Store

DIVERGED = 10.0
"""How many times the root mean square deviation of p_δ the samples' may be. At a ratio r the 2-Wasserstein distance is
at least r − 1 deviations, and one deviation is what a generator errs by that returns the mean of the data every time:
beyond, a row is ten times worse than knowing nothing, and its number says how it exploded, not how well it generates.
Rows of published suites lie below 2 or above 50."""


GIVEN_LABELS = (
    "where a network is given labels, its path divergence and bounds are those of points and labels together, which "
    "are never below those of points alone"
)
"""What a reader of rows of such networks must know (docs/theory.md, section 2)."""


def read_document(
    directory: Path,
    by: Sequence[str] = (),
    warn: Callable[[str], None] = lambda line: None,
    suite: str | None = None,
) -> Leaderboard:
    """Return the leaderboard of a suite in a result directory, ranked by metrics in order of preference.

    Arguments:
        directory: where the results lie.
        by: the labels of these metrics; empty: the suite's own.
        warn: is told what was found damaged; its rows stand as not computed yet.
        suite: the name of the suite; None where the directory holds one alone.

    Raises:
        StoreError: the directory holds no results, or they cannot be read, or another version of this program made
            them.
        DocumentError: the results contradict one another.
        HarnessError: the metric was not measured.
    """
    store = Store.read(directory)
    try:
        with _uncollected():
            return document(store, by, suite)
    except ValidationError as error:
        raise DocumentError(f"{directory}: {one_rule(error)}") from error
    finally:
        store.close()
        for line in store.warning_lines():
            warn(line)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the collector of cycles from going over the rows again and again: they make none, and are many."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def document(store: Store, by: Sequence[str] = (), suite: str | None = None) -> Leaderboard:
    """Return the leaderboard of a suite in an open store, as `read_document` does, which closes it.

    The store's `warnings` name what failed beside the rows.
    """
    manifest = read_manifest(store, suite)
    found, gaps, labelled = [], _Gaps(manifest), set()
    grids, counted = _grids(manifest, store), CoreTime()
    for row, results in zip(manifest.rows, read_rows(manifest, store), strict=True):
        counted.count(results)
        found.append(replace(outcome(manifest, row, results), grid=grids.get(row.grids[0])))
        if found[-1].sampled:
            gaps.note(results, row.components["target"])
            if results.labelled:
                labelled.add(row.components["target"])
    splits = score_splits(manifest, store, [each.sampled and each.budget is not None for each in found])
    information = {row.components["target"]: row.information[0] for row in manifest.rows}
    targets = {target: read_target(key, store).value for target, key in information.items()}
    rank_by = list(dict.fromkeys(by)) or manifest.rank_by
    overlaps = {target: _overlaps(manifest, target, targets[target]) for target in targets}
    for i, row in enumerate(manifest.rows):
        if (shared := overlaps[row.components["target"]]) is not None:
            found[i] = replace(found[i], overlaps=shared)
    board = leaderboard(
        [
            each.contradicting(str(split)) if isinstance(split, DocumentError) else replace(each, score_split=split)
            for each, split in zip(found, splits, strict=True)
        ],
        suite=manifest.suite,
        command=manifest.command or None,
        title=manifest.title or None,
        definition=manifest.definition,
        computation=computation(manifest, store, counted),
        rank_by=rank_by,
        environment=_environment(manifest, store),
        looks=manifest.looks,
        declared=_declared(manifest),
        calibration=_calibration(manifest, store, targets),
        setup=_setup(manifest, store, targets, labelled),
    )
    store.warnings += gaps.warning_lines({row.target.digest: board.ranking(row.target).metric for row in board.rows})
    return board


def _grids(manifest: Manifest, store: Store) -> dict[str, Grid]:
    """Return the levels of the first grid of each row that has one, by the key of its record."""
    own = {row.grids[0]: row.own_grids for row in manifest.rows}
    read = {key: entry.value for key, entry in read_grids(own, store).items()}
    return {key: Grid(sigmas=levels, own=own[key]) for key, levels in read.items() if levels is not None}


def read_outcomes(manifest: Manifest, store: Store) -> list[Outcome]:
    """Return what is stored of each combination of a suite, in the order of its rows, each as `outcome` does.

    Raises:
        StoreError: the store cannot be read.
    """
    read = zip(manifest.rows, read_rows(manifest, store), strict=True)
    return [outcome(manifest, row, results) for row, results in read]


def _environment(manifest: Manifest, store: Store) -> dict[str, JsonValue]:
    told: dict[str, JsonValue] = {"looks": manifest.looks} if manifest.looks > 1 else {}
    return {**manifest.environment, **told, ARITHMETIC: list[JsonValue](store.arithmetic())}


def _declared(manifest: Manifest) -> Declarations:
    return manifest.declared or declarations(manifest.metrics, manifest.bounds)


def outcome(manifest: Manifest, row: PlannedRow, results: Results) -> Outcome:
    """Return one combination with everything that was measured on it.

    It has failed where a seed was not sampled, and has diverged where the samples of a seed left the scale of the data
    (`DIVERGED`); it does not apply where that is why it was not sampled. Metrics that failed stand in `failures`: where
    one of them ranks its target, it has failed as well. A bound that failed is left out.

    Arguments:
        manifest: of the suite that the combination is of.
        row: the combination.
        results: what is stored of it.
    """
    measured = [entry for entries in results.metrics.values() for entry in entries]
    failure, applicable = (row.reason, row.applicable) if row.reason else _failure(manifest.seeds_of(row), results)
    divergence = _divergence(results)
    bounds = {label: _bound([entry.value for entry in entries]) for label, entries in results.bounds.items()}
    splits = manifest.splits.get(row.components["target"])
    return Outcome(
        components={axis: manifest.components[row.components[axis]] for axis in crossed()},
        steps=row.steps,
        nfe=next((entry.value.nfe for entry in results.samplings if entry.value is not None), 0),
        train_steps=row.train_steps,
        ema_decay=row.ema_decay,
        networks=tuple(row.networks),
        sigma_max=row.sigma_max,
        compute=row.compute,
        training_share=row.training_share,
        seeds=tuple(manifest.seeds_of(row)),
        reason=failure or divergence,
        diverged=failure is None and divergence is not None,
        applicable=applicable,
        design=row.design,
        measurements={label: _measurements(entries, splits) for label, entries in results.metrics.items()},
        overlaps={} if splits is None else dict.fromkeys(results.metrics, splits.reference),
        budget=_mean_budget(results.budgets()),
        pictures=next((entry.value.pictures for entry in results.samplings if entry.value is not None), None),
        bounds={label: found and found[0] for label, found in bounds.items()},
        bound_highs={label: found[1] for label, found in bounds.items() if found and found[1] > found[0]},
        not_applicable=_reasons(results),
        failures=_failures(results),
        checkpoints=tuple(None if entry.value is None else entry.value.sha256[:DIGITS] for entry in results.networks),
        seconds={
            "train": sum(entry.seconds for entry in results.networks),
            "sample": sum(entry.seconds for entry in results.samplings),
            "measure": sum(entry.seconds for entry in measured),
        },
    )


def _failure(seeds: Sequence[int], results: Results) -> tuple[str | None, bool]:
    """Return why a row has failed, the first seed's first reason, and false where that is that it does not apply."""
    needed = (results.networks, results.samplings)
    for index, seed in enumerate(seeds):
        for entry in itertools.chain.from_iterable(entries[index : index + 1] for entries in needed):
            if entry.reason is not None:
                return _told(seed, entry)
    entries = (*results.networks, *results.samplings, *results.measurements())
    unfinished = len(results.samplings) < len(seeds) or any(entry.missing for entry in entries)
    return UNFINISHED if unfinished else None, True


def _measurements(entries: Sequence[Stored[Measurement | None]], splits: Splits | None) -> list[Measurement | None]:
    """Return what a metric gave for each seed, as statistics take it."""
    measured = [entry.value for entry in entries]
    return measured if splits is None else of_own_points(measured, splits.reference)


def _told(seed: int | None, entry: Stored[object]) -> tuple[str, bool]:
    """Return why a unit of a seed has failed, and false where that is that it does not apply."""
    reason = entry.reason or ""
    return f"seed {seed}: {reason}" if entry.applicable else reason, entry.applicable


def _failures(results: Results) -> dict[str, tuple[str, bool]]:
    """Return why metrics failed, of each in the first seed where it did."""
    found = {}
    for label, entries in results.metrics.items():
        failed = next((entry for entry in entries if entry.reason is not None), None)
        if failed is not None:
            found[label] = _told(failed.seed, failed)
    return found


def _reasons(results: Results) -> dict[str, str]:
    """Return why metrics and bounds have no value for any seed, where that is that they do not apply; by label."""
    found = {}
    for label, entries in (*results.metrics.items(), *results.bounds.items()):
        said = [entry.why_none for entry in entries]
        if said and said[0] is not None and None not in said:
            found[label] = said[0]
    return found


def _divergence(results: Results) -> str | None:
    """Return where and how far samples left the scale of the data; None where they did not, or it is not known."""
    known = [(e.value.spread, e.seed) for e in results.samplings if e.value is not None and e.value.spread is not None]
    beyond = [(spread, seed) for spread, seed in known if spread > DIVERGED]
    if not beyond:
        return None
    spread, seed = max(beyond)
    rule = f"times as far from the mean of the data as the data themselves; diverged is beyond {DIVERGED:g}"
    return f"seed {seed}: samples are {spread:.3g} {rule} ({len(beyond)} of {len(known)} seeds)"


class _Gaps:
    """Metrics and bounds that failed on combinations that did not."""

    def __init__(self, manifest: Manifest) -> None:
        labels = (*manifest.metrics, *manifest.bounds)
        self._reasons: dict[str, dict[str, dict[str, str | None]]] = {label: {} for label in labels}

    def note(self, results: Results, target: str) -> None:
        """Take part in the results of a finished combination on a target, by its digest."""
        for label, entries in (*results.metrics.items(), *results.bounds.items()):
            known = self._reasons[label].setdefault(target, {})
            known.update((entry.key, entry.reason) for entry in entries)

    def warning_lines(self, ranking: Mapping[str, str]) -> list[str]:
        """Return a line for each metric and bound that failed; rows that the metric ranks have failed themselves.

        Arguments:
            ranking: the metric that ranks each target, by its digest.
        """
        lines = []
        for label, targets in self._reasons.items():
            others = [known for target, known in targets.items() if ranking.get(target) != label]
            found = {key: reason for known in others for key, reason in known.items()}
            reasons = [reason for reason in found.values() if reason is not None]
            if reasons:
                end = f" ({len(reasons)} of {len(found)} samplings have no such value)"
                lines.append(shortened(reasons[0], LENGTH - len(end)) + end)
        return lines


def _mean_budget(budgets: Sequence[Terms]) -> Terms | None:
    if not budgets:
        return None
    terms = {term: sum(getattr(b, term) for b in budgets) / len(budgets) for term in Terms.model_fields}
    return Terms(**terms | {"total": max(0.0, terms["total"])})


def _bound(said: Sequence[Measurement | None]) -> tuple[float, float] | None:
    """Return the mean of a bound over seeds with its upper limit; None where it does not apply to one of them.

    The limit is that of the curves' error alone. How networks of the seeds differ is no error of a bound that is set
    against a metric of the same networks: the metric's interval has that spread.
    """
    known = [each for each in said if each is not None]
    if not known or len(known) < len(said):
        return None
    value = float(sum(each.value for each in known) / len(known))
    return value, value + error_within(known)


def _calibration(manifest: Manifest, store: Store, targets: Mapping[str, TargetNumbers | None]) -> list[Calibration]:
    """Return what each sample metric gives for a held-out sample in place of a generated one, by target digest."""
    found, declared = [], _declared(manifest)
    for target, metrics in manifest.calibration.items():
        overlap = _overlap(manifest, target, targets.get(target))
        for metric, keys in metrics.items():
            values = [entry.value for entry in read_calibration(keys, store).values()]
            known = [value for value in values if value is not None]
            if known:
                value, low, high = mean_interval(known, declared.least(metric), overlap)
                found.append(Calibration(target=target, metric=metric, value=value, low=finite(low), high=finite(high)))
    return found


def _overlap(manifest: Manifest, digest: str, target: TargetNumbers | None) -> float:
    """Return the share of the held-out points of two seeds that both draw, in the mean over pairs of seeds.

    Where all seeds have one split, that is the part of it that a seed draws: all, of a finite one of unknown size.
    """
    if target is None or manifest.setup is None or not target.finite:
        return 0.0
    drawn = 1.0 if target.held_out is None else min(1.0, manifest.setup.samples / target.held_out)
    splits = manifest.splits.get(digest)
    return drawn if splits is None else drawn * splits.both


def _overlaps(manifest: Manifest, digest: str, target: TargetNumbers | None) -> dict[str, float] | None:
    """Return the share of a fixed reference that two seeds have in common, by the metrics that compare with it.

    None where seeds have splits of their own, which `outcome` tells of, or draw points anew. Metrics that compare with
    held-out points are those that held-out points calibrate.
    """
    if digest in manifest.splits or target is None or not target.finite:
        return None
    return dict.fromkeys(manifest.calibration.get(digest, ()), _overlap(manifest, digest, target))


def _setup(
    manifest: Manifest, store: Store, targets: Mapping[str, TargetNumbers | None], labelled: Collection[str]
) -> Setup | None:
    """Return what was fixed for all rows, its targets by digest; None where the manifest does not tell.

    Arguments:
        manifest: of the suite.
        store: where the records are.
        targets: in numbers, by digest; None of one that could not be measured.
        labelled: digests of the targets that have path divergences of networks that are given labels.
    """
    if manifest.setup is None:
        return None
    fits = {target: {metric: keys[0] for metric, keys in found.items()} for target, found in manifest.fits.items()}
    notes = {target: _fit_notes(fits.get(target, {}), store) for target in targets}
    for target in labelled:
        notes[target].append(GIVEN_LABELS)
    for target, numbers in targets.items():
        notes[target] += _made_from(manifest, target) if numbers is not None and numbers.finite else []
    return Setup(
        seeds=manifest.seeds,
        sigma_min=manifest.setup.sigma_min,
        sigma_max=manifest.setup.sigma_max,
        samples=manifest.setup.samples,
        training=TrainingSetup(**manifest.setup.training.model_dump()) if manifest.setup.training else None,
        targets=[
            _target(key, numbers, notes[key], manifest.splits.get(key))
            for key, numbers in targets.items()
            if numbers is not None
        ],
        metrics=[MetricSetup(metric=metric, unit=unit) for metric, unit in manifest.setup.units.items()],
        changed=manifest.setup.changed,
    )


def _target(digest: str, numbers: TargetNumbers, notes: Sequence[str], splits: Splits | None) -> TargetSetup:
    count, tested = (1, numbers.held_out) if splits is None else (splits.count, splits.held_out)
    said = {"notes": [*numbers.notes, *notes], "splits": count, "tested": tested}
    return TargetSetup(target=digest, **asdict(numbers) | said)


def _made_from(manifest: Manifest, target: str) -> list[str]:
    """Return the note on data that says which grids and samplers are made from which of its two laws; none of none."""
    used = dict.fromkeys(
        row.components[axis]
        for axis in ("time_discretization", "sampler")
        for row in manifest.rows
        if row.components["target"] == target
    )
    changed = {} if manifest.setup is None else manifest.setup.changed
    said = {"training": "from the training points' own law", "population": "from that behind them, by held-out points"}
    made = []
    for law, words in said.items():
        own = [(digest, manifest.components[digest]) for digest in used if manifest.laws.get(digest) == law]
        shown = [short_form(c.name, {k: v for k, v in c.params.items() if k in changed.get(d, ())}) for d, c in own]
        made += [f"{words}: {', '.join(shown)}"] if shown else []
    return [f"made {'; '.join(made)}"] if made else []


def _fit_notes(keys: Mapping[str, str], store: Store) -> list[str]:
    """Return what metrics say of their fits to a target, from the keys of the fits by metric; the same said once."""
    fits = {key: entry.value for key, entry in read_fits(keys.values(), store).items()}
    said: dict[str, list[str]] = {}
    for metric, key in keys.items():
        known = fits[key]
        for note in known.notes if known is not None else ():
            said.setdefault(note, []).append(metric)
    return [f"{', '.join(metrics)}: {note}" for note, metrics in said.items()]
