"""A suite against plain loops that do its work, and its cost at more and more combinations: interleaved, one process.

    python benchmarks/against_loops.py [--suite quick] [--share 0.05] [--rounds 3] [--markdown]
    python benchmarks/against_loops.py --rows 10 100 1000 10000 [--train-steps 2000] [--samples 300] [--markdown]

All is computed by one thread of one process, in turns, and timed by the processor's clock: the median of the rounds'
ratios, with the least and the largest. Each round times a share of each kind of work, drawn anew, by the harness and by
a loop in turns: a share of the steps of each training, a share of the samplings of each target and sampler, all of the
rest. What a round finds is the sum of these, each times what it stands for. What is compared:

- the harness: the suite's plan, each unit done by the worker's own functions, the networks of a shape stacked;
- a careful script: each distinct network trained once by a bare loop with fused Adam, its score error measured, each
  distinct sampling drawn and measured once, with the harness's own samplers and metrics;
- every combination: a loop that trains, measures the score error, samples and measures for each combination and seed
  alone: what the careful script takes for one of each, times their number;
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
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

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
from harness.planning.units import Unit
from harness.records import Record
from harness.registry.discovery import load
from harness.running.memory import keep_freed_memory
from harness.suites.combinations import expand
from harness.suites.model import Suite, load_suite

SHOWN = 1e-4
"""Largest difference of two samples, relative to the largest coordinate, that is rounding of float32."""


def rows_suite(options: argparse.Namespace, rows: int) -> Suite:
    """Return a suite of two networks with so many rows."""
    content = {
        "name": "rows",
        "targets": ["ring"],
        "weightings": ["edm", "eps"],
        "noise_schedules": ["edm"],
        "time_discretizations": [f"polynomial:rho={1 + 0.01 * k:g}" for k in range(max(1, rows // 10))],
        "networks": ["mlp"],
        "samplers": ["exponential-integrator", "ancestral", "heun", "euler", "dpmpp-2m"],
        "metrics": ["sliced-wasserstein"],
        "bounds": ["budget"],
        "rank_by": "sliced-wasserstein",
        "steps": [8],
        "seeds": 1,
        "training": {"steps": [options.train_steps], "batch_size": 256, "learning_rate": 2e-3},
        "sampling": {"samples": options.samples},
    }
    return Suite.from_mapping(content, "rows.toml")


Round = Callable[[Callable[[str], bool]], list[Unit]]
"""Units whose records are missing."""


class Work:
    """A suite, done in this process: its units, and what they left."""

    def __init__(self, suite: Suite, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        registry = load()
        self.combinations = expand(suite, registry)
        self.samplings = len(self.combinations) * len(suite.seeds)
        self._plan = Plan(suite, registry, self.combinations, folder)
        self.records: dict[str, Record] = {}

    def jobs(self) -> list[Job]:
        """Return the jobs that follow the groundwork, whose networks and curves are at hand."""
        return [unit.job(self.records.get) for unit in self._plan.work(self.records.get, lambda key: True)]

    def harness(self) -> None:
        """Do everything, from nothing."""
        self._do(self._plan.groundwork, lambda missing: self._plan.work(self.records.get, missing))

    def prepare(self, known: Mapping[str, Record] = MappingProxyType({})) -> None:
        """Make all that samplings build on; what is known is not made again."""
        self._do(self._plan.groundwork, self._plan.fixed_work, known)

    def _do(self, first: Round, then: Round, known: Mapping[str, Record] = MappingProxyType({})) -> None:
        self.records = dict(known)
        units = first(self._missing)
        while units:
            for unit in units:
                self.records |= {record.key: record for record in work(unit.job(self.records.get))}
            units = then(self._missing)

    def _missing(self, key: str) -> bool:
        return key not in self.records

    def groundwork(self) -> None:
        """Do what comes before trainings, again."""
        for unit in self._plan.groundwork(lambda key: True):
            work(unit.job(self.records.get))


@dataclass(frozen=True)
class Piece:
    """Work that is timed.

    Attributes:
        job: the work.
        stands_for: how often it is counted.
    """

    job: Job
    stands_for: float

    @property
    def distinct(self) -> int:
        """Networks or samplings in it."""
        several = {TrainNetworksJob: "learners", MeasureScoreErrorsJob: "networks"}.get(type(self.job))
        return 1 if several is None else len(getattr(self.job, several))


def pieces(jobs: list[Job], share: float, chance: random.Random) -> list[Piece]:
    """Return what is timed for jobs: a share of each training's steps and of the samplings of a kind; all others."""
    samplings: dict[tuple[str, str], list[Job]] = {}
    found = []
    for job in jobs:
        if isinstance(job, EvaluateSamplesJob):
            samplings.setdefault((job.target.label(), job.sampler.label()), []).append(job)
        elif isinstance(job, TrainNetworksJob):
            found.append(shorter(job, share))
        else:
            found.append(Piece(job, 1))
    for alike in samplings.values():
        count = max(1, round(share * len(alike)))
        found += [Piece(job, len(alike) / count) for job in chance.sample(alike, count)]
    return found


def shorter(job: TrainNetworksJob, share: float) -> Piece:
    """Return a share of the steps of a training."""
    whole = job.course.lengths[-1]
    steps = max(1, round(share * whole))
    learners = tuple(replace(each, keys=each.keys[-1:], trajectories=()) for each in job.learners)
    short = replace(job, learners=learners, course=replace(job.course, lengths=(steps,), recording=None))
    return Piece(short, whole / steps)


