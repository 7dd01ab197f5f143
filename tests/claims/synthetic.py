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

INTERPRETATIONS: Mapping[tuple[int, str], Maker] = made_descents.INTERPRETATIONS
"""Likewise for what claims may also be taken to say, by number and the interpretation's name."""

THEOREM: Mapping[str, Callable[[np.random.Generator], Evidence]] = made_descents.THEOREM
"""Evidence for which Theorem 1 holds, though no one rate describes it: claims 1 and 2 may not contradict it."""

BOUND = (1, 2)
"""The claims on Theorem 1's bound."""

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


@cache
def decided(number: int, case: Case, seed: int) -> Decision:
    """Return what the rule of a claim makes of one set of made-up evidence."""
    rng = np.random.default_rng((number, CASES.index(case), seed))
    return claims()[number].decide(MAKERS[number](case, rng))


@cache
def claims() -> dict[int, Claim]:
    """Return every claim of the paper that ships, by its number."""
    made = [cast("Claim", cls()) for cls in load().classes("claim").values()]
    return {claim.number: claim for claim in made if claim.paper == "wang-2024"}


def share_contradicted(number: int, part: str, repetitions: int) -> float:
    """Return the share of repetitions in which a rule contradicts evidence with one thing wrong."""
    made = (PARTS[number][part](np.random.default_rng((number, seed))) for seed in range(repetitions))
    return sum(claims()[number].decide(evidence).verdict == "contradicted" for evidence in made) / repetitions


def verdicts_on_theorem(number: int, name: str, repetitions: int) -> list[str]:
    """Return the verdicts of a claim on evidence for which Theorem 1 holds."""
    made = (THEOREM[name](np.random.default_rng((number, seed))) for seed in range(repetitions))
    return [claims()[number].decide(evidence).verdict for evidence in made]


def share_read_right(number: int, name: str, case: Case, repetitions: int) -> float:
    """Return the share of repetitions in which an interpretation of a claim has the verdict that it should."""
    maker, right = INTERPRETATIONS[number, name], 0
    for seed in range(repetitions):
        if maker is MAKERS[number]:
            made = decided(number, case, seed)
        else:
            made = claims()[number].decide(maker(case, np.random.default_rng((number, CASES.index(case), seed))))
        (found,) = (each.decision for each in made.interpretations if each.name == name)
        right += found.verdict in WANTED[case]
    return right / repetitions


def share_right(number: int, case: Case, repetitions: int) -> float:
    """Return the share of repetitions in which a rule gives the verdict that it should."""
    verdicts = [decided(number, case, seed).verdict for seed in range(repetitions)]
    return sum(verdict in WANTED[case] for verdict in verdicts) / repetitions
