"""The plots of a leaderboard and of its bounds, as files that a page shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.quantities import DATA
from harness.results.bounds import BoundsBoard
from harness.results.bounds_ranking import rank_bounds
from harness.results.leaderboard import Leaderboard
from harness.results.sections import divergence_of, sections
from harness.views import plots
from harness.views.sample_plots import pictures_of, samples

if TYPE_CHECKING:
    from matplotlib.figure import Figure

AGAINST = 3
"""Bounds on the path divergence that a metric is drawn against: the best ones."""

COMPUTE, BUDGETS, EFFECTS, TIGHTNESS = "compute.svg", "budgets.svg", "effects.svg", "tightness.svg"


@dataclass(frozen=True)
class Plot:
    """A plot as a file: its name, and its content as SVG."""

    file: str
    svg: bytes


@dataclass(frozen=True)
class BoardPlots:
    """What is drawn of a leaderboard, or of its bounds; None is what has nothing to show.

    Attributes:
        samples: real images and samples of a target, by its label.
        against: measured metrics against bounds.
        compute: the ranking metric against the evaluations of the network.
        budgets: the terms of the path divergence.
        effects: of each choice.
        tightness: of the bounds.
    """

    samples: dict[str, Plot] = field(default_factory=dict)
    against: tuple[Plot, ...] = ()
    compute: Plot | None = None
    budgets: Plot | None = None
    effects: Plot | None = None
    tightness: Plot | None = None

    @property
    def files(self) -> list[Plot]:
        """Every plot that there is."""
        single = (self.compute, self.budgets, self.effects, self.tightness)
        return [*self.samples.values(), *self.against, *(plot for plot in single if plot is not None)]


def draw_board(board: Leaderboard) -> BoardPlots:
    """Draw a leaderboard.

    Raises:
        DocumentError: matplotlib is missing.
    """
    plots.require_matplotlib()
    competition = rank_bounds(board)
    return BoardPlots(
        _samples(board),
        tuple(_against(board, competition)),
        _plot(COMPUTE, plots.error_against_compute(board)),
        _plot(BUDGETS, plots.budgets(board)),
        _plot(EFFECTS, plots.effects(board)),
        _plot(TIGHTNESS, plots.tightness(competition)),
    )


def draw_bounds(board: BoundsBoard) -> BoardPlots:
    """Draw a leaderboard of bounds.

    Raises:
        DocumentError: matplotlib is missing.
    """
    plots.require_matplotlib()
    return BoardPlots(tightness=_plot(TIGHTNESS, plots.tightness(board)))


def board_files(board: Leaderboard) -> set[str]:
    """Return the names of all plots that a leaderboard may have."""
    metrics = {*board.rank_by, *(metric for row in board.rows for metric in row.metrics)}
    bounds = {bound for row in board.rows for bound in row.bounds}
    against = {_against_file(m, b) for m in metrics for b in bounds}
    return against | set(_samples_files(board).values()) | {COMPUTE, BUDGETS, EFFECTS, TIGHTNESS}


def bounds_files(board: BoundsBoard) -> set[str]:
    """Return the names of all plots that a leaderboard of bounds may have."""
    return {TIGHTNESS}


def _samples(board: Leaderboard) -> dict[str, Plot]:
    drawn = {target: _plot(file, samples(board, target)) for target, file in _samples_files(board).items()}
    return {target: plot for target, plot in drawn.items() if plot is not None}


def _samples_files(board: Leaderboard) -> dict[str, str]:
    """Return the file of the samples of each target that has pictures, by its label."""
    targets = [section.target for section in sections(board) if pictures_of(board, section.target) is not None]
    return {target: f"samples-{i + 1}-{_slug(target)}.svg" for i, target in enumerate(targets)}


def _against(board: Leaderboard, competition: BoundsBoard) -> Iterator[Plot]:
    finished = [row for row in board.rows if row.ok]
    on_paths = {bound for bound, it in board.declared.bounds.items() if it.space == DATA and "path-kl" in it.limits}
    bounds = [s.bound for s in competition.bounds if s.applies and s.bound in on_paths][:AGAINST]
    ranking = list(dict.fromkeys(entry.metric for entry in board.rankings))
    divergence = divergence_of(board.declared, finished, ranking)
    # Bounds limit a divergence: where no ranking metric is one, one that was measured is drawn too.
    for metric in dict.fromkeys([*ranking, *([divergence] if divergence else [])]):
        for bound in bounds:
            plot = _plot(_against_file(metric, bound), plots.error_against_bound(board, bound, metric))
            if plot is not None:
                yield plot


def _plot(file: str, figure: Figure | None) -> Plot | None:
    return None if figure is None else Plot(file, plots.svg(figure))


def _against_file(metric: str, bound: str) -> str:
    return f"{_slug(metric)}-against-{_slug(bound)}.svg"


def _slug(name: str) -> str:
    """Return a name that is safe as part of a file's."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "unnamed"
