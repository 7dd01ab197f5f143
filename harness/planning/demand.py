"""Demand: of which trained networks anything asks for the score error.

It costs as much as sampling, and what no bound, no path divergence and no grid asks for is not measured. A path
divergence asks for that of all networks of its family, one architecture on one target: its split compares them
(`harness.results.score_split`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from harness.samplers import GaussianKernelSampler

if TYPE_CHECKING:
    from harness.planning.keys import Keys
    from harness.suites.combinations import Combination


class Demand:
    """What the combinations of a suite ask for.

    Arguments:
        keys: of the suite.
        combinations: all of its rows.
        everything: whether whoever reads its results asks for all, or a bound may.
    """

    def __init__(self, keys: Keys, combinations: Iterable[Combination], *, everything: bool) -> None:
        self._keys, self._everything = keys, everything
        asking = (c for c in combinations if isinstance(c.sampler, GaussianKernelSampler) or c.grid_follows_network)
        self._families = frozenset() if everything else frozenset(map(self._family, asking))

    def _family(self, c: Combination) -> tuple[str, str]:
        return self._keys.of(c.target), self._keys.of(c.network)

    def of(self, c: Combination) -> bool:
        """Whether the score error of a combination's network is asked for; an oracle has its own."""
        return c.weighting is not None and (self._everything or self._family(c) in self._families)
