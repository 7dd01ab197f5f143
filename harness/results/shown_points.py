"""Shown points: held-out rows of the data, and as many samples of a design, as points that a page sets side by side."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from harness.results.document import Name, Part

Points = Annotated[list[list[float]], Field(min_length=1)]
"""A row of coordinates each."""

MOST_AXES = 3
"""Coordinates of a point that are shown."""


class ShownPoints(Part):
    """Real and generated points.

    Attributes:
        axes: the name of each coordinate.
        components: whether coordinates are principal components of the real rows, as the network sees them, and not
            the columns of the data.
        real: held-out rows, in the unit of the data, but for principal components.
        generated: samples of the design, not picked.
    """

    axes: Annotated[list[Name], Field(min_length=1, max_length=MOST_AXES)]
    components: bool
    real: Points
    generated: Points

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name, points in (("real", self.real), ("generated", self.generated)):
            if any(len(point) != len(self.axes) for point in points):
                raise ValueError(f"{name}: each point has {len(self.axes)} coordinates, as there are axes")
        return self
