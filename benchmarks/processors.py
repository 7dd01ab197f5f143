"""Do numbers and verdicts hold on another processor? Two documents side by side, or runs under several kernels.

    python benchmarks/processors.py leaderboards/quick/leaderboard.json runs/quick/leaderboard.json
    python benchmarks/processors.py leaderboards/claims/claims.json runs/claims/claims.json [--merge DIR]
    python benchmarks/processors.py --suite quick [--kernels auto compatible]
    python benchmarks/processors.py --claims [--quick] [--kernels auto compatible plain both] [--merge DIR]
    python benchmarks/processors.py --odds

The first two compare documents that exist: the first was published, the others are re-runs, best from another
processor. The last two make them here, in child processes, one after the other in `--out`: the settings of `KERNELS`
have one processor add as another does. `--merge` writes `claims.json` with the verdicts that hold on all of them into a
directory, for `harness publish`.

Two numbers agree where they differ by no more than their intervals in quadrature, which does not exceed 5 % of them
even if nothing but the seeds' law is the same; exact ones must agree to a relative 1e-6. Two verdicts agree where they
are the same, or where one of them is within rounding. "rounding" is the variance between processors over that between
seeds: 1 where another processor is as different as other seeds. Claims that run here have it for all values that their
rules test, with 95 % limits by resampling the seeds, beside what the rule allows for. Ends with status 1 where more
differ than chance allows (0.1 %), two verdicts do, or rounding is more than a rule allows for. `--odds` draws seeds by
the normal law for two processors that share a part of the variance, and prints how often they are at odds, at the
worst size of the effect: of tests at the level itself, and of verdicts that allow for as much as
`harness_claims.verdicts.ROUNDING`.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np
from harness_claims.verdicts import ROUNDING, level, steady
from tabulate import tabulate

if TYPE_CHECKING:
    from harness_claims.document import ClaimEntry, ClaimsBoard, FindingEntry

    from harness.results.leaderboard import Leaderboard, Row

KERNELS: Mapping[str, Mapping[str, str]] = {
    "auto": {"MKL_CBWR": "AUTO,STRICT"},
    "compatible": {"MKL_CBWR": "COMPATIBLE"},
    "plain": {"MKL_CBWR": "AUTO,STRICT", "ATEN_CPU_CAPABILITY": "default"},
    "both": {"MKL_CBWR": "COMPATIBLE", "ATEN_CPU_CAPABILITY": "default"},
}
"""Settings that one processor is run with; `plain` is without vector instructions outside matrix products."""

TAILS = (0.025, 0.975)

EXACT = 1e-6
"""Relative difference of numbers without randomness: their last digits."""

CHANCE = 0.001
"""Chance that as many numbers differ as are allowed to."""


@dataclass(frozen=True)
class Number:
    """A number with its 95 % interval (None where there is none), and how many seeds it is a mean over."""

    value: float
    low: float | None = None
    high: float | None = None
    seeds: int = 0

    @property
    def half(self) -> float | None:
        """Half the width of the interval."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


Pair = tuple[Number, Number]


def agree(first: Number, second: Number) -> bool | None:
    """Tell whether two numbers agree within their intervals in quadrature; None where one has no interval."""
    if first.half is None or second.half is None:
        return None
    size = max(abs(first.value), abs(second.value))
    return abs(first.value - second.value) <= math.hypot(first.half, second.half) + EXACT * size


def allowed(count: int, share: float = 0.05) -> int:
    """Return how many of so many numbers may differ, where each does with a given chance."""
    from scipy.stats import binom

    return int(binom.isf(CHANCE, count, share)) if count else 0


def rounding(pairs: Sequence[Pair]) -> float | None:
    """Return the variance between processors over that between seeds, of means; None where no number tells.

    Each pair counts alike, by the logarithm of its ratio: numbers of one run differ by powers of ten. Those whose
    interval is rounding itself say nothing, nor do pairs of which one number is not positive.
    """
    from scipy.special import stdtrit

    between, within = 0.0, 0.0
    for pair in pairs:
        if any(n.half is None or n.seeds < 2 or n.value <= 0 or n.half <= EXACT * n.value for n in pair):
            continue
        between += math.log(pair[1].value / pair[0].value) ** 2 / 2
        errors = ((n.half or 0.0) / float(stdtrit(n.seeds - 1, 0.975)) / n.value for n in pair)
        within += sum(error**2 for error in errors) / 2
    return between / within if within else None


