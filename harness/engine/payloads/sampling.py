"""The payload of a sampling: what it cost, and the exact budget of its path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class SamplingPayload:
    """What the record of a sampling holds.

    Attributes:
        nfe: evaluations of the network a sample.
        budget: the path divergence in nats, term by term and in total; None where the path has none.
    """

    nfe: int
    budget: Mapping[str, float] | None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"nfe": self.nfe, "budget": None if self.budget is None else dict(self.budget)}

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> Self:
        """Rebuild what `to_json` gave, bit for bit.

        Raises:
            KeyError: a field is missing.
        """
        return cls(payload["nfe"], payload["budget"])
