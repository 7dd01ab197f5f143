"""What `harness plan` says of a run, and what the run took.

    python benchmarks/plan.py [--large] [--only WORD] [--repeats 1]

Plans each case from nothing (a cache of its own, so that every kind of work is tried anew), runs it, and prints seconds
and peak memory as planned and as measured: that of all processes together, what they share counted once, sampled every
50 ms. `--large` adds 60,000 × 784 from a file. Anything else that runs on the machine makes the ratios mean nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from memory import held
from sklearn.datasets import load_iris
from tabulate import tabulate

HARNESS = (sys.executable, "-m", "harness")


@dataclass(frozen=True)
class Case:
    """A run.

    Attributes:
        name: in the table.
        arguments: of `harness run` and `harness plan`.
    """

    name: str
    arguments: Sequence[str]


def cases(folder: Path, large: bool) -> Iterator[Case]:
    """Yield the runs; their files are written into a folder."""
    iris = folder / "iris.npy"
    np.save(iris, load_iris().data)
    one = ("--weighting", "edm", "--network")
    yield Case("iris, 150 × 4, all of quick", ("quick", "--target", f"file:path={iris}"))
    yield Case("the ring, quick", ("quick", "--target", "ring"))
    yield Case("digits, 2 weightings", ("quick", "--target", "digits", "--weighting", "edm", "--weighting", "eps"))
    for width in (128, 2048):
        axes = (*one, f"mlp:width={width}", "--sampler", "heun", "--train-steps", "200")
        yield Case(f"digits, width {width:,}", ("quick", "--target", "digits", *axes))
    yield Case("digits as images", ("images-digits",))
    if large:
        points = folder / "large.npy"
        np.save(points, np.random.default_rng(0).standard_normal((60_000, 784), dtype=np.float32))
        axes = (*one, "mlp", "--time-discretization", "polynomial", "--sampler", "heun", "--sampler", "euler")
        yield Case("60,000 × 784, two designs", ("quick", "--target", f"file:path={points}", *axes))


def planned(case: Case, environment: dict[str, str]) -> tuple[float, float]:
    """Return the seconds and GiB that a plan says."""
    command = (*HARNESS, "plan", *case.arguments, "--format", "json")
    told = json.loads(subprocess.run(command, check=True, capture_output=True, env=environment).stdout)
    return told["seconds"], told["memory"]


def taken(case: Case, environment: dict[str, str], out: Path) -> tuple[float, float]:
    """Run a case; return its seconds and the GiB of all its processes at their peak."""
    start = time.perf_counter()
    command = (*HARNESS, "run", *case.arguments, "--out", str(out))
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, start_new_session=True, env=environment, **pipes)
    most, stop = 0.0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not stop.wait(0.05):
            most = max(most, sum(held(process.pid)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    status = process.wait()
    stop.set()
    watcher.join()
    if status:
        raise SystemExit(f"{case.name}: harness run ended with status {status}")
    return time.perf_counter() - start, most / 1024


def main() -> None:
    """Plan, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", action="store_true", help="60,000 × 784 too")
    parser.add_argument("--only", default="", help="cases with this word in their names")
    parser.add_argument("--repeats", type=int, default=1)
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        chosen = [case for case in cases(folder, given.large) if given.only in case.name]
        for number, case in enumerate(case for case in chosen for _ in range(given.repeats)):
            environment = os.environ | {"HARNESS_CACHE": str(folder / f"cache{number}")}
            (seconds, memory) = planned(case, environment)
            (took, held) = taken(case, environment, folder / f"out{number}")
            rows.append((case.name, seconds, took, took / seconds, memory, held, held / memory))
            print(f"{case.name}: {took:.0f} s of {seconds:.0f}, {held:.2f} GiB of {memory:.2f}", flush=True)
    heads = ("run", "planned s", "took s", "ratio", "planned GiB", "took GiB", "ratio")
    print(tabulate(rows, heads, floatfmt=("", ".0f", ".0f", ".2f", ".2f", ".2f", ".2f"), tablefmt="pipe"))


if __name__ == "__main__":
    main()
