"""Descents: one network trained for its trajectory, as a suite or a plugin asks for it.

`harness.engine.gradient_descent` does it, and `harness.trajectories` is what it records.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from harness.errors import HarnessError


@dataclass(frozen=True)
class Descent:
    """How to train one network and record the way: the paper's gradient descent, or the practical Adam.

    Attributes:
        points: n, the points of the fixed objective; for Adam, the points of each step.
        levels: N, the noise levels of the fixed objective, log-spaced with both ends; for Adam, the cells in which
            the loss is recorded.
        steps: number of updates.
        learning_rate: the step size h, constant; "auto" is `harness.engine.gradient_descent.SAFE`/λ_max of the Hessian
            at the start.
        sigma_min: the lowest noise level.
        sigma_max: the highest.
        record: a step is recorded each `record` updates, besides the first and the last; None: about 50 in all.
        probes: at so many recorded steps, evenly spaced, the loss is measured at perturbed parameters.
        radii: distances of these perturbations, as fractions of ‖θ_0‖ (learned parameters only).
        directions: random directions for each radius; one along −∇L is added.
        precision: of all arithmetic of gradient descent; Adam runs in float32.
        method: which of the two.
        ema_decay: of the moving average that Adam's network is; gradient descent has none.
    """

    points: int
    levels: int
    steps: int
    learning_rate: float | Literal["auto"] = "auto"
    sigma_min: float = 0.05
    sigma_max: float = 20.0
    record: int | None = 1
    probes: int = 0
    radii: tuple[float, ...] = (1e-3, 1e-2, 1e-1)
    directions: int = 4
    precision: Literal["float32", "float64"] = "float64"
    method: Literal["gradient-descent", "adam"] = "gradient-descent"
    ema_decay: float = 0.999

    def __post_init__(self) -> None:
        """Refuse numbers that no training can have.

        Raises:
            HarnessError: one line that names the number and the rule.
        """
        adam = self.method == "adam"
        least = {"points": 1, "levels": 2, "steps": 1, "record": 1, "probes": 0, "directions": 0}
        for name, low in least.items():
            value = getattr(self, name)
            if value is not None and value < low:
                raise HarnessError(f"descent: {name} = {value} is below {low}")
        if not 0 < self.sigma_min < self.sigma_max < math.inf:
            raise HarnessError(f"descent: sigma_min = {self.sigma_min:g}, sigma_max = {self.sigma_max:g} is no range")
        if self.learning_rate == "auto":
            if adam:
                raise HarnessError('descent: learning_rate = "auto" is for gradient descent; give Adam a number')
        elif not 0 < self.learning_rate < math.inf:
            raise HarnessError(f"descent: learning_rate = {self.learning_rate:g} is not positive")
        if adam and self.probes:
            raise HarnessError("descent: probes are for gradient descent; Adam has no fixed loss to perturb")
        if not all(0 < radius < math.inf for radius in self.radii):
            raise HarnessError(f"descent: radii = {list(self.radii)} must be positive")


@dataclass(frozen=True)
class DescentRequest:
    """Networks whose training is wanted for its trajectory: one for each seed, components in short form."""

    target: str
    network: str
    weighting: str
    seeds: tuple[int, ...]
    settings: Descent
