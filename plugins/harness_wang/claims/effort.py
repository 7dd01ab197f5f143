"""Claim 13: how to divide a total of network evaluations between training and sampling.

More training lowers E_S, more steps lower E_D: at a fixed total each is paid for by the other.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from harness.claims import Claim, ClaimError, Decision, Evidence, Experiments, Panel, Series
from harness.verdicts import Test, decision, every, some, t_test
from harness_wang.claims import setting

if TYPE_CHECKING:
    import numpy as np

    from harness.claims import Result

SHARES = (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98)
"""Shares of the total that training takes."""

SAMPLES = 1000


class EffortTradesOff(Claim):
    """The best division of a fixed total of network evaluations against the two extreme ones.

    The total is divided between training (EDM's weighting, the MLP) and sampling (exponential grid), training taking
    2 % to 98 % of it, and the error is the path divergence E_I + E_S + E_D: exact arithmetic, which every target has.
    y(s) is its logarithm with seed s, paired over the divisions by seeds.

    For the claim, on each target: some division between the extremes is better than both of them (for each the
    larger p of the two tests by Student's t over seeds; the least of these times the number of divisions between).
    Against: some extreme is better than every division between (for each extreme the largest p; twice the smaller).
    α = 0.05/13. Supported: on every target an optimum lies between. Contradicted: on some target one should put
    everything into one of the two. Undecided: neither. The effect is the error of the better extreme over that
    of the best division between (above 1: the division pays). The best share is in the notes. Where several totals
    are run, the rule is applied to the largest, and the others are shown.
    """

    name: ClassVar[str] = "effort-trades-off"
    number: ClassVar[int] = 13
    title: ClassVar[str] = "training and sampling effort trade off"
    statement: ClassVar[str] = (
        "At a fixed total of network evaluations the best division between training and sampling lies between the"
        " extremes."
    )
    source: ClassVar[str] = "Wang, He, Tao, arXiv 2406.12839, section 1 and Corollary 1 (full error)"

    def experiments(self, quick: bool) -> Experiments:
        """One suite: a total, divided in seven ways."""
        section = setting.training()
        del section["steps"]  # they follow from the division
        return Experiments(
            suites={
                "divisions": setting.suite(
                    networks=[setting.MLP],
                    weightings=["edm"],
                    seeds=setting.seeds(quick),
                    training=section,
                    compute={"evaluations": [TOTAL] if quick else [TOTAL, 4 * TOTAL], "training_shares": list(SHARES)},
                    sampling={"samples": SAMPLES},
                )
            }
        )
