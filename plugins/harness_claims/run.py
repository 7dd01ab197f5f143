"""Carrying out claims: the experiments of all that were chosen, in one pool and one store, then each one's rule.

Records are keyed by what they depend on, so that claims share what they have in common, a run that was cut off goes
on, and a verdict does not depend on which claims ran together. A claim whose experiment or rule fails has an error in
place of a decision, and costs the others nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from harness.components import digest
from harness.errors import HarnessError, one_line
from harness.running.runner import Options, Work, carry_out, opened, planned
from harness.store import ARITHMETIC, CHECKPOINTS, SHOWN_BY, Store, StoreError
from harness.suites.model import Suite
from harness_claims.claim import Claim, ClaimError, Decision, Evidence, Experiments, Panel
from harness_claims.evidence import SuiteEvidence
from harness_claims.plan import DescentsPlan

if TYPE_CHECKING:
    from harness.information import Information
    from harness.planning.plan import Plan
    from harness.registry.registry import Registry


@dataclass(frozen=True)
class Outcome:
    """What became of one claim.

    Attributes:
        claim: which.
        decision: what its rule said; None where there is an error.
        panels: what its plot shows.
        error: why there is no decision, in one line; empty where there is one.
        plot_error: why there are no panels although there is a decision, in one line; else empty.
        seconds: of work that its records took, on one core; shared records count for each claim.
    """

    claim: Claim
    decision: Decision | None
    panels: tuple[Panel, ...] = ()
    error: str = ""
    plot_error: str = ""
    seconds: float = 0.0


@dataclass
class _Case:
    """One claim on its way: what it needs, or why it cannot be had."""

    claim: Claim
    suites: dict[str, Plan] = field(default_factory=dict)
    descents: DescentsPlan | None = None
    names: tuple[str, ...] = ()
    error: str = ""

    def works(self) -> dict[str, Work]:
        """Return what has to be carried out, by the key of its contents in the store."""
        found: dict[str, Work] = {f"experiment:{plan.suite.name}": plan for plan in self.suites.values()}
        if self.descents is not None:
            found[f"descents:{self.claim.number}"] = self.descents
        return found


def family(quick: bool) -> str:
    """Return the name under which claims own a result directory: quick and full results stay apart."""
    return "claims-quick" if quick else "claims"


def _own(store: Store, quick: bool) -> None:
    """Keep in a directory whether its claims are quick ones, and how they are seen.

    Raises:
        StoreError: it holds those of the other sizes.
    """
    owner = store.meta("claims") or store.meta("suite")  # the latter in directories of earlier versions
    if owner in (family(True), family(False)) and owner != family(quick):
        raise StoreError(f"{store.directory} holds results of {owner}, not {family(quick)}; choose another with --out")
    store.set_meta("claims", family(quick))
    store.set_meta(SHOWN_BY, "harness claims --quick" if quick else "harness claims")


def chosen(registry: Registry, numbers: Sequence[int] = ()) -> list[Claim]:
    """Return the claims of these numbers, by number; all where none is named.

    Raises:
        ClaimError: no claim is installed, one does not exist, or two have one number.
    """
    classes = [cast("type[Claim]", cls) for cls in registry.classes("claim").values()]
    by_number: dict[int, list[type[Claim]]] = {}
    for cls in classes:
        by_number.setdefault(cls.number, []).append(cls)
    if not by_number:
        raise ClaimError("no installed plugin offers a claim; see harness plugins")
    for number in numbers:
        if number not in by_number:
            raise ClaimError(f"--claim: there is no claim {number}; known: {', '.join(map(str, sorted(by_number)))}")
    wanted = sorted(set(numbers) or by_number)
    for number in wanted:
        if len(by_number[number]) > 1:
            names = " and ".join(f"{registry.provenance(c).distribution}/{c.name}" for c in by_number[number])
            raise ClaimError(f"claim {number} is claimed by {names}; choose plugins with HARNESS_PLUGINS")
    return [by_number[number][0]() for number in wanted]


def run_claims(
    claims: Sequence[Claim], registry: Registry, directory: Path, options: Options, *, quick: bool
) -> list[Outcome]:
    """Run what the claims need and the directory does not hold yet, and decide each.

    Raises:
        StoreError: the directory cannot be used: it holds claims of other sizes, is in use, or cannot be written.
    """
    with opened(directory) as store:
        _own(store, quick)
        cases = [_case(claim, registry, directory, quick) for claim in claims]
        works = {key: work for case in cases for key, work in case.works().items()}
        # The longest training first: it makes the networks of shorter ones on its way.
        ordered = dict(sorted(works.items(), key=lambda item: -_length(item[1])))
        if ordered:
            carry_out(ordered, store, options)
        return [_outcome(case, store) for case in cases]


def arithmetic(directory: Path) -> list[str]:
    """Return with what arithmetic the records of a directory were made: one entry for each kind of machine."""
    with closing(Store.read(directory)) as store:
        return list(store.meta(ARITHMETIC) or [])


def _case(claim: Claim, registry: Registry, directory: Path, quick: bool) -> _Case:
    """Plan the experiments of one claim; whatever is wrong with them is its own error."""
    case = _Case(claim)
    try:
        needed = claim.experiments(quick)
        if not isinstance(needed, Experiments):
            raise ClaimError(f"experiments returned {type(needed).__name__}, no Experiments")
        if not (needed.suites or needed.descents):
            raise ClaimError("no suite and no descent is asked for; a verdict rests on at least one")
        for name, content in needed.suites.items():
            origin = f"claim {claim.number}, suite {name}"
            made = Suite.from_mapping({**content, "name": _suite_name(content)}, origin)
            case.suites[name] = planned(made, registry, directory)
        if needed.descents:
            case.names = tuple(needed.descents)
            case.descents = DescentsPlan(needed.descents, registry, directory.absolute() / CHECKPOINTS)
    except (Exception, SystemExit) as error:  # a claim is a plugin's: whatever it raises is its own failure
        case.error = f"experiment: {one_line(error)}"
        case.suites, case.descents = {}, None
    return case


def _suite_name(content: Any) -> str:
    """Return a name that alike suites of different claims share."""
    return f"claims-{digest({**content, 'name': ''})[:12]}"


def _length(work: Work) -> int:
    suite = getattr(work, "suite", None)
    return max(suite.training.steps) if suite is not None else 0


def _outcome(case: _Case, store: Store) -> Outcome:
    """Build the evidence of a claim, apply its rule, and lay out its plot."""
    claim = case.claim
    if case.error:
        return Outcome(claim, None, error=case.error)
    try:
        evidence, seconds = _evidence(case, store)
    except HarnessError as error:
        return Outcome(claim, None, error=f"experiment: {one_line(error)}")
    try:
        decision = _checked(claim.decide(evidence))
    except (Exception, SystemExit) as error:  # the rule is a plugin's
        return Outcome(claim, None, error=f"rule: {one_line(error)}", seconds=seconds)
    try:
        panels = tuple(claim.figure(evidence, decision))
    except (Exception, SystemExit) as error:  # a plot that fails takes nothing from the decision
        return Outcome(claim, decision, plot_error=one_line(error), seconds=seconds)
    return Outcome(claim, decision, panels, seconds=seconds)


def _evidence(case: _Case, store: Store) -> tuple[Evidence, float]:
    """Return the evidence of a claim, and the seconds that its records took."""
    suites = {name: SuiteEvidence(name, plan, store) for name, plan in case.suites.items()}
    results = {name: suite.results() for name, suite in suites.items()}
    information: dict[str, Information] = {}
    for suite in suites.values():
        information = {**suite.information(), **information}
    seconds = {key: took for suite in suites.values() for key, took in suite.seconds.items()}
    trajectories = {}
    for name in case.names if case.descents is not None else ():
        assert case.descents is not None
        trajectories[name], took = case.descents.trajectories(name, store)
        seconds |= took
    return Evidence(results, trajectories, information), sum(seconds.values())


def _checked(decision: Decision) -> Decision:
    """Return a decision that keeps the contract.

    Raises:
        ClaimError: it names no target, one twice, a target without units, or no known verdict.
    """
    verdicts = ("supported", "contradicted", "undecided")
    if not isinstance(decision, Decision):
        raise ClaimError(f"decide returned {type(decision).__name__}, no Decision")
    if not decision.findings:
        raise ClaimError("the decision has no finding; it needs one for each target")
    targets = [finding.target for finding in decision.findings]
    for finding in decision.findings:
        if targets.count(finding.target) > 1:
            raise ClaimError(f"the decision has several findings for target {finding.target}; it needs one for each")
        if finding.seeds < 1:
            raise ClaimError(f"the finding for target {finding.target} rests on {finding.seeds} units; at least one")
    for said in (decision.verdict, *(finding.verdict for finding in decision.findings)):
        if said not in verdicts:
            raise ClaimError(f"verdict {said!r} is none of {', '.join(verdicts)}")
    return decision
