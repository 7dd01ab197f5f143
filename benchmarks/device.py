"""All that a device can show within ten minutes: its peak, training, sampling, and a suite of images in small.

    python benchmarks/device.py --device cuda --out runs/device               # a large GPU
    python benchmarks/device.py --device cpu --small --out runs/device-small  # that it works: a minute of one core

Measured are products of matrices; the training of stacked MLPs and of U-Nets by `harness.engine.adam`, against a loop
written by hand for one network of the same module; the sampling of one row, against a loop of the same sampler; and
`harness run images`, cut short. What is compared takes turns in one process, with one thread, and a ratio is the
median over turns, with the least and the largest. The loops draw points, levels and noise on the device; the harness
draws them on the CPU, where they are the same for each device. Both compute float32 as the harness does (no TF32, no
sums in an order that time decides). Beside it the loop trains in bfloat16 by torch.autocast, and the harness by its own
mixed precision: what shorter numbers gain; on a CPU, which may have to emulate them, at steps of few operations alone.

Operations are those of products and convolutions that torch counts in a step of the loop, two for a multiplication.
Time is the processor's on the CPU; on a GPU it is the clock's, which waits until the device is done. The script ends
before `--minutes` are over, also in the midst of a case, and says what it left out; where a case met an error, the
others go on, and the exit status is 1. It prints tables in Markdown, and
writes them with all numbers as JSON into `--out`, anew after each case.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from harness_ddpmpp.networks import Ddpmpp
from harness_karras.networks import Mlp
from harness_karras.samplers import Heun
from harness_ronneberger.networks import Unet
from harness_song.samplers import Ancestral
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn
from torch.utils.flop_counter import FlopCounterMode

from harness.arithmetic import in_force, one_thread
from harness.engine.adam import stacks, train
from harness.engine.courses import Learner, LevelTable
from harness.engine.denoisers import denoiser_from_module
from harness.engine.levels import table_levels
from harness.engine.modules import flattened, initial_module
from harness.engine.sampling import generate, kernel_variances
from harness.errors import HarnessError
from harness.mixtures import EmpiricalDistribution
from harness.networks import TrainableNetwork
from harness.running.devices import resolved
from harness.running.memory import keep_freed_memory
from harness.samplers import Denoiser, Sampler
from harness.trainers import Adam
from harness.weightings import Weighting

WARM = 3
"""Steps of a training before its first turn."""

FEWEST_STEPS = 6
"""Of a turn."""

MOST_STEPS = 2_000
"""Of a turn."""

CLOSING = 0.03
"""Share of the minutes that is kept for the end."""

MOST_EMULATED = 2e8
"""Operations of a step in bfloat16 on a CPU: one without instructions for it takes fifty times as long."""

SEEDS = 3
"""Seeds in a stack, which share their points, as those of a suite do."""


@dataclass(frozen=True)
class Sizes:
    """What is measured.

    Attributes:
        sides: of the matrices whose products are the peak.
        image: shape of an image.
        dim: of the points of MLPs.
        widths: of the MLPs.
        stacks: networks that train together.
        points: in a batch of an MLP's training.
        unets: each with the images in a batch of its training.
        samples: made at once, of MLPs and of U-Nets.
        steps: of sampling.
        seconds: of a turn, about.
        turns: of each case, at most.
        suite: arguments of the run of the suite `images`.
    """

    sides: tuple[int, ...] = (2048, 4096, 8192)
    image: tuple[int, int, int] = (3, 32, 32)
    dim: int = 64
    widths: tuple[int, ...] = (128, 1024)
    stacks: tuple[int, ...] = (1, 16)
    points: int = 256
    unets: tuple[tuple[TrainableNetwork, int], ...] = (
        (Unet(), 256),
        (Ddpmpp(), 256),
        (Ddpmpp(channels=64, multipliers=(2, 2, 2), blocks=2), 128),
        (Ddpmpp(channels=128, multipliers=(2, 2, 2), blocks=4), 128),
    )
    samples: tuple[int, int] = (4096, 128)
    steps: int = 18
    seconds: float = 1.0
    turns: int = 5
    suite: tuple[str, ...] = ("--train-steps", "100", "--seeds", "1", "--samples", "500")


SMALL = Sizes(
    sides=(256, 512),
    image=(1, 8, 8),
    dim=8,
    widths=(32, 128),
    points=64,
    unets=(
        (Unet(channels=8), 32),
        (Ddpmpp(channels=8), 32),
        (Ddpmpp(channels=8, multipliers=(2, 2)), 32),
        (Ddpmpp(channels=16, multipliers=(2, 2), blocks=2), 32),
    ),
    samples=(1024, 32),
    steps=6,
    seconds=0.1,
    turns=3,
    suite=(
        *("--target", "digits", "--network", "ddpmpp:channels=8", "--network", "dit:width=16,depth=1"),
        *("--train-steps", "5", "--seeds", "1", "--samples", "50", "--steps", "4"),
    ),
)
"""That the script works, in about a minute of one core: no size at which a device is at its best."""

FASHION = Path("/usr/share/datasets/fashion-mnist")


class TimeUpError(BaseException):
    """The minutes are over. Not an Exception, so that nothing that reports a component's mistakes holds it."""


