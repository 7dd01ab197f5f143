"""Grids: the best noise levels for a network trained anywhere, and how many nats they are ahead of others.

All follows from a curve of held-out losses (`harness.loss_curve`). A promise is the difference of two path divergences,
linear in the losses: what their errors do to it is exact. For what interpolation does stands what it would do if each
loss were off by as much as its neighbours miss it by, independently; where errors are known, the misses hold them too.
The best grid is chosen by the same curve, which flatters it where errors are large: to second order only, since at its
best a small move changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from harness.errors import HarnessError
from harness.information import NoScoreError
from harness.loss_curve import HeldOutInformation, LossCurve, check_range, grid_divergence
from harness.results.document import Document, Name, Part, Position, check_order
from harness.samplers import GaussianKernelSampler
from harness.time_discretizations import GridRequest, TimeDiscretization

if TYPE_CHECKING:
    from harness.noise_schedules import NoiseSchedule
    from harness.samplers import Sampler

Dependence = Literal["any", "independent"]

WIDTH = NormalDist().inv_cdf(0.975)
"""Standard errors on either side of a 95 % interval."""

EXPONENTS = np.geomspace(0.5, 100, 41)
"""Exponents of a family of grids among which the best is first looked for."""


class Gain(Part):
    """How far the best grid is ahead of another on the same range, with as many steps.

    Attributes:
        than: what the other is called.
        grid: its component.
        exponent: of a grid that is the best of a family; None: it is none.
        nats: difference of the path divergences, the other's less the best one's.
        low: lower end of the interval.
        high: its upper end.
        sampling: half of its 95 % width by the errors of the losses; None where they are not known.
        interpolation: half of its width that stands for the interpolation of the curve.
    """

    than: Name
    grid: Name
    exponent: float | None = None
    nats: float
    low: float
    high: float
    sampling: float | None
    interpolation: float

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        check_order(self.low, self.nats, self.high)
        return self


class LaidOutGrid(Part):
    """The best grid of a number of steps.

    Attributes:
        steps: N.
        levels: σ_0 > … > σ_N, N + 1 numbers.
        variances: of the sampler's kernel in each step, N numbers, in the square of the levels' unit.
        gains: over other grids.
    """

    steps: Position
    levels: list[float]
    variances: list[float]
    gains: list[Gain]


class GridAnswer(Document):
    """The best grids for a loss curve.

    Attributes:
        law: of what law the differences speak.
        sampler: the component that they are for.
        dim: the dimension d.
        sigma_max: the first level.
        sigma_min: the last level.
        curve_levels: number of levels of the curve.
        curve_max: the largest of them.
        curve_min: the least.
        dependence: what the errors of its losses may have to do with one another; None where they are not known.
        notes: what a reader must know, a sentence each.
        grids: one for each number of steps.
        scale: what σ of the curve was multiplied by; all levels here are in the new unit.
        sigma_data: the deviation of a coordinate of the data in that unit; None where only a curve is known.
    """

    noun: ClassVar[str] = "an answer of `harness grid`"

    schema_version: Literal[1] = 1
    law: Name
    sampler: Name
    dim: Position
    sigma_max: float = Field(gt=0)
    sigma_min: float = Field(gt=0)
    curve_levels: Position
    curve_max: float
    curve_min: float
    dependence: Dependence | None
    notes: list[Name]
    grids: list[LaidOutGrid]
    scale: float = Field(1.0, gt=0)
    sigma_data: float | None = Field(None, gt=0)

    def scaled(self, factor: float) -> GridAnswer:
        """Return the answer with σ in another unit: every level times a factor, every variance times its square."""
        grids = [
            grid.model_copy(
                update={
                    "levels": [factor * level for level in grid.levels],
                    "variances": [factor**2 * variance for variance in grid.variances],
                }
            )
            for grid in self.grids
        ]
        ends = ("sigma_max", "sigma_min", "curve_max", "curve_min", "scale", "sigma_data")
        known = {end: value for end in ends if (value := getattr(self, end)) is not None}
        return self.model_copy(update={"grids": grids} | {end: factor * value for end, value in known.items()})


@dataclass(frozen=True)
class ComparedGrid:
    """A grid that the best one is compared with.

    Attributes:
        than: what it is called.
        grid: the component. A function: the family of an exponent, of which the best is taken.
    """

    than: str
    grid: TimeDiscretization | Callable[[float], TimeDiscretization]


@dataclass(frozen=True)
class GridQuestion:
    """What is asked of a loss curve.

    Attributes:
        curve: the held-out losses of the network.
        law: what law the held-out points come from, in words.
        sampler: what will visit the levels; its kernel must be Gaussian.
        steps: numbers N ≥ 2 of steps.
        rule: lays out the best grid, from J_θ as information.
        references: what it is compared with.
        schedule: the time that references which read one are laid out in.
        sigma_max: the first level; None: the largest of the curve.
        sigma_min: the last; None: the least of the curve.
        dependence: of the errors of the curve: `any` makes intervals that hold whatever they have to do with one
            another, as when one set of points served all levels; `independent` trusts that they have nothing.
        sigma_data: the deviation of a coordinate of the data, where the curve is that of an untrained denoiser, made of
            them: its unit needs no check. None: the curve of a network.
    """

    curve: LossCurve
    law: str
    sampler: Sampler
    steps: Sequence[int]
    rule: TimeDiscretization
    references: Sequence[ComparedGrid]
    schedule: NoiseSchedule
    sigma_max: float | None = None
    sigma_min: float | None = None
    dependence: Dependence = "any"
    sigma_data: float | None = None


def best_grids(question: GridQuestion) -> GridAnswer:
    """Return the best grid for each number of steps, and its gains.

    Raises:
        LossCurveError: the range goes beyond the curve.
        HarnessError: a sampler without a Gaussian kernel; no range, or fewer than two steps.
    """
    asked = _Asked.of(question)
    curve = question.curve
    return GridAnswer(
        law=question.law,
        sampler=question.sampler.label(),
        dim=curve.dim,
        sigma_max=asked.sigma_max,
        sigma_min=asked.sigma_min,
        curve_levels=len(curve.sigma),
        curve_max=float(curve.sigma[-1]),
        curve_min=float(curve.sigma[0]),
        dependence=None if curve.error is None else question.dependence,
        notes=list(_notes(asked)),
        grids=[_laid_out(asked, steps) for steps in question.steps],
        sigma_data=question.sigma_data,
    )


@dataclass(frozen=True)
class _Asked:
    """A question found to make sense, with the curves that answer it."""

    question: GridQuestion
    sampler: GaussianKernelSampler
    sigma_max: float
    sigma_min: float
    information: HeldOutInformation

    @classmethod
    def of(cls, question: GridQuestion) -> _Asked:
        curve, sampler = question.curve, question.sampler
        first = float(curve.sigma[-1]) if question.sigma_max is None else question.sigma_max
        last = float(curve.sigma[0]) if question.sigma_min is None else question.sigma_min
        if not isinstance(sampler, GaussianKernelSampler):
            raise HarnessError(
                f"sampler {sampler.label()!r} has no Gaussian kernel, so no path divergence: the theory of these grids "
                "does not cover it; give one whose steps are Gaussian"
            )
        check_range(last, first)
        if any(steps < 2 for steps in question.steps) or not question.steps:
            raise HarnessError(f"steps={','.join(map(str, question.steps))}: a grid has at least 2 steps")
        information = curve.information()
        information.fisher(np.array([first, last]) ** 2)  # refuses what the curve does not cover
        return cls(question, sampler, first, last, information)

    def grid(self, rule: TimeDiscretization, steps: int) -> np.ndarray:
        """Return a rule's levels, shape (N+1,), with the exact ends."""
        information = self.information if rule.needs_information else None
        known = NoScoreError() if rule.needs_score_error else None
        request = GridRequest(
            *(steps, self.sigma_min, self.sigma_max, self.question.schedule, information, self.sampler, known),
            population=self.information,
        )
        levels: np.ndarray = rule.levels(request).numpy().astype(np.float64)
        levels[[0, -1]] = self.sigma_max, self.sigma_min
        return levels

    def variances(self, levels: np.ndarray) -> np.ndarray:
        """Return the sampler's variance of each step, shape (N,), as it is made from the curve."""
        return self.sampler.variances(levels, self.information, NoScoreError())

    def divergence(self, levels: np.ndarray) -> float:
        """Return a grid's path divergence but for the constant, in nats."""
        return float(grid_divergence(levels, self.variances(levels), self.information)[0])


