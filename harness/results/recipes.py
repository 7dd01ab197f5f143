"""Recipes: one design of a leaderboard in plain numbers, for training and sampling code elsewhere.

All levels have one unit, whose choice `Recipe.scaled` changes: a σ says nothing without the deviation of the data.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, JsonValue

from harness.axes import design, numbers_of
from harness.errors import HarnessError
from harness.networks import Backbone
from harness.results.document import Count, Document, Name, Part, Position
from harness.results.edm_terms import is_edm, log_normal, weight_scale
from harness.results.leaderboard import Estimate
from harness.weighting_tables import table_from_json
from harness.weightings import LearnedWeighting

SMALLEST, LARGEST = 1e-100, 1e100
"""Between these are the levels of a recipe in any unit: their squares are numbers that a float holds in full."""

if TYPE_CHECKING:
    from harness.data_units import DataUnits
    from harness.engine.jobs import EvaluateSamplesJob
    from harness.initial_laws import Start
    from harness.results.stored_designs import StoredDesign
    from harness.targets import Distribution

Level = Annotated[float, Field(gt=0)]


class RecipeTraining(Part):
    """How the network was trained, in EDM's terms where they can say it.

    Attributes:
        steps: its length.
        method: how.
        settings: of the method, in the unit of the suite.
        sigma_min: the least level of training.
        sigma_max: the largest.
        p_mean: mean of ln σ, before it was cut to these; None where levels are drawn by another law.
        p_std: its standard deviation.
        weight_sigma_data: of the weight 1 + σ²/σ_data²; None where the weight has another form, or is learned.
        learned: whether the weight is learned while the network trains.
        network_sigma_data: of EDM's preconditioning; None where the network has another one.
    """

    steps: Count
    method: Name
    settings: dict[str, JsonValue]
    sigma_min: Level
    sigma_max: Level
    p_mean: float | None
    p_std: Level | None
    weight_sigma_data: Level | None
    learned: bool
    network_sigma_data: Level | None


class Recipe(Document):
    """A design of a leaderboard.

    Attributes:
        suite: the suite of the leaderboard.
        target: what it was trained on.
        rank: its place among the designs of the target; `rank_low` and `rank_high` are the ends of its interval.
        metric: what ranks.
        value: of that metric; None where it does not apply.
        components: the component of each axis of the design, with the parameters that differ from their defaults.
        unit: of all levels, in words; parameters of components are in that of the suite.
        scale: how much of this unit a level is that is 1 in the suite.
        sigma_data: root mean square deviation of a coordinate of the data in that unit.
        dim: the dimension d.
        shape: of a point of the data.
        nfe: evaluations of the network a sample.
        levels: σ_0 > … > σ_N, N + 1 numbers.
        variances: of the noise that each step adds, N numbers; None where its steps are no Gaussian kernels.
        formula: of the sampler's step.
        plain_step: that step as plain Python (`harness.samplers.Sampler.plain_step`); empty where it has none.
        training: None where nothing was trained.
        notes: what else must be known, a sentence each.
    """

    noun: ClassVar[str] = "a recipe"

    schema_version: Literal[1] = 1
    suite: Name
    target: Name
    rank: Position
    rank_low: Position
    rank_high: Position
    metric: Name
    value: Estimate | None
    components: dict[str, str]
    unit: Name
    scale: Level
    sigma_data: Level
    dim: Position
    shape: list[Position]
    nfe: Count
    levels: Annotated[list[Level], Field(min_length=2)]
    variances: list[Level] | None
    formula: str
    plain_step: str
    training: RecipeTraining | None
    notes: list[Name]

    @property
    def steps(self) -> int:
        """The number N of steps."""
        return len(self.levels) - 1

    def scaled(self, factor: float, unit: str) -> Self:
        """Return it with σ in another unit, every level times a factor.

        Arguments:
            factor: how many of the new unit one of the old is.
            unit: the new one in words.

        Raises:
            HarnessError: a factor that is none, or that takes a number beyond what a float holds in full.
        """
        if not 0 < factor < math.inf:
            raise HarnessError(f"{factor:g} is no factor between units; give a positive number")
        sizes = [self.scale, self.sigma_data, *filter(None, self.levels)]
        if not all(SMALLEST <= factor * size <= LARGEST for size in sizes):
            raise HarnessError(
                f"a factor of {factor:g} takes levels out of {SMALLEST:g} to {LARGEST:g}; take a unit nearer the data"
            )
        changed: dict[str, object] = {
            "unit": unit,
            "scale": factor * self.scale,
            "sigma_data": factor * self.sigma_data,
            "levels": [factor * level for level in self.levels],
            "variances": self.variances and [factor**2 * variance for variance in self.variances],
            "training": self.training and _scaled(self.training, factor),
        }
        return self.model_copy(update=changed)

    def for_deviation(self, sigma_data: float) -> Self:
        """Return it for data that are scaled to a deviation; raises as `scaled`."""
        return self.scaled(sigma_data / self.sigma_data, f"the unit of data scaled to a deviation of {sigma_data:g}")


def _scaled(training: RecipeTraining, factor: float) -> RecipeTraining:
    changed: dict[str, float] = {}
    if training.p_mean is not None:
        changed["p_mean"] = training.p_mean + math.log(factor)
    for name in ("sigma_min", "sigma_max", "weight_sigma_data", "network_sigma_data"):
        if (value := getattr(training, name)) is not None:
            changed[name] = factor * value
    return training.model_copy(update=changed)


def _figures(value: float) -> float:
    """Return a number without the rounding of the fit that found it."""
    return float(f"{value:.12g}")


DATA, POINTS = "the unit of the data", "the unit of the points that the network sees"
"""Units of levels: where all coordinates of the data have one, and else."""


def recipe(chosen: StoredDesign, suite: str, metric: str, target: str, network_seed: int | None = None) -> Recipe:
    """Return the recipe of a stored design, its levels in the unit of the data where all coordinates have one.

    Arguments:
        chosen: the design.
        suite: of its leaderboard; `metric` is what ranks it, `target` how it calls the target.
        network_seed: whose levels, where each network has its own; None: the first seed's.

    Raises:
        ComponentError: a component is no longer what it was.
        StoreError: something of it is missing.
    """
    from harness.engine.drawing import plain_step_of, step_variances
    from harness.engine.laws import distribution
    from harness.engine.sampling_jobs import start_of

    job, row = chosen.job(network_seed), chosen.row
    law, units, variances = distribution(job.target), chosen.units(network_seed), step_variances(job)
    made = Recipe(
        suite=suite,
        target=target,
        rank=row.rank,
        rank_low=row.rank_low,
        rank_high=row.rank_high,
        metric=metric,
        value=row.metrics.get(metric),
        components={
            axis: part.label() if (part := chosen.components[axis]) is not None else row.component(axis).name
            for axis in design()
        },
        unit=POINTS,
        scale=1.0,
        sigma_data=law.sigma_data,
        dim=law.dim,
        shape=list(units.shape),
        nfe=row.nfe,
        levels=list(job.sigmas),
        variances=None if variances is None else variances.tolist(),
        formula=job.sampler.formula,
        plain_step=plain_step_of(job.sampler),
        training=_training(chosen, job, law),
        notes=list(_notes(chosen, job, units, start_of(job))),
    )
    return made if units.scale is None else made.scaled(units.scale, DATA)


def _training(chosen: StoredDesign, job: EvaluateSamplesJob, law: Distribution) -> RecipeTraining | None:
    setup = chosen.manifest.setup
    if job.weighting is None or setup is None or setup.training is None:
        return None
    table, network = table_from_json(job.weighting), chosen.components["network"]
    drawn, learned = log_normal(table), isinstance(chosen.components["weighting"], LearnedWeighting)
    weight, scale = weight_scale(table), None
    settings = setup.training.params | {n: v for n, v in numbers_of(chosen.row).items() if n in setup.training.params}
    if isinstance(network, Backbone):
        own = network.sigma_data or law.sigma_data
        scale = own if is_edm(network.precondition, own, setup.sigma_min, setup.sigma_max) else None
    return RecipeTraining(
        steps=chosen.row.train_steps,
        method=setup.training.method,
        settings=settings,
        sigma_min=setup.sigma_min,
        sigma_max=setup.sigma_max,
        p_mean=None if drawn is None else _figures(drawn[0]),
        p_std=None if drawn is None else _figures(drawn[1]),
        weight_sigma_data=None if learned or weight is None else _figures(weight),
        learned=learned,
        network_sigma_data=scale,
    )


def _notes(chosen: StoredDesign, job: EvaluateSamplesJob, units: DataUnits, start: Start) -> Iterator[str]:
    """Yield what code elsewhere must know."""
    import torch

    dim = start.dim
    if units.scale is None:
        yield (
            f"Coordinates of the data have units of their own, and levels are those of the standardized points that "
            f"the network sees ({job.target.label()}): standardize in the same way."
        )
    elif bool((units.restore(torch.zeros(1, dim)) != 0).any()):
        yield "The data were shifted by the mean of their training part before: sampling starts around that mean."
    if chosen.planned.own_grids:
        yield f"Each seed of the run has levels of its own; these are those of seed {job.seed}."
    if not start.is_centered(job.sigmas[0]):
        law = chosen.components["initial_law"]
        yield (
            f"Sampling starts from a Gaussian fitted to the data ({'' if law is None else law.label()}), not from "
            "N(0, sigma_0^2): from the latter it is another design."
        )
    yield "The levels end at the least one; what a denoised mean in a last step to 0 would change was not measured."
