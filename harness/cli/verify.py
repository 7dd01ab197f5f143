"""`harness verify`: whether a published leaderboard is what it says."""

from __future__ import annotations

from pathlib import Path

import click

from harness.commands import executor_options


@click.command("verify")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--rows", type=click.IntRange(min=0), default=0, help="Make so many rows again, chosen at random.")
@click.option("--seed", type=click.IntRange(min=0), help="Which rows; by default others each time.")
@click.option("--record", is_flag=True, help="Keep which rows came out again in verification.json, for the site.")
@click.option(
    "--recorded", is_flag=True, help="Make none; verification.json has to hold one call, of these --rows, by --seed."
)
@executor_options
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(
    path: Path,
    rows: int,
    seed: int | None,
    record: bool,
    recorded: bool,
    executor: str,
    workers: int | None,
    form: str,
) -> None:
    """Say whether PATH, a published leaderboard, its JSON file or a bundle that was handed in, is what it says.

    The document has to keep its contract and agree with itself, and the page and plots beside it have to be drawn from
    it; the files of a bundle have to be plain data, as listed. With --rows, rows chosen at random have to come out the
    same when they are made again: to the last bit where code, environment and processor are those of the document, else
    within intervals.

    Exit status 1 where something is found, a line each.
    """
    import json

    from harness.api.marking import Marking, check_draw
    from harness.api.verification import Verification, as_json, verify
    from harness.errors import harmless
    from harness.running.runner import Options

    if record and not rows:
        raise click.UsageError("--record keeps which rows were made again; say how many with --rows")
    if recorded and (record or not rows or seed is None):
        raise click.UsageError("--recorded looks at what --record kept; say which draw with --rows and --seed")
    marking = Marking.begin(path) if record else None
    again = 0 if recorded else rows
    found = verify(path, rows=again, seed=seed, options=Options(workers=workers, executor=executor))
    if recorded and seed is not None and found.checked:
        found += Verification(["the draw of its marks"], [], check_draw(path, rows, seed))
    if marking is not None:
        marking.keep(found)
    if form == "json":
        click.echo(json.dumps(as_json(found), ensure_ascii=False, indent=1))
    else:
        lines = [f"checked: {each}" for each in found.checked] + [f"note: {each}" for each in found.notes]
        lines += [*map(str, found.findings), _told(path, len(found.findings))]
        click.echo("\n".join(map(harmless, lines)))
    raise SystemExit(0 if found.passed else 1)


def _told(path: Path, count: int) -> str:
    from harness.views.digits import counted

    return f"{path}: {counted(count, 'thing') if count else 'nothing'} to object to"
