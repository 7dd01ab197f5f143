"""The payload of a sampling: what it cost, and the exact budget of its path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from harness.engine.payloads.pictures import SamplePicturesPayload


@dataclass(frozen=True)
class SamplingPayload:
    """What the record of a sampling holds.

    Attributes:
        nfe: evaluations of the network a sample.
        budget: the path divergence in nats, term by term and in total; None where the path has none.
        spread: root mean square distance of the samples from the mean of p_δ, over that of p_δ itself; None in records
            made before it was measured.
        pictures: a few samples; None where they are no images.
        labelled: whether the network is given labels: the budget is then of points and labels together (`Design`).
    """

    nfe: int
    budget: Mapping[str, float] | None
    spread: float | None = None
    pictures: SamplePicturesPayload | None = None
    labelled: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        known: dict[str, Any] = {} if self.spread is None else {"spread": self.spread}
        known |= {} if self.pictures is None else {"pictures": self.pictures.to_json()}
        known |= {"labelled": True} if self.labelled else {}
        return {"nfe": self.nfe, "budget": None if self.budget is None else dict(self.budget), **known}

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> Self:
        """Rebuild what `to_json` gave, bit for bit.

        Raises:
            KeyError: a field is missing.
        """
        pictures = payload.get("pictures")
        known = None if pictures is None else SamplePicturesPayload.from_json(pictures)
        return cls(payload["nfe"], payload["budget"], payload.get("spread"), known, payload.get("labelled", False))
