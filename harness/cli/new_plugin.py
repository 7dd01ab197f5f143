"""`harness new-plugin`: a plugin package to begin with."""

from __future__ import annotations

from pathlib import Path

import click

from harness.commands import NewDirectory


@click.command("new-plugin")
@click.argument("name")
@click.option("--axis", required=True, metavar="AXIS", help="What its component is: sampler, weighting, network, …")
@click.option("--out", type=NewDirectory(), help="The folder that is made; by default NAME.")
def command(name: str, axis: str, out: Path | None) -> None:
    """Write a plugin package with one component, NAME, that is complete.

    NAME is that of the distribution, as harness-ralston; the component is then called ralston. It is a simple one that
    is known, with its source, to put another in the place of. The package passes its own tests, its certificate among
    them, and strict type checks as it is.
    """
    from harness.cli.new_package import NewPackage
    from harness.registry.discovery import load
    from harness.registry.names import axis_named

    registry = load()
    made = NewPackage(name, registry.axes[axis_named(registry, axis)])
    made.check(registry)
    folder = Path(name) if out is None else out
    made.write(folder)
    click.echo(f"{folder}: {made.axis.words} {made.component}, in src/{made.package}/__init__.py")
    click.echo(f"next: cd {folder}; pip install -e '.[dev]'; pytest")
