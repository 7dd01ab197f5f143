"""Peak memory against the number of combinations: it should be flat.

    python benchmarks/memory.py

Runs suites of oracle and trained networks with more and more combinations and prints the peak memory of the largest
process and of all processes together (sampled every 20 ms). Pages that processes share are counted once: each of k has
a kth of a page.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

BASE = {
    "targets": ["digits"],
    "weightings": ["edm", "eps"],
    "noise_schedules": ["edm"],
    "networks": ["mlp", "exact"],
    "samplers": ["exponential-integrator", "heun"],
    "metrics": ["sliced-wasserstein", "path-kl"],
    "bounds": ["budget"],
    "rank_by": "sliced-wasserstein",
    "steps": [8],
    "seeds": 2,
}


def held(session: int) -> list[float]:
    """Return the memory of each process of a session, in MiB, with its share of pages that it shares (Pss)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                lines = stat.with_name("smaps_rollup").read_text().splitlines()
                found += [int(line.split()[1]) / 2**10 for line in lines if line.startswith("Pss:")]
        except (OSError, IndexError):
            continue
    return found


def peak(suite: dict, folder: Path) -> tuple[float, float, int, float]:
    """Run a suite; return the largest process, the sum (MiB), the number of rows and the seconds."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in suite.items()]
    file = folder / "suite.toml"
    file.write_text("\n".join([*lines, "[training]", "steps = [50]", "[sampling]", "samples = 300"]))
    command = [sys.executable, "-m", "harness", "run", str(file), "--out", str(folder / "out")]
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)
    most, total, stop = 0.0, 0.0, threading.Event()

    def watch() -> None:
        nonlocal most, total
        while not stop.wait(0.02):
            sizes = held(process.pid)
            most, total = max(most, *sizes, 0.0), max(total, sum(sizes))

    watcher = threading.Thread(target=watch)
    watcher.start()
    process.wait()
    stop.set()
    watcher.join()
    seconds = time.perf_counter() - start
    rank = [sys.executable, "-m", "harness", "rank", str(folder / "out"), "--format", "json"]
    rows = json.loads(subprocess.run(rank, check=True, capture_output=True).stdout)["rows"]
    return most, total, len(rows), seconds


def main() -> None:
    """Run and print."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    print(f"{'combinations':>12} {'largest MiB':>12} {'all MiB':>8} {'seconds':>8}")
    for grids in (1, 8, 64, 256):
        rhos = [round(1 + 0.1 * i, 1) for i in range(grids)]
        suite = {"name": "memory", **BASE, "time_discretizations": [f"polynomial:rho={','.join(map(str, rhos))}"]}
        with tempfile.TemporaryDirectory() as folder:
            most, total, rows, seconds = peak(suite, Path(folder))
        print(f"{rows:>12} {most:>12.0f} {total:>8.0f} {seconds:>8.1f}", flush=True)


if __name__ == "__main__":
    main()
