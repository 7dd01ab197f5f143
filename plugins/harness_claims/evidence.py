"""Evidence: what the experiments of a claim gave, from stored records.

A combination that failed, or that was not computed, is no evidence: the claim that needs it has an error, and the
error says which combination and why.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from harness.axes import AXES, crossed
from harness.engine.curves import ExactScoreError
from harness.information import Information, ScoreError
from harness.networks import OracleNetwork
from harness.planning.manifest import manifest
from harness.results.leaderboard import Terms
from harness.results.reader import Stored, read_information, read_results, read_target
from harness_claims.claim import ClaimError, Result

if TYPE_CHECKING:
    from harness.planning.manifest import PlannedRow
    from harness.planning.plan import Plan
    from harness.store import Store
    from harness.suites.combinations import Combination

T = TypeVar("T")


class SuiteEvidence:
    """The results of one suite whose plan has been carried out.

    Arguments:
        name: how a claim calls the suite; errors begin with it.
        plan: what was carried out.
        store: where the records lie.
    """

    def __init__(self, name: str, plan: Plan, store: Store) -> None:
        self._name = name
        self._plan = plan
        self._store = store
        self._manifest = manifest(plan, cache(lambda key: store.get([key]).get(key)))
        self._used: dict[str, float] = {}

    @property
    def seconds(self) -> dict[str, float]:
        """What each record that was read took to make, in seconds on one core, by its key."""
        return dict(self._used)

    def results(self) -> list[Result]:
        """Return one result for each combination, in the order of the suite.

        Raises:
            ClaimError: a combination failed or was not computed.
        """
        pairs = zip(self._plan.combinations, self._manifest.rows, strict=True)
        return [self._result(combination, row) for combination, row in pairs]

    def information(self) -> dict[str, Information]:
        """Return J(u) of each target, by its label; of one that gives seeds splits of their own, that of the first.

        Raises:
            ClaimError: it could not be measured.
        """
        found = {}
        for target in dict.fromkeys(c.target for c in self._plan.combinations):
            label, own = self._plan.keys.label(target), self._plan.keys.target(target, self._plan.seeds[0])
            stored = read_information(self._plan.keys.information(own), own, self._store)
            found[label] = self._value(stored, f"target {label}")
        return found

    def _result(self, c: Combination, row: PlannedRow) -> Result:
        results, keys, seeds = read_results(self._manifest, row, self._store), self._plan.keys, self._plan.seeds_of(c)
        used = {name: c.component(name) for name in crossed()}
        labels = {name: keys.label(part) if part else AXES[name].absent for name, part in used.items()}
        what = " · ".join([*labels.values(), f"{c.steps} steps", f"{c.train_steps} training steps"])
        grids = self._values(results.grids, what)
        if row.reason is not None:
            raise ClaimError(f"{self._name}: {what}: {row.reason}")
        samplings = self._values(results.samplings, what)
        metrics = {label: self._values(entries, what) for label, entries in results.metrics.items()}
        bounds = {label: self._values(entries, what) for label, entries in results.bounds.items()}
        self._values(results.networks, what)
        return Result(
            labels=labels,
            steps=c.steps,
            train_steps=c.train_steps,
            sigma_max=float(grids[0][0]),
            sigma_min=float(grids[0][-1]),
            seeds=tuple(seeds),
            sigmas=np.array(grids[0]),
            nfe=int(samplings[0].nfe),
            metrics={label: _column(m.value if m else None for m in found) for label, found in metrics.items()},
            errors={label: _column(m.standard_error if m else None for m in found) for label, found in metrics.items()},
            bounds={label: _column(b.value if b else None for b in found) for label, found in bounds.items()},
            budget=_budget(results.budgets()),
            score_errors=self._oracle(c, what) or self._values(results.score_errors, what),
        )

    def _oracle(self, c: Combination, what: str) -> tuple[ScoreError, ...]:
        """Return the e(σ) of an oracle for each seed; empty for a trained network."""
        if not isinstance(c.network, OracleNetwork):
            return ()
        target = self._plan.keys.target(c.target, self._plan.seeds[0])
        oracle, dim = c.network, self._value(read_target(self._plan.keys.information(target), self._store), what).dim
        return (ExactScoreError(lambda sigma: np.asarray(oracle.score_error(sigma, dim))),) * len(self._manifest.seeds)

    def _values(self, entries: Sequence[Stored[T]], what: str) -> tuple[T, ...]:
        """Return the value of each seed, all of which must be there."""
        return tuple(self._value(entry, what) for entry in entries)

    def _value(self, entry: Stored[T], what: str) -> T:
        """Return a value that must be there, and remember that its record took part."""
        where = f"{self._name}: {what}" + ("" if entry.seed is None else f", seed {entry.seed}")
        if entry.reason is not None:
            raise ClaimError(f"{where}: {entry.reason}")
        if entry.missing:
            raise ClaimError(f"{where}: was not computed")
        self._used[entry.key] = entry.seconds
        return entry.require()


def _column(values: Iterable[float | None]) -> np.ndarray:
    """Return a number of each seed, shape (S,); NaN where the metric or bound does not apply."""
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _budget(budgets: Sequence[Terms]) -> dict[str, np.ndarray]:
    if not budgets:
        return {}
    return {term: np.array([getattr(terms, term) for terms in budgets]) for term in Terms.model_fields}
