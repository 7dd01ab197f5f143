"""Remarks: what a paper says in passing, without an experiment."""

from __future__ import annotations

from typing import ClassVar

from harness.components import Component
from harness.errors import ContractError


class Remark(Component):
    """A sentence of a paper; a subclass gives its `text`."""

    axis: ClassVar[str] = "remark"
    makes_results: ClassVar[bool] = False
    text: ClassVar[str] = ""

    @classmethod
    def check_class(cls) -> None:
        """Refuse a remark that says nothing.

        Raises:
            ContractError: it has no text.
        """
        if not cls.text:
            raise ContractError("has no text; a remark says something")

    @classmethod
    def explanation(cls) -> str:
        """Return the sentence."""
        return f"“{cls.text}”"


class GridsMatter(Remark):
    """A remark on grids."""

    name: ClassVar[str] = "grids-matter"
    source: ClassVar[str] = "Second et al. 2025, section 5"
    text: ClassVar[str] = "Few things matter as much as the grid."
