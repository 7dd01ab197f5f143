"""Outcomes: one combination of the design space with everything that was measured on it."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from harness.axes import crossed, numbers_of, taken_by
from harness.metrics import Measurement
from harness.registry.references import Reference
from harness.results.leaderboard import UNFINISHED, ScoreSplit, Status, Terms
from harness.results.making import Grid
from harness.results.pictures import SamplePictures


@dataclass(frozen=True)
class Outcome:
    """One combination with everything that was measured on it.

    Attributes:
        components: for each axis that combinations cross, the target's first, the component.
        steps: steps of the grid.
        nfe: evaluations of the network a sample; 0 where none was made.
        train_steps: optimisation steps of the network; 0 for an oracle.
        networks: key of the trained network of each seed; empty for an oracle.
        sigma_max: first level of the grid.
        compute: evaluations of the network in training and sampling; None for an oracle.
        training_share: the share of them that training took.
        seeds: the seeds, in the order of the measurements.
        reason: why it failed, diverged or does not apply; None where it did none of it.
        measurements: for each metric one measurement a seed, None where there is no value.
        budget: means over seeds of the terms of the exact budget, where there is one.
        bounds: each bound; None where it does not apply.
        seconds: what each stage took.
        score_split: the score error of a trained network, split.
        bound_highs: the upper limit of each bound that has an error of its own.
        not_applicable: why metrics and bounds have no value here, by label, where they said so.
        diverged: whether samples left the scale of the data.
        applicable: false where a component said that it has no meaning here.
        design: what its stages really receive (`harness.planning.designs`): equal for combinations that are one design
            under several names, which become one row; None where it is not known.
        same_as: its other names, each as the components in which it differs.
        pictures: a few samples of the first seed, where they are images.
        overlaps: by metric, the share of the points that two seeds compare with which they have in common, in the mean;
            0 of a metric that it lacks: what seeds share of that is told by the measurements.
        failures: of each metric that raised an error in a seed, why, and false where that is that it does not apply.
        grid: the noise levels of the first seed; None where they are not known.
        checkpoints: of the trained network of each seed, the digest that the document tells; None where training did
            not end.
        ema_decay: of the moving average that its networks are; None where nothing is trained, or averaged.
    """

    components: Mapping[str, Reference]
    steps: int
    nfe: int
    train_steps: int
    networks: tuple[str, ...]
    sigma_max: float
    compute: int | None
    training_share: float | None
    seeds: tuple[int, ...]
    reason: str | None
    measurements: Mapping[str, Sequence[Measurement | None]]
    budget: Terms | None
    bounds: Mapping[str, float | None]
    seconds: Mapping[str, float]
    score_split: ScoreSplit | None = None
    bound_highs: Mapping[str, float] = field(default_factory=dict)
    not_applicable: Mapping[str, str] = field(default_factory=dict)
    diverged: bool = False
    applicable: bool = True
    design: str | None = None
    same_as: tuple[Mapping[str, Reference], ...] = ()
    pictures: SamplePictures | None = None
    overlaps: Mapping[str, float] = field(default_factory=dict)
    failures: Mapping[str, tuple[str, bool]] = field(default_factory=dict)
    grid: Grid | None = None
    checkpoints: tuple[str | None, ...] = ()
    ema_decay: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the combination was finished, and is ranked."""
        return self.reason is None

    @property
    def status(self) -> Status:
        """What a row says of it."""
        if self.ok:
            return "ok"
        if not self.applicable:
            return "not applicable"
        return "diverged" if self.diverged else "failed"

    @property
    def sampled(self) -> bool:
        """Whether all its samples were drawn and measured."""
        return self.ok or self.diverged

    def ranked_by(self, metric: str) -> Outcome:
        """Return it as one of a target that a metric ranks: it has failed where the metric has."""
        if metric not in self.failures or not (self.sampled or self.reason == UNFINISHED):
            return self
        reason, applicable = self.failures[metric]
        return replace(self, reason=reason, diverged=False, applicable=applicable)

    def contradicting(self, rule: str) -> Outcome:
        """Return it as one that failed because its results contradict one another; `rule` says how."""
        return replace(
            self,
            reason=f"its results contradict one another: {rule}",
            diverged=False,
            applicable=True,
            measurements=dict.fromkeys(self.measurements, ()),
            failures={},
            budget=None,
            score_split=None,
            bounds=dict.fromkeys(self.bounds),
            bound_highs={},
            not_applicable={},
        )

    @property
    def target(self) -> str:
        """Key of the target."""
        return self.components["target"].key

    @property
    def shared_network(self) -> tuple[str, ...]:
        """What is equal exactly for rows that have the same networks, and with them their noise.

        The key of the first trained network: what else a weighting is made for (a grid) takes part in it, and a race
        gives one row more seeds than another. Of an oracle the component.
        """
        return self.networks[:1] or (self.components["network"].key,)

    @property
    def shared_grid(self) -> tuple[Hashable, ...]:
        """What is equal for rows that are sampled at the same noise levels: of what these are made."""
        return (*(self.components[axis].key for axis in taken_by("grid")), self.steps, self.sigma_max)

    def measured(self, metric: str) -> dict[int, Measurement]:
        """Return a metric's finite measurements by seed."""
        found = zip(self.seeds, self.measurements.get(metric, ()), strict=False)
        return {seed: m for seed, m in found if m is not None and math.isfinite(m.value)}

    def sort_key(self) -> tuple[tuple[str, ...], tuple[float, ...]]:
        """Return what orders outcomes whatever order they come in: by name and parameters, then by the numbers."""
        return tuple(self.components[axis].place for axis in crossed()), tuple(
            -1.0 if value is None else value for value in numbers_of(self).values()
        )
