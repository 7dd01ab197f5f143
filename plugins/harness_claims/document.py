"""The verdicts on all claims as a JSON document, and its rules.

The models below are the contract, schema version 5. Documents of version 4 have one interpretation of each claim. Those
of version 3 allow for the same rounding in all claims. Those of version 2 are of one paper, which they do not name.
Those of version 1, before rounding counted, are read as what they were: seen on one processor, which they do not tell.
A document is valid when its fields have the stated types, no number is infinite or undefined, and it agrees with
itself:

    a claim has either a decision or an error;  low ≤ effect ≤ high;  p-values in [0, 1]
    the target that decides has a finding;  a plot that failed has no panels
    supported: every finding is supported;  contradicted: some finding is;  undecided: neither
    what is within rounding of a verdict is undecided;  a claim was seen on every processor
    an interpretation follows from its findings as a claim does, and has a name that no other of its claim has
    the series of a plot have as many x as y;  claims are in the order of papers and numbers, each once
"""

from __future__ import annotations

import inspect
import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, JsonValue, ValidationError, model_validator

from harness.errors import one_line
from harness.results.document import Count, Document, Name, Part, Position, Upgrade, check_order
from harness_claims.claim import Verdict
from harness_claims.verdicts import level, together

if TYPE_CHECKING:
    from harness_claims.claim import Decision, EffectSize, Finding, Panel, Series
    from harness_claims.run import ClaimResult

WITHIN_ROUNDING = "Within rounding of a verdict, which another processor could take away: undecided."
"""What is said of such a claim."""

Probability = Annotated[float, Field(ge=0, le=1)]


class PaperEntry(Part):
    """A paper whose claims were run.

    Attributes:
        name: author and year.
        claims: how many claims it has, those that were not run too.
        alpha: level of the tests of each: 5 % divided among them.
    """

    name: Name
    claims: Position
    alpha: Probability


class EffectEntry(Part):
    """The size of what was found."""

    name: Name
    value: float
    low: float | None
    high: float | None

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_order(self.low, self.value, self.high)
        return self


class FindingEntry(Part):
    """What one target says."""

    target: Name
    verdict: Verdict
    effect: float
    low: float | None
    high: float | None
    statistic: str
    p_value: Probability
    p_against: Probability
    seeds: Count
    note: str
    exact: bool = False
    within_rounding: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_order(self.low, self.effect, self.high)
        check_rounding(self.verdict, self.within_rounding)
        return self


class SeriesEntry(Part):
    """One line or set of points of a plot; null where a value is not finite."""

    label: str
    x: list[float | None]
    y: list[float | None]
    low: list[float | None] | None
    high: list[float | None] | None
    kind: Literal["line", "points", "guide"]

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in ("y", "low", "high"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self.x):
                raise ValueError(f"series {self.label!r} has {len(self.x)} x and {len(values)} {name}")
        return self


class PanelEntry(Part):
    """One pair of axes of a plot."""

    title: str
    x_label: str
    y_label: str
    log_x: bool
    log_y: bool
    series: list[SeriesEntry]


class InterpretationEntry(Part):
    """What a claim may also be taken to say, decided beside it.

    Attributes:
        seeds: independent units on the target that decides.
    """

    name: Name
    verdict: Verdict
    effect: EffectEntry
    statistic: str
    seeds: Count
    findings: list[FindingEntry]
    target: str = ""
    within_rounding: bool = False
    rounding: Probability = 0.0

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_rounding(self.verdict, self.within_rounding)
        if self.verdict != together([finding.verdict for finding in self.findings]):
            raise ValueError(f"interpretation {self.name!r}: {self.verdict} does not follow from its findings")
        return self


class ClaimEntry(Part):
    """One claim and what became of it.

    Attributes:
        rule: the decision rule, as it was fixed in code.
        verdict: None where there is an error; so are `effect` and `statistic`.
        target: the one that decides; empty where none does alone.
        seeds: independent units on that target; 1 where the result is arithmetic without randomness.
        error: why there is no verdict; empty where there is one.
        plot_error: why there is no plot; it takes nothing from the verdict.
        seconds: of work on one core that its records took; shared records count for each claim.
        within_rounding: whether it is undecided only since another processor's rounding could take a verdict away.
        rounding: share of the variance over units that is rounding, as the rule allows for.
        seen: the verdict on each processor of the document; None where there was an error.
        interpretations: what it may also be taken to say, decided beside it; none where there is an error.
    """

    paper: Name
    number: Position
    name: Name
    title: Name
    statement: Name
    source: str
    rule: str
    verdict: Verdict | None
    effect: EffectEntry | None
    statistic: str
    seeds: Count
    note: str
    error: str
    seconds: Annotated[float, Field(ge=0)]
    findings: list[FindingEntry]
    panels: list[PanelEntry]
    target: str = ""
    plot_error: str = ""
    within_rounding: bool = False
    rounding: Probability = 0.0
    seen: list[Verdict | None]
    interpretations: list[InterpretationEntry] = Field(default_factory=list)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.verdict is None) != bool(self.error) or (self.verdict is None) != (self.effect is None):
            raise ValueError(f"claim {self.number}: it has either a verdict with its effect, or an error")
        check_rounding(self.verdict, self.within_rounding)
        if self.verdict not in (None, together([finding.verdict for finding in self.findings])):
            raise ValueError(f"claim {self.number}: {self.verdict} does not follow from its findings")
        if self.target and self.target not in [finding.target for finding in self.findings]:
            raise ValueError(f"claim {self.number}: {self.target!r} decides but has no finding")
        if self.plot_error and (self.panels or self.verdict is None):
            raise ValueError(f"claim {self.number}: a plot error goes with a verdict and without panels")
        names = [interpretation.name for interpretation in self.interpretations]
        if len(set(names)) != len(names):
            raise ValueError(f"claim {self.number}: two of its interpretations have one name: {', '.join(names)}")
        return self