@dataclass(frozen=True)
class Clock:
    """Times calls on a device."""

    device: str

    def __call__(self, work: Callable[[], object]) -> float:
        """Return the seconds of a call, all that it asked of the device included."""
        self._wait()
        now = time.process_time if self.device == "cpu" else time.perf_counter
        start = now()
        work()
        self._wait()
        return now() - start

    def _wait(self) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()


@dataclass(frozen=True)
class Spread:
    """A number of several turns: its median, the least and the largest."""

    median: float
    least: float
    largest: float
    turns: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return that of numbers; at least one."""
        ordered = sorted(values)
        return cls(ordered[len(ordered) // 2], ordered[0], ordered[-1], len(ordered))

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f}–{self.largest:.2f})"


class Flat(Weighting):
    """ω = 1 on a log-uniform density."""

    name = "flat"

    def omega(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Return ones."""
        return torch.ones_like(sigma)


def points_law(shape: tuple[int, ...]) -> EmpiricalDistribution:
    """Return a target of normal points: what a network computes does not depend on what they show."""
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(3_000, math.prod(shape), generator=generator, dtype=torch.float64)
    law = EmpiricalDistribution.split(points, "normal points")
    law.shape = shape
    return law


class BareTraining:
    """One network in training by a loop as a script would have it, all of it on the device.

    Arguments:
        network: what is trained.
        law: whose points it sees.
        trainer: how fast, on which levels, where.
        shorter: whether products and convolutions are of bfloat16.
    """

    def __init__(
        self, network: TrainableNetwork, law: EmpiricalDistribution, trainer: Adam, *, shorter: bool = False
    ) -> None:
        self.module = initial_module(network, law.data, 0).to(trainer.device)
        self._parameters = [p for p in self.module.parameters() if p.requires_grad]
        self._average = [p.detach().clone() for p in self._parameters]
        self._renew = get_ema_multi_avg_fn(trainer.ema_decay)
        self._optimiser = torch.optim.Adam(self._parameters, lr=trainer.learning_rate, fused=True)
        points = law.train.to(trainer.device, torch.float32)
        self._points = law.data.shaped(points) if network.shaped else points
        self._batch, self._device, self._shorter = trainer.batch_size, trainer.device, shorter
        self._low, self._high = math.log(trainer.sigma_min), math.log(trainer.sigma_max)

    def __call__(self, steps: int) -> None:
        """Train for some steps."""
        for _ in range(steps):
            places = torch.randint(len(self._points), (self._batch,), device=self._device)
            quantile = torch.rand(self._batch, device=self._device)
            clean = self._points[places]
            log_sigma = self._low + (self._high - self._low) * quantile
            loss = self.loss(clean, torch.randn_like(clean), log_sigma)
            self._optimiser.zero_grad(set_to_none=True)
            loss.backward()
            self._optimiser.step()
            self._renew(self._average, self._parameters, steps)

    def loss(self, clean: Tensor, noise: Tensor, log_sigma: Tensor) -> Tensor:
        """Return the mean of ‖σS + ξ‖²/d over a batch: points, noise of their shape, and ln σ of shape (B,)."""
        sigma = log_sigma.exp()
        level = sigma.view(-1, *[1] * (clean.ndim - 1))
        noised = clean + level * noise
        with torch.autocast(self._device, torch.bfloat16, enabled=self._shorter):
            denoised = self.module(noised, sigma)
        return ((noised - denoised) / level - noise).square().mean()

    def operations(self) -> int:
        """Return those of one step, which it takes."""
        with FlopCounterMode(display=False) as counter:
            self(1)
        return int(counter.get_total_flops())


