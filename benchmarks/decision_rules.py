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
from pathlib import Path

from tabulate import tabulate

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "claims"))

ENOUGH = 0.95


def main() -> None:
    """Print a table: a row a claim, the share decided right in each case."""
    import synthetic

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=200)
    parser.add_argument("--claim", type=int, nargs="*", default=sorted(synthetic.MAKERS))
    options = parser.parse_args()
    rows, enough = [], True
    for number in options.claim:
        begun = time.perf_counter()
        shares = [synthetic.share_right(number, case, options.repetitions) for case in synthetic.CASES]
        enough &= min(shares[:2]) >= ENOUGH
        rows.append([number, *(f"{share:.1%}" for share in shares), f"{time.perf_counter() - begun:.0f} s"])
    headers = ["claim", "true: supported", "opposite true: contradicted", "neither: undecided", "time"]
    print(tabulate(rows, headers, tablefmt="github"))
    others = []
    for number, name in (key for key in synthetic.INTERPRETATIONS if key[0] in options.claim):
        shares = [synthetic.share_read_right(number, name, case, options.repetitions) for case in synthetic.CASES]
        enough &= min(shares[:2]) >= ENOUGH
        others.append([number, name, *(f"{share:.1%}" for share in shares)])
    print("\n" + tabulate(others, ["claim", "read as", *headers[1:4]], tablefmt="github"))
    parts = []
    for number in sorted(set(options.claim) & set(synthetic.PARTS)):
        for part in synthetic.PARTS[number]:
            share = synthetic.share_contradicted(number, part, options.repetitions)
            enough &= share >= ENOUGH
            parts.append([number, part, f"{share:.1%}"])
    print("\n" + tabulate(parts, ["claim", "what is wrong", "contradicted"], tablefmt="github"))
    bounds, kinds = [], ("supported", "undecided", "contradicted")
    for number in sorted(set(options.claim) & set(synthetic.BOUND)):
        for name in synthetic.THEOREM:
            found = synthetic.verdicts_on_theorem(number, name, options.repetitions)
            enough &= "contradicted" not in found
            bounds.append([number, name, *(f"{found.count(kind) / len(found):.1%}" for kind in kinds)])
    print("\n" + tabulate(bounds, ["claim", "least squares", *kinds], tablefmt="github") if bounds else "")
    print(f"\n{options.repetitions} repetitions each")
    sys.exit(0 if enough else 1)


if __name__ == "__main__":
    main()
