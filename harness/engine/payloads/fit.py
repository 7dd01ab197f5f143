"""The payload of a metric's fit to a target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True)
class FitPayload:
    """What the record of a fit holds.

    Attributes:
        sha256: digest of the blob of its tensors.
        notes: what a reader of results must know of the fit, a sentence each.
    """

    sha256: str
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"sha256": self.sha256, "notes": list(self.notes)}

    @classmethod
    def from_json(cls, payload: Mapping[str, Any]) -> Self:
        """Rebuild what `to_json` gave.

        Raises:
            KeyError: a field is missing.
        """
        return cls(payload["sha256"], tuple(payload["notes"]))