def design(row: Row) -> str:
    """Return text that is equal exactly for rows of the same design, whichever version made them."""
    from harness.axes import crossed

    parts = [[c.name, c.params] for c in (row.component(axis) for axis in crossed())]
    return json.dumps([parts, row.sigma_max, row.steps, row.train_steps], sort_keys=True)


def numbers(board: Leaderboard) -> Iterator[tuple[str, str, Number]]:
    """Yield every number of a leaderboard that has an interval: its kind, where it stands, and itself."""
    for row in board.rows:
        for metric, e in row.metrics.items():
            yield metric, f"{design(row)} {metric}", Number(e.value, e.low, e.high, e.n_seeds)
    for c in board.calibration:
        yield "calibration", f"{c.target} {c.metric}", Number(c.value, c.low, c.high)
    for f in board.effects:
        yield "effects", f"{f.target} {f.axis} {f.choice}", Number(f.size, f.low, f.high)
    for a in board.agreement:
        if a.kendall_tau is not None:
            yield "Kendall τ", f"{a.target} {a.bound}", Number(a.kendall_tau, a.low, a.high)


def compare_leaderboards(first: Leaderboard, second: Leaderboard) -> bool:
    """Print how many numbers and rank sets of two leaderboards differ; tell whether no more do than by chance."""
    known = {place: (kind, number) for kind, place, number in numbers(second)}
    kinds: dict[str, list[Pair]] = {}
    missing = 0
    for kind, place, number in numbers(first):
        if place in known:
            kinds.setdefault(kind, []).append((number, known[place][1]))
        else:
            missing += 1
    lines, well = [], True
    for kind, pairs in kinds.items():
        said = [agree(*pair) for pair in pairs]
        differ, told = said.count(False), len(said) - said.count(None)
        well &= differ <= allowed(told)
        share = rounding(pairs)
        lines.append([kind, told, differ, allowed(told), said.count(None), "n/a" if share is None else f"{share:.2g}"])
    rows = {design(row): row for row in second.rows}
    both = [(row, rows[design(row)]) for row in first.rows if design(row) in rows]
    apart = sum(a.rank_low > b.rank_high or b.rank_low > a.rank_high for a, b in both)
    lines.append(["rank sets", len(both), apart, allowed(len(both)), 0, "n/a"])
    print(tabulate(lines, ["number", "compared", "differ", "allowed", "no interval", "rounding"], tablefmt="github"))
    failed = sum(a.status != b.status for a, b in both)
    alone = len(first.rows) + len(second.rows) - 2 * len(both)
    print(f"rows in one alone: {alone}; numbers in the first alone: {missing}; rows that failed in one alone: {failed}")
    return well and apart <= allowed(len(both)) and not (alone or missing or failed)


def same_verdict(first: ClaimEntry | FindingEntry, second: ClaimEntry | FindingEntry) -> bool:
    """Tell whether two processors say the same, where what is within rounding may be either."""
    return first.verdict == second.verdict or first.within_rounding or second.within_rounding


def shown(entry: ClaimEntry | FindingEntry) -> str:
    """Return a verdict in a word, with a mark where it is within rounding."""
    return f"{entry.verdict or 'error'}{' (rounding)' if entry.within_rounding else ''}"


def compare_claims(boards: Sequence[ClaimsBoard]) -> bool:
    """Print verdicts and effects of several processors side by side; tell whether the claims' verdicts agree."""
    lines, well = [], True
    for entries in zip(*(board.claims for board in boards), strict=True):
        same = all(same_verdict(entries[0], other) for other in entries[1:])
        well &= same
        lines.append([entries[0].number, "", *map(shown, entries), "", "" if same else "differ"])
        for found in zip(*(entry.findings for entry in entries), strict=True):
            line = [f"{shown(f)} {f.effect:.4g}, p {min(f.p_value, f.p_against):.2g}" for f in found]
            values = [Number(f.effect, f.low, f.high, f.seeds) for f in found]
            share = rounding([(values[0], other) for other in values[1:]])
            differ = any(agree(values[0], other) is False for other in values[1:])
            lines.append(["", found[0].target, *line, "" if share is None else f"{share:.2g}", "differ" * differ])
    heads = ["claim", "target", *(f"{i}" for i in range(1, len(boards) + 1)), "rounding", ""]
    print(tabulate(lines, heads, tablefmt="github"))
    print("\n".join(f"{i}: {', '.join(board.processors)}" for i, board in enumerate(boards, 1)))
    return well