def train_script(job: TrainNetworksJob) -> None:
    """Train the networks of a job by the bare loop, one after the other, and keep them."""
    course, law = job.course, distribution(job.course.target)
    for each in job.learners:
        table = [torch.tensor(each.table[k], dtype=torch.float64) for k in ("density", "omega")]
        # The bare loop does not adapt weights: it is spared that bookkeeping.
        learner = each.with_table(LevelTable(*table))
        with tempfile.TemporaryDirectory() as folder:
            for state in train_alone(course.network, law, learner, job.trainer, course.lengths).values():
                save_file(state, Path(folder) / "network.safetensors")


def careful(job: Job, evaluate: Callable[[EvaluateSamplesJob], object] = work) -> None:
    """Do a job as a script would, one network after the other."""
    if isinstance(job, TrainNetworksJob):
        train_script(job)
    elif isinstance(job, MeasureScoreErrorsJob):
        for pair in job.networks:
            work(replace(job, networks=(pair,)))
    elif isinstance(job, EvaluateSamplesJob):
        evaluate(job)
    else:
        work(job)


@dataclass(frozen=True)
class Turn:
    """Seconds that a round finds.

    Attributes:
        harness: of the harness.
        careful: of the careful script, by kind of job.
        distinct: networks or samplings that these are of, by kind of job.
    """

    harness: float
    careful: dict[type[Job], float]
    distinct: dict[type[Job], float]

    def every_combination(self, samplings: int) -> float:
        """Return the seconds of a loop that does all for each combination and seed."""
        kinds = (TrainNetworksJob, MeasureScoreErrorsJob, EvaluateSamplesJob)
        return samplings * sum(self.careful[kind] / self.distinct[kind] for kind in kinds)


def turn(
    done: Work, share: float, chance: random.Random, evaluate: Callable[[EvaluateSamplesJob], object] = work
) -> Turn:
    """Time a share of a suite's work, by the harness and by the careful script in turns."""
    ground = timed(done.groundwork)
    harness, careful_, distinct = ground + timed(done.jobs), {Job: ground}, {}
    for piece in pieces(done.jobs(), share, chance):
        kind, job = type(piece.job), piece.job
        harness += piece.stands_for * timed(lambda job=job: work(job))
        taken = piece.stands_for * timed(lambda job=job: careful(job, evaluate))
        careful_[kind] = careful_.get(kind, 0.0) + taken
        # A share of a training's steps is of all its networks.
        counted = piece.distinct * (1.0 if kind is TrainNetworksJob else piece.stands_for)
        distinct[kind] = distinct.get(kind, 0.0) + counted
    return Turn(harness, careful_, distinct)


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
    suite, chance = load_suite(options.suite), random.Random(0)
    done = Work(suite, folder)
    done.prepare()
    turns = [turn(done, options.share, chance) for _ in range(options.rounds)]
    found = ", ".join(f"{each.harness:.0f}" for each in turns)
    print(f"the harness: {found} s of the processor", file=sys.stderr)
    every = [each.every_combination(done.samplings) / each.harness for each in turns]
    script = [sum(each.careful.values()) / each.harness for each in turns]
    ratios = [
        Ratio(f"every combination ({done.samplings:,} with their seeds)", every),
        Ratio("a careful script", script),
    ]
    return [*ratios, *beside_diffusers(suite, options, folder, done.records)]


def beside_diffusers(
    suite: Suite, options: argparse.Namespace, folder: Path, known: Mapping[str, Record]
) -> list[Ratio]:
    """Return the ratio of diffusers' loop on the rows of `euler`; empty, and told, where it is not installed."""
    if find_spec("diffusers") is None:
        print("diffusers is not installed: no ratio with its loop", file=sys.stderr)
        return []
    done, chance = Work(suite.with_selection(samplers=["euler"]), folder), random.Random(0)
    done.prepare(known)
    for job in {job.target: job for job in done.jobs() if isinstance(job, EvaluateSamplesJob)}.values():
        check_samples(job)
    turns = [turn(done, options.share, chance, by_diffusers) for _ in range(options.rounds)]
    ratios = [sum(each.careful.values()) / each.harness for each in turns]
    return [Ratio("diffusers' loop, on the rows of `euler`", ratios)]


def scaling(options: argparse.Namespace, folder: Path) -> list[tuple[int, float]]:
    """Return the seconds at each number of rows, of two networks: the median of the rounds."""
    # What is done once in a process is no cost of these rows.
    short = argparse.Namespace(train_steps=10, samples=options.samples)
    Work(rows_suite(short, options.rows[0]), folder / "first").harness()
    done = [Work(rows_suite(options, rows), folder / str(rows)) for rows in options.rows]
    seconds = [[timed(each.harness) for each in done] for _ in range(options.rounds)]
    return [
        (len(each.combinations), median(column)) for each, column in zip(done, zip(*seconds, strict=True), strict=True)
    ]


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", default="quick", help="name or file of the suite that the loops do")
    parser.add_argument("--share", type=float, default=0.05, help="of trainings' steps and of samplings that is timed")
    numbers = (("rounds", 3), ("train-steps", 2000), ("samples", 300))
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
