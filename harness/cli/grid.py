"""`harness grid`: the noise levels alone, for a network trained elsewhere."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.selection import ComponentType, Integers

if TYPE_CHECKING:
    from harness.loss_curve import LossCurve
    from harness.registry.registry import Registry
    from harness.results.grids import ComparedGrid, Dependence, GridAnswer
    from harness.samplers import GaussianKernelSampler
    from harness.time_discretizations import TimeDiscretization

RULE, SCHEDULE, FILE = "fisher", "edm", "file"
"""The components that lay out the best grid, tell the time of others, and read a file of data."""

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

FORMATS = ("table", "csv", "json", "python")
EXPORTS = ("edm", "diffusers", "k-diffusion", "json", "python")


@click.command("grid")
@click.option(
    "--loss-curve",
    type=click.Path(path_type=Path),
    metavar="CSV",
    help="Columns sigma, loss and, if known, error (a standard error). loss: the mean over held-out points x and noise "
    "of ‖x − D(x + σξ, σ)‖², D the denoised point, summed over the d coordinates and not weighted.",
)
@click.option(
    "--jitter",
    type=click.Path(path_type=Path),
    metavar="DATA",
    help="In its place, data of any kind that target file reads: the curve of an untrained denoiser, on rows held out. "
    "It speaks of the law the rows come from, and of that denoiser: a stand-in until there is a network.",
)
@click.option("--dim", type=click.IntRange(min=1), help="The number d of coordinates of a point, with --loss-curve.")
@click.option("--per-coordinate", is_flag=True, help="Losses and errors are means over the d coordinates, not sums.")
@click.option(
    "--sampler",
    type=ComponentType("sampler"),
    default="exponential-integrator",
    show_default=True,
    help="What visits the levels: one with Gaussian steps.",
)
@click.option("--steps", type=Integers(), default="18", show_default=True, help="Numbers of steps.")
@click.option("--sigma-max", type=float, help="First level; by default the largest of the curve.")
@click.option("--sigma-min", type=float, help="Last level; by default the least of the curve.")
@click.option(
    "--errors",
    type=click.Choice(["any", "independent"]),
    default="any",
    show_default=True,
    help="What errors of different levels have to do with one another: any is right also where the same "
    "points served all of them; independent gives shorter intervals, right where fresh points served each.",
)
@click.option(
    "--scale",
    type=float,
    default=1.0,
    show_default=True,
    help="Multiply all levels, from the curve's unit to that of the code they are for.",
)
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option("--export", type=click.Choice(EXPORTS), help="In place of --format: for the sampler of another project.")
def command(
    loss_curve: Path | None,
    jitter: Path | None,
    dim: int | None,
    per_coordinate: bool,
    sampler: str,
    steps: list[int],
    sigma_max: float | None,
    sigma_min: float | None,
    errors: Dependence,
    scale: float,
    form: str,
    export: str | None,
) -> None:
    """Lay out the noise levels that are best for a network trained anywhere, from its held-out losses alone.

    Says how many nats of path divergence they are ahead of EDM's (ρ = 7), geometric and uniform levels on the same
    range with as many steps, with 95 % intervals. Nothing else of the network or the data need be known.
    """
    from harness.noise_schedules import NoiseSchedule
    from harness.registry.discovery import load
    from harness.results.grids import GridQuestion, best_grids

    if not 0 < scale < math.inf:
        raise click.UsageError(f"--scale {scale:g} is no factor; give a positive number")
    registry = load()
    visiting = _sampler(registry, sampler)
    if loss_curve is not None and jitter is None:
        curve, law = _read(loss_curve, dim, per_coordinate), f"that of the held-out points of {loss_curve}"
    elif jitter is not None and loss_curve is None:
        if dim is not None or per_coordinate:
            raise click.UsageError("--dim and --per-coordinate say how to read --loss-curve; --jitter knows them")
        curve = _of_data(registry, jitter, sigma_min, sigma_max)
        law = f"that of the rows of {jitter}, by those held out; of an untrained denoiser"
    else:
        raise click.UsageError("give one of --loss-curve CSV and --jitter DATA")
    rule, schedule = _grid(registry, RULE), registry.find("noise_schedule", SCHEDULE)()
    assert isinstance(schedule, NoiseSchedule)
    question = GridQuestion(
        curve, law, visiting, steps, rule, _references(registry), schedule, sigma_max, sigma_min, errors
    )
    click.echo(_shown(best_grids(question).scaled(scale), form, export).rstrip("\n"))


def _sampler(registry: Registry, form: str) -> GaussianKernelSampler:
    """Return the sampler that a form means.

    Raises:
        HarnessError: several, or one that the theory does not cover.
    """
    from harness.errors import HarnessError
    from harness.samplers import GaussianKernelSampler

    found = registry.parse("sampler", form)
    if len(found) != 1:
        raise HarnessError(f"--sampler {form}: means {len(found)} samplers; give one")
    if isinstance(found[0], GaussianKernelSampler):
        return found[0]
    covered = [name for name, cls in registry.classes("sampler").items() if issubclass(cls, GaussianKernelSampler)]
    raise HarnessError(
        f"--sampler {form}: its steps are not Gaussian, so there is no path divergence and the theory of these grids "
        f"does not cover it; covered: {', '.join(covered)}"
    )


def _references(registry: Registry) -> list[ComparedGrid]:
    from harness.results.grids import ComparedGrid

    def family(exponent: float) -> TimeDiscretization:
        return _grid(registry, FAMILY.format(exponent))

    named = [ComparedGrid(than, _grid(registry, form)) for than, form in REFERENCES.items()]
    return [*named, ComparedGrid("EDM's, best ρ", family)]


def _grid(registry: Registry, form: str) -> TimeDiscretization:
    from harness.time_discretizations import TimeDiscretization

    (grid,) = registry.parse("time_discretization", form)
    assert isinstance(grid, TimeDiscretization)
    return grid


def _read(path: Path, dim: int | None, per_coordinate: bool) -> LossCurve:
    from harness.loss_curve import LossCurve

    if dim is None:
        raise click.UsageError("--loss-curve needs --dim, the number of coordinates of a point: 3072 of 3×32×32")
    return LossCurve.read(path, dim, per_coordinate=per_coordinate)


def _of_data(registry: Registry, path: Path, sigma_min: float | None, sigma_max: float | None) -> LossCurve:
    from harness.mixtures import EmpiricalDistribution
    from harness.smoothed_data import smoothed_losses
    from harness.targets import Target

    (target,) = registry.parse("target", {"name": FILE, "path": str(path), "standardize": "none"})
    assert isinstance(target, Target)
    law = target.distribution()
    assert isinstance(law, EmpiricalDistribution)
    low, high = (law.sigma_data * end for end in EDM_RANGE)
    return smoothed_losses(law, low if sigma_min is None else sigma_min, high if sigma_max is None else sigma_max)


def _shown(answer: GridAnswer, form: str, export: str | None) -> str:
    from harness.views.grid_exports import EXPORTS as PROJECTS
    from harness.views.grids import grid_csv, grid_python, grid_text
    from harness.views.terminal import terminal_width

    if export in PROJECTS:
        return PROJECTS[export](answer)
    if (chosen := export or form) == "json":
        return answer.to_json()
    if chosen == "table":
        return grid_text(answer, terminal_width())
    return grid_csv(answer) if chosen == "csv" else grid_python(answer)
