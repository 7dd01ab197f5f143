"""The payload of a grid: its noise levels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def to_json(sigmas: np.ndarray) -> dict[str, Any]:
    """Return the levels of a grid, shape (N+1,), decreasing, as JSON values."""
    return {"sigmas": sigmas.tolist()}


def from_json(payload: Mapping[str, Any]) -> list[float]:
    """Return the levels, N+1 numbers, decreasing.

    Raises:
        KeyError: a field is missing.
    """
    return list(payload["sigmas"])
