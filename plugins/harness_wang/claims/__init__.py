"""The paper's statements as claims: for each the experiment and the rule that decide it.

The paper reports no experiment. Every rule is in the docstring of its class, fixed before the data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.claims import Claim


def offered() -> list[type[Claim]]:
    """Return the claims in the order of their numbers."""
    return []