def _laid_out(asked: _Asked, steps: int) -> LaidOutGrid:
    levels = asked.grid(asked.question.rule, steps)
    gains = [_gain(asked, levels, reference) for reference in asked.question.references]
    return LaidOutGrid(steps=steps, levels=levels.tolist(), variances=asked.variances(levels).tolist(), gains=gains)


def _gain(asked: _Asked, best: np.ndarray, reference: ComparedGrid) -> Gain:
    rule, steps, exponent = reference.grid, len(best) - 1, None
    if not isinstance(rule, TimeDiscretization):
        exponent = _best_exponent(asked, rule, steps)
        rule = rule(exponent)
    other = asked.grid(rule, steps)
    curve = asked.question.curve
    nats, missed = _moved(asked, best, other, curve.misses())
    interpolation, sampling = float(np.sqrt((missed**2).sum())), None
    if curve.error is not None:
        sampling = WIDTH * _deviation(_moved(asked, best, other, curve.error)[1], asked.question.dependence)
    half = math.hypot(interpolation, sampling or 0.0)
    return Gain(
        than=reference.than,
        grid=rule.label(),
        exponent=exponent,
        nats=nats,
        low=nats - half,
        high=nats + half,
        sampling=sampling,
        interpolation=interpolation,
    )


def _moved(asked: _Asked, best: np.ndarray, other: np.ndarray, by: np.ndarray) -> tuple[float, np.ndarray]:
    """Return how far the best grid is ahead, in nats, and what raising each loss so far does to that, shape (K,)."""
    information = asked.question.curve.raised(by)
    ends = [grid_divergence(levels, asked.variances(levels), information) for levels in (best, other)]
    gains = ends[1] - ends[0]
    return float(gains[0]), gains[1:] - gains[0]