class OwnTraining:
    """A stack of networks in training by the harness, which stops after each turn and goes on in the next.

    A turn is two lengths of one training, one step and then several: their difference is that of steps alone, without
    what a snapshot takes.
    """

    def __init__(
        self, network: TrainableNetwork, law: EmpiricalDistribution, size: int, trainer: Adam, *, steps: int, turns: int
    ) -> None:
        levels = table_levels(trainer.sigma_min, trainer.sigma_max)
        table = LevelTable(1 / levels, torch.ones_like(levels))
        learners = [Learner(Flat(), table, number % SEEDS) for number in range(size)]
        self.parts = [len(part) for part in stacks(network, law, learners, trainer)]
        self._more = steps
        starts = [WARM + turn * (1 + steps) for turn in range(turns)]
        self._kept = train(network, law, learners, trainer, [WARM, *(s + k for s in starts for k in (1, 1 + steps))])
        next(self._kept)

    def turn(self, clock: Clock) -> float:
        """Return the seconds of a step of all networks."""
        one, several = (clock(lambda: next(self._kept)) for _ in range(2))
        return (several - one) / (self._more - 1)


def product_rate(clock: Clock, dtype: torch.dtype, side: int, seconds: float, turns: int) -> float:
    """Return the operations a second of products of square matrices: the median of turns."""
    a, b = (torch.randn(side, side, device=clock.device).to(dtype) for _ in range(2))
    clock(lambda: torch.mm(a, b))
    count = max(1, min(1_000, int(seconds / turns / max(clock(lambda: torch.mm(a, b)), 1e-6))))

    def products() -> None:
        for _ in range(count):
            torch.mm(a, b)

    return 2 * count * side**3 / Spread.of([clock(products) for _ in range(turns)]).median


@contextmanager
def shortened_products() -> Iterator[None]:
    """Let a GPU shorten the factors of float32 products for a while (TF32)."""
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = False


def bare_samples(
    sampler: Sampler, module: nn.Module, sigmas: Sequence[float], variances: Sequence[float] | None, start: Tensor
) -> Tensor:
    """Return samples of Heun's method or of the ancestral sampler, by the shortest loop that makes them.

    Arguments:
        sampler: which of the two.
        module: the network.
        sigmas: the levels, N+1.
        variances: of the ancestral sampler's steps, N.
        start: points at the first level, of the shape that the module takes, on its device.
    """
    x = start
    for index, (sigma, after) in enumerate(pairwise(sigmas)):
        denoised = module(x, x.new_full((len(x),), sigma))
        if variances is None:
            slope = (x - denoised) / sigma
            predicted = x + (after - sigma) * slope
            slope_after = (predicted - module(predicted, x.new_full((len(x),), after))) / after
            x = x + (after - sigma) / 2 * (slope + slope_after)
        else:
            kept = (after / sigma) ** 2
            x = kept * x + (1 - kept) * denoised + variances[index] ** 0.5 * torch.randn_like(x)
    return x


