"""Oracles: networks that know the answer, the exact budget as a bound, the grid optimal for it, the best start.

Source: Wang, He, Tao, arXiv 2406.12839 (the error budget, here with exact constants: docs/theory.md,
section 2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl

if TYPE_CHECKING:
    from harness.bounds import Bound
    from harness.initial_laws import InitialLaw
    from harness.networks import Network
    from harness.time_discretizations import TimeDiscretization


@hookimpl
def harness_networks() -> list[type[Network]]:
    """Return the oracle networks."""
    from harness_oracles.networks import Exact, Inexact

    return [Exact, Inexact]


@hookimpl
def harness_time_discretizations() -> list[type[TimeDiscretization]]:
    """Return the grids that read the target's Fisher information."""
    from harness_oracles.ancestral_limit import DenoisingGeometry
    from harness_oracles.fisher import Fisher
    from harness_oracles.fisher_limit import FisherLimit

    return [Fisher, FisherLimit, DenoisingGeometry]


@hookimpl
def harness_bounds() -> list[type[Bound]]:
    """Return the exact path divergence as a bound, and a closed one for the ancestral sampler."""
    from harness_oracles.bounds import AncestralTelescope, BudgetBound

    return [BudgetBound, AncestralTelescope]


@hookimpl
def harness_initial_laws() -> list[type[InitialLaw]]:
    """Return the start that has the target's moments."""
    from harness_oracles.initial_laws import MomentMatched

    return [MomentMatched]
