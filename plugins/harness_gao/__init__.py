"""A Wasserstein bound for the probability-flow equation of a strongly log-concave law.

Sources: Gao, Zhu, "Convergence analysis for general probability flow ODEs of diffusion models in Wasserstein
distances", arXiv 2401.17958 (contraction, here for the σ-noise process); for the error of one Euler step the
argument of Brosse and Dalalyan, with constants derived here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.bounds import Bound


@hookimpl
def harness_bounds() -> list[type[Bound]]:
    """Offer the bound."""
    from harness_gao.bounds import GaoZhuW2

    return [GaoZhuW2]
