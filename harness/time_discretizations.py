"""Time discretizations: the noise levels σ_0 = σ_max > σ_1 > … > σ_N = σ_min that a sampler of N steps visits."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeVar

from harness.components import Component
from harness.errors import HarnessError

if TYPE_CHECKING:
    from torch import Tensor

    from harness.information import Information, ScoreError
    from harness.noise_schedules import NoiseSchedule
    from harness.samplers import Sampler
    from harness.targets import Distribution

Known = TypeVar("Known")


@dataclass(frozen=True)
class GridRequest:
    """What a grid is asked for.

    Attributes:
        steps: the number N ≥ 2 of steps.
        sigma_min: the last level.
        sigma_max: the first level.
        schedule: the noise schedule in whose time the grid may be laid out.
        information: the target's Fisher information, of a network that is given labels the mean over them of that of
            points that have one; present where the grid declares `needs_information`.
        sampler: the sampler that will visit the levels, present where the grid declares `needs_sampler`.
        score_error: the network's score error e(σ), present where the grid declares `needs_score_error` and it is
            known; it is not for a network whose weighting is made for the grid (`harness.weightings.GridWeighting`).
        law: the target's distribution, of all labels together, present where the grid declares `needs_law`.
        population: J_θ = J − e of the network by its losses on held-out points (`harness.loss_curve`), of the law that
            these come from; present where the grid declares `needs_population`, or the sampler that it reads.
    """

    steps: int
    sigma_min: float
    sigma_max: float
    schedule: NoiseSchedule
    information: Information | None = None
    sampler: Sampler | None = None
    score_error: ScoreError | None = None
    law: Distribution | None = None
    population: Information | None = None

    def fractions(self) -> Tensor:
        """Return 0, 1/N, …, 1 as float64, shape (N+1,)."""
        import torch

        return torch.linspace(0, 1, self.steps + 1, dtype=torch.float64)

    def sigma_range(self) -> tuple[Tensor, Tensor]:
        """Return σ_max and σ_min as float64 scalars."""
        import torch

        return torch.tensor(self.sigma_max, dtype=torch.float64), torch.tensor(self.sigma_min, dtype=torch.float64)

    def time_range(self) -> tuple[Tensor, Tensor]:
        """Return the schedule's times of σ_max and σ_min as float64 scalars."""
        first, last = self.sigma_range()
        return self.schedule.time(first), self.schedule.time(last)

    def information_for(self, rule: TimeDiscretization) -> Information:
        """Return the target's information, which a rule reads.

        Raises:
            HarnessError: the request carries none.
        """
        return _given(self.information, rule, "Fisher information")

    def law_for(self, rule: TimeDiscretization) -> Distribution:
        """Return the target's distribution, which a rule reads; raises as `information_for`."""
        return _given(self.law, rule, "law")

    def population_for(self, rule: TimeDiscretization) -> Information:
        """Return J_θ by held-out losses, which a rule reads; raises as `information_for`."""
        return _given(self.population, rule, "J_θ by held-out losses of the network")


def _given(known: Known | None, rule: TimeDiscretization, what: str) -> Known:
    if known is None:
        raise HarnessError(f"time discretization {rule.name!r} needs the target's {what}; none was given")
    return known


class TimeDiscretization(Component):
    """A rule that lays out N+1 noise levels between σ_max and σ_min."""

    axis: ClassVar[str] = "time_discretization"
    needs_information: ClassVar[bool] = False
    """Whether `levels` reads `request.information` (a curve measured on the target)."""
    needs_sampler: ClassVar[bool] = False
    """Whether `levels` reads `request.sampler`."""
    needs_score_error: ClassVar[bool] = False
    """Whether `levels` reads `request.score_error`: each trained network then has a grid of its own."""
    needs_law: ClassVar[bool] = False
    """Whether `levels` reads `request.law`: it draws points, or denoises them."""

    @property
    def needs_population(self) -> bool:
        """Whether `levels` reads `request.population`: each trained network then has a grid of its own."""
        return False

    @abstractmethod
    def levels(self, request: GridRequest) -> Tensor:
        """Return the grid: shape (N+1,), float64, strictly decreasing from σ_max to σ_min.

        End points may miss σ_max and σ_min by rounding (relative 1e-6): the engine sets them exactly.
        """
