"""`harness certify`: components measured against what they claim."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from harness.results.certificates import Certificate


@click.command("certify")
@click.argument("what", nargs=-1, metavar="[COMPONENT|DISTRIBUTION|FILE]...")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the random numbers.")
@click.option("--properties", is_flag=True, help="Show every property, not only those that fail.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def command(what: tuple[str, ...], seed: int, properties: bool, form: str) -> int:
    """Measure what components claim: their orders, laws, derivatives, algebra, errors.

    A COMPONENT is written as in a suite (`heun`, `polynomial:rho=5`), qualified by an axis (`weighting/edm`) or by a
    distribution where it must be. A FILE is a suite (.toml) or a leaderboard (.json), whose components are meant, or
    Python (.py) that defines some. Without any, everything that is installed is measured. Exits with 1 where something
    fails, each failure a line on standard error.
    """
    from harness.certification import certify_all
    from harness.commands import warn
    from harness.registry.discovery import load
    from harness.views.certificates import certificate_lines, summary

    def told(made: Certificate) -> None:
        for line in made.complaints():
            warn(line)
        if form == "table":
            click.echo("\n".join(certificate_lines(made, properties)))

    found = certify_all(what, seed=seed, registry=load(), told=told)
    click.echo(found.to_json() if form == "json" else summary(found), nl=form == "table")
    return 0 if found.passed else 1
