"""A suite against plain loops that do its work, and its cost at more and more combinations: interleaved, one process.

    python benchmarks/against_loops.py [--rounds 3] [--train-steps 2000] [--samples 2000] [--seeds 3] [--markdown]
    python benchmarks/against_loops.py --rows 10 100 1000 10000 [--markdown]

All is computed by one thread of one process, in turns, and timed by the processor's clock: the median of the rounds'
ratios, with the least and the largest. What is compared:

- the harness: the suite's plan, each unit done by the worker's own functions, the networks of a shape stacked;
- a careful script: each distinct network trained once by a bare loop with fused Adam, its score error measured, each
  distinct sampling drawn and measured once, with the harness's own samplers and metrics;
- every combination: a loop that trains, samples and measures each combination and seed alone; its time is that of a few
  combinations drawn at random, times their number;
- diffusers' loop, where diffusers is installed: the careful script on the suite's rows of `euler`, sampled by
  `EDMEulerScheduler`, against the harness on the same rows. Its samples must be the harness's to 1e-4.

The second form has no loops beside it: two networks, whatever the number of combinations, and the harness's time as
grids are added (10 times the rows should take 3 times as long at most, while trainings dominate).
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from bare_loop import median, train_alone
from safetensors.torch import save_file

from harness.engine.checkpoints import read_checkpoint
from harness.engine.courses import LevelTable
from harness.engine.denoisers import denoiser_from_checkpoint
from harness.engine.jobs import EvaluateSamplesJob, Job, MeasureScoreErrorsJob, TrainedNetwork, TrainNetworksJob
from harness.engine.laws import distribution
from harness.engine.random_streams import NoiseStream
from harness.engine.sampling import Generated, generate
from harness.engine.units import evaluate_samples
from harness.engine.worker import work
from harness.planning.plan import Plan
from harness.records import Record
from harness.registry.discovery import load
from harness.running.memory import keep_freed_memory
from harness.suites.combinations import expand
from harness.suites.model import Suite

SHOWN = 1e-4
"""Largest difference of two samples, relative to the largest coordinate, that is rounding of float32."""


def suite_of(options: argparse.Namespace, **changes: Any) -> dict[str, Any]:
    """Return a suite like `quick`, on one target."""
    return {
        "name": "loops",
        "targets": [options.target],
        "weightings": ["edm", "eps", "min-snr", "bell-shaped"],
        "noise_schedules": ["edm", "cosine"],
        "time_discretizations": ["polynomial", "exponential", "uniform-time", "fisher"],
        "networks": ["mlp"],
        "samplers": ["exponential-integrator", "ancestral", "heun", "euler"],
        "metrics": ["sliced-wasserstein", "energy", "kl", "path-kl"],
        "bounds": ["budget"],
        "rank_by": "sliced-wasserstein",
        "steps": [18],
        "seeds": options.seeds,
        "training": {"steps": [options.train_steps], "batch_size": 256, "learning_rate": 2e-3},
        "sampling": {"samples": options.samples},
    } | changes


class Work:
    """A suite, done in this process: its units, and what they left."""

    def __init__(self, content: dict[str, Any], folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        registry = load()
        suite = Suite.from_mapping(content, "loops.toml")
        self.combinations = expand(suite, registry)
        self.samplings = len(self.combinations) * len(suite.seeds)
        self._plan = Plan(suite, registry, self.combinations, folder)
        self.records: dict[str, Record] = {}

    def jobs(self) -> list[Job]:
        """Return the jobs of the second round, whose networks and curves are at hand."""
        return [unit.job(self.records.get) for unit in self._plan.work(self.records.get, lambda key: True)]

    def harness(self) -> None:
        """Do everything, from nothing."""
        self.records = {}
        for round_ in (self._plan.groundwork, lambda missing: self._plan.work(self.records.get, missing)):
            for unit in round_(lambda key: key not in self.records):
                self.records |= {record.key: record for record in work(unit.job(self.records.get))}

    def groundwork(self) -> None:
        """Do what comes before trainings, again."""
        for unit in self._plan.groundwork(lambda key: True):
            work(unit.job(self.records.get))


def train_script(job: TrainNetworksJob, learner_number: int) -> None:
    """Train one network of a job by the bare loop, and keep it."""
    each = job.learners[learner_number]
    table = [torch.tensor(each.table[k], dtype=torch.float64) for k in ("density", "omega")]
    # The bare loop does not adapt weights: it is spared that bookkeeping.
    learner = each.with_table(LevelTable(*table))
    course, law = job.course, distribution(job.course.target)
    with tempfile.TemporaryDirectory() as folder:
        for state in train_alone(course.network, law, learner, job.trainer, course.lengths).values():
            save_file(state, Path(folder) / "network.safetensors")


def careful(done: Work, evaluate: Callable[[EvaluateSamplesJob], object] = work) -> None:
    """Do the work of a suite that is done, each distinct piece once, one after the other."""
    done.groundwork()
    for job in done.jobs():
        if isinstance(job, TrainNetworksJob):
            for number in range(len(job.learners)):
                train_script(job, number)
        elif isinstance(job, MeasureScoreErrorsJob):
            for pair in job.networks:
                work(replace(job, networks=(pair,)))
        elif isinstance(job, EvaluateSamplesJob):
            evaluate(job)
        else:
            work(job)


def every_combination(done: Work, some: int, chance: random.Random) -> float:
    """Return the estimated seconds of a loop that does all for each combination and seed."""
    jobs = done.jobs()
    trainings = [(job, n) for job in jobs if isinstance(job, TrainNetworksJob) for n in range(len(job.learners))]
    curves = [(job, pair) for job in jobs if isinstance(job, MeasureScoreErrorsJob) for pair in job.networks]
    evaluations = [job for job in jobs if isinstance(job, EvaluateSamplesJob)]
    start = time.process_time()
    for _ in range(some):
        train_script(*chance.choice(trainings))
        curve, pair = chance.choice(curves)
        work(replace(curve, networks=(pair,)))
        work(chance.choice(evaluations))
    return (time.process_time() - start) / some * done.samplings


def diffusers_samples(job: EvaluateSamplesJob) -> torch.Tensor:
    """Return the samples of a job of `euler` with EDM's preconditioning, drawn by diffusers' scheduler."""
    from diffusers import EDMEulerScheduler

    assert isinstance(job.network, TrainedNetwork)
    law = distribution(job.target)
    network = read_checkpoint(job.network, law.data)
    sigmas = torch.tensor(job.sigmas)
    scheduler = EDMEulerScheduler(job.sigmas[-1], job.sigmas[0], sigma_data=float(network.sigma_data))
    scheduler.set_timesteps(len(sigmas) - 1)
    scheduler.sigmas, scheduler.timesteps = sigmas, scheduler.precondition_noise(sigmas[:-1])
    x = sigmas[0] * NoiseStream(job.seed, 0, job.count, law.dim, torch.float32)()
    with torch.no_grad():
        for t in scheduler.timesteps:
            raw = network.function(scheduler.scale_model_input(x, t), t.repeat(len(x)))
            x = scheduler.step(raw, t, x).prev_sample
    return x.double()


def by_diffusers(job: EvaluateSamplesJob) -> list[Record]:
    """Do a sampling with diffusers' loop in place of the harness's, and measure it."""
    own = evaluate_samples.generate
    drawn = Generated(diffusers_samples(job), None, len(job.sigmas) - 1)
    evaluate_samples.generate = lambda *args, **kwargs: drawn
    try:
        return work(job)
    finally:
        evaluate_samples.generate = own


def check_samples(job: EvaluateSamplesJob) -> None:
    """See that diffusers' samples are the harness's.

    Raises:
        SystemExit: they are not.
    """
    law, levels = distribution(job.target), job.sigmas
    denoiser = denoiser_from_checkpoint(job.network, law.data)
    given = {"seed": job.seed, "count": job.count, "dim": law.dim, "dtype": torch.float32}
    own = generate(job.sampler, denoiser, levels, None, **given).samples
    apart = float((diffusers_samples(job) - own).abs().max() / own.abs().max())
    if apart > SHOWN:
        raise SystemExit(f"samples of diffusers differ by {apart:.2g} of the largest; the loops do not do the same")


@dataclass(frozen=True)
class Ratio:
    """How much longer something takes than the harness, round by round."""

    name: str
    ratios: list[float]

    def line(self, markdown: bool) -> str:
        """Return it for eyes."""
        found = f"{median(self.ratios):.1f}", f"{min(self.ratios):.1f}–{max(self.ratios):.1f}"
        return f"| {self.name} | {found[0]} | {found[1]} |" if markdown else f"{self.name}: {found[0]} ({found[1]})"


def timed(function: Callable[[], object]) -> float:
    """Return the seconds of the processor that a call takes."""
    start = time.process_time()
    function()
    return time.process_time() - start


def compare(options: argparse.Namespace, folder: Path) -> list[Ratio]:
    """Return the ratios of all loops."""
    done, chance = Work(suite_of(options), folder), random.Random(0)
    found: dict[str, list[float]] = {}
    for _ in range(options.rounds):
        harness = timed(done.harness)
        loops = {
            f"every combination ({options.some} of {done.samplings})": every_combination(done, options.some, chance),
            "a careful script": timed(lambda: careful(done)),
        }
        for name, seconds in loops.items():
            found.setdefault(name, []).append(seconds / harness)
    return [*(Ratio(name, ratios) for name, ratios in found.items()), *beside_diffusers(options, folder)]


def beside_diffusers(options: argparse.Namespace, folder: Path) -> list[Ratio]:
    """Return the ratio of diffusers' loop on the rows of `euler`; empty, and told, where it is not installed."""
    if find_spec("diffusers") is None:
        print("diffusers is not installed: no ratio with its loop", file=sys.stderr)
        return []
    done, ratios = Work(suite_of(options, samplers=["euler"]), folder / "euler"), []
    for _ in range(options.rounds):
        harness = timed(done.harness)
        check_samples(next(job for job in done.jobs() if isinstance(job, EvaluateSamplesJob)))
        ratios.append(timed(lambda: careful(done, by_diffusers)) / harness)
    return [Ratio("diffusers' loop, on the rows of `euler`", ratios)]


