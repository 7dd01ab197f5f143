"""The payload of a trained network's held-out losses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from harness.loss_curve import LossCurve


def to_json(curve: LossCurve) -> dict[str, Any]:
    """Return a loss curve as JSON values."""
    return {"dim": curve.dim, "sigma": curve.sigma.tolist(), "loss": curve.loss.tolist()}


def from_json(payload: Mapping[str, Any]) -> LossCurve:
    """Rebuild what `to_json` gave, bit for bit; raises KeyError where a field is missing."""
    return LossCurve(int(payload["dim"]), np.array(payload["sigma"]), np.array(payload["loss"]))
