"""Claims: statements of a paper, each with the experiment and the rule that decide it.

`harness_claims.claim` has the contract, `harness_claims.verdicts` and `harness_claims.readings` what rules share; the
rest serves the command `harness claims`.
"""

from __future__ import annotations

from harness import hookimpl
from harness.axes import Axis


@hookimpl
def harness_axes() -> list[Axis]:
    """Register the axis of claims."""
    return [Axis("claim", "harness_claims.claim:Claim")]
