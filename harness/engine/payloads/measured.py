"""The payloads of what is measured: that of a metric, on generated or held-out samples, and that of a bound."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any, TypeVar

import numpy as np

from harness.errors import ContractError, NotApplicable
from harness.metrics import Measurement

GROUPS_ROUNDING = 1e-9
"""What the mean of groups may be off the value, relative to the largest group."""


Said = TypeVar("Said")


def said(measure: Callable[[], Said | NotApplicable]) -> Said | NotApplicable:
    """Return what a metric or a bound says, also where it raises that it does not apply."""
    try:
        return measure()
    except NotApplicable as reason:
        return reason


def measurement_to_json(result: Measurement | NotApplicable) -> dict[str, Any]:
    """Return what a metric, or a bound with its error, said as JSON values.

    Raises:
        ContractError: it is no measurement, one of its numbers is not finite, or its groups do not average to its
            value.
    """
    if isinstance(result, NotApplicable):
        return {"not_applicable": result.reason}
    if not isinstance(result, Measurement):
        raise ContractError(f"returned {type(result).__name__}; it must be a harness.metrics.Measurement")
    numbers = (result.value, result.standard_error, result.bias)
    if not all(np.isfinite(numbers)):
        raise ContractError(f"returned {numbers}; value, standard error and bias must be finite")
    freedom = float(result.freedom) if np.isfinite(result.freedom) else None
    names = ("value", "standard_error", "bias")
    kept = {**dict(zip(names, map(float, numbers), strict=True)), "freedom": freedom, "shared": result.shared}
    return {**kept, "groups": _checked_groups(result)} if result.groups else kept


def _checked_groups(result: Measurement) -> list[float]:
    groups = [float(mean) for mean in result.groups]
    mean, size = float(np.mean(groups)), max(map(abs, groups))
    if len(groups) < 2 or not np.isfinite(groups).all() or abs(mean - result.value) > GROUPS_ROUNDING * size:
        told = f"{len(groups)} groups of mean {mean:g} for the value {result.value:g}"
        raise ContractError(f"returned {told}; there must be 2 or more, all finite, and their mean the value")
    return groups


def measurement_from_json(payload: Mapping[str, Any]) -> Measurement | None:
    """Return what a metric said; None where it does not apply.

    Raises:
        KeyError: a field is missing.
    """
    if "value" not in payload:
        return None
    freedom = math.inf if payload["freedom"] is None else payload["freedom"]
    numbers = (payload["value"], payload["standard_error"], payload["bias"], freedom, payload["shared"])
    # Where there are none, as in records older than groups, nothing is written.
    return Measurement(*numbers, groups=tuple(payload.get("groups", ())))


def check_bound(value: object) -> float:
    """Return the value of a bound that applies.

    Raises:
        ContractError: it is no finite number.
    """
    if not isinstance(value, Real) or isinstance(value, bool) or not math.isfinite(value):
        raise ContractError(f"returned {value!r}; a bound must be a finite number")
    return float(value)


def bound_from_json(payload: Mapping[str, Any]) -> Measurement | None:
    """Return what a bound said, in its unit; None where it does not apply.

    Records that hold the value alone were made before bounds had an error of their own: it is not known, and is 0.
    """
    if "value" not in payload:
        return None
    return measurement_from_json({"standard_error": 0.0, "bias": 0.0, "freedom": None, "shared": True} | dict(payload))