def tested(directory: Path, *, quick: bool) -> dict[str, list[np.ndarray]]:
    """Return the values of each seed that the rule of each claim tests, by paper and number, from a finished run."""
    from harness_claims import verdicts
    from harness_claims.run import chosen, run_claims

    from harness.registry.discovery import load
    from harness.running.runner import Options

    registry, found, original = load(), {}, verdicts.t_test
    values: list[np.ndarray] = []

    def t_test(sample: np.ndarray, *rest: float, **more: bool) -> verdicts.Test:
        values.append(np.asarray(sample, dtype=float))
        return original(sample, *rest, **more)

    rules = [module for module in sys.modules.values() if getattr(module, "t_test", None) is original]
    with ExitStack() as stack:
        for module in rules:
            stack.enter_context(patch.object(module, "t_test", t_test))
        for claim in chosen(registry):
            values = []
            stack.enter_context(patch.object(type(claim), "figure", lambda *_: ()))
            run_claims([claim], registry, directory, Options(1, progress=False), quick=quick)
            found[claim.reference()] = values
    return found


def share(processors: Sequence[Sequence[np.ndarray]], draws: int = 500) -> tuple[float, float, float] | None:
    """Return the variance between processors over that between seeds, and its 95 % limits; None where seeds agree.

    Arguments:
        processors: for each processor the same tests, each with a value of each seed.
        draws: resamples of the seeds, for the limits.
    """
    tests = [np.stack(values) for values in zip(*processors, strict=True)]  # each (processors, seeds)
    if not tests or not sum(test.var(1, ddof=1).mean() for test in tests):
        return None

    def ratio(chosen: Mapping[int, np.ndarray]) -> float:
        own = [test[:, chosen[test.shape[1]]] for test in tests]
        # A resample of n has on average (n − 1)/n of the variance.
        within = sum(x.var(1, ddof=1).mean() * x.shape[1] / (x.shape[1] - 1) for x in own)
        return float(sum(x.var(0, ddof=1).mean() for x in own) / max(within, 1e-300))

    rng, counts = np.random.default_rng(0), {test.shape[1] for test in tests}
    low, high = np.quantile([ratio({n: rng.integers(0, n, n) for n in sorted(counts)}) for _ in range(draws)], TAILS)
    whole = sum(x.var(0, ddof=1).mean() for x in tests) / sum(x.var(1, ddof=1).mean() for x in tests)
    return float(whole), float(low), float(high)


def odds(part: float, seeds: int, distance: float, repetitions: int = 20_000) -> float:
    """Return how often one processor has a verdict and another no significant test, at the worst size of the effect.

    Arguments:
        part: share of the variance that each processor draws anew.
        seeds: how many.
        distance: share that a verdict allows for; 0 for a test at the level itself.
        repetitions: of each size of the effect.
    """
    from scipy.special import stdtr

    rng, worst, alpha = np.random.default_rng(0), 0.0, level(13)
    for size in np.linspace(1, 16 if seeds > 6 else 26, 30):
        common = rng.normal(size / math.sqrt(seeds), math.sqrt(1 - part), (repetitions, seeds))
        values = common + rng.normal(0, math.sqrt(part), (2, repetitions, seeds))
        p = stdtr(seeds - 1, -values.mean(-1) / values.std(-1, ddof=1) * math.sqrt(seeds))
        said, significant = p <= steady(alpha, distance), p <= alpha
        worst = max(worst, float((said & ~significant[::-1]).any(0).mean()))
    return worst


def print_odds() -> None:
    """Print a table: for each share of rounding and number of seeds, how often two processors are at odds."""
    lines = []
    for part in (0.03, 0.1, 0.2, 0.35, 1.0):
        pairs = [(odds(part, seeds, 0.0), odds(part, seeds, ROUNDING)) for seeds in (6, 10, 40)]
        lines.append([part, *(f"{level:.0%}, {verdict:.1%}" for level, verdict in pairs)])
    print(tabulate(lines, ["rounding", "6 seeds", "10 seeds", "40 seeds"], tablefmt="github"))