def scaling(options: argparse.Namespace, folder: Path) -> list[tuple[int, float]]:
    """Return the seconds at each number of rows, of two networks."""
    found = []
    for rows in options.rows:
        grids = [f"polynomial:rho={1 + 0.01 * k:g}" for k in range(max(1, rows // 10))]
        changes = {
            "weightings": ["edm", "eps"],
            "noise_schedules": ["edm"],
            "time_discretizations": grids,
            "samplers": ["exponential-integrator", "ancestral", "heun", "euler", "dpmpp-2m"],
            "metrics": ["sliced-wasserstein"],
            "steps": [8],
            "seeds": 1,
        }
        done = Work(suite_of(options, **changes), folder / str(rows))
        if not found:
            # What is done once in a process is no cost of these rows.
            done.harness()
        found.append((len(done.combinations), timed(done.harness)))
    return found


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="ring")
    numbers = (("rounds", 3), ("train-steps", 2000), ("samples", 2000), ("seeds", 3), ("some", 4))
    for name, default in numbers:
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--rows", type=int, nargs="+", help="measure the cost at these numbers of combinations instead")
    parser.add_argument("--markdown", action="store_true", help="print a table for the docs")
    options = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as folder:
        print_rows(options, Path(folder)) if options.rows else print_ratios(options, Path(folder))


def print_ratios(options: argparse.Namespace, folder: Path) -> None:
    """Print how much longer each loop takes."""
    if options.markdown:
        print("| loop | times as long as the harness | least and largest |\n| --- | --- | --- |")
    for ratio in compare(options, folder):
        print(ratio.line(options.markdown))


def print_rows(options: argparse.Namespace, folder: Path) -> None:
    """Print the cost at several numbers of combinations."""
    if options.markdown:
        print("| combinations | seconds | times the line above |\n| --- | --- | --- |")
    before: float | None = None
    for rows, seconds in scaling(options, folder):
        step = "" if before is None else f"{seconds / before:.1f}"
        print(f"| {rows:,} | {seconds:.1f} | {step} |" if options.markdown else f"{rows} {seconds:.1f} s {step}")
        before = seconds


if __name__ == "__main__":
    main()
