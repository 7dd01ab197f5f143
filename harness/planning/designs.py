"""Designs: which combinations are one design under several names.

Two combinations are the same design where every stage receives the same: sampling the same levels, whichever rule and
schedule laid them out (a grid may ignore the schedule), and training the same table of a weighting, whatever the
weighting is called. Nothing is compared that comes out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from harness.components import digest
from harness.weightings import LearnedWeighting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.planning.keys import Keys
    from harness.planning.units import Lookup
    from harness.suites.combinations import Combination

ROUNDING = 1e-9
"""Relative distance within which two levels, or two weights, are the same: two formulas of one thing round apart."""


class Designs:
    """The designs of one suite.

    Arguments:
        keys: of its units.
        averages: how many moving averages its trainings keep.
    """

    def __init__(self, keys: Keys, averages: int = 1) -> None:
        self._keys, self._averages = keys, averages
        self._tables = _Alike()
        self._levels = _Alike()

    def of(self, c: Combination, levels: Sequence[Sequence[float]], seeds: Sequence[int], find: Lookup) -> str | None:
        """Return what is equal for combinations of this suite that are one design; None where it is not known.

        Arguments:
            c: the combination.
            levels: the levels of its grid, for each seed.
            seeds: of the suite.
            find: looks up the records of the groundwork.
        """
        training = self._training(c, seeds, find)
        if training is None:
            return None
        grids = [self._levels.place(np.array(grid)) for grid in levels]
        return digest("design", self._keys.of(c.target), training, self._keys.taken(c, "sampling"), grids)

    def _training(self, c: Combination, seeds: Sequence[int], find: Lookup) -> list[object] | None:
        """Return what stands for the network: an oracle, or what its training receives."""
        if c.weighting is None:
            return [self._keys.of(c.network)]
        tables = [find(key) for key in dict.fromkeys(self._keys.table(c, seed) for seed in seeds)]
        known = [table.payload for table in tables if table is not None and table.ok]
        if len(known) < len(tables):
            return None
        taken = self._keys.taken(c, "training")
        if not isinstance(c.weighting, LearnedWeighting):
            # What follows measurements runs inside the training; of any other its table is all that training sees.
            del taken["weighting"]
        average = [c.ema_decay] if self._averages > 1 else []
        return [taken, c.train_steps, *average, [self._tables.place(_shape(payload)) for payload in known]]


def _shape(payload: dict[str, list[float] | None]) -> np.ndarray:
    """Return density and weight of a table, each without the factor that has no effect; shape (2, K)."""
    density, omega = np.array(payload["density"]), np.array(payload["omega"])
    return np.stack([density / density.max(), omega / omega.max()])


class _Alike:
    """Gives arrays of non-negative numbers a name, the same to those that differ by rounding."""

    def __init__(self) -> None:
        self._found: dict[tuple[object, ...], list[np.ndarray]] = {}

    def place(self, array: np.ndarray) -> list[object]:
        """Return the name of an array."""
        # Only those of one size, to six digits, are held against one another: a suite may have a grid a network.
        size = (*array.shape, f"{array.sum():.6g}")
        alike = self._found.setdefault(size, [])
        for i, other in enumerate(alike):
            if np.allclose(array, other, rtol=ROUNDING, atol=0.0):
                return [*size, i]
        alike.append(array)
        return [*size, len(alike) - 1]