class Sampling:
    """One row's sampling: by the harness, and by a bare loop that leaves its samples on the CPU as well."""

    def __init__(
        self,
        network: TrainableNetwork,
        law: EmpiricalDistribution,
        sampler: Sampler,
        *,
        count: int,
        steps: int,
        device: str,
    ) -> None:
        self.module = initial_module(network, law.data, 0).to(device).eval().requires_grad_(False)
        self._network, self._data = network, law.data
        self._sampler, self._count, self._device, self._dim = sampler, count, device, law.data.dim
        self._shape = law.data.shape if network.shaped else (law.data.dim,)
        grid = table_levels(0.05, 20.0, steps + 1).flip(0)
        self._sigmas: list[float] = grid.tolist()
        variances = kernel_variances(sampler, grid.numpy(), None, None)
        self._variances = None if variances is None else variances.tolist()

    @cached_property
    def denoiser(self) -> Denoiser:
        """The harness's denoiser of the module, made once."""
        return denoiser_from_module(self.module, partial(flattened, self._network, self._data))

    def own(self) -> Tensor:
        """Sample by the harness."""
        return generate(
            *(self._sampler, self.denoiser, self._sigmas, self._variances),
            seed=0,
            count=self._count,
            dim=self._dim,
            dtype=torch.float32,
            batch=self._count,
            device=self._device,
        ).samples

    @torch.inference_mode()
    def bare(self) -> Tensor:
        """Sample by the loop."""
        return self.bare_from(torch.randn(self._count, *self._shape, device=self._device))

    def bare_from(self, noise: Tensor) -> Tensor:
        """Return what the loop makes of a first draw, on the CPU."""
        start = self._sigmas[0] * noise
        return bare_samples(self._sampler, self.module, self._sigmas, self._variances, start).cpu()


@dataclass
class Report:
    """What was measured, and what was not.

    Attributes:
        about: of the device, the versions and the sizes.
        tables: rows by title; a row's cells by column, numbers as they were measured.
        failed: cases that met an error, each with the error.
        left_out: cases for which no time was left.
        out: the folder it is written to; None: none.
    """

    about: dict[str, Any]
    out: Path | None
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def add(self, title: str, row: dict[str, Any]) -> None:
        """Add a row to a table, and write all."""
        self.tables.setdefault(title, []).append(row)
        self.write()

    def markdown(self) -> str:
        """Return the tables."""
        lines = [f"- {name}: {value}" for name, value in self.about.items()]
        for title, rows in self.tables.items():
            lines += ["", f"**{title}**", "", _line(rows[0]), _line(["---"] * len(rows[0]))]
            lines += [_line(map(_cell, row.values())) for row in rows]
        lines += ["", f"Left out, for no time was left: {'; '.join(self.left_out) or 'nothing'}."]
        return "\n".join([*lines, "", f"Failed: {'; '.join(self.failed) or 'nothing'}.", ""])

    def write(self) -> None:
        """Write the tables and their numbers into the folder."""
        if self.out is None:
            return
        self.out.mkdir(parents=True, exist_ok=True)
        content = {"about": self.about, "tables": self.tables, "left_out": self.left_out, "failed": self.failed}
        (self.out / "device.json").write_text(json.dumps(content, default=asdict, indent=1, ensure_ascii=False))
        (self.out / "device.md").write_text(self.markdown())


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


Case = tuple[str, Callable[[float], None]]
"""What is measured, in words, and what measures it, given the time at which it should come to an end."""


