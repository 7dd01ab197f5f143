"""`harness submit`: a leaderboard as a bundle that can be handed in."""

from __future__ import annotations

from pathlib import Path

import click

from harness.commands import NewDirectory, Source


@click.command("submit")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--out", type=NewDirectory(), required=True, metavar="BUNDLE", help="The new folder that is written.")
@click.option("--submitter", required=True, metavar="NAME", help="Who hands it in.")
@click.option("--disclosure", required=True, metavar="TEXT", help="What was tuned on what, or that nothing was.")
@click.option("--contact", metavar="TEXT", help="How the submitter is reached.")
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="REQUIREMENT",
    help="Where a package is got, pinned: NAME @ https://…#sha256=…, NAME @ git+https://…@COMMIT; a bare address where "
    "there is one package. By default NAME==VERSION from the package index.",
)
@click.option("--checkpoints", is_flag=True, help="With the trained networks, as safetensors.")
@click.option("--suite", metavar="NAME", help="Which of the suites that lie in DIRECTORY, where there are several.")
def command(
    directory: Path,
    out: Path,
    submitter: str,
    disclosure: str,
    contact: str | None,
    sources: tuple[str, ...],
    checkpoints: bool,
    suite: str | None,
) -> None:
    """Write the leaderboard of DIRECTORY, a result directory or a published one, as a BUNDLE to be handed in.

    A bundle is a folder of data: the document, its suite, who hands it in, what was tuned on what, and where the
    packages of its components are got. It is checked as whoever receives it does: harness verify BUNDLE.
    """
    from harness.api.submissions import submit, trained_networks
    from harness.certification.memory import check_certified, with_certificates
    from harness.cli.kinds import read_leaderboard
    from harness.results.stored_designs import check_results

    if checkpoints:
        check_results(directory)
    board = with_certificates(read_leaderboard(Source(directory, suite)))
    check_certified(board)
    made = submit(
        board,
        out,
        submitter=submitter,
        disclosure=disclosure,
        contact=contact,
        sources=sources,
        networks=trained_networks(directory, suite) if checkpoints else None,
    )
    size = sum(each.bytes for each in made.files)
    click.echo(f"Written: {out}, {len(made.files) + 1} files, {size:,} bytes beside submission.json")
    for each in made.distributions:
        click.echo(f"         {each.name} {each.version} from: {each.requirement}")
