"""Recommendations in Python: what to use on some data, as `harness recommend` tells it, and the design itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from harness.api.arrays import array_name, data_file
from harness.api.boards import Board, RankedDesign, rank, warn
from harness.errors import HarnessError
from harness.racing.recommend import MINUTES, Question, named_directory
from harness.racing.recommend import recommend as decide
from harness.registry.discovery import load
from harness.running.devices import resolved
from harness.running.executor import PROCESSES
from harness.running.runner import Options
from harness.suites.spaces import DEFAULT

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike

    from harness.results.recommendation import Recommendation
    from harness.trainers import Precision


@dataclass(frozen=True, eq=False)
class Recommended:
    """What to use on some data. Printed, it is the screen of the command line.

    Attributes:
        document: all that it says, as its JSON.
        directory: the result directory.
    """

    document: Recommendation
    directory: Path

    @cached_property
    def board(self) -> Board:
        """Every design that raced, with the seeds that it has."""
        return rank(self.directory)

    @cached_property
    def design(self) -> RankedDesign:
        """The design to take.

        Raises:
            HarnessError: the result directory no longer holds it.
        """
        best = self.document.best
        found = next((each for each in self.board.rows if each.row.called(best.components, best.steps)), None)
        if found is not None:
            return found
        raise HarnessError(
            f"{self.directory} no longer holds the design of its recommendation; "
            f"recommend again: {self.document.command}"
        )

    @property
    def sigmas(self) -> np.ndarray:
        """Its noise levels, as `RankedDesign.sigmas`."""
        return self.design.sigmas

    def sample(self, count: int = 64, *, seed: int | None = None) -> np.ndarray:
        """Draw samples of it, as `RankedDesign.sample`."""
        return self.design.sample(count, seed=seed)

    def export(self, form: str, *, sigma_data: float | None = None) -> str:
        """Return it as the code of another project takes it, as `RankedDesign.export`."""
        return self.design.export(form, sigma_data=sigma_data)

    def __str__(self) -> str:
        from harness.views.recommendations import recommendation_text

        return recommendation_text(self.document, None)

    def __repr__(self) -> str:
        return f"Recommended({self.document.data!r}, {self.directory})"


def recommend(
    data: ArrayLike | Path | str,
    *,
    network: str | Sequence[str] = (),
    minutes: float = MINUTES,
    nfe: int | None = None,
    train_steps: int | None = None,
    metric: str | None = None,
    seeds: int | None = None,
    first_seed: int = 0,
    space: str | Path = DEFAULT,
    out: Path | str | None = None,
    workers: int | None = None,
    executor: str = PROCESSES,
    device: str = "cpu",
    precision: Precision | None = None,
    progress: bool | None = None,
) -> Recommended:
    """Say what to use on some data; what is done already is not done again.

    Arguments:
        data: a file or folder that target `file` reads, a target as `digits`, or an array as of `harness.run`.
        network: trained in place of the space's, one or several.
        minutes: no round begins that would not end by then.
        nfe: evaluations of the network a sample; None: the space's, as of the next three.
        train_steps: length of each training.
        metric: what decides.
        seeds: most seeds of a design.
        first_seed: of these, which follow it; a second race with others shares nothing with the first.
        space: what to choose from: a space that ships, or the path of a TOML file.
        out: the result directory; None: `runs/recommend-DATA`, of an array
            `runs/recommend-array-` with eight digits that its content makes.
        workers: worker processes; None: one a core.
        executor: where the work is done.
        device: where networks are trained and evaluated: `cpu`, `cuda` or `auto`.
        precision: of networks; None: each trainer's own.
        progress: whether to show a bar; None: on a terminal, and elsewhere a line a minute.

    Raises:
        HarnessError: the data, a choice or the directory cannot be used; one line says what would be right.
    """
    name = str(data) if isinstance(data, (str, Path)) else array_name(data)
    directory = named_directory(name) if out is None else Path(out)
    question = Question(
        name if isinstance(data, (str, Path)) else str(data_file(data, directory)),
        (network,) if isinstance(network, str) else tuple(network),
        minutes,
        nfe,
        train_steps,
        metric,
        seeds,
        str(space),
        first_seed=first_seed,
        device=resolved(device),
        precision=precision,
    )
    options = Options(workers, progress=progress, command="harness.recommend", warn=warn, executor=executor)
    return Recommended(decide(question, load(), directory, options), directory)
