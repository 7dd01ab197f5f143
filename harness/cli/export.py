"""`harness export`: a design of a leaderboard for the code of another project."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from harness.cli.ranked_design import ranked_design

if TYPE_CHECKING:
    from harness.api.boards import RankedDesign

FORMATS = ("edm", "diffusers", "k-diffusion", "json", "python")


@click.command("export")
@ranked_design
@click.option("--format", "form", type=click.Choice(FORMATS), default="json", show_default=True)
@click.option(
    "--sigma-data",
    type=click.FloatRange(min=0, min_open=True),
    help="Deviation that the data have in the code it is for; by default as they are, and for edm scaled to 0.5.",
)
@click.option("--network-seed", type=int, help="Whose levels, where each seed has a grid of its own; the first's.")
def command(design: Callable[[], RankedDesign], form: str, sigma_data: float | None, network_seed: int | None) -> None:
    """Write a design that a run in DIRECTORY has ranked: its noise levels, and how it was trained.

    Levels are in the unit of the data, training in EDM's terms where they can say it. What a format has no words for
    is told in comments.
    """
    click.echo(design().export(form, sigma_data=sigma_data, network_seed=network_seed))
