"""The paper that the claims of this package are of."""

from __future__ import annotations

from typing import ClassVar

from harness_claims.claim import Claim


class PaperClaim(Claim):
    """A claim of the paper; each of its own gives the rule."""

    paper: ClassVar[str] = "wang-2024"
