"""Grids: the noise levels alone, for a network trained elsewhere, as `harness grid` lays them out."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from harness.api.arrays import FILE, data_file
from harness.errors import HarnessError
from harness.loss_curve import LossCurve
from harness.noise_schedules import NoiseSchedule
from harness.registry.discovery import load
from harness.results.grids import ComparedGrid, Dependence, GridAnswer, GridQuestion, best_grids
from harness.samplers import GaussianKernelSampler
from harness.time_discretizations import TimeDiscretization

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from harness.registry.registry import Registry

RULE, SCHEDULE = "fisher", "edm"
"""The components that lay out the best grid, and tell the time of others."""

REFERENCES = {
    "EDM's (ρ = 7)": "polynomial:rho=7,variable=sigma",
    "geometric": "exponential:variable=sigma",
    "uniform": "polynomial:rho=1,variable=sigma",
}
"""What the best grid is compared with."""

FAMILY = "polynomial:rho={:.6g},variable=sigma"
"""EDM's grids, by their exponent."""

EDM_RANGE = 0.004, 160.0
"""EDM's σ_min and σ_max, 0.002 and 80 at σ_data = 0.5, in units of σ_data."""

SAMPLER = "exponential-integrator"
"""What visits the levels where nothing else is said."""

STEPS = 18
"""Its number of steps."""

Curve: TypeAlias = "LossCurve | Path | str | Sequence[ArrayLike]"
"""A loss curve: itself, a CSV, or its columns: σ, the loss and perhaps its standard error."""


@dataclass(frozen=True)
class BestGrids:
    """The best levels for each number of steps. Printed, they are the text of the command line.

    Attributes:
        answer: all that is known of them, as their JSON.
        unit_given: whether their unit was asked for: then no export changes it.
    """

    answer: GridAnswer
    unit_given: bool = False

    @property
    def sigmas(self) -> np.ndarray:
        """The levels, shape (N+1,), decreasing, where one number of steps was asked for.

        Raises:
            HarnessError: several were.
        """
        grids = self.answer.grids
        if len(grids) != 1:
            steps = ", ".join(str(each.steps) for each in grids)
            raise HarnessError(f"there are {len(grids)} grids, of {steps} steps; take by_steps[N]")
        return np.array(grids[0].levels)

    @property
    def by_steps(self) -> Mapping[int, np.ndarray]:
        """The levels by number of steps."""
        return {grid.steps: np.array(grid.levels) for grid in self.answer.grids}

    def export(self, form: str) -> str:
        """Return them as the code of another project takes them, as `harness grid --export` writes them.

        Arguments:
            form: `edm`, `diffusers`, `k-diffusion`, `json` or `python`.

        Raises:
            HarnessError: the format is unknown, or holds one grid and there are several.
        """
        from harness.views.grid_exports import EXPORTS, edm_options, in_edms_unit
        from harness.views.grids import grid_python

        forms = {**EXPORTS, "json": GridAnswer.to_json, "python": grid_python}
        if form not in forms:
            raise HarnessError(f"no format {form!r}; known: {', '.join(forms)}")
        converts = forms[form] is edm_options and not self.unit_given
        return forms[form](in_edms_unit(self.answer) if converts else self.answer)

    def __str__(self) -> str:
        from harness.views.grids import grid_text

        return grid_text(self.answer, None)


def grid(
    *,
    loss_curve: Curve | None = None,
    data: ArrayLike | Path | str | None = None,
    dim: int | None = None,
    per_coordinate: bool = False,
    sampler: str = SAMPLER,
    steps: int | Sequence[int] = STEPS,
    sigma_max: float | None = None,
    sigma_min: float | None = None,
    errors: Dependence = "any",
    scale: float | None = None,
) -> BestGrids:
    """Lay out the noise levels that are best for a network trained anywhere, from its held-out losses alone.

    Arguments:
        loss_curve: held-out losses ℓ(σ) = E‖x − D(x + σξ, σ)‖², summed over coordinates.
        data: in its place, data of any kind that target `file` reads, an array of rows, or a target of data with its
            parameters (`file:path=mine.csv,standardize=columns`): the curve of an untrained denoiser, on rows held out.
        dim: the number d of coordinates of a point, with `loss_curve`.
        per_coordinate: whether losses and errors are means over the coordinates, not sums.
        sampler: what visits the levels: one with Gaussian steps.
        steps: one number of steps, or several.
        sigma_max: the first level; None: the largest of the curve.
        sigma_min: the last level; None: the least of the curve.
        errors: what errors of different levels have to do with one another: `any`, or `independent`.
        scale: what all levels are multiplied by, from the curve's unit to that of the code they are for; None: 1, and
            an export to EDM of levels from data, whose deviation is known, is in its unit.

    Raises:
        HarnessError: neither or both of curve and data, or one that cannot be used; a sampler without Gaussian steps;
            no range, steps or factor.
    """
    if scale is not None and not 0 < scale < math.inf:
        raise HarnessError(f"scale {scale:g} is no factor; give a positive number")
    registry = load()
    visiting = _sampler(registry, sampler)
    deviation = None
    if loss_curve is not None and data is None:
        curve, law = _curve(loss_curve, dim, per_coordinate), f"that of the held-out points of {_named(loss_curve)}"
    elif data is not None and loss_curve is None:
        if dim is not None or per_coordinate:
            raise HarnessError("dim and per_coordinate say how to read a loss curve; data know them")
        curve, deviation = _of_data(registry, data, sigma_min, sigma_max)
        law = f"that of the rows of {_named(data)}, by those held out; of an untrained denoiser"
    else:
        raise HarnessError("give a loss curve or data, one of the two")
    rule, schedule = _grid(registry, RULE), registry.find("noise_schedule", SCHEDULE)()
    assert isinstance(schedule, NoiseSchedule)
    counts = [steps] if isinstance(steps, int) else list(steps)
    question = GridQuestion(
        curve,
        law,
        visiting,
        counts,
        rule,
        _references(registry),
        schedule,
        sigma_max,
        sigma_min,
        errors,
        deviation,
    )
    return BestGrids(best_grids(question).scaled(1.0 if scale is None else scale), unit_given=scale is not None)


