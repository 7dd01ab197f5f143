"""The start of the variance-exploding process: data and their mean count for nothing beside the noise."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.initial_laws import InitialLaw

if TYPE_CHECKING:
    from harness.initial_laws import Start
    from harness.targets import Distribution


class Centered(InitialLaw):
    """Pure noise: the usual start; its initialisation error falls with m₂²/u_0."""

    name: ClassVar[str] = "centered"
    formula: ClassVar[str] = "x_0 ~ N(0, u_0 I)"
    source: ClassVar[str] = "Song et al., arXiv 2011.13456, appendix C; Karras et al., arXiv 2206.00364, algorithm 1"

    def start(self, target: Distribution, sigma: float) -> Start:
        """N(0, σ_0² I)."""
        from harness.initial_laws import Start

        return Start.centered(sigma, target.dim)
