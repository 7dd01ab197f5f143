"""Noise schedules: σ(t), increasing in time t.

Everything else in the harness is written in σ; a schedule matters through the grids that are laid out in its time.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from harness.components import Component

if TYPE_CHECKING:
    from torch import Tensor


class NoiseSchedule(Component):
    """An increasing map from time t ≥ 0 to the noise level σ, with its inverse and derivative."""

    axis: ClassVar[str] = "noise_schedule"

    @abstractmethod
    def sigma(self, t: Tensor) -> Tensor:
        """Noise level at time t, elementwise."""

    @abstractmethod
    def time(self, sigma: Tensor) -> Tensor:
        """Time at which the noise level is σ, elementwise: the inverse of `sigma`."""

    @abstractmethod
    def rate(self, t: Tensor) -> Tensor:
        """Derivative dσ/dt at time t, elementwise."""
