"""Memory: what certificates said, kept in the user's cache by the component and by the code that measured it.

A certificate holds for the component with these parameters, this code of its package, and this harness: a change of
any of them forgets it.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import harness
from harness.components import digest
from harness.errors import HarnessError, in_words, shortened
from harness.registry.provenance import source_digest
from harness.results.certificates import Certificate
from harness.results.labels import Labels
from harness.results.leaderboard import CertificateSummary, Leaderboard
from harness.user_cache import read_cache, write_cache

FILE = "certificates.json"
MOST = 5_000
"""Certificates that are remembered."""


@functools.cache
def _code() -> str:
    """Return a digest of the code that measures."""
    return source_digest(Path(str(harness.__file__)).parent)


def _key(component: str) -> str:
    return digest(component, _code())


def remember(made: Iterable[Certificate]) -> None:
    """Keep what certificates say; those of components that nothing identifies are not kept."""
    known = read_cache(FILE)
    for each in made:
        if each.digest:
            count = Counter(found.verdict for found in each.properties)
            known.pop(_key(each.digest), None)
            known[_key(each.digest)] = [each.passed, count["pass"], count["fail"], count["unclaimed"]]
    write_cache(FILE, known, MOST)


def with_certificates(board: Leaderboard) -> Leaderboard:
    """Return a leaderboard that tells, of each component of its rows, what its certificate said here."""
    known = read_cache(FILE)
    told = [
        CertificateSummary(axis=axis, component=reference, **_counts(known.get(_key(reference.digest))))
        for axis, reference in board.components()
    ]
    return board.model_copy(update={"certificates": told})


def check_certified(board: Leaderboard) -> None:
    """Refuse a leaderboard with a component whose certificate failed.

    Raises:
        HarnessError: which, and what would be right.
    """
    failed = [each for each in board.certificates if each.standing == "failed"]
    if failed:
        label = Labels(board.components())
        names = ", ".join(f"{in_words(each.axis)} {label(each.axis, each.component)}" for each in failed)
        rule = "harness certify says why; --uncertified publishes it nevertheless"
        raise HarnessError(shortened(f"the certificate of {names} failed; {rule}"))


def _counts(kept: Any) -> dict[str, Any]:
    """Return what was kept, as a summary has it; of what was never certified, or cannot be read, nothing is known."""
    names = ("passed", "failed", "unclaimed")
    sound = isinstance(kept, list) and len(kept) == 4 and all(isinstance(each, int) and each >= 0 for each in kept)
    if not sound:
        return {"standing": "unclaimed", **dict.fromkeys(names, 0)}
    return {"standing": "certified" if kept[0] else "failed", **dict(zip(names, kept[1:], strict=True))}
