"""Seconds and peak memory of `harness rank` against the number of rows.

    python benchmarks/rank_rows.py [--rows 100 1000 10000 100000] [--rank-by sliced-wasserstein] [--markdown]

Result directories are written without running anything: rows of one target that cross weightings, training lengths,
noise schedules, grids, samplers and steps, three seeds each, with the records that a run leaves (networks, score
errors, weighting tables, grids, samplings with budgets, two metrics and a bound). The numbers are drawn: an effect of
every choice, an error of every network, an error of every row. `harness rank` is then what a user types, a process of
its own, from nothing to the printed table.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from harness.axes import crossed
from harness.components import digest
from harness.engine.curves import MeasuredScoreError, score_error_to_json
from harness.engine.payloads import grid
from harness.planning.keys import measured
from harness.planning.manifest import Manifest, PlannedRow
from harness.records import Kind, Record
from harness.registry.references import Reference
from harness.store import MANIFEST, Store
from harness.weighting_tables import WeightingTable, table_to_json

SEEDS = (0, 1, 2)
SCHEDULES, GRIDS, SAMPLERS = 4, 5, 5
LEVELS = np.geomspace(0.05, 20.0, 48)
METRICS = ("path-kl", "sliced-wasserstein")
"""Kinds of records that rows have one of for each seed: `path-kl` is the budget's total."""


