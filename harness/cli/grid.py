"""`harness grid`: the noise levels alone, for a network trained elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.selection import ComponentType, Integers

if TYPE_CHECKING:
    from harness.api.grids import BestGrids
    from harness.results.grids import Dependence

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
    type=click.Path(),
    metavar="DATA",
    help="In its place, data of any kind that target file reads, or a target of data with its parameters, as "
    "file:path=mine.csv,standardize=columns: the curve of an untrained denoiser, on rows held out. "
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
    help="Multiply all levels, from the curve's unit to that of the code they are for. By default 1, but --export edm "
    "of --jitter, where the deviation of the data is known, is for data scaled to EDM's 0.5.",
)
@click.option("--format", "form", type=click.Choice(FORMATS), default="table", show_default=True)
@click.option("--export", type=click.Choice(EXPORTS), help="In place of --format: for the sampler of another project.")
def command(
    loss_curve: Path | None,
    jitter: str | None,
    dim: int | None,
    per_coordinate: bool,
    sampler: str,
    steps: list[int],
    sigma_max: float | None,
    sigma_min: float | None,
    errors: Dependence,
    scale: float | None,
    form: str,
    export: str | None,
) -> None:
    """Lay out the noise levels that are best for a network trained anywhere, from its held-out losses alone.

    Says how many nats of path divergence they are ahead of EDM's (ρ = 7), geometric and uniform levels on the same
    range with as many steps, with 95 % intervals. Nothing else of the network or the data need be known.
    """
    from harness.api.grids import grid

    if (loss_curve is None) == (jitter is None):
        raise click.UsageError("give one of --loss-curve CSV and --jitter DATA")
    if loss_curve is not None and dim is None:
        raise click.UsageError("--loss-curve needs --dim, the number of coordinates of a point: 3072 of 3×32×32")
    if jitter is not None and (dim is not None or per_coordinate):
        raise click.UsageError("--dim and --per-coordinate say how to read --loss-curve; --jitter knows them")
    found = grid(
        loss_curve=loss_curve,
        data=jitter,
        dim=dim,
        per_coordinate=per_coordinate,
        sampler=sampler,
        steps=steps,
        sigma_max=sigma_max,
        sigma_min=sigma_min,
        errors=errors,
        scale=scale,
    )
    click.echo(_shown(found, form, export).rstrip("\n"))


def _shown(found: BestGrids, form: str, export: str | None) -> str:
    from harness.views.grids import grid_csv, grid_text
    from harness.views.terminal import terminal_width

    if export is not None:
        return found.export(export)
    if form == "table":
        return grid_text(found.answer, terminal_width())
    return grid_csv(found.answer) if form == "csv" else found.export(form)
