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
        spread: root mean square distance of the samples from the mean of p_δ, over that of p_δ itself; None in records
            made before it was measured.
    """

    nfe: int
    budget: Mapping[str, float] | None
    spread: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        known = {} if self.spread is None else {"spread": self.spread}
        return {"nfe": self.nfe, "budget": None if self.budget is None else dict(self.budget), **known}

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> Self:
        """Rebuild what `to_json` gave, bit for bit.

        Raises:
            KeyError: a field is missing.
        """
        return cls(payload["nfe"], payload["budget"], payload.get("spread"))
