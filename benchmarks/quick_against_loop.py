"""The whole `quick` run against a plain script: the same trainings and samplings, one after the other.

    python benchmarks/quick_against_loop.py [--suite quick] [--rounds 1]

Both are run back to back, from nothing: the harness as a user starts it (`harness run`, all cores), then the script in
one process, with torch's own choice of threads and with one thread. The script trains each distinct network with a bare
loop (fused Adam), measures its score error, and samples and measures each distinct design, with the harness's own
samplers and metrics: what is compared is the engine. Networks and samplings are not repeated for combinations that
share them, as a script that loops over combinations would do.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SCRIPT = "--script"


def script(suite_name: str, done: Path) -> None:
    """Do the work of a finished run again, one piece after the other, and print the seconds that it took."""
    start = time.perf_counter()
    import torch
    from bare_loop import train_alone
    from safetensors.torch import save_file

    from harness.engine.courses import LevelTable
    from harness.engine.jobs import EvaluateSamplesJob, MeasureScoreErrorsJob, TrainNetworksJob
    from harness.engine.laws import distribution
    from harness.engine.worker import perform
    from harness.planning.plan import Plan
    from harness.registry.discovery import load
    from harness.store import Store
    from harness.suites.combinations import expand
    from harness.suites.model import load_suite

    registry = load()
    suite = load_suite(suite_name)
    store = Store.read(done)
    plan = Plan(suite, registry, expand(suite, registry), done / "checkpoints")
    counts = {"train": 0, "error": 0, "evaluate": 0}

    def find(key: str):
        return store.get([key]).get(key)

    for unit in plan.groundwork(lambda key: True):
        perform(unit.job(find))
    with tempfile.TemporaryDirectory() as folder:
        for unit in plan.work(find, lambda key: True):
            job = unit.job(find)
            if isinstance(job, TrainNetworksJob):
                for each in job.learners:
                    table = [torch.tensor(each.table[k], dtype=torch.float64) for k in ("density", "omega")]
                    # The bare loop does not adapt weights: it is spared that bookkeeping.
                    learner = each.with_table(LevelTable(*table))
                    course, law = job.course, distribution(job.course.target)
                    for state in train_alone(course.network, law, learner, job.trainer, course.lengths).values():
                        save_file(state, Path(folder) / "network.safetensors")
                        counts["train"] += 1
            elif isinstance(job, MeasureScoreErrorsJob):
                for pair in job.networks:
                    perform(MeasureScoreErrorsJob(job.target, (pair,), job.sigma_min, job.sigma_max))
                    counts["error"] += 1
            else:
                perform(job)
                counts["evaluate"] += isinstance(job, EvaluateSamplesJob)
    print(f"{time.perf_counter() - start:.1f} {counts}")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", default="quick")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument(SCRIPT, dest="done", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.done:
        script(options.suite, options.done)
        return
    for number in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "results"
            start = time.perf_counter()
            command = [sys.executable, "-m", "harness", "run", options.suite, "--out", str(out)]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            harness = time.perf_counter() - start
            print(f"round {number + 1}: harness run {options.suite}: {harness:.1f} s")
            for name, threads in (("torch's threads", None), ("one thread", "1")):
                environment = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
                environment |= {"OMP_NUM_THREADS": threads} if threads else {}
                command = [sys.executable, __file__, "--suite", options.suite, SCRIPT, str(out)]
                done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
                seconds = float(done.stdout.split()[0])
                print(f"  plain script, {name}: {seconds:.1f} s, ratio {seconds / harness:.2f}   {done.stdout.strip()}")


if __name__ == "__main__":
    main()
