"""The convergence bound of Benton, De Bortoli, Doucet, Deligiannidis, arXiv 2308.03686 (ICLR 2024).

"Nearly d-linear convergence bounds for diffusion models via stochastic localization", Theorem 1: for any law
with a second moment, linear in the dimension.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.bounds import Bound


@hookimpl
def harness_bounds() -> list[type[Bound]]:
    """Offer the bound."""
    from harness_benton.bounds import Benton

    return [Benton]
