"""Violations of any bound, over all combinations of a suite: is anything measured above what bounds it?

    python benchmarks/violations.py [--suite full] [--train-steps 200] [--seeds 1] [--initial-law NAME ...] [--out DIR]

The suite's combinations are all carried out, with the metrics that its bounds limit and no other: `kl`, `path-kl` and
`w2` take no notice of how many points are drawn. A violation is a measured value whose 95 % interval lies above the
bound. Where a bound is nearly attained and the value is noisy, one value in forty does so by chance. It is resumable
like any run. Rows whose sampler diverged have nothing to compare; they are counted. It ends with status 1 if a bound
was violated, a row failed for another reason, or a bound was compared with nothing.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

METRICS = ("kl", "path-kl", "w2")

DIVERGED = "is not finite after step"
"""What the reason of a row says whose sampler diverged."""


def main() -> int:
    """Carry out the suite and print a line for each bound."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", default="full")
    parser.add_argument("--train-steps", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--initial-law", action="append", help="instead of the suite's own; repeatable")
    parser.add_argument("--out", type=Path, default=Path("runs/violations"))
    args = parser.parse_args()

    from harness.registry.discovery import load
    from harness.results.read_board import read_document
    from harness.running.runner import Options, run
    from harness.suites.model import Suite, load_suite

    data = load_suite(args.suite).model_dump()
    data |= {"metrics": list(METRICS), "rank_by": "path-kl", "seeds": args.seeds}
    data["training"] |= {"steps": [args.train_steps]}
    data["sampling"] |= {"samples": 64}
    if args.initial_law:
        data |= {"initial_laws": args.initial_law}
        # Their number multiplies what the suite's own limit was made for.
        data["limits"] |= {"combinations": data["limits"]["combinations"] * len(args.initial_law)}
    start = time.perf_counter()
    run(Suite.from_mapping(data, f"{args.suite}.toml"), load(), args.out, Options())
    document = read_document(args.out).model_dump()
    print(f"{args.suite}: {len(document['rows'])} combinations, {time.perf_counter() - start:.0f} s")
    return report(document)


def report(document: dict[str, Any]) -> int:
    """Print where bounds apply, how close they come and what violates them; return the exit status."""
    from harness.quantities import Declarations

    rows, declared = document["rows"], Declarations.model_validate(document["declared"])
    reasons = [str(row["reason"]) for row in rows if row["status"] != "ok"]
    others = [reason for reason in reasons if DIVERGED not in reason]
    print(f"diverged: {len(reasons) - len(others)}; failed otherwise: {len(others)}", *others[:1])
    bounds = sorted({name for row in rows for name in row["bounds"]})
    print(f"{'bound':<22}{'applies':>9}{'compared':>10}{'violations':>12}{'least bound/measured':>23}")
    total = idle = 0
    for bound in bounds:
        known = [row for row in rows if row["bounds"].get(bound) is not None]
        pairs = [
            row["bounds"][bound] / estimate["value"]
            for row in known
            for metric, estimate in row["metrics"].items()
            if declared.limits(bound, metric) and estimate["value"] and estimate["value"] > 0
        ]
        broken = sum(violation["bound"] == bound for row in known for violation in row["violations"])
        total += broken
        idle += not pairs
        least = f"{min(pairs):.6g}" if pairs else "n/a"
        print(f"{bound:<22}{len(known):>9}{len(pairs):>10}{broken:>12}{least:>23}")
    return 1 if total or others or idle or not bounds else 0


if __name__ == "__main__":
    raise SystemExit(main())
