"""Carrying out claims: the experiments of all that were chosen, in one pool and one store, then each one's rule.

Records are keyed by what they depend on, so that claims share what they have in common, a run that was cut off goes
on, and a verdict does not depend on which claims ran together. A claim whose experiment or rule fails has an error in
place of a decision, and costs the others nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from harness.components import digest
from harness.errors import HarnessError, one_line
from harness.running.runner import Options, Work, carry_out, opened, planned
from harness.store import CHECKPOINTS, SHOWN_BY, Store, StoreError
from harness.suites.model import Suite
from harness_claims.claim import Claim, ClaimError, Decision, Evidence, Experiments, Panel
from harness_claims.evidence import SuiteEvidence
from harness_claims.plan import DescentsPlan
from harness_claims.verdicts import level

if TYPE_CHECKING:
    from harness.information import Information
    from harness.planning.plan import Plan
    from harness.registry.registry import Registry


@dataclass(frozen=True)
class ClaimResult:
    """What became of one claim.

    Attributes:
        claim: which.
        decision: what its rule said; None where there is an error.
        panels: what its plot shows.
        error: why there is no decision, in one line; empty where there is one.
        plot_error: why there are no panels although there is a decision, in one line; else empty.
        seconds: of work that its records took, on one core; shared records count for each claim.
        among: number of claims of its paper, those that were not run too: its level is 5 % divided by it.
    """

    claim: Claim
    decision: Decision | None
    panels: tuple[Panel, ...] = ()
    error: str = ""
    plot_error: str = ""
    seconds: float = 0.0
    among: int = 1


@dataclass
class _Case:
    """One claim on its way: what it needs, or why it cannot be had."""

    claim: Claim
    among: int
    suites: dict[str, Plan] = field(default_factory=dict)
    descents: DescentsPlan | None = None
    names: tuple[str, ...] = ()
    error: str = ""

    def works(self) -> dict[str, Work]:
        """Return what has to be carried out, by the key of its contents in the store."""
        found: dict[str, Work] = {f"experiment:{plan.suite.name}": plan for plan in self.suites.values()}
        if self.descents is not None:
            found[f"descents:{self.claim.reference()}"] = self.descents
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


def chosen(registry: Registry, words: Sequence[str] = ()) -> list[Claim]:
    """Return the claims that are named, by paper and number; all where none is.

    Arguments:
        registry: where they come from.
        words: numbers, each with its paper (`wang-2024/8`) where several papers have it.

    Raises:
        ClaimError: no claim is installed, one does not exist, or a word means several.
    """
    found = _installed(registry)
    if not found:
        raise ClaimError("no installed plugin offers a claim; see harness plugins")
    wanted = sorted({_meant(word, list(found)) for word in words} or found)
    for paper, number in wanted:
        classes = found[paper, number]
        if len(classes) > 1:
            names = " and ".join(f"{registry.provenance(c).distribution}/{c.name}" for c in classes)
            raise ClaimError(f"claim {paper}/{number} is offered by {names}; choose plugins with HARNESS_PLUGINS")
    return [found[each][0]() for each in wanted]


def _installed(registry: Registry) -> dict[tuple[str, int], list[type[Claim]]]:
    """Return all claims by paper and number, sorted."""
    classes = registry.classes(Claim.axis).values() if Claim.axis in registry.axes else ()
    found: dict[tuple[str, int], list[type[Claim]]] = {}
    for cls in cast("Iterable[type[Claim]]", classes):
        found.setdefault((cls.paper, cls.number), []).append(cls)
    return dict(sorted(found.items()))


def _meant(word: str, known: Sequence[tuple[str, int]]) -> tuple[str, int]:
    """Return the paper and the number that a word means.

    Raises:
        ClaimError: there is no such claim, or several papers have the number.
    """
    paper, slash, number = word.rpartition("/")
    if not number.isdecimal():
        raise ClaimError(f"--claim: {word!r} is no number of a claim; write {known[0][1]} or {_reference(known[0])}")
    meant = [each for each in known if each[1] == int(number) and (not slash or each[0] == paper)]
    if len(meant) > 1:
        names = " or ".join(map(_reference, meant))
        raise ClaimError(f"--claim: {len(meant)} papers have a claim {number}; write {names}")
    if not meant:
        alone = len({paper for paper, _ in known}) == 1 and not slash
        names = ", ".join(str(each[1]) if alone else _reference(each) for each in known)
        raise ClaimError(f"--claim: there is no claim {word}; known: {names}")
    return meant[0]


def _reference(claim: tuple[str, int]) -> str:
    return "/".join(map(str, claim))


def run_claims(
    claims: Sequence[Claim], registry: Registry, directory: Path, options: Options, *, quick: bool
) -> list[ClaimResult]:
    """Run what the claims need and the directory does not hold yet, and decide each.

    Raises:
        StoreError: the directory cannot be used: it holds claims of other sizes, is in use, or cannot be written.
    """
    with opened(directory) as store:
        _own(store, quick)
        papers = Counter(paper for paper, _ in _installed(registry))
        cases = [_case(claim, papers[claim.paper], registry, directory, quick) for claim in claims]
        works = {key: work for case in cases for key, work in case.works().items()}
        # The longest training first: it makes the networks of shorter ones on its way.
        ordered = dict(sorted(works.items(), key=lambda item: -item[1].length))
        if ordered:
            carry_out(ordered, store, options)
        return [_outcome(case, store) for case in cases]


def arithmetic(directory: Path) -> list[str]:
    """Return with what arithmetic the records of a directory were made: one entry for each kind of machine."""
    with closing(Store.read(directory)) as store:
        return store.arithmetic()


def _case(claim: Claim, among: int, registry: Registry, directory: Path, quick: bool) -> _Case:
    """Plan the experiments of one claim; whatever is wrong with them is its own error."""
    case = _Case(claim, among)
    try:
        needed = claim.experiments(quick)
        if not isinstance(needed, Experiments):
            raise ClaimError(f"experiments returned {type(needed).__name__}, no Experiments")
        if not (needed.suites or needed.descents):
            raise ClaimError("no suite and no descent is asked for; a verdict rests on at least one")
        for name, content in needed.suites.items():
            origin = f"claim {claim.number}, suite {name}"
            made = Suite.from_mapping({**content, "name": _suite_name(content)}, origin)
            case.suites[name] = planned(made, registry, directory, score_errors=True)
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


def _outcome(case: _Case, store: Store) -> ClaimResult:
    """Build the evidence of a claim, apply its rule, and lay out its plot."""
    claim = case.claim
    if case.error:
        return ClaimResult(claim, None, error=case.error, among=case.among)
    try:
        evidence, seconds = _evidence(case, store)
    except HarnessError as error:
        return ClaimResult(claim, None, error=f"experiment: {one_line(error)}", among=case.among)
    try:
        decision = _checked(claim.decide(evidence))
    except (Exception, SystemExit) as error:  # the rule is a plugin's
        return ClaimResult(claim, None, error=f"rule: {one_line(error)}", seconds=seconds, among=case.among)
    try:
        panels = tuple(claim.figure(evidence, decision))
    except (Exception, SystemExit) as error:  # a plot that fails takes nothing from the decision
        return ClaimResult(claim, decision, plot_error=one_line(error), seconds=seconds, among=case.among)
    return ClaimResult(claim, decision, panels, seconds=seconds, among=case.among)


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
    return Evidence(results, trajectories, information, level(case.among)), sum(seconds.values())


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
