"""Columns: what every table is made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A column of text.

    Attributes:
        header: its head.
        cells: one text a row.
        drop_order: of the columns of one table that must fit, the smallest goes first; None stays.
        naming: whether it helps to name the combination.
        noun: whether its head is the noun of its cells where they stand in a phrase: 18 steps.
    """

    header: str
    cells: tuple[str, ...]
    drop_order: int | None = None
    naming: bool = False
    noun: bool = False

    @property
    def left(self) -> bool:
        """Whether it is aligned left: words are, counts and figures are not."""
        return self.naming and not all(cell.isdecimal() for cell in self.cells)

    @property
    def width(self) -> int:
        """Characters of the widest line."""
        return max(len(line) for text in (self.header, *self.cells) for line in text.split("\n"))
