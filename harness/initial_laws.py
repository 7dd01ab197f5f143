"""Initial laws: the Gaussian law that a sampler starts from.

The true chain starts at p_u, the target noised with u = σ_0², which no sampler can draw from. What stands in for it is
a Gaussian, and KL(p_u ‖ start) is the initialisation error E_I.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from harness.components import Component

if TYPE_CHECKING:
    from harness.start import Start
    from harness.targets import Distribution


class InitialLaw(Component):
    """A rule that gives the start for a target and a first noise level."""

    axis: ClassVar[str] = "initial_law"

    @abstractmethod
    def start(self, target: Distribution, sigma: float) -> Start:
        """Return the law of x_0 on the target's space for σ_0 = sigma (u_0 = σ_0²)."""
