"""Processors: on which of them verdicts were seen, and what they say together.

Each processor adds in an order of its own, and training amplifies the last digit until the same seed ends elsewhere
(`harness_claims.verdicts` says what a verdict allows for that). A document names the processors of its runs, and for
each claim the verdict on each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from harness.results.document import DocumentError
from harness_claims.claim import Verdict
from harness_claims.document import WITHIN_ROUNDING, ClaimEntry, ClaimsBoard, FindingEntry, InterpretationEntry
from harness_claims.verdicts import together

Decided = TypeVar("Decided", ClaimEntry, InterpretationEntry)


def merged(boards: Sequence[ClaimsBoard]) -> ClaimsBoard:
    """Return the verdicts that hold on every processor; effects, statistics and plots are those of the first.

    On each target a verdict that is not the same everywhere is undecided, within rounding, and the claims follow.

    Arguments:
        boards: the verdicts of the same command on several processors, at least one.

    Raises:
        DocumentError: they are not of the same claims, rules and sizes.
    """
    first = boards[0]
    for board in boards[1:]:
        if _rules(board) != _rules(first):
            raise DocumentError("verdicts of different claims or rules are not put together")
        if (board.quick, board.papers) != (first.quick, first.papers):
            raise DocumentError("verdicts of different sizes or levels are not put together")
    processors = [name for board in boards for name in board.processors]
    claims = [_merged(entries) for entries in zip(*(board.claims for board in boards), strict=True)]
    return first.model_copy(update={"processors": processors, "claims": claims})


def _rules(board: ClaimsBoard) -> list[tuple[str, int, str]]:
    return [(entry.paper, entry.number, entry.rule) for entry in board.claims]


def _merged(entries: Sequence[ClaimEntry]) -> ClaimEntry:
    """Return one claim as all processors see it; where it has an error on the first, it has that."""
    first, seen = entries[0], [verdict for entry in entries for verdict in entry.seen]
    if first.verdict is None:
        return first.model_copy(update={"seen": seen})
    others = [entry for entry in entries if entry.verdict is not None]
    made = _followed(others)
    near = made.within_rounding and not first.within_rounding
    note = f"{WITHIN_ROUNDING} {first.note}".strip() if near else first.note
    interpretations = [_interpreted(interpretation, others) for interpretation in first.interpretations]
    return made.model_copy(update={"seen": seen, "note": note, "interpretations": interpretations})


def _interpreted(interpretation: InterpretationEntry, entries: Sequence[ClaimEntry]) -> InterpretationEntry:
    """Return one interpretation as all processors see it."""
    return _followed([i for entry in entries for i in entry.interpretations if i.name == interpretation.name])


def _followed(same: Sequence[Decided]) -> Decided:
    """Return the first of several decisions on the same, with the verdict that follows from what all of them find."""
    findings = [_agreed(finding, same) for finding in same[0].findings]
    verdict = together([finding.verdict for finding in findings])
    near = verdict == "undecided" and any(found.within_rounding or found.verdict != verdict for found in same)
    return same[0].model_copy(update={"findings": findings, "verdict": verdict, "within_rounding": near})


def _agreed(finding: FindingEntry, entries: Sequence[Decided]) -> FindingEntry:
    """Return what all processors say of one target."""
    same = [found for entry in entries for found in entry.findings if found.target == finding.target]
    said: set[Verdict] = {found.verdict for found in same}
    verdict = finding.verdict if len(said) == 1 else "undecided"
    near = len(said) > 1 or (verdict == "undecided" and any(found.within_rounding for found in same))
    return finding.model_copy(update={"verdict": verdict, "within_rounding": near})
