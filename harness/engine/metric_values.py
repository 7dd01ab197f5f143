"""Metric values: draw the points that metrics compare with, and check and store what metrics return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from harness.engine.random_streams import seed_from
from harness.errors import ContractError
from harness.metrics import Measurement, NotApplicable

if TYPE_CHECKING:
    from torch import Tensor

    from harness.targets import Distribution


def reference_sample(law: Distribution, count: int, sigma_min: float, seed: int, part: int) -> Tensor:
    """Return held-out points noised to σ_min, shape (≤ count, d): the same for all combinations of a seed."""
    generator = torch.Generator().manual_seed(seed_from("reference", seed, part))
    clean = law.held_out(count, generator, part)
    noise = torch.randn(clean.shape, generator=generator, dtype=clean.dtype)
    return clean + sigma_min * noise


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
