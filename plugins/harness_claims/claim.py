"""Claims: statements of a paper that an experiment can decide.

A claim says what it needs to see (`experiments`) and how it is decided (`decide`). Its docstring is the decision
rule: the null hypothesis, the test, its level, the targets, and what counts as supported, contradicted and undecided.
The rule is fixed before the runs that decide: `decide` is arithmetic on the evidence, reads nothing else and draws no
random numbers. Tests and verdicts that all claims share are in `harness_claims.verdicts`.
"""

from __future__ import annotations

import inspect
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from harness.components import NAME, Component
from harness.errors import ContractError, HarnessError
from harness.trainers import GradientDescent, Recording, TrajectoryRequest

if TYPE_CHECKING:
    import numpy as np

    from harness.information import Information, ScoreError
    from harness.properties import Property
    from harness.trajectories import Trajectory


__all__ = [
    "Claim",
    "ClaimError",
    "Decision",
    "EffectSize",
    "Evidence",
    "Experiments",
    "Finding",
    "GradientDescent",
    "Interpretation",
    "Panel",
    "Recording",
    "Result",
    "Series",
    "TrajectoryRequest",
    "Verdict",
]

Verdict = Literal["supported", "contradicted", "undecided"]
"""What an experiment says of a claim."""


class ClaimError(HarnessError):
    """Evidence that cannot be judged, an experiment that failed, or a claim that does not exist."""


@dataclass(frozen=True)
class Experiments:
    """What a claim needs to see.

    Attributes:
        suites: suites to run, by a name that the claim chooses; each is what a suite file would hold (`name` may
            be left out).
        descents: trainings to record, by a name that the claim chooses; each is one target, network and weighting
            with several seeds.
    """

    suites: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    descents: Mapping[str, TrajectoryRequest] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """One combination of a suite, measured with S seeds.

    Attributes:
        labels: the component on each axis (`target`, `weighting`, `noise_schedule`, `time_discretization`,
            `network`, `sampler`, and any further axis of suites): its label. The weighting is `none` for an oracle.
        steps: sampling steps.
        train_steps: training steps; 0 for an oracle.
        sigma_max: the level where sampling starts.
        sigma_min: the level where it ends.
        seeds: the seeds, shape (S,).
        sigmas: the grid's levels, shape (N+1,), decreasing.
        nfe: evaluations of the network a sample.
        metrics: by label, the value of each seed, shape (S,); NaN where a metric does not apply.
        errors: by the metric's label, the measurement's own standard errors, shape (S,).
        bounds: by label, the value of each seed, shape (S,); NaN where a bound does not apply.
        budget: the terms of the path divergence (`initialization`, `score`, `discretization`, `variance`, `total`),
            each shape (S,); empty where there is none.
        score_errors: e(σ) of each seed's network.
    """

    labels: Mapping[str, str]
    steps: int
    train_steps: int
    sigma_max: float
    sigma_min: float
    seeds: tuple[int, ...]
    sigmas: np.ndarray
    nfe: int
    metrics: Mapping[str, np.ndarray]
    errors: Mapping[str, np.ndarray] = field(default_factory=dict)
    bounds: Mapping[str, np.ndarray] = field(default_factory=dict)
    budget: Mapping[str, np.ndarray] = field(default_factory=dict)
    score_errors: Sequence[ScoreError] = ()

    @property
    def target(self) -> str:
        """Label of the target."""
        return self.labels["target"]


@dataclass(frozen=True)
class Evidence:
    """What the experiments of one claim gave; every combination and every run of it has finished.

    Attributes:
        alpha: level of the claim's tests: 5 % divided among the claims of its paper.
        results: by the name of the suite.
        trajectories: by the name of the descent: one for each of its seeds, in their order.
        information: J(u) and M(u) of each target of the suites, by its label, over the range of its first suite.
    """

    results: Mapping[str, Sequence[Result]] = field(default_factory=dict)
    trajectories: Mapping[str, Sequence[Trajectory]] = field(default_factory=dict)
    information: Mapping[str, Information] = field(default_factory=dict)
    alpha: float = 0.05


@dataclass(frozen=True)
class Finding:
    """What one target says.

    Attributes:
        target: its label.
        verdict: by this target alone.
        effect: the claim's effect on this target; `low` and `high` are its limits, None where nothing is known.
        statistic: the decisive statistic, with its value, as a reader wants it.
        p_value: of the one-sided test for the claim.
        p_against: of the one-sided test against it.
        seeds: number of independent units: seeds, unless the claim's rule says otherwise; 1 where the result is
            arithmetic without randomness.
        note: what else a reader should know of this target, in one line.
        exact: whether the result is arithmetic without randomness, so that its p-values say nothing.
        within_rounding: whether it is undecided only since another processor's rounding could take a verdict away.
    """

    target: str
    verdict: Verdict
    effect: float
    low: float | None
    high: float | None
    statistic: str
    p_value: float
    p_against: float
    seeds: int
    note: str = ""
    exact: bool = False
    within_rounding: bool = False


