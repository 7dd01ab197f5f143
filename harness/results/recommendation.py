"""The recommendation: what to use on some data, what ties with it, what else would cost, and what is not settled.

A cost is how much worse than the best design another is by the metric: in per cent of it where it is compared by
ratios and all its values are above 0, else in its unit. Its interval holds for all looks of the race and all
alternatives together with 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import Field, JsonValue, model_validator

from harness.quantities import Comparison
from harness.registry.references import Reference
from harness.results.document import Count, Document, DocumentError, Name, Part, Position, Upgrade, WithLimits
from harness.results.leaderboard import Estimate
from harness.results.pictures import SamplePictures
from harness.results.setup import TargetSetup
from harness.results.shown_points import ShownPoints

FILE = "recommendation.json"
"""The name of the document's file."""

LONGEST = 6000.0
"""Minutes from which on what would settle a race is no plan."""

OUT_OF_SEEDS: Final = "out of seeds"
"""How a race ends whose designs have all the seeds that it may give."""

OUT_OF_TIME: Final = "out of time"
"""How a race ends that had no time for a round."""

Standing = Literal["ties", "open", "worse", "dropped", "no value", "not tried"]
"""Of an alternative: known to be within the margin of the best; may be better or worse; worse; dropped as some design
was better, though against the best one its interval reaches below 0; without a value, itself or each training that it
goes with; or no round came to it."""

WITHOUT_COST: tuple[Standing, ...] = ("no value", "not tried")

Level = Annotated[float, Field(gt=0)]


class Cost(WithLimits):
    """How much worse than the best design another is; a limit is null where nothing is known of it."""


class Alternative(Part):
    """Another choice on an axis, with the best of what was tried on all others.

    Attributes:
        cost: null where it gave no value, or was not tried.
        reason: why it gave none, or was not tried; null where there was no time, where it has a cost, and in documents
            up to version 4.
    """

    choice: Name
    standing: Standing
    cost: Cost | None
    seeds: Count
    reason: Name | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.cost is None) != (self.standing in WITHOUT_COST):
            raise ValueError(f"{self.choice}: it has a cost exactly where it has a value")
        return self


class AxisChoice(Part):
    """What to take on one axis, and what else there was, the cheapest first."""

    axis: Name
    choice: Name
    alternatives: list[Alternative]


class RecommendedDesign(Part):
    """A design, with its levels.

    Attributes:
        components: on each axis.
        sigmas: the noise levels, decreasing, in units of the target.
        value: of the metric.
    """

    components: dict[str, Reference]
    steps: Position
    nfe: Count
    train_steps: Count
    sigmas: Annotated[list[Level], Field(min_length=2)]
    value: Estimate


class ComparedDesign(Part):
    """Another design: in what it differs from the best, and what it costs; null where it has no value."""

    differs: dict[str, Name]
    cost: Cost | None
    seeds: Count


LISTED = "all designs"
"""What stands in place of a round, before the first, where there was no time for all designs in that."""


class RoundTold(Part):
    """One round of the race.

    Attributes:
        over: what it was over, or `LISTED`.
        seeds: that each design in it had.
        raced: how many.
        left: how many may be best after it.
        cut: how many of these were left out for lack of time.
    """

    over: Name
    seeds: Position
    raced: Count
    left: Count
    cut: Count


