"""`harness run --until-settled` against a fixed run ten times the suite: do their orders agree, and what was saved?

    python benchmarks/until_settled.py [--targets ring gaussian:dim=3,condition=25]

The race gives seeds 0 … to the designs that may be best. The fixed run gives every design ten times the suite's seeds,
others than the race's. Compared are the differences of all designs to the race's leader, in ln of the metric: a
difference agrees where the race's interval and the fixed run's own (both 95 % for all differences of a target together)
meet. Two minutes of two quiet cores.
"""

from __future__ import annotations

import argparse
import tempfile
from contextlib import closing
from pathlib import Path

import numpy as np
from scipy.stats import kendalltau
from tabulate import tabulate

from harness.racing.carried_out import evidence_of
from harness.racing.until_settled import run_until_settled
from harness.registry.discovery import load
from harness.results.directory import read_manifest
from harness.results.outcomes import Outcome
from harness.results.read_board import read_outcomes
from harness.running.runner import Options, run
from harness.store import Store
from harness.suites.model import Suite

SUITE = {
    "name": "race",
    "weightings": ["edm", "min-snr", "eps"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["polynomial:rho=1,3,7", "exponential"],
    "networks": ["mlp:width=64"],
    "samplers": ["heun", "euler", "ancestral"],
    "metrics": ["sliced-wasserstein"],
    "rank_by": "sliced-wasserstein",
    "steps": [9],
    "seeds": 2,
    "training": {"steps": [300], "learning_rate": 2e-3, "ema_decay": 0.99},
    "sampling": {"samples": 500},
}
FIRST, TIMES = 1000, 10


def outcomes_of(directory: Path, suite: str) -> list[Outcome]:
    """Return the outcomes of a directory's suite, in the order of its rows."""
    with closing(Store.read(directory)) as store:
        return read_outcomes(read_manifest(store, suite), store)


def compared(raced: list[Outcome], fixed: list[Outcome], looks: int) -> dict[str, object]:
    """Return how the race and the fixed run of one target agree."""
    metric, level = str(SUITE["rank_by"]), 0.05 / max(1, len(raced) - 1)
    first, second = (evidence_of(each, metric, "ratio") for each in (raced, fixed))
    seeds = np.array([len(each.seeds) for each in raced])
    running = np.flatnonzero(seeds == seeds.max())
    leader = int(running[first.means[running].argmin()])
    found = [e.compared().differences(leader, share) for e, share in ((first, level / looks), (second, level))]
    meet = (found[0].low <= found[1].high) & (found[1].low <= found[0].high)
    apart = found[1].value[int(second.means.argmin())]
    return {
        "designs": len(raced),
        "agree": int(meet.sum()),
        "tau": float(kendalltau(first.means, second.means).statistic),
        "behind": -100 * np.expm1(apart),
        "seeds": int(seeds.sum()),
        "fixed": sum(len(each.seeds) for each in fixed),
    }


def main() -> None:
    """Run both, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", nargs="+", default=["ring", "gaussian:dim=3,condition=25"])
    parser.add_argument("--out", type=Path, help="where results are kept; by default nowhere")
    options = parser.parse_args()
    registry, rows = load(), []
    with tempfile.TemporaryDirectory() as folder:
        out = options.out or Path(folder)
        suite = Suite.from_mapping({**SUITE, "targets": options.targets}, "race")
        quiet = Options(progress=False, command="benchmarks/until_settled.py")
        ends = run_until_settled(suite, registry, out / "race", quiet, most=TIMES * len(suite.seeds))
        seeds = tuple(range(FIRST, FIRST + TIMES * len(suite.seeds)))
        whole = suite.model_copy(update={"seeds": seeds, "name": "fixed"})
        run(whole, registry, out / "fixed", quiet)
        raced, fixed = outcomes_of(out / "race", "race"), outcomes_of(out / "fixed", "fixed")
        looks = 5  # 2, 4, 8, 16, 20 seeds
        for end in ends:
            own = [i for i, each in enumerate(raced) if end.target.startswith(each.components["target"].name)]
            rows.append((end, compared([raced[i] for i in own], [fixed[i] for i in own], looks)))
    heads = ["target", "designs", "left", "agree", "Kendall's τ", "leader behind the best, %", "seeds", "of"]
    table = [
        [e.target, c["designs"], e.left, c["agree"], f"{c['tau']:.2f}", f"{c['behind']:.1f}", c["seeds"], c["fixed"]]
        for e, c in rows
    ]
    print(tabulate(table, heads, tablefmt="pipe"))


if __name__ == "__main__":
    main()
