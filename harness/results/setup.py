"""Setup: what the suite of a leaderboard fixed for every row, and the targets and units behind its numbers."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, JsonValue, model_validator

from harness.results.document import Name, Part, Position
from harness.results.pictures import TargetPictures

Level = Annotated[float, Field(gt=0)]


class TrainingSetup(Part):
    """How every network was trained; how long is told by each row."""

    method: Name
    params: dict[str, JsonValue]


class TargetSetup(Part):
    """A target in numbers, in units of the data; of one that gives seeds splits of their own, those of the first seed.

    Attributes:
        dim: dimension d of a point.
        sigma_data: root mean square deviation of one coordinate from its mean.
        second_moment: m₂² = E‖X_0‖².
        finite: whether it is a finite data set, of which these are the numbers of the training part.
        notes: what a reader of its results must know of the data, of the range of levels, of what metrics fitted to
            the data, and of rows whose network is given labels, a sentence each.
        train: points of the training part of a finite data set; None of any other law, or where it is not known.
        held_out: points that are held out for metrics, and as many again for a perfect generator; likewise.
        pictures: a few of its points; None where they are no images, and in documents up to version 3.
        splits: how many splits of it the seeds have: 1 where all have the same.
        tested: points that samples are compared with for one seed or more, of a finite data set; None of any other
            law, or where it is not known.
    """

    target: Name
    dim: Position
    sigma_data: Annotated[float, Field(ge=0)]
    second_moment: Annotated[float, Field(ge=0)]
    finite: bool
    notes: Annotated[list[str], Field(default_factory=list)]
    train: Position | None
    held_out: Position | None
    pictures: TargetPictures | None
    splits: Position
    tested: Position | None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.splits == 1 and self.tested != self.held_out:
            raise ValueError(f"tested {self.tested} is not held_out {self.held_out}, though all seeds have one split")
        return self


class MetricSetup(Part):
    """A metric and its unit: `1` for a pure number, empty where the metric declares none."""

    metric: Name
    unit: str


class Setup(Part):
    """What a suite fixed for all of its rows.

    Attributes:
        seeds: of training and sampling.
        sigma_min: the level at which sampling ends, in units of the data.
        sigma_max: the largest level of training; where sampling starts is told by each row.
        samples: points that each combination and seed generated.
        training: None where nothing was trained.
        targets: those that could be measured.
        metrics: all that were asked for.
        changed: the parameters that differ from their defaults, by the digest of the component; empty also in documents
            up to version 3.
    """

    seeds: Annotated[list[int], Field(min_length=1)]
    sigma_min: Level
    sigma_max: Level
    samples: Position
    training: TrainingSetup | None
    targets: list[TargetSetup]
    metrics: list[MetricSetup]
    changed: dict[str, list[str]]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.sigma_min >= self.sigma_max:
            raise ValueError(f"sigma_min {self.sigma_min:g} is not below sigma_max {self.sigma_max:g}")
        return self
