"""Certificates of claims: their experiments can be planned, and are the same each time; verdicts need the runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.axes import AXES
from harness.errors import HarnessError
from harness.properties import Property
from harness.registry.discovery import load
from harness.suites.model import Suite
from harness_claims.plan import descents

if TYPE_CHECKING:
    from harness.registry.registry import Registry
    from harness_claims.claim import Claim, Experiments


def properties(claim: Claim) -> list[Property]:
    """Return what is measured of a claim before anything is run: nothing of its verdict."""
    registry = load()
    sizes = [claim.experiments(quick) for quick in (True, False)]
    wrong = [rule for each in sizes for rule in _mistakes(each, registry)]
    count = sum(len(each.suites) + len(each.descents) for each in sizes)
    again, why = [claim.experiments(quick) for quick in (True, False)], "; ".join(wrong)[:200]
    share = (count - len(wrong)) / count if count else 0.0
    return [
        Property("share of its suites and descents that can be planned", 1.0, share, 0.0, reason=why),
        Property("the same experiments when they are asked for again", 1.0, float(again == sizes), 0.0),
    ]


def _mistakes(experiments: Experiments, registry: Registry) -> list[str]:
    """Return what is wrong with suites and descents, a line each."""
    found = []
    for name, content in experiments.suites.items():
        try:
            suite = Suite.from_mapping({**content, "name": content.get("name", "claim")}, name)
            for axis in (axis for axis in AXES.values() if axis.role != "part"):
                suite.components(axis.name, registry)
        except HarnessError as error:
            found.append(str(error))
    for request in experiments.descents.values():
        try:
            descents(request, registry)
        except HarnessError as error:
            found.append(str(error))
    return found
