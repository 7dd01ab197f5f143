"""What a second paper adds: remarks, which are an axis of its own, and a claim."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import hookimpl
from harness.axes import Axis

if TYPE_CHECKING:
    from harness_claims.claim import Claim

    from harness_second.remarks import Remark


@hookimpl
def harness_axes() -> list[Axis]:
    """Register the axis of remarks, which is this package's own."""
    return [Axis("remark", "harness_second.remarks:Remark")]


@hookimpl
def harness_remarks() -> list[type[Remark]]:
    """Offer the remarks of the paper."""
    from harness_second.remarks import GridsMatter

    return [GridsMatter]


@hookimpl(optionalhook=True)
def harness_claims() -> list[type[Claim]]:
    """Offer the claim of the paper, on an axis that another package registers."""
    from harness_second.halving import Halving

    return [Halving]
