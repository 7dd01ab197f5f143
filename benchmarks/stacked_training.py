"""Stacked training per network against a bare loop with fused Adam, and against the peak of matrix products.

    python benchmarks/stacked_training.py [--dims 2 64] [--widths 128 256] [--stacks 1 3 9 16] [--batch 256]
        [--seconds 0.5] [--repeats 5] [--markdown]

All is done in turns, by one thread of one process, and timed by the processor's clock. A step's time is the difference
of a long and a short training: what is done once for a training is no part of it. The networks of a stack have up to
three seeds, as those of a suite do, which share their points. The peak is that of products of 512 × 512 numbers,
measured in the same turns; the operations of a step are those of its matrix products, forward and back.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from bare_loop import median, train_alone
from harness_karras.networks import Mlp
from harness_synthetic import harness_targets

from harness.engine.adam import train
from harness.engine.courses import Learner, LevelTable
from harness.engine.levels import table_levels
from harness.running.memory import keep_freed_memory
from harness.targets import Distribution
from harness.trainers import Adam
from harness.weightings import Weighting

SIDE, PRODUCTS = 512, 20
"""Of the matrices whose products are the peak, and their number."""

SEEDS = 3
"""Seeds in a stack."""

Train = Callable[[int], object]
"""Trains for a number of steps."""


class Flat(Weighting):
    """ω = 1 on a log-uniform density."""

    name = "flat"

    def omega(self, sigma: torch.Tensor, sigma_data: float) -> torch.Tensor:
        """Return ones."""
        return torch.ones_like(sigma)


def timed(function: Callable[[], object]) -> float:
    """Return the seconds of the processor that a call takes."""
    start = time.process_time()
    function()
    return time.process_time() - start


def peak(side: torch.Tensor) -> float:
    """Return the operations a second of matrix products."""
    return 2 * PRODUCTS * SIDE**3 / timed(lambda: [torch.mm(side, side) for _ in range(PRODUCTS)])


def operations(network: Mlp, dim: int, batch: int) -> int:
    """Return those of a step's matrix products: one forward; back, one for weights and one for what a layer is given.

    The first layer is given points and features, which need no derivative.
    """
    first = (dim + 2 * network.features) * network.width
    rest = (network.depth - 1) * network.width**2 + network.width * dim
    return 2 * batch * (2 * first + 3 * rest)


def step_seconds(train_for: Train, steps: int) -> float:
    """Return the seconds of one step."""
    short, long = timed(lambda: train_for(1)), timed(lambda: train_for(1 + steps))
    return (long - short) / steps


def trainings(network: Mlp, law: Distribution, size: int, trainer: Adam) -> tuple[Train, Train]:
    """Return the bare training of one network, and that of a stack."""
    levels = table_levels(trainer.sigma_min, trainer.sigma_max)
    table = LevelTable(1 / levels, torch.ones_like(levels))
    members = [Learner(Flat(), table, number % SEEDS) for number in range(size)]
    return (
        lambda steps: train_alone(network, law, members[0], trainer, (steps,)),
        lambda steps: list(train(network, law, members, trainer, (steps,))),
    )


def compare(network: Mlp, law: Distribution, size: int, options: argparse.Namespace) -> str:
    """Return one line: milliseconds of a network and step, bare and stacked; their ratio; the share of the peak."""
    alone, stacked = trainings(network, law, size, Adam(batch_size=options.batch, ema_decay=0.99))
    side = torch.randn(SIDE, SIDE)
    for each in (alone, stacked):
        each(2)  # what a process does once for a shape
    steps = max(4, int(options.seconds / max(step_seconds(alone, 4), 1e-4)))
    turns = [
        (step_seconds(alone, steps), step_seconds(stacked, max(4, steps // size)) / size, peak(side))
        for _ in range(options.repeats)
    ]
    ratios = sorted(bare / own for bare, own, _ in turns)
    bare, own, most = (median(column) for column in zip(*turns, strict=True))
    shares = [operations(network, law.dim, options.batch) / seconds / most for seconds in (bare, own)]
    cells = [
        *(str(law.dim), str(network.width), str(size), f"{1e3 * bare:.2f}", f"{1e3 * own:.2f}"),
        f"{median(ratios):.2f} ({ratios[0]:.2f}–{ratios[-1]:.2f})",
        *(f"{share:.0%}" for share in shares),
    ]
    return " | ".join(cells)


COLUMNS = ("d", "width", "stack", "bare, ms", "stacked, ms", "bare / stacked", "bare, of peak", "stacked, of peak")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, several in (("dims", [2, 64]), ("widths", [128, 256]), ("stacks", [1, 3, 9, 16])):
        parser.add_argument(f"--{name}", type=int, nargs="+", default=several)
    for name, number in (("batch", 256), ("repeats", 5)):
        parser.add_argument(f"--{name}", type=int, default=number)
    parser.add_argument("--seconds", type=float, default=0.5, help="of each training in a turn, about")
    parser.add_argument("--markdown", action="store_true", help="print a table for the docs")
    options = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    gaussian = next(cls for cls in harness_targets() if cls.name == "gaussian")
    edge = ("| ", " |") if options.markdown else ("", "")
    print(" | ".join(COLUMNS).join(edge))
    if options.markdown:
        print("| " + " | ".join("---" for _ in COLUMNS) + " |")
    for dim in options.dims:
        law = gaussian(dim=dim).distribution()
        for width in options.widths:
            for size in options.stacks:
                print(compare(Mlp(width=width), law, size, options).join(edge), flush=True)


if __name__ == "__main__":
    main()
