"""How often the decision rule of each claim is right, on evidence made up for it.

For each claim evidence of the quick sizes, with noise of the size that real runs have, is made where the claim is true,
where its opposite is true and, where the rule should keep silent, where neither is. The first two should be decided
right in at least 95 % of the repetitions; where neither is true, a verdict that is not "undecided" is a false one. A
second table has other interpretations of claims, a third evidence with one thing wrong, which a rule should contradict,
a fourth least squares, for which Theorem 1 holds, so that the claims on it may not be contradicted.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tabulate import tabulate

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "claims"))

import synthetic

ENOUGH = 0.95

CASES = ("true: supported", "opposite true: contradicted", "neither: undecided")

VERDICTS = ("supported", "undecided", "contradicted")

Row = tuple[list[object], bool]
"""A row of a table, and whether enough of its repetitions were decided right."""


def main() -> None:
    """Print the tables; end with status 1 where a rule is not right often enough."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--claim", type=int, nargs="*", default=sorted(synthetic.MAKERS))
    options = parser.parse_args()
    asked = (options.claim, options.repetitions)
    tables = [
        (["claim", *CASES, "time"], claims(*asked)),
        (["claim", "read as", *CASES], interpretations(*asked)),
        (["claim", "what is wrong", "contradicted"], parts(*asked)),
        (["claim", "least squares", *VERDICTS], theorem(*asked)),
    ]
    # Each table is printed as soon as it is there.
    enough = [_printed(headers, list(rows)) for headers, rows in tables]
    print(f"{options.repetitions} repetitions each")
    sys.exit(0 if all(enough) else 1)


def claims(numbers: Sequence[int], repetitions: int) -> Iterator[Row]:
    """Yield a row a claim: the share decided right in each case."""
    for number in numbers:
        begun = time.perf_counter()
        shares = [synthetic.share_right(number, case, repetitions) for case in synthetic.CASES]
        yield [number, *map(_percent, shares), f"{time.perf_counter() - begun:.0f} s"], min(shares[:2]) >= ENOUGH


def interpretations(numbers: Sequence[int], repetitions: int) -> Iterator[Row]:
    """Yield a row for each other interpretation of a claim: the share decided right in each case."""
    for number, name in (key for key in synthetic.INTERPRETATIONS if key[0] in numbers):
        shares = [synthetic.share_read_right(number, name, case, repetitions) for case in synthetic.CASES]
        yield [number, name, *map(_percent, shares)], min(shares[:2]) >= ENOUGH


def parts(numbers: Sequence[int], repetitions: int) -> Iterator[Row]:
    """Yield a row for each thing that may be wrong: the share contradicted."""
    for number in sorted(set(numbers) & set(synthetic.PARTS)):
        for part in synthetic.PARTS[number]:
            share = synthetic.share_contradicted(number, part, repetitions)
            yield [number, part, _percent(share)], share >= ENOUGH


def theorem(numbers: Sequence[int], repetitions: int) -> Iterator[Row]:
    """Yield a row for each least squares: the share of each verdict, where none may be contradicted."""
    for number in sorted(set(numbers) & set(synthetic.BOUND)):
        for name in synthetic.THEOREM:
            found = synthetic.verdicts_on_theorem(number, name, repetitions)
            shares = [found.count(verdict) / len(found) for verdict in VERDICTS]
            yield [number, name, *map(_percent, shares)], "contradicted" not in found


def _printed(headers: Sequence[str], rows: Sequence[Row]) -> bool:
    """Print a table that has rows; return whether all were decided right often enough."""
    if rows:
        print(tabulate([cells for cells, _ in rows], headers, tablefmt="github"), end="\n\n", flush=True)
    return all(enough for _, enough in rows)


def _percent(share: float) -> str:
    return f"{share:.1%}"


if __name__ == "__main__":
    main()
