"""The payloads of what is measured: that of a metric, on generated or held-out samples, and that of a bound."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np

from harness.errors import ContractError
from harness.metrics import Measurement, NotApplicable


def measurement_to_json(result: Measurement | NotApplicable) -> dict[str, Any]:
    """Return what a metric said as JSON values.

    Raises:
        ContractError: one of its numbers is not finite.
    """
    if isinstance(result, NotApplicable):
        return {"not_applicable": result.reason}
    numbers = (result.value, result.standard_error, result.bias)
    if not all(np.isfinite(numbers)):
        raise ContractError(f"returned {numbers}; value, standard error and bias must be finite")
    freedom = float(result.freedom) if np.isfinite(result.freedom) else None
    names = ("value", "standard_error", "bias")
    return {**dict(zip(names, map(float, numbers), strict=True)), "freedom": freedom, "shared": result.shared}


def measurement_from_json(payload: Mapping[str, Any]) -> Measurement | None:
    """Return what a metric said; None where it does not apply.

    Raises:
        KeyError: a field is missing.
    """
    if "value" not in payload:
        return None
    freedom = math.inf if payload["freedom"] is None else payload["freedom"]
    return Measurement(payload["value"], payload["standard_error"], payload["bias"], freedom, payload["shared"])


def bound_to_json(value: float | NotApplicable) -> dict[str, Any]:
    """Return what a bound said as JSON values.

    Raises:
        ContractError: it is no finite number.
    """
    if isinstance(value, NotApplicable):
        return {"not_applicable": value.reason}
    if not isinstance(value, Real) or isinstance(value, bool) or not np.isfinite(value):
        raise ContractError(f"returned {value!r}; a bound must be a finite number")
    return {"value": float(value)}


def bound_from_json(payload: Mapping[str, Any]) -> float | None:
    """Return what a bound said, in its unit; None where it does not apply."""
    value: float | None = payload.get("value")
    return value
