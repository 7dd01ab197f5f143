"""The convergence bound of Conforti, Durmus, Gentiloni Silveri, arXiv 2308.12240.

"KL convergence guarantees for score diffusion models under minimal data assumptions", Theorem 1: the Fisher
information of the data in place of any smoothness of its score.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.bounds import Bound


@hookimpl
def harness_bounds() -> list[type[Bound]]:
    """Offer the bound."""
    from harness_conforti.bounds import Conforti

    return [Conforti]
