"""Evidence made up for a decision rule: the claim true, its opposite true, or neither.

`MAKERS` has a maker for each claim, by number: of a case and a random generator it makes the evidence that the quick
experiments would give, with noise of the size that real runs have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Literal, cast

import made_descents
import made_designs
import numpy as np
from harness_claims.claim import Claim, Decision, Evidence

from harness.registry.discovery import load

Case = Literal["true", "false", "neither"]

CASES: tuple[Case, ...] = ("true", "false", "neither")

Maker = Callable[[Case, np.random.Generator], Evidence]

MAKERS: Mapping[int, Maker] = {**made_descents.MAKERS, **made_designs.MAKERS}

PARTS: Mapping[int, Mapping[str, Callable[[np.random.Generator], Evidence]]] = {
    **made_descents.PARTS,
    **made_designs.PARTS,
}
"""Evidence that a rule should contradict, by what is wrong with it: one part of a claim at a time."""

WANTED: Mapping[Case, Sequence[str]] = {
    "true": ("supported",),
    "false": ("contradicted",),
    "neither": ("undecided",),
}


def decided(number: int, case: Case, seed: int) -> Decision:
    """Return what the rule of a claim makes of one set of made-up evidence."""
    rng = np.random.default_rng((number, CASES.index(case), seed))
    return claims()[number].decide(MAKERS[number](case, rng))


@cache
def claims() -> dict[int, Claim]:
    """Return every installed claim, by its number."""
    made = [cast("Claim", cls()) for cls in load().classes("claim").values()]
    return {claim.number: claim for claim in made}


def share_contradicted(number: int, part: str, repetitions: int) -> float:
    """Return the share of repetitions in which a rule contradicts evidence with one thing wrong."""
    made = (PARTS[number][part](np.random.default_rng((number, seed))) for seed in range(repetitions))
    return sum(claims()[number].decide(evidence).verdict == "contradicted" for evidence in made) / repetitions


def share_right(number: int, case: Case, repetitions: int) -> float:
    """Return the share of repetitions in which a rule gives the verdict that it should."""
    verdicts = [decided(number, case, seed).verdict for seed in range(repetitions)]
    return sum(verdict in WANTED[case] for verdict in verdicts) / repetitions