class Bench:
    """The cases on a device, at some sizes, and what they add to a report."""

    def __init__(self, device: str, sizes: Sizes, report: Report) -> None:
        self.clock, self.sizes, self.report = Clock(device), sizes, report
        self._peaks: dict[str, float] = {}
        self._flat, self._images = points_law((sizes.dim,)), points_law(sizes.image)

    def cases(self) -> list[Case]:
        """Return all, those that others need first."""
        sizes = self.sizes
        kinds = ["float32", "bfloat16"] + (["tf32"] if self.clock.device == "cuda" else [])
        mlps = [(Mlp(width=width), sizes.points) for width in sizes.widths]
        found: list[Case] = [(f"peak of {kind}", partial(self._peak, kind)) for kind in kinds]
        stacked = [(network, batch, size) for network, batch in mlps for size in sizes.stacks]
        for network, batch, size in [*stacked, *((*each, 1) for each in sizes.unets)]:
            name = f"training of {size} {network.label()}"
            found.append((name, partial(self._training, network, batch, size)))
        # What a user meets goes before the samplings: a run that is cut off has it.
        found.append(("the suite images in small", self._suite))
        for network, _ in (*mlps, *sizes.unets):
            for sampler in (Heun(), Ancestral()):
                name = f"sampling of {network.label()} by {sampler.name}"
                found.append((name, partial(self._sampling, network, sampler)))
        return found

    def _peak(self, kind: str, end: float) -> None:
        """Measure products in one kind of numbers, at all sizes."""
        dtype = torch.bfloat16 if kind == "bfloat16" else torch.float32
        rates = {}
        for side in self.sizes.sides:
            measure = partial(product_rate, self.clock, dtype, side, self.sizes.seconds, self.sizes.turns)
            if kind == "tf32":
                with shortened_products():
                    rates[side] = measure()
            else:
                rates[side] = measure()
        side = max(rates, key=lambda each: rates[each])
        self._peaks[kind] = rates[side]
        self.report.add("Peak of matrix products", {"numbers": kind, "side": side, "TFLOP/s": rates[side] / 1e12})

    def _training(self, network: TrainableNetwork, batch: int, size: int, end: float) -> None:
        """Measure a stack's training."""
        trainer = Adam(batch_size=batch, device=self.clock.device)
        law = self._images if network.shaped else self._flat
        bare = BareTraining(network, law, trainer)
        operations = bare.operations()
        bare(WARM)
        guess = self.clock(lambda: bare(WARM)) / WARM
        steps = max(FEWEST_STEPS, min(MOST_STEPS, int(self.sizes.seconds / guess)))
        length = {"steps": max(FEWEST_STEPS, steps // size), "turns": self.sizes.turns}
        own = OwnTraining(network, law, size, trainer, **length)
        works = {
            "bare": lambda: self.clock(lambda: bare(steps)) / steps,
            "own": lambda: own.turn(self.clock) / size,
        }
        if self.clock.device == "cuda" or size * operations <= MOST_EMULATED:
            shorter = BareTraining(network, law, trainer, shorter=True)
            shorter(WARM)
            works["shorter"] = lambda: self.clock(lambda: shorter(steps)) / steps
            mixed = OwnTraining(network, law, size, replace(trainer, autocast="bfloat16"), **length)
            works["mixed"] = lambda: mixed.turn(self.clock) / size
        turns = self._turns(works, end)
        seconds = {kind: Spread.of([turn[kind] for turn in turns]).median for kind in turns[0]}
        peak = self._peaks.get("float32", math.nan)
        row = {
            "network": network.label(),
            "parameters": sum(p.numel() for p in bare.module.parameters()),
            "stack": size if own.parts == [size] else f"{size}, as {len(own.parts)}",
            "batch": batch,
            "GFLOP a step": operations / 1e9,
            "bare, ms": 1e3 * seconds["bare"],
            "harness, ms a network": 1e3 * seconds["own"],
            "bare / harness": Spread.of([turn["bare"] / turn["own"] for turn in turns]),
            "harness, a second": round(batch / seconds["own"]),
            "bare, of peak": f"{operations / seconds['bare'] / peak:.0%}",
            "harness, of peak": f"{operations / seconds['own'] / peak:.0%}",
        }
        for kind, words in (("shorter", "bare"), ("mixed", "harness")):
            row[f"{words} in bfloat16, a second"] = round(batch / seconds[kind]) if kind in seconds else "–"
        self.report.add("Training, in points or images of a network", row)

    def _sampling(self, network: TrainableNetwork, sampler: Sampler, end: float) -> None:
        """Measure the sampling of one row; the loop against itself says what the ratio's spread is worth."""
        count = self.sizes.samples[network.shaped]
        law = self._images if network.shaped else self._flat
        each = Sampling(network, law, sampler, count=count, steps=self.sizes.steps, device=self.clock.device)
        each.bare(), each.own()
        times = max(1, min(MOST_STEPS, int(self.sizes.seconds / self.clock(each.bare) / 3)))

        def repeated(work: Callable[[], Tensor]) -> float:
            return self.clock(lambda: [work() for _ in range(times)]) / times

        works = {"bare": each.bare, "own": each.own, "again": each.bare}
        turns = self._turns({kind: partial(repeated, work) for kind, work in works.items()}, end)
        row = {
            "network": network.label(),
            "sampler": sampler.name,
            "samples": count,
            "steps": self.sizes.steps,
            "bare, a second": round(count / Spread.of([turn["bare"] for turn in turns]).median),
            "harness, a second": round(count / Spread.of([turn["own"] for turn in turns]).median),
            "harness / bare": Spread.of([turn["own"] / turn["bare"] for turn in turns]),
            "bare / bare": Spread.of([turn["again"] / turn["bare"] for turn in turns]),
        }
        self.report.add("Sampling of one row", row)

    def _turns(self, works: Mapping[str, Callable[[], float]], end: float) -> list[dict[str, float]]:
        """Return the seconds of each work in each turn, in an order that rotates; at least one turn."""
        turns: list[dict[str, float]] = []
        names = list(works)
        while len(turns) < self.sizes.turns and (not turns or time.monotonic() < end):
            first = len(turns) % len(names)
            turns.append({name: works[name]() for name in names[first:] + names[:first]})
        return turns

    def _suite(self, end: float) -> None:
        """Run the suite of images, cut short, as a user would: from nothing, all processes of the machine."""
        target = () if FASHION.is_dir() or "--target" in self.sizes.suite else ("--target", "digits")
        words = ["run", "images", *self.sizes.suite, *target, "--device", self.clock.device]
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "harness", *words, "--yes", "--out", str(Path(folder) / "images")]
            start = time.perf_counter()
            status, told = finished(command)
        row = {"command": f"harness {' '.join(words)}", "seconds": time.perf_counter() - start, "exit status": status}
        self.report.add("The suite `images` in small, on the clock", row)
        if status:
            raise RuntimeError((told.strip().splitlines() or ["it told nothing"])[-1])


def finished(command: Sequence[str]) -> tuple[int, str]:
    """Return the exit status of a command and what it told on standard error; nothing of it outlives this call."""
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        _, told = process.communicate()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)  # its workers too
        process.wait()
        raise
    return process.returncode, told


