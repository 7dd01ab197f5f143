"""What the walls between our code and foreign plugins cost a run, with no foreign plugin installed and with one.

    python benchmarks/walls.py [--suite quick] [--pairs 5] [--whole 80] [--select '--seeds 1']

Runs with and without walls alternate, each from nothing. Without: no plugin is tried in a child process first, no state
of the process is looked at or put back, no file is hashed for its provenance, and arguments are pickled without noting
whose components are in them. All of that is done by the command's own process, whose processor time is given beside
that of the clock: on a machine with other work the latter says little.

What walls cost is so much a run or a unit, whatever a unit does: the suite is run with few steps of training and few
samples, so that its units are as many and the difference is not lost in their time. The share is that of the processor
time in the seconds that the whole suite takes.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUN = "from harness.cli import main; main()"
WITHOUT = f"""
import pickle
from unittest.mock import patch
from harness.registry import probe, process_state, registry
from harness.running import workers
for place, name, cheap in (
    (probe, "obstacle", lambda *words: ""),
    (process_state, "read", dict),
    (process_state, "functions", dict),
    (process_state, "put_back", lambda before: []),
    (process_state, "put_functions_back", lambda before: []),
    (registry, "source_digest", lambda *words: ""),
    (registry, "dependencies", lambda *words: ()),
    (workers, "packed", lambda each: workers.Parcel(pickle.dumps(each, pickle.HIGHEST_PROTOCOL), frozenset())),
):
    # Refuses what is not there: the measurement would be of less than it says.
    patch.object(place, name, cheap).start()
{RUN}
"""
PLUGIN = """
from harness import hookimpl
from harness.time_discretizations import TimeDiscretization


class Straight(TimeDiscretization):
    name = "straight"

    def levels(self, request):
        first, last = request.sigma_range()
        return first + (last - first) * request.fractions()


@hookimpl
def harness_time_discretizations():
    return [Straight]
"""


def install(folder: Path) -> None:
    """Write a distribution with one plugin into a folder."""
    info = folder / "straight-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: straight\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[harness]\nstraight = straight\n")
    (folder / "straight.py").write_text(PLUGIN)


def seconds(code: str, words: list[str], path: str, cache: Path) -> tuple[float, float]:
    """Run the command in a process of its own; return its seconds by the clock and of its processor.

    The workers' are not counted: they are no children of the command, but of a server that it starts.
    """
    environment = os.environ | {"PYTHONPATH": path, "HARNESS_CACHE": str(cache)}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, "-c", code, *words], check=True, stdout=subprocess.DEVNULL, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - start, used


def compare(name: str, words: list[str], path: str, cache: Path, pairs: int, whole: float) -> None:
    """Run pairs of runs, with walls and without, and print what they differ in."""
    clock, processor, base = [], [], []
    for number in range(pairs):
        found = {}
        # Which is first changes, as a machine warms up.
        for code in (RUN, WITHOUT) if number % 2 else (WITHOUT, RUN):
            with tempfile.TemporaryDirectory() as out:
                found[code] = seconds(code, [*words, "--out", f"{out}/out"], path, cache)
        clock.append(found[RUN][0] - found[WITHOUT][0])
        processor.append(found[RUN][1] - found[WITHOUT][1])
        base.append(found[WITHOUT][0])
    print(
        f"{name}: {statistics.median(clock):+.2f} s by the clock ({min(clock):+.2f} to {max(clock):+.2f}), "
        f"{statistics.median(processor):+.2f} s of processor ({min(processor):+.2f} to {max(processor):+.2f}), "
        f"beside {statistics.median(base):.1f} s; {100 * statistics.median(processor) / whole:+.2f} % of {whole:g} s"
    )


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", default="quick")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--whole", type=float, default=80.0, help="seconds that the suite takes as it is")
    parser.add_argument("--select", default="", help="further options of the run, to make it smaller")
    options = parser.parse_args()
    words = ["run", options.suite, *options.select.split(), "--train-steps", "20", "--samples", "64"]
    with tempfile.TemporaryDirectory() as folder:
        site, cache = Path(folder) / "site", Path(folder) / "cache"
        install(site)
        here = os.environ.get("PYTHONPATH", "")
        compare("no foreign plugin", words, here, cache, options.pairs, options.whole)
        known = f"{site}{os.pathsep}{here}"
        first, again = (seconds(RUN, ["plugins"], known, cache) for _ in range(2))
        print(f"a foreign plugin seen for the first time, once: {first[0] - again[0]:+.2f} s")
        compare("one foreign plugin, seen before", words, known, cache, options.pairs, options.whole)


if __name__ == "__main__":
    main()
