"""Boards: a leaderboard in Python, and its designs, from which samples are drawn and recipes taken home."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.axes import crossed
from harness.errors import HarnessError
from harness.results.labels import labels
from harness.results.read_board import read_document
from harness.results.sections import sections
from harness.results.stored_designs import check_results, chosen_row, chosen_section, stored_design

if TYPE_CHECKING:
    import numpy as np
    import pandas

    from harness.results.leaderboard import Estimate, Leaderboard, Row
    from harness.results.recipes import Recipe
    from harness.results.stored_designs import DrawnSamples, StoredDesign


def warn(line: str) -> None:
    """Tell a line that is no error, as a warning of Python's."""
    warnings.warn(line, stacklevel=4)


def rank(
    directory: Path | str,
    *,
    by: str | Sequence[str] = (),
    suite: str | None = None,
    tell: Callable[[str], None] = warn,
) -> Board:
    """Return the leaderboard of a result directory, as `harness rank` shows it.

    Arguments:
        directory: of a run, also of one that goes on.
        by: the metric that ranks, or several in order of preference; none: the suite's own.
        suite: which of the suites that lie there; None where it is one alone.
        tell: is told what was found damaged, a line each.

    Raises:
        HarnessError: the directory holds no results, or not these; one line says what would be right.
    """
    place = Path(directory)
    check_results(place)
    return Board(read_document(place, [by] if isinstance(by, str) and by else by, tell, suite), place)


@dataclass(frozen=True, eq=False)
class Board:
    """A leaderboard: designs, ranked for each target. Printed, it is the table of the command line.

    Attributes:
        document: all that it holds, as its JSON.
        directory: the result directory.
    """

    document: Leaderboard
    directory: Path

    @property
    def suite(self) -> str:
        """The name of the suite."""
        return self.document.suite

    @cached_property
    def targets(self) -> list[str]:
        """The names of the targets."""
        return [section.target for section in sections(self.document)]

    @cached_property
    def rows(self) -> list[RankedDesign]:
        """All designs, target by target, the best first; what failed or diverged is last."""
        return [RankedDesign(self, row) for section in sections(self.document) for row in section.rows]

    def best(self, target: str | None = None) -> RankedDesign:
        """Return the first of a target's designs; raises as `at`."""
        return self.at(1, target)

    def at(self, rank: int, target: str | None = None) -> RankedDesign:
        """Return the design of a rank.

        Arguments:
            rank: from 1.
            target: its name; None where the board has one target.

        Raises:
            HarnessError: no such target or rank, or the design did not finish.
        """
        return RankedDesign(self, chosen_row(self.document, rank, target))

    def for_target(self, target: str) -> list[RankedDesign]:
        """Return all designs of a target, as `rows` does; raises as `at`."""
        return [RankedDesign(self, row) for row in chosen_section(self.document, target).rows]

    def records(self) -> list[dict[str, Any]]:
        """Return every design as a flat dictionary, from dotted names to numbers and words: the rows of the CSV."""
        from harness.views.tables import board_view

        return [dict(row) for row in board_view(self.document).rows(None)]

    def frame(self) -> pandas.DataFrame:
        """Return the records as a DataFrame.

        Raises:
            HarnessError: pandas is not installed.
        """
        try:
            import pandas
        except ImportError as error:
            raise HarnessError("a DataFrame needs pandas: pip install pandas; records() needs nothing") from error
        return pandas.DataFrame.from_records(self.records())

    def __str__(self) -> str:
        from harness.views.tables import render

        return render(self.document, "table")

    def __repr__(self) -> str:
        return (
            f"Board({self.suite!r}, {len(self.document.rows)} designs on {', '.join(self.targets)}, {self.directory})"
        )


