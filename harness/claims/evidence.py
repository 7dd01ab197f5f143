"""Evidence: what the experiments of a claim gave, from stored records.

A combination that failed, or that was not computed, is no evidence: the claim that needs it has an error, and the
error says which combination and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from harness.axes import AXES, crossed
from harness.claims.contract import ClaimError, Result
from harness.engine.curves import ExactScoreError, information_from_json, score_error_from_json
from harness.information import Information, ScoreError
from harness.networks import OracleNetwork
from harness.planning.keys import measured

if TYPE_CHECKING:
    from harness.planning.plan import Plan
    from harness.records import Record
    from harness.store import Store
    from harness.suites.combinations import Combination

TERMS = ("initialization", "score", "discretization", "variance", "total")
"""The terms of a budget."""


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
        self._used: dict[str, Record] = {}

    @property
    def seconds(self) -> dict[str, float]:
        """What each record that was read took to make, in seconds on one core, by its key."""
        return {key: record.seconds for key, record in self._used.items()}

    def results(self) -> list[Result]:
        """Return one result for each combination, in the order of the suite.

        Raises:
            ClaimError: a combination failed or was not computed.
        """
        return [self._result(c) for c in self._plan.combinations]

    def information(self) -> dict[str, Information]:
        """Return J(u) of each target, by its label.

        Raises:
            ClaimError: it could not be measured.
        """
        found = {}
        for target in dict.fromkeys(c.target for c in self._plan.combinations):
            label = self._plan.keys.label(target)
            record = self._record(self._plan.keys.information(target), f"target {label}")
            found[label] = information_from_json(record.payload["information"], target.distribution())
        return found

    def _result(self, c: Combination) -> Result:
        keys, seeds = self._plan.keys, self._plan.suite.seeds
        used = {name: c.component(name) for name in crossed()}
        labels = {name: keys.label(part) if part else AXES[name].absent for name, part in used.items()}
        what = " · ".join([*labels.values(), f"{c.steps} steps", f"{c.train_steps} training steps"])
        grids = [self._record(keys.grid(c, seed), what, seed).payload["sigmas"] for seed in seeds]
        samples = [keys.sample(c, grid, seed) for grid, seed in zip(grids, seeds, strict=True)]
        records = [self._record(key, what, s) for key, s in zip(samples, seeds, strict=True)]
        metrics, errors = {}, {}
        for metric in self._plan.metrics:
            found = [self._record(measured(k, keys.of(metric)), what, s) for k, s in zip(samples, seeds, strict=True)]
            metrics[keys.label(metric)] = _column(found, "value")
            errors[keys.label(metric)] = _column(found, "standard_error")
        bounds = {
            keys.label(b): _column(
                [self._record(measured(k, keys.of(b)), what, s) for k, s in zip(samples, seeds, strict=True)], "value"
            )
            for b in self._plan.bounds
        }
        return Result(
            labels=labels,
            steps=c.steps,
            train_steps=c.train_steps,
            sigma_max=float(grids[0][0]),
            sigma_min=float(grids[0][-1]),
            seeds=tuple(seeds),
            sigmas=np.array(grids[0]),
            nfe=int(records[0].payload["nfe"]),
            metrics=metrics,
            errors=errors,
            bounds=bounds,
            budget=_budget(records),
            score_errors=tuple(self._score_error(c, seed, what) for seed in seeds),
        )

    def _score_error(self, c: Combination, seed: int, what: str) -> ScoreError:
        network = self._plan.keys.network(c, seed)
        if isinstance(c.network, OracleNetwork):
            oracle, dim = c.network, self._dim(c)
            return ExactScoreError(lambda sigma: np.asarray(oracle.score_error(sigma, dim)))
        self._record(network, what, seed)
        return score_error_from_json(self._record(self._plan.keys.error(network), what, seed).payload)

    def _dim(self, c: Combination) -> int:
        record = self._record(self._plan.keys.information(c.target), c.target.label())
        return int(record.payload["dim"])

    def _record(self, key: str, what: str, seed: int | None = None) -> Record:
        """Return a record that must be there, and remember that it took part."""
        record = self._used.get(key) or self._store.get([key]).get(key)
        where = f"{self._name}: {what}" + ("" if seed is None else f", seed {seed}")
        if record is None:
            raise ClaimError(f"{where}: was not computed")
        if record.reason is not None:
            raise ClaimError(f"{where}: {record.reason}")
        self._used[key] = record
        return record


def _column(records: Sequence[Record], field: str) -> np.ndarray:
    """Return a number of each seed's record; NaN where the metric or bound does not apply."""
    return np.array([record.payload.get(field, np.nan) for record in records], dtype=np.float64)


def _budget(samples: Sequence[Record]) -> dict[str, np.ndarray]:
    budgets = [record.payload["budget"] for record in samples]
    if any(terms is None for terms in budgets):
        return {}
    return {term: np.array([terms[term] for terms in budgets]) for term in TERMS}