class Synthetic:
    """A result directory of N rows."""

    def __init__(self, rows: int) -> None:
        self.rng = np.random.default_rng(0)
        per_network = SCHEDULES * GRIDS * SAMPLERS
        blocks = -(-rows // per_network)
        # A tenth of the blocks are further steps of the same networks, where there are so many.
        self.steps = [18 + 2 * k for k in range(10 if blocks >= 1000 else 1)]
        networks = -(-blocks // len(self.steps))
        self.lengths = [1000 * 2**k for k in range(5 if networks >= 50 else 1)]
        self.weightings = -(-networks // len(self.lengths))
        self.rows = rows
        self.components: dict[str, Reference] = {}
        self.effects: dict[tuple[str, int], float] = {}
        self.curves: dict[str, MeasuredScoreError] = {}
        self.scores: dict[tuple[str, int], float] = {}

    def component(self, axis: str, number: int) -> str:
        """Return the digest of a component."""
        key = digest(axis, number)
        params = {"number": number} if number else {}
        self.components[key] = Reference(
            name=axis.replace("_", "-"), params=params, distribution="made-up", version="1", digest=key
        )
        return key

    def effect(self, axis: str, number: int) -> float:
        """Return what a choice does to ln of a metric."""
        return self.effects.setdefault((axis, number), float(self.rng.normal(0, 0.3)))

    def choices(self) -> Iterator[dict[str, int]]:
        """Yield the choices of each row."""
        sizes = (self.weightings, len(self.lengths), len(self.steps), SCHEDULES, GRIDS, SAMPLERS)
        names = ("weighting", "length", "step", "noise_schedule", "time_discretization", "sampler")
        crossed_all = itertools.product(*map(range, sizes))
        for chosen in itertools.islice(crossed_all, self.rows):
            yield dict(zip(names, chosen, strict=True))

    def row(self, c: dict[str, int]) -> PlannedRow:
        """Return a row with the keys of its records."""
        trained = c["weighting"], c["length"]
        networks = [digest("network", *trained, seed) for seed in SEEDS]
        laid = c["noise_schedule"], c["time_discretization"], c["step"]
        return PlannedRow(
            components={axis: self.component(axis, c.get(axis, 0)) for axis in crossed()},
            steps=self.steps[c["step"]],
            train_steps=self.lengths[c["length"]],
            sigma_max=20.0,
            compute=self.lengths[c["length"]] * 768,
            training_share=0.9,
            networks=networks,
            errors=[digest("error", key) for key in networks],
            tables=[digest("table", c["weighting"])] * len(SEEDS),
            information=[digest("information")] * len(SEEDS),
            grids=[digest("grid", *laid)] * len(SEEDS),
            samples=[digest("sample", *trained, *laid, c["sampler"], seed) for seed in SEEDS],
            reason=None,
            design=digest("design", *trained, *laid, c["sampler"]),
        )

    def shared_records(self, row: PlannedRow) -> Iterator[Record]:
        """Yield the records that a row shares with others."""
        levels = np.geomspace(20.0, 0.05, row.steps + 1)
        yield Record(row.grids[0], "grid", grid.to_json(levels))
        ones = np.ones_like(LEVELS)
        yield Record(row.tables[0], "weighting table", table_to_json(WeightingTable(LEVELS, 1 / LEVELS, ones)))
        for network, error in zip(row.networks, row.errors, strict=True):
            if network in self.curves:
                continue
            yield Record(network, "network", {"sha256": network, "loss": 0.3}, seconds=9.0)
            curve = 0.02 * np.exp(self.effect(f"network {network}", 0)) * np.ones((8, len(LEVELS)))
            spread = 1 + 0.1 * self.rng.normal(size=curve.shape)
            self.curves[network] = MeasuredScoreError(LEVELS, abs(curve * spread))
            yield Record(error, "score error", score_error_to_json(self.curves[network]))

    def score(self, network: str, steps: int) -> float:
        """Return E_S of a network on a grid of so many steps, of which all have the same levels."""
        if (network, steps) not in self.scores:
            u = np.geomspace(20.0, 0.05, steps + 1) ** 2
            error = self.curves[network](np.sqrt(u[:-1]))
            self.scores[network, steps] = float((0.5 * error @ (u[:-1] - u[1:])).mean())
        return self.scores[network, steps]

    def own_records(self, row: PlannedRow, c: dict[str, int], keys: dict[str, str]) -> Iterator[Record]:
        """Yield the records of the samplings of a row."""
        typical = sum(self.effect(axis, number) for axis, number in c.items())
        for sample, network in zip(row.samples, row.networks, strict=True):
            shared = 0.3 * self.effect(f"network {network}", 0)
            size = 0.1 * float(np.exp(typical + shared + 0.05 * self.rng.normal()))
            gaussian, score = c["sampler"] < 3, self.score(network, row.steps)
            parts = {"initialization": 1e-6, "score": score, "discretization": size, "variance": 0.0}
            terms = {**parts, "total": sum(parts.values())} if gaussian else None
            yield Record(sample, "sampling", {"nfe": row.steps, "budget": terms, "spread": 1.0}, seconds=0.1)
            number = {"standard_error": 0.03 * size, "bias": 0.0, "freedom": None, "shared": False}
            none = {"not_applicable": "sampler has no Gaussian kernel, so no path divergence"}
            path = {**number, "value": terms["total"], "shared": True} if terms else none
            found = {"path-kl": path, "sliced-wasserstein": {**number, "value": size}, "budget": path}
            for label, payload in found.items():
                kind: Kind = "bound" if label == "budget" else "metric"
                yield Record(measured(sample, keys[label]), kind, payload, seconds=0.01)

    def write(self, directory: Path) -> None:
        """Write it."""
        keys = {label: digest("measure", label) for label in (*METRICS, "budget")}
        store, rows, shared, waiting = Store.open(directory), [], set(), []
        for c in self.choices():
            row = self.row(c)
            rows.append(row)
            if (once := (*row.networks, *row.grids)) not in shared:
                shared.add(once)
                waiting += self.shared_records(row)
            waiting += self.own_records(row, c, keys)
            if len(waiting) > 50_000:
                store.put(waiting)
                waiting = []
        numbers = {"dim": 2, "sigma_data": 1.0, "second_moment": 2.0, "finite": False}
        store.put([*waiting, Record(digest("information"), "target", numbers)])
        manifest = Manifest(
            suite="synthetic",
            command="none",
            rank_by=["sliced-wasserstein"],
            seeds=list(SEEDS),
            metrics={label: keys[label] for label in METRICS},
            bounds={"budget": keys["budget"]},
            components=self.components,
            calibration={},
            rows=rows,
            environment={},
        )
        store.set_meta(f"{MANIFEST}:synthetic", manifest.model_dump())
        store.close()


def ranked(directory: Path, by: str) -> tuple[float, float, float]:
    """Return the seconds that `harness rank` takes, on the clock and of the processor, and its peak memory in MiB."""
    command = [sys.executable, "-m", "harness", "rank", str(directory), "--by", by]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return time.perf_counter() - start, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100, 1_000, 10_000, 100_000])
    parser.add_argument("--rank-by", default="sliced-wasserstein", choices=METRICS)
    parser.add_argument("--markdown", action="store_true", help="print a table for the docs")
    parser.add_argument("--keep", type=Path, help="leave the directories here, and take those that are there")
    options = parser.parse_args()
    if options.markdown:
        print("| rows | seconds | of the processor | peak memory |\n| --- | --- | --- | --- |")
    for rows in options.rows:
        with tempfile.TemporaryDirectory() as folder:
            directory = Path(options.keep or folder) / str(rows)
            if not directory.exists():
                Synthetic(rows).write(directory)
            clock, processor, memory = ranked(directory, options.rank_by)
        if options.markdown:
            print(f"| {rows:,} | {clock:.1f} | {processor:.1f} | {memory:.0f} MiB |", flush=True)
        else:
            print(json.dumps({"rows": rows, "seconds": clock, "processor": processor, "MiB": memory}), flush=True)


if __name__ == "__main__":
    main()
