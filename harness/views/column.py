"""Columns: what every table is made of."""

from __future__ import annotations

from dataclasses import dataclass

FURTHER, EVALUATIONS, OTHER_BOUNDS, BOUND, ESSENTIAL = range(5)
"""What a column is worth: the smaller goes first."""


@dataclass(frozen=True)
class Column:
    """A column of text.

    Attributes:
        header: its head.
        cells: one text a row.
        worth: how long it stays in a table that must fit.
        naming: whether it helps to name the combination.
    """

    header: str
    cells: tuple[str, ...]
    worth: int = ESSENTIAL
    naming: bool = False

    @property
    def left(self) -> bool:
        """Whether it is aligned left: words are, counts and figures are not."""
        return self.naming and not all(cell.isdecimal() for cell in self.cells)

    @property
    def width(self) -> int:
        """Characters of the widest line."""
        return max(len(line) for text in (self.header, *self.cells) for line in text.split("\n"))
