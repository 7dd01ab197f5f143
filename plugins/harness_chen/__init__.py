"""The convergence bound of Chen, Lee, Lu, arXiv 2211.01916 (ICML 2023).

"Improved analysis of score-based generative modeling: user-friendly bounds under minimal smoothness
assumptions", Theorem 2: for any law with a second moment, quadratic in the dimension.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.bounds import Bound


@hookimpl
def harness_bounds() -> list[type[Bound]]:
    """Offer the bound."""
    from harness_chen.bounds import ChenLeeLu

    return [ChenLeeLu]
