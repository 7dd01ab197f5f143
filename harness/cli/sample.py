"""`harness sample`: new samples of a design of a leaderboard, in the units of the data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.ranked_design import ranked_design

if TYPE_CHECKING:
    from harness.api.boards import RankedDesign


@click.command("sample")
@ranked_design
@click.option("-n", "count", type=click.IntRange(min=1), default=64, show_default=True, help="How many.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="An array (.npy), with labels (.npz), a table (.csv), or a picture (.png).",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Of the noise; by default that of the network, whose first samples are those that the run measured.",
)
@click.option("--network-seed", type=int, help="Which of the trained networks; by default that of the first seed.")
@click.option(
    "--device",
    type=click.Choice(["cpu", "cuda", "auto"]),
    default="cpu",
    show_default=True,
    help="Where the network is evaluated; auto: on a GPU where there is one.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there already.")
def command(
    design: Callable[[], RankedDesign],
    count: int,
    out: Path,
    seed: int | None,
    network_seed: int | None,
    device: str,
    force: bool,
) -> None:
    """Draw samples of a design that a run in DIRECTORY has ranked, by the network that the run trained.

    They are in the units of the data, images in their shape. The same seed gives the same samples.
    """
    from harness.views.sample_files import check_name, write_samples

    check_name(out, replace=force)
    chosen = design()
    check_name(out, chosen.shape, replace=force)
    samples = chosen.draw(count, seed=seed, network_seed=network_seed, device=device)
    write_samples(out, samples, replace=force)
    lost = "; its labels are left out, .npz and .csv hold them" if samples.labels is not None else ""
    told = lost if out.suffix.lower() in (".npy", ".png") else ""
    shape = "×".join(map(str, samples.points.shape))
    click.echo(f"Samples of rank {chosen.rank} on {chosen.target}: {out} ({shape}){told}")