def carry_out(cases: Sequence[Case], report: Report, end: float) -> None:
    """Measure each case in turn; a case has twice its even share of the time that is left."""
    waiting = list(cases)

    def over(number: int, frame: object) -> None:
        raise TimeUpError

    signal.signal(signal.SIGALRM, over)
    try:
        signal.setitimer(signal.ITIMER_REAL, max(end - time.monotonic(), 1e-3))
        while waiting:
            name, measure = waiting[0]
            now = time.monotonic()
            print(f"{name} …", file=sys.stderr, flush=True)
            try:
                measure(now + 2 * (end - now) / len(waiting))
            except Exception as error:  # what one case meets on a device that is new must not cost the others
                report.failed.append(f"{name}: {type(error).__name__}: {' '.join(str(error).split())[:300]}")
            waiting.pop(0)
    except TimeUpError:
        report.left_out += [name for name, _ in waiting]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    report.write()


def main() -> None:
    """Run and print."""
    begun = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=["cpu", "cuda", "auto"], default="auto")
    parser.add_argument("--small", action="store_true", help="tiny sizes: that the script works")
    parser.add_argument("--minutes", type=float, default=10.0, help="by which it has ended")
    parser.add_argument("--out", type=Path, help="folder for device.json and device.md")
    options = parser.parse_args()
    if not 0 < options.minutes < math.inf:
        parser.error(f"--minutes {options.minutes:g} must be above 0")
    try:
        device = resolved(options.device)
    except HarnessError as error:
        print(f"device.py: {error}", file=sys.stderr)
        sys.exit(2)
    one_thread()
    keep_freed_memory()
    about = {
        "device": torch.cuda.get_device_name() if device == "cuda" else "CPU, one thread",
        "arithmetic": in_force(),
        "versions": f"Python {platform.python_version()}, torch {torch.__version__}",
        "sizes": "small: no size at which a device is at its best" if options.small else "full",
    }
    report = Report(about, options.out)
    bench = Bench(device, SMALL if options.small else Sizes(), report)
    carry_out(bench.cases(), report, begun + 60 * (1 - CLOSING) * options.minutes)
    about["seconds"] = round(time.monotonic() - begun)
    report.write()
    print(report.markdown())
    if report.failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