@dataclass(frozen=True)
class EffectSize:
    """The size of what was found: its name with its unit, its value and limits."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Decision:
    """What became of a claim.

    Attributes:
        verdict: over all targets.
        effect: the size of what was found, on the target that decides.
        statistic: the decisive statistic, with its value, as a reader wants it.
        seeds: number of independent units on the target that decides.
        findings: one for each target.
        note: what the verdict does and does not mean, in one plain sentence; it stands below the claim everywhere.
        target: the one that decides; empty where none does alone.
        within_rounding: whether it is undecided only since another processor's rounding could take a verdict away.
        rounding: share of the variance over units that is rounding, as the rule allows for.
        interpretations: other interpretations of the claim, decided by themselves; they take no part in the verdict.
    """

    verdict: Verdict
    effect: EffectSize
    statistic: str
    seeds: int
    findings: tuple[Finding, ...]
    note: str = ""
    target: str = ""
    within_rounding: bool = False
    rounding: float = 0.0
    interpretations: tuple[Interpretation, ...] = ()


@dataclass(frozen=True)
class Interpretation:
    """What a claim may also be taken to say, decided beside it by a rule of its own, at the level of the claim.

    Attributes:
        name: what is read, in a few words; no other interpretation of the claim has it.
        decision: what became of it; it has no interpretations itself.
    """

    name: str
    decision: Decision


@dataclass(frozen=True)
class Series:
    """One line or set of points of a panel.

    Attributes:
        label: its name in the legend; the same name has the same colour in all panels.
        x: shape (K,); `y` likewise.
        low: lower limits of y, shape (K,); None where there are none. `high` likewise.
        kind: how it is drawn: `line`, `points`, or `guide` (a thin line in ink, for what theory says).
    """

    label: str
    x: Sequence[float]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    kind: Literal["line", "points", "guide"] = "line"


@dataclass(frozen=True)
class Panel:
    """One pair of axes: data only, the core draws it.

    Attributes:
        title: usually the target's label.
        x_label: what the axis is, with its unit; `y_label` likewise.
        series: what is drawn.
        log_x: whether the axis is logarithmic; `log_y` likewise. What is not positive is then left out, and a line
            breaks there.
    """

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    log_x: bool = False
    log_y: bool = False


class Claim(Component):
    """A statement, the experiment that decides it and the rule by which it does.

    A subclass gives its `paper` (author and year, `wang-2024`), its `number` there, a short `title`, the whole
    `statement` in one sentence and the `source` (paper, section), and its docstring states the decision rule. A claim
    has no parameters: the rule is fixed.
    """

    axis: ClassVar[str] = "claim"
    paper: ClassVar[str]
    number: ClassVar[int]
    title: ClassVar[str]
    statement: ClassVar[str]
    makes_results: ClassVar[bool] = False

    @classmethod
    def check_class(cls) -> None:
        """Refuse a claim without a paper, a number, a title, a statement or a rule.

        Raises:
            ContractError: what is missing.
        """
        paper, number = getattr(cls, "paper", None), getattr(cls, "number", None)
        if not isinstance(paper, str) or not NAME.fullmatch(paper):
            raise ContractError(f"has paper {paper!r}; a claim names it in lower-case words joined by hyphens")
        if isinstance(number, bool) or not isinstance(number, int) or number < 1:
            raise ContractError(f"has number {number!r}; a claim has a whole number from 1")
        for text in ("title", "statement"):
            if not isinstance(getattr(cls, text, None), str) or not getattr(cls, text).strip():
                raise ContractError(f"has no {text}; a claim says what it claims")
        if not (cls.__doc__ or "").strip():
            raise ContractError("has no docstring; a claim states the rule that decides it")

    @classmethod
    def reference(cls) -> str:
        """Return what tells the claim from those of all papers: `wang-2024/8`."""
        return f"{cls.paper}/{cls.number}"

    @classmethod
    def facts(cls) -> dict[str, Any]:
        """Return its paper, its number there, its statement and its rule, which is the whole docstring."""
        said = {"paper": cls.paper, "number": cls.number, "statement": cls.statement}
        return said | {"rule": inspect.cleandoc(cls.__doc__ or "")}

    @classmethod
    def explanation(cls) -> str:
        """Return its statement and its rule."""
        return f"Claim {cls.reference()}. {cls.statement}\n\n{inspect.cleandoc(cls.__doc__ or '')}"

    def own_properties(self, seed: int) -> Sequence[Property]:
        """Return what is measured of a claim: that its experiments can be planned, and are the same each time."""
        from harness_claims.certificates import properties

        return properties(self)

    @abstractmethod
    def experiments(self, quick: bool) -> Experiments:
        """What must be run; `quick` asks for minutes, else for the sizes that a publication needs."""

    @abstractmethod
    def decide(self, evidence: Evidence) -> Decision:
        """Apply the rule: arithmetic on the evidence.

        Raises:
            ClaimError: the evidence cannot be judged; says why.
        """

    @abstractmethod
    def figure(self, evidence: Evidence, decision: Decision) -> tuple[Panel, ...]:
        """What a plot shows: usually a panel a target."""
