"""How much of the variance of a metric over seeds lies within a run, and how much between networks.

Of each target and metric, over the rows that are ranked: the variance over seeds (of ln metric), the squared standard
error that each run tells of itself, and the share of the second in the first. What is left is between networks. Seeds
draw networks, samples and references anew, so the first holds all of it.

    python benchmarks/variance_shares.py runs/quick
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from harness.quantities import Declarations
from harness.results.directory import read_manifest
from harness.results.reader import read_results
from harness.store import Store


def main() -> None:
    """Print a line for each target and metric that is compared by ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("directory", type=Path)
    print("| target | metric | runs of | variance over seeds | squared error within a run | within |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for (target, metric), pairs in sorted(shares(parser.parse_args().directory).items()):
        total, within = np.mean(pairs, 0)
        print(f"| {target} | {metric} | {len(pairs)} | {total:.2g} | {within:.2g} | {100 * within / total:.0f} % |")


def shares(directory: Path) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """Return of each row with a positive value in every seed its variance over seeds and its squared error, of ln."""
    store = Store.read(directory)
    manifest = read_manifest(store, None)
    declared = manifest.declared or Declarations()
    found: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    designs = {row.design or str(i): row for i, row in enumerate(manifest.rows)}
    for row in designs.values():
        target = manifest.components[row.components["target"]].name
        for metric, entries in read_results(manifest, row, store).metrics.items():
            values = [entry.value for entry in entries]
            known = [value for value in values if value is not None and value.value > 0]
            if declared.compared_by(metric) == "ratio" and 1 < len(known) == len(manifest.seeds):
                logs = np.log([m.value for m in known])
                errors = [(m.standard_error / m.value) ** 2 for m in known]
                found[target, metric].append((float(logs.var(ddof=1)), float(np.mean(errors))))
    store.close()
    return found


if __name__ == "__main__":
    main()
