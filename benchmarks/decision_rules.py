"""How often the decision rule of each claim is right, on evidence made up for it.

For each claim evidence of the quick sizes, with noise of the size that real runs have, is made where the claim is true,
where its opposite is true and, where the rule should keep silent, where neither is. The first two should be decided
right in at least 95 % of the repetitions; where neither is true, a verdict that is not "undecided" is a false one. A
second table has evidence with one thing wrong, which a rule should contradict.
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
    parts = []
    for number in sorted(set(options.claim) & set(synthetic.PARTS)):
        for part in synthetic.PARTS[number]:
            share = synthetic.share_contradicted(number, part, options.repetitions)
            enough &= share >= ENOUGH
            parts.append([number, part, f"{share:.1%}"])
    print("\n" + tabulate(parts, ["claim", "what is wrong", "contradicted"], tablefmt="github"))
    print(f"\n{options.repetitions} repetitions each")
    sys.exit(0 if enough else 1)


if __name__ == "__main__":
    main()