def _with_points(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document of version 2 as one of version 3, which has points, and whole names of what had no choice."""
    best, choices = document.get("best"), document.get("choices")
    components = best.get("components") if isinstance(best, dict) else None
    known = components.items() if isinstance(components, dict) else ()
    raced = {each.get("axis") for each in choices if isinstance(each, dict)} if isinstance(choices, list) else set()
    fixed = {
        axis: part["name"] for axis, part in known if axis not in raced and isinstance(part, dict) and "name" in part
    }
    return {"fixed": fixed, "points": None} | document


def _with_dropped(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document of version 3 as one of version 4.

    That calls worse only what is by its interval, and not tried what no round came to in the time.
    """
    late = document.get("end") == OUT_OF_TIME

    def told(other: Any) -> Any:
        if late and isinstance(other, dict) and other.get("standing") == "no value":
            return other | {"standing": "not tried"}
        cost = other.get("cost") if isinstance(other, dict) and other.get("standing") == "worse" else None
        low = cost.get("low") if isinstance(cost, dict) else math.inf
        reaches = low is None or (isinstance(low, int | float) and low <= 0)
        return other | {"standing": "dropped"} if reaches else other

    def read(axis: Any) -> Any:
        others = axis.get("alternatives") if isinstance(axis, dict) else None
        return axis | {"alternatives": [told(other) for other in others]} if isinstance(others, list) else axis

    choices = document.get("choices")
    return document | {"choices": [read(axis) for axis in choices]} if isinstance(choices, list) else document


def uneven_columns(ratio: float) -> str:
    """Return what is said of data whose deviation is so many times the least of a column."""
    return (
        "give each column a scale of its own first, as the notes on the data say: the deviation of all is "
        f"{ratio:.2g} times the least of a column, and no range of σ suits both"
    )


class Recommendation(Document):
    """What to use on some data.

    Attributes:
        command: that made it.
        data: what was asked about: the name of a file or folder, or a target.
        profile: the target in numbers.
        reasons: why this range of levels, and this start.
        uneven: the deviation of the data over the least of a column, where no range suits both; null where one does,
            and in documents up to version 4.
        evaluations: of the network, a sample may take.
        unit: of the metric.
        margin: of indifference: relative where the metric is compared by ratios.
        perfect: what a perfect generator gets; null where the metric has none.
        fixed: what each axis without a choice has, as it would be typed.
        runner_up: the best of the other designs; null where there is none.
        default: what the field uses.
        settled: whether the race was.
        end: why it ended.
        left: designs that may be best.
        more_minutes: about how many would settle it, at most `LONGEST`; null where it is settled.
        at_most: what this design costs at most against the best of those that may be best, by limits that hold for all
            pairs of them and all looks together, whichever had been chosen. Null where no other may be best, where
            nothing is known, and in documents of version 1.
        seeds: of the designs that are left.
        looks: at the evidence, which share the promise that the best design is dropped in 5 % of races at most.
        minutes: that it took.
        law: of which law it speaks.
        transfer: what may be otherwise elsewhere, a sentence each.
        pictures: samples of the best design, at the places of those of the profile; null where they are no images.
        points: held-out rows and samples of the best design, where they are no images. Null in documents up to
            version 2, and where the design could not be drawn from again.
    """

    noun: ClassVar[str] = "a recommendation"
    upgrades: ClassVar[Mapping[int, Upgrade]] = {
        1: lambda document: {"at_most": None} | document,
        2: _with_points,
        3: _with_dropped,
        4: lambda document: {"uneven": None} | document,
    }

    schema_version: Literal[5]
    command: str
    environment: dict[str, JsonValue]
    data: Name
    profile: TargetSetup
    sigma_min: Level
    sigma_max: Level
    reasons: list[Name]
    uneven: Annotated[float, Field(gt=1)] | None
    evaluations: Position
    metric: Name
    unit: str
    compared_by: Comparison
    margin: Level
    perfect: Estimate | None
    best: RecommendedDesign
    choices: list[AxisChoice]
    fixed: dict[Name, Name]
    runner_up: ComparedDesign | None
    default: ComparedDesign
    settled: bool
    end: Name
    left: Position
    more_minutes: float | None
    at_most: Annotated[float, Field(ge=0)] | None
    seeds: Position
    looks: Position
    rounds: list[RoundTold]
    minutes: Annotated[float, Field(ge=0)]
    law: Name
    transfer: list[Name]
    pictures: SamplePictures | None
    points: ShownPoints | None

    @property
    def uneven_columns(self) -> str | None:
        """What is said where columns need scales of their own before anything is decided; None where they do not."""
        if self.uneven is None:
            return None
        return uneven_columns(self.uneven)

    @property
    def not_tried(self) -> list[tuple[str, str]]:
        """What there was no time for: axis and choice."""
        return [
            (axis, other.choice)
            for axis, other in self._alternatives
            if other.standing == "not tried" and other.reason is None
        ]

    @property
    def without_value(self) -> list[tuple[str, str, str]]:
        """What has no value for another reason than time: axis, choice and reason."""
        return [(axis, other.choice, other.reason) for axis, other in self._alternatives if other.reason is not None]

    @property
    def _alternatives(self) -> list[tuple[str, Alternative]]:
        return [(each.axis, other) for each in self.choices for other in each.alternatives]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.sigma_min >= self.sigma_max:
            raise ValueError(f"sigma_min {self.sigma_min:g} is not below sigma_max {self.sigma_max:g}")
        if self.settled != (self.more_minutes is None):
            raise ValueError("more_minutes tells what would settle it, exactly where it is not settled")
        if self.compared_by == "nothing":
            raise ValueError(f"metric: {self.metric} compares nothing")
        return self


def read_answer(directory: Path) -> Recommendation:
    """Return the recommendation that lies in a directory.

    Raises:
        DocumentError: it is damaged, or of no version that is read; the line ends with what makes it again.
    """
    try:
        return Recommendation.read(directory / FILE)
    except DocumentError as error:
        raise DocumentError(f"{error}; {_again(directory)}") from error


def _again(directory: Path) -> str:
    """Return what makes the recommendation of a directory again: what was typed, where results beside it say so."""
    from harness.results.directory import suites
    from harness.store import MANIFEST, Store, StoreError

    try:
        with closing(Store.read(directory)) as store:
            asked = [(store.meta(f"{MANIFEST}:{name}") or {}).get("command", "") for name in suites(store)]
    except StoreError:
        return "harness publish writes it again from the result directory"
    typed = next((each for each in asked if each.startswith("harness recommend ")), "harness recommend DATA")
    return f"to make it again from the stored trainings: {typed} --out {directory}"