def _deviation(moved: np.ndarray, dependence: Dependence) -> float:
    """Return the standard error of a difference from what each loss's error does to it.

    The standard error of a sum is at most the sum of the standard errors, whatever terms have to do with one another.
    """
    return float(np.abs(moved).sum() if dependence == "any" else np.sqrt((moved**2).sum()))


def _best_exponent(asked: _Asked, family: Callable[[float], TimeDiscretization], steps: int) -> float:
    """Return the exponent of least path divergence, to three digits."""
    from scipy.optimize import minimize_scalar

    def cost(log_exponent: float) -> float:
        return asked.divergence(asked.grid(family(math.exp(log_exponent)), steps))

    logs = np.log(EXPONENTS)
    place = int(np.argmin([cost(each) for each in logs]))
    ends = logs[max(place - 1, 0)], logs[min(place + 1, len(logs) - 1)]
    found = minimize_scalar(cost, bounds=ends, method="bounded", options={"xatol": 1e-4})
    return float(f"{math.exp(float(found.x)):.3g}")


def _notes(asked: _Asked) -> Iterator[str]:
    """Yield what a reader of the answer must know."""
    curve = asked.question.curve
    harmful = curve.sigma[curve.loss > curve.dim * curve.sigma**2]
    if len(harmful):
        place = f"At {len(harmful)} of {len(curve.sigma)} levels, first at sigma {harmful[0]:.3g},"
        if asked.question.sigma_data is not None:
            yield f"{place} the untrained denoiser is worse than none (d sigma²): it is no guide there."
        else:
            rule = "check that it is summed over coordinates, in the units of sigma"
            yield f"{place} the loss is above d sigma², that of no denoising at all: {rule}."
    if curve.error is None:
        yield "The curve has no errors: intervals hold its interpolation alone."