def _sampler(registry: Registry, form: str) -> GaussianKernelSampler:
    """Return the sampler that a form means.

    Raises:
        HarnessError: several, or one that the theory does not cover.
    """
    found = registry.parse("sampler", form)
    if len(found) != 1:
        raise HarnessError(f"sampler {form}: means {len(found)} samplers; give one")
    if isinstance(found[0], GaussianKernelSampler):
        return found[0]
    covered = [name for name, cls in registry.classes("sampler").items() if issubclass(cls, GaussianKernelSampler)]
    raise HarnessError(
        f"sampler {form}: its steps are not Gaussian, so there is no path divergence and the theory of these grids "
        f"does not cover it; covered: {', '.join(covered)}"
    )


def _references(registry: Registry) -> list[ComparedGrid]:
    def family(exponent: float) -> TimeDiscretization:
        return _grid(registry, FAMILY.format(exponent))

    named = [ComparedGrid(than, _grid(registry, form)) for than, form in REFERENCES.items()]
    return [*named, ComparedGrid("EDM's, best ρ", family)]


def _grid(registry: Registry, form: str) -> TimeDiscretization:
    (grid,) = registry.parse("time_discretization", form)
    assert isinstance(grid, TimeDiscretization)
    return grid


def _named(given: object) -> str:
    return (
        str(given) if isinstance(given, (str, Path)) else "the array" if not isinstance(given, LossCurve) else "a curve"
    )


def _curve(given: Curve, dim: int | None, per_coordinate: bool) -> LossCurve:
    """Return a curve.

    Raises:
        HarnessError: nothing says the dimension. LossCurveError: it is malformed.
    """
    if isinstance(given, LossCurve):
        if dim not in (None, given.dim) or per_coordinate:
            raise HarnessError("a LossCurve has its dimension, and sums; leave out dim and per_coordinate")
        return given
    if dim is None:
        raise HarnessError("a loss curve needs dim, the number of coordinates of a point: 3072 of 3×32×32")
    if isinstance(given, (str, Path)):
        return LossCurve.read(given, dim, per_coordinate=per_coordinate)
    try:
        columns = np.array([np.asarray(column, dtype=np.float64) for column in given])
    except (ValueError, TypeError) as error:
        raise HarnessError("columns of a loss curve are arrays of numbers of one length") from error
    if columns.ndim != 2 or len(columns) not in (2, 3):
        raise HarnessError(f"a loss curve has the columns sigma, loss and perhaps error, not shape {columns.shape}")
    columns = columns[:, columns[0].argsort()]
    columns[1:] *= dim if per_coordinate else 1
    return LossCurve(dim, *columns)


def _requested(registry: Registry, data: ArrayLike | Path | str, folder: Path) -> str | dict[str, Any]:
    """Return the target that data mean; levels are in the unit of a file's own numbers unless told otherwise."""
    form = str(data) if isinstance(data, (str, Path)) else ""
    name, _, given = form.partition(":")
    if name not in registry.classes("target") or Path(form).exists():
        return {"name": FILE, "path": str(data_file(data, folder)), "standardize": "none"}
    if name != FILE or "standardize=" in given:
        return form
    return f"{form}{',' if given else ':'}standardize=none"


def _of_data(
    registry: Registry, data: ArrayLike | Path | str, sigma_min: float | None, sigma_max: float | None
) -> tuple[LossCurve, float]:
    """Return the curve of an untrained denoiser of data, and the deviation of a coordinate of these."""
    from harness.mixtures import EmpiricalDistribution
    from harness.smoothed_data import smoothed_losses
    from harness.targets import Target

    with tempfile.TemporaryDirectory() as folder:
        found = registry.parse("target", _requested(registry, data, Path(folder)))
        if len(found) != 1:
            raise HarnessError(f"{_named(data)} means {len(found)} targets; give one")
        (target,) = found
        assert isinstance(target, Target)
        law = target.distribution()
    if not isinstance(law, EmpiricalDistribution):
        raise HarnessError(f"target {target.label()} has no rows to jitter; give data, as {FILE}:path=mine.csv")
    low, high = (law.sigma_data * end for end in EDM_RANGE)
    ends = low if sigma_min is None else sigma_min, high if sigma_max is None else sigma_max
    return smoothed_losses(law, *ends), law.sigma_data