def runs(words: Sequence[str], kernels: Sequence[str], out: Path) -> list[Path]:
    """Carry out a command of `harness` under each setting of the kernels; return the directories, in order."""
    made = []
    for name in kernels:
        made.append(out / name)
        inherited = {key: value for key, value in os.environ.items() if key not in KERNELS["both"]}
        line = [sys.executable, "-m", "harness", *words, "--out", str(made[-1])]
        print(" ".join([*(f"{k}={v}" for k, v in KERNELS[name].items()), *line[1:]]), flush=True)
        subprocess.run(line, env=inherited | KERNELS[name], check=True, stdout=subprocess.DEVNULL)
    return made


def compare_shares(directories: Sequence[Path], board: ClaimsBoard) -> bool:
    """Print the share of rounding over all values that each rule tests; tell whether none is above what it allows."""
    processors = [tested(directory, quick=board.quick) for directory in directories]
    lines, well = [], True
    for entry in board.claims:
        found = share([values[f"{entry.paper}/{entry.number}"] for values in processors])
        told = ("n/a", "") if found is None else (f"{found[0]:.2g}", f"{found[1]:.2g}–{found[2]:.2g}")
        more = found is not None and found[0] > max(entry.rounding, EXACT)
        well &= not more
        lines.append([entry.number, *told, f"{entry.rounding:g}", "more" * more])
    print(tabulate(lines, ["claim", "rounding", "95 %", "allowed", ""], tablefmt="github", disable_numparse=True))
    return well


def read(path: Path) -> Leaderboard | ClaimsBoard:
    """Read a document: verdicts where it has claims, else a leaderboard."""
    from harness_claims.document import ClaimsBoard

    from harness.results.leaderboard import Leaderboard

    document = json.loads(path.read_text(encoding="utf-8"))
    return ClaimsBoard.validate(document) if "claims" in document else Leaderboard.validate(document)


def made(options: argparse.Namespace) -> tuple[list[Leaderboard | ClaimsBoard], list[Path]]:
    """Return the documents to compare, and the directories of claims that were run here for it."""
    from harness_claims.run import family

    from harness.results.read_board import read_document

    if options.documents:
        return [read(path) for path in options.documents], []
    if options.claims:
        words = ["claims", *(["--quick"] if options.quick else [])]
        found = runs(words, options.kernels, options.out / family(options.quick))
        return [read(directory / "claims.json") for directory in found], found
    found = runs(["run", options.suite], options.kernels, options.out / options.suite)
    return [read_document(directory) for directory in found], []


def main() -> int:
    """Compare what is asked for, and return the exit status."""
    from harness_claims.document import ClaimsBoard
    from harness_claims.processors import merged
    from harness_claims.publishing import write_document

    from harness.results.leaderboard import Leaderboard

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", nargs="*", type=Path, help="leaderboard.json or claims.json, two or more")
    parser.add_argument("--suite", default="quick", help="run this suite, where no document is given")
    parser.add_argument("--claims", action="store_true", help="run the claims instead")
    parser.add_argument("--quick", action="store_true", help="their quick sizes")
    parser.add_argument("--kernels", nargs="+", choices=sorted(KERNELS), default=list(KERNELS))
    parser.add_argument("--out", type=Path, default=Path("runs/processors"))
    parser.add_argument("--odds", action="store_true", help="how often two processors are at odds, by simulation")
    parser.add_argument("--merge", type=Path, help="write the verdicts that hold on all into this directory")
    options = parser.parse_args()
    if options.odds:
        print_odds()
        return 0
    found, directories = made(options)
    boards = [board for board in found if isinstance(board, ClaimsBoard)]
    leaderboards = [board for board in found if isinstance(board, Leaderboard)]
    if len(found) < 2 or (boards and leaderboards):
        parser.error("two or more documents of one kind are compared")
    if boards and options.merge:
        write_document(merged(boards), options.merge)
    well = compare_claims(boards) if boards else True
    if directories:
        well &= compare_shares(directories, boards[0])
    for other in leaderboards[1:]:
        well &= compare_leaderboards(leaderboards[0], other)
    print("agree" if well else "differ by more than chance allows")
    return 0 if well else 1


if __name__ == "__main__":
    raise SystemExit(main())