def _of_one_processor(document: dict[str, Any]) -> dict[str, Any]:
    """From version 1 to 2: seen on one processor, which is not told, before rounding counted."""
    claims = document.get("claims")
    if not isinstance(claims, list):
        return document
    claims = [{"seen": [entry.get("verdict")]} | entry if isinstance(entry, dict) else entry for entry in claims]
    return document | {"processors": ["unknown"], "claims": claims}


FIRST, CLAIMS = "wang-2024", 13
"""The paper of all documents before version 3, and the number of its claims."""


def _of_one_paper(document: dict[str, Any]) -> dict[str, Any]:
    """From version 2 to 3: of one paper, which is not told."""
    claims, kept = document.get("claims"), {key: value for key, value in document.items() if key != "alpha"}
    if not isinstance(claims, list) or "alpha" not in document:
        return document
    claims = [{"paper": FIRST} | entry if isinstance(entry, dict) else entry for entry in claims]
    return kept | {"papers": [{"name": FIRST, "claims": CLAIMS, "alpha": document["alpha"]}], "claims": claims}


def _of_one_share(document: dict[str, Any]) -> dict[str, Any]:
    """From version 3 to 4: what rounding was allowed for stood once for all claims, if it stood at all."""
    claims, kept = document.get("claims"), {key: value for key, value in document.items() if key != "rounding"}
    if not isinstance(claims, list) or "rounding" not in document:
        return document
    shares = {"rounding": document["rounding"]}
    return kept | {"claims": [shares | entry if isinstance(entry, dict) else entry for entry in claims]}


def _of_one_interpretation(document: dict[str, Any]) -> dict[str, Any]:
    """From version 4 to 5: no claim had another interpretation beside it, which is what an entry without any says."""
    return document


class ClaimsBoard(Document):
    """The verdicts of one run.

    Attributes:
        command: what was typed to make them.
        quick: whether the quick sizes were run.
        papers: whose claims were run, by name, each with the level of their tests.
        processors: on which the verdicts were seen: each with the settings that choose its kernels.
    """

    noun: ClassVar[str] = "a document of verdicts"
    upgrades: ClassVar[dict[int, Upgrade]] = {
        1: _of_one_processor,
        2: _of_one_paper,
        3: _of_one_share,
        4: _of_one_interpretation,
    }

    schema_version: Literal[5]
    command: str
    quick: bool
    papers: list[PaperEntry]
    environment: dict[str, JsonValue]
    processors: Annotated[list[Name], Field(min_length=1)]
    claims: list[ClaimEntry]

    @model_validator(mode="after")
    def _check(self) -> Self:
        for entry in self.claims:
            if len(entry.seen) != len(self.processors):
                raise ValueError(
                    f"claim {entry.number}: seen on {len(entry.seen)} of {len(self.processors)} processors"
                )
        papers = [paper.name for paper in self.papers]
        if papers != sorted({entry.paper for entry in self.claims}):
            raise ValueError(f"papers {', '.join(papers)} are not those of the claims")
        for before, after in itertools.pairwise(self.claims):
            if (before.paper, before.number) >= (after.paper, after.number):
                raise ValueError(f"claim {self.label(after)} comes after claim {self.label(before)}")
        return self

    def label(self, entry: ClaimEntry) -> str:
        """Return what tells a claim from the others of the document: its number; of several papers, with its paper."""
        return str(entry.number) if len(self.papers) == 1 else f"{entry.paper}/{entry.number}"


def check_rounding(verdict: Verdict | None, within: bool) -> None:
    """Refuse a verdict that is within rounding and yet decided."""
    if within and verdict != "undecided":
        raise ValueError(f"{verdict or 'an error'} is not within rounding of a verdict; only undecided can be")


