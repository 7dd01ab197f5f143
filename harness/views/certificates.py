"""Certificates as lines of text."""

from __future__ import annotations

from collections import Counter

from harness.errors import shortened
from harness.results.certificates import Certificate, Certificates


def certificate_lines(made: Certificate, properties: bool) -> list[str]:
    """Return a certificate: a line, and one for each property where all are wanted."""
    count = Counter(each.verdict for each in made.properties)
    told = [f"{count[verdict]} {verdict}" for verdict in ("pass", "fail", "unclaimed") if count[verdict]]
    head = f"{made.standing:9}  {made.place}  ({', '.join(told) or 'nothing measured'}; {made.seconds:.1f} s)"
    return [head, *(f"  {each.verdict:9}  {each}" for each in made.properties if properties)]


def summary(found: Certificates) -> str:
    """Return how many components are certified, and in how long."""
    passed = sum(each.passed for each in found.certificates)
    seconds = sum(each.seconds for each in found.certificates)
    total = len(found.certificates)
    return shortened(f"{passed} of {total} certified in {seconds:.0f} s")