@dataclass(frozen=True, eq=False)
class RankedDesign:
    """One design of a board.

    Attributes:
        board: the board.
        row: its row, with all that was measured.
        data: where the data lie now; None: where the run read them.
    """

    board: Board
    row: Row
    data: Path | None = None

    def reading(self, data: Path | str) -> RankedDesign:
        """Return it with its data, the same to the byte, at another place than that from which the run read them."""
        return replace(self, data=Path(data))

    @property
    def rank(self) -> int:
        """Its place among the designs of its target, from 1."""
        return self.row.rank

    @property
    def ranks(self) -> tuple[int, int]:
        """The least and the largest rank that the uncertainty of the measurements leaves it."""
        return self.row.rank_low, self.row.rank_high

    @property
    def status(self) -> str:
        """`ok`, `diverged`, `not applicable` or `failed`."""
        return self.row.status

    @property
    def reason(self) -> str | None:
        """Why it is not ok."""
        return self.row.reason

    @cached_property
    def components(self) -> Mapping[str, str]:
        """What it takes of each axis, the target among them, as the board calls it."""
        label = labels(self.board.document.rows)
        return {axis: label(axis, self.row.component(axis)) for axis in crossed()}

    @property
    def target(self) -> str:
        """What it was measured on."""
        return self.components["target"]

    @property
    def metrics(self) -> Mapping[str, Estimate]:
        """What was measured, by metric: `value`, and its interval `low` to `high`."""
        return self.row.metrics

    @cached_property
    def metric(self) -> str:
        """What ranks the designs of its target; smaller is better."""
        return self.board.document.ranking(self.row.target).metric

    @property
    def value(self) -> float | None:
        """Of the metric that ranks; None where it has none."""
        found = self.row.metrics.get(self.metric)
        return None if found is None else found.value

    @cached_property
    def stored(self) -> StoredDesign:
        """All that its samples are drawn from; raises as `sample`."""
        from harness.registry.discovery import load

        if not self.row.ok:
            raise HarnessError(f"rank {self.rank} of {self.target} has no samples, {self.status}: {self.reason}")
        return replace(stored_design(self.board.directory, self.row, load(), self.board.suite), data=self.data)

    @cached_property
    def sigmas(self) -> np.ndarray:
        """Its noise levels, shape (N+1,), decreasing, in the unit of the points that the network saw.

        That of a data file, unless it was not standardized, is its own deviation; `recipe` has them in the unit of the
        data. Where each seed has a grid of its own, these are the first seed's. Raises as `sample`.
        """
        import numpy as np

        return np.array(self.stored.job().sigmas)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample: of one point of the data. Raises as `sample`."""
        return self.stored.units().shape

    def sample(self, count: int = 64, *, seed: int | None = None, network_seed: int | None = None) -> np.ndarray:
        """Draw samples; shape (n, *shape), float64, in the units of the data.

        Arguments:
            count: how many.
            seed: of the noise; None: that of the network's seed, whose first samples are those that were measured.
            network_seed: which of the networks, one a seed of the run; None: the first.

        Raises:
            HarnessError: the design did not finish; its network is gone; what it is made of has changed since.
        """
        return self.draw(count, seed=seed, network_seed=network_seed).points

    def draw(
        self, count: int = 64, *, seed: int | None = None, network_seed: int | None = None, device: str = "cpu"
    ) -> DrawnSamples:
        """Draw samples with their labels and the names of their columns; as `sample`.

        Arguments:
            device: where a network is evaluated: `cpu`, `cuda`, or `auto`.
        """
        from harness.running.devices import resolved

        return self.stored.draw(count, seed, network_seed=network_seed, device=resolved(device))

    def recipe(self, *, network_seed: int | None = None) -> Recipe:
        """Return it in plain numbers: levels and training, in the unit of the data; raises as `sample`.

        Arguments:
            network_seed: whose levels, where each seed has a grid of its own; None: the first.
        """
        from harness.results.recipes import recipe

        board = self.board
        return recipe(self.stored, board.suite, self.metric, self.target, network_seed)

    def export(self, form: str, *, sigma_data: float | None = None, network_seed: int | None = None) -> str:
        """Return it as the code of another project takes it, as `harness export` writes it.

        Arguments:
            form: `edm`, `diffusers`, `k-diffusion`, `json` or `python`.
            sigma_data: the deviation that the data have in that code; None: as they are, and for EDM 0.5.
            network_seed: as of `recipe`.

        Raises:
            HarnessError: the format is unknown or cannot hold it. Else as `sample`.
        """
        from harness.views.recipe_exports import export_recipe

        return export_recipe(self.recipe(network_seed=network_seed), form, sigma_data)

    def __repr__(self) -> str:
        value = "" if self.value is None else f", {self.metric} {self.value:.4g}"
        return f"RankedDesign(rank {self.rank} of {self.target}{value})"