def claims_board(
    outcomes: Sequence[ClaimResult],
    *,
    quick: bool,
    command: str,
    environment: dict[str, Any],
    processor: str = "unknown",
) -> ClaimsBoard:
    """Return the document of a run's outcomes.

    Arguments:
        outcomes: one a claim, by paper and number.
        quick: whether the quick sizes were run.
        command: what was typed.
        environment: what besides the components could change a number.
        processor: on which it ran, with the settings that choose its kernels.
    """
    papers = {outcome.claim.paper: outcome.among for outcome in outcomes}
    return ClaimsBoard(
        schema_version=5,
        command=command,
        quick=quick,
        papers=[PaperEntry(name=name, claims=among, alpha=level(among)) for name, among in papers.items()],
        environment=environment,
        processors=[processor],
        claims=[_entry(outcome) for outcome in outcomes],
    )


NO_DECISION: dict[str, Any] = {
    "verdict": None,
    "effect": None,
    "statistic": "",
    "seeds": 0,
    "findings": [],
    "note": "",
    "seen": [None],
}
"""What an entry has in the place of a decision."""


def _entry(outcome: ClaimResult) -> ClaimEntry:
    """Return one claim's entry; a decision that breaks the contract becomes an error."""
    if outcome.decision is not None:
        try:
            return _claim(outcome, outcome.decision)
        except ValidationError as error:
            rule = error.errors()[0]["msg"].removeprefix("Value error, ")
            where = ".".join(str(part) for part in error.errors()[0]["loc"])
            return _claim(
                outcome, None, f"rule: the decision breaks its contract: {where}: {rule}".replace(": : ", ": ")
            )
        except Exception as error:  # the decision is a plugin's: what it holds may be anything
            return _claim(outcome, None, f"rule: the decision breaks its contract: {one_line(error)}")
    return _claim(outcome, None, outcome.error)


def _claim(outcome: ClaimResult, decision: Decision | None, error: str = "") -> ClaimEntry:
    claim = outcome.claim
    panels, plot_error = ([], "") if decision is None else _plot(outcome)
    return ClaimEntry(
        paper=claim.paper,
        number=claim.number,
        name=claim.name,
        title=claim.title,
        statement=claim.statement,
        source=claim.source,
        rule=inspect.cleandoc(type(claim).__doc__ or ""),
        error=error,
        seconds=outcome.seconds,
        panels=panels,
        plot_error=plot_error,
        **NO_DECISION if decision is None else _decided(decision) | _beside(decision),
    )


def _beside(decision: Decision) -> dict[str, Any]:
    """Return what an entry of a claim alone has of its decision."""
    near = WITHIN_ROUNDING if decision.within_rounding else ""
    return {
        "note": _line(f"{near} {decision.note}"),
        "seen": [decision.verdict],
        "interpretations": [InterpretationEntry(name=i.name, **_decided(i.decision)) for i in decision.interpretations],
    }


def _decided(decision: Decision) -> dict[str, Any]:
    """Return what the entries of a claim and of an interpretation both have of a decision."""
    return {
        "verdict": decision.verdict,
        "effect": _effect(decision.effect),
        "statistic": _line(decision.statistic),
        "seeds": decision.seeds,
        "findings": [_finding(finding) for finding in decision.findings],
        "target": decision.target,
        "within_rounding": bool(decision.within_rounding),
        "rounding": float(decision.rounding),
    }


def _plot(outcome: ClaimResult) -> tuple[list[PanelEntry], str]:
    """Return a claim's panels, or why it has none."""
    try:
        return [_panel(panel) for panel in outcome.panels], outcome.plot_error
    except ValidationError as error:
        return [], error.errors()[0]["msg"].removeprefix("Value error, ")
    except Exception as error:  # the panels are a plugin's: whatever they hold is no reason to lose the verdict
        return [], one_line(error)


def _line(text: str) -> str:
    """Return a plugin's words in one line."""
    return " ".join(text.split())


def _effect(effect: EffectSize) -> EffectEntry:
    return EffectEntry(name=effect.name, value=float(effect.value), low=_finite(effect.low), high=_finite(effect.high))


def _finding(finding: Finding) -> FindingEntry:
    return FindingEntry(
        target=finding.target,
        verdict=finding.verdict,
        effect=float(finding.effect),
        low=_finite(finding.low),
        high=_finite(finding.high),
        statistic=_line(finding.statistic),
        p_value=float(finding.p_value),
        p_against=float(finding.p_against),
        seeds=int(finding.seeds),
        note=_line(finding.note),
        exact=bool(finding.exact),
        within_rounding=bool(finding.within_rounding),
    )


def _panel(panel: Panel) -> PanelEntry:
    return PanelEntry(
        title=panel.title,
        x_label=panel.x_label,
        y_label=panel.y_label,
        log_x=panel.log_x,
        log_y=panel.log_y,
        series=[_series(series) for series in panel.series],
    )


def _series(series: Series) -> SeriesEntry:
    return SeriesEntry(
        label=series.label,
        x=[_finite(value) for value in series.x],
        y=[_finite(value) for value in series.y],
        low=None if series.low is None else [_finite(value) for value in series.low],
        high=None if series.high is None else [_finite(value) for value in series.high],
        kind=series.kind,
    )


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)
