"""Coordinates: how a scheduler scales its points, and what its network predicts, in terms of x and D at σ.

A scheduler's points are z = scale(σ) x with x = X_0 + σξ. With α = 1/√(1 + σ²) the prediction of a network is

    epsilon        ε = (x − D)/σ
    v_prediction   v = α(ε − σD), of z = αx or of x alike
    sample         D
    velocity       ε − D, of z = x/(1 + σ)
    edm            F of D = c_skip x + c_out F, c_skip = c²/(σ² + c²), c_out = σc/√(σ² + c²), c = ½
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

if TYPE_CHECKING:
    from torch import Tensor

Coordinates = Literal["exploding", "preserving", "flow"]
"""z = x; z = x/√(1 + σ²); z = x/(1 + σ)."""

Prediction = Literal["epsilon", "v_prediction", "sample", "velocity", "edm"]

_CHOICE = Field(description="what the network predicts")
NoiseOrVelocity = Annotated[Literal["epsilon", "v_prediction"], _CHOICE]
"""The parameter `prediction` of a scheduler that takes two."""

NoiseVelocityOrSample = Annotated[Literal["epsilon", "v_prediction", "sample"], _CHOICE]
"""The parameter `prediction` of a scheduler that takes three."""

SIGMA_DATA = 0.5
"""c of `edm`: the library's own; what a scheduler makes of F is D again, whatever c."""


def scale(coordinates: Coordinates, sigma: float) -> float:
    """Return z/x at a level."""
    match coordinates:
        case "exploding":
            return 1.0
        case "preserving":
            return 1 / math.sqrt(1 + sigma**2)
        case "flow":
            return 1 / (1 + sigma)


def predicted(prediction: Prediction, x: Tensor, denoised: Tensor, sigma: float) -> Tensor:
    """Return what a network predicts that denoises x to `denoised`, both of shape (n, d)."""
    noise = (x - denoised) / sigma
    match prediction:
        case "epsilon":
            return noise
        case "v_prediction":
            return (noise - sigma * denoised) / math.sqrt(1 + sigma**2)
        case "sample":
            return denoised
        case "velocity":
            return noise - denoised
        case "edm":
            total = sigma**2 + SIGMA_DATA**2
            return (denoised - SIGMA_DATA**2 / total * x) * (math.sqrt(total) / (sigma * SIGMA_DATA))
