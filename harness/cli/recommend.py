"""`harness recommend`: what to use on some data."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.selection import ComponentType, Minutes
from harness.commands import NewDirectory, Resumable, executor_options, local_option, typed, warn
from harness.views.formats import FORMATS

if TYPE_CHECKING:
    from harness.trainers import Precision


@click.command("recommend", cls=Resumable)
@click.argument("data")
@click.option(
    "--network",
    "networks",
    type=ComponentType("network"),
    multiple=True,
    help="Train this network in place of the space's; repeatable.",
)
@local_option(
    "--minutes",
    type=Minutes(),
    default=5.0,
    show_default=True,
    help="Begin no round that would not end by then; the first is made smaller where it would not.",
)
@click.option("--nfe", type=click.IntRange(min=2), help="Evaluations of the network a sample; by default 36.")
@click.option("--train-steps", type=click.IntRange(min=1), help="Length of each training; by default 2000.")
@click.option("--metric", type=ComponentType("metric"), help="What decides, in place of the space's.")
@click.option("--seeds", type=click.IntRange(2, 1000), help="Most seeds of a design; by default 16.")
@click.option(
    "--first-seed",
    type=click.IntRange(0, 2**31 - 1001),
    default=0,
    show_default=True,
    help="Of the seeds: with others the whole race is made anew.",
)
@click.option("--space", default="default", show_default=True, help="What to choose from: a TOML file.")
@local_option("--out", type=NewDirectory(), help="Result directory; by default runs/recommend-DATA.")
@executor_options
@local_option("--retry-failed", is_flag=True, help="Try again what failed before.")
@click.option("--device", type=click.Choice(["cpu", "cuda", "auto"]), default="cpu", show_default=True)
@click.option("--precision", type=click.Choice(["float32", "float64"]), help="Arithmetic of networks.")
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="table", show_default=True)
def command(
    data: str,
    networks: tuple[str, ...],
    minutes: float,
    nfe: int | None,
    train_steps: int | None,
    metric: str | None,
    seeds: int | None,
    first_seed: int,
    space: str,
    out: Path | None,
    executor: str,
    workers: int | None,
    retry_failed: bool,
    device: str,
    precision: Precision | None,
    form: str,
) -> None:
    """Say what to use on DATA: a file or folder that target file reads, or a target, as digits.

    Theory narrows the choice (range of noise levels, start, steps), then designs race on held-out rows. Ends in one
    screen: what to take, what ties with it, what else would cost, and what is not settled.
    """
    from harness.racing.recommend import Question, named_directory, recommend
    from harness.registry.discovery import load_telling
    from harness.running.devices import resolved
    from harness.running.runner import Options

    directory = out or named_directory(data)
    registry = load_telling(warn)
    made_by = typed(sys.argv[1:], click.get_current_context().command)
    options = Options(workers, retry_failed=retry_failed, command=made_by, warn=warn, executor=executor)
    question = Question(
        data,
        networks,
        minutes,
        nfe,
        train_steps,
        metric,
        seeds,
        space,
        first_seed=first_seed,
        device=resolved(device),
        precision=precision,
    )
    found = recommend(question, registry, directory, options)
    from harness.cli.recommendation import shown
    from harness.views.terminal import terminal_width

    click.echo(shown(found, form, terminal_width()), nl=False)
    if form == "table":
        needs = "" if find_spec("matplotlib") else "  (takes pip install 'diffusion-harness[publish]')"
        click.echo(f"\nResults: {directory}   A page: harness publish {directory} PAGE{needs}")
        click.echo(f"Take it home: harness export {directory} --format edm")
        click.echo(f"              harness sample {directory} --out samples.npy")
