"""`harness plan`: what a run would do, and how long it would take."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.axes import crossed
from harness.cli.selection import suite_argument

if TYPE_CHECKING:
    from harness.planning.estimate import WorkEstimate
    from harness.planning.plan import Plan
    from harness.planning.tried import TriedWork
    from harness.suites.model import Suite

SCHEMA_VERSION = 2

GAP, NARROWEST, WIDEST = 2, 24, 116
"""Spaces between columns, the least width of the last, and the width where no terminal sets one."""


@click.command("plan")
@suite_argument
@click.option("--workers", type=click.IntRange(min=1), help="Worker processes; by default one a core.")
@click.option("--yes", is_flag=True, help="Take more combinations than the suite's limit.")
@click.option("--measure/--guess", default=True, show_default=True, help="Try each kind of work for a moment, or not.")
@click.option("--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True)
def command(suite: Suite, workers: int | None, yes: bool, measure: bool, form: str) -> None:
    """Say what `harness run SUITE` would do from nothing, and how long it would take.

    Each kind of work is tried for a moment, for a minute and a half at most in all; what it takes is kept, and the next
    plan knows it.
    """
    from harness.planning.estimate import estimate
    from harness.planning.plan import Plan
    from harness.planning.tried import tried_work
    from harness.registry.discovery import load
    from harness.running.workers import available_cores
    from harness.suites.combinations import expand

    count = workers or available_cores()
    registry = load()
    plan = Plan(suite, registry, expand(suite, registry, yes=yes), Path())
    guessed = _measured(plan) if measure else "nothing was measured"
    result = estimate(plan, count)
    tried = tried_work(plan, count, result.seconds)
    if form == "json":
        content = {"schema_version": SCHEMA_VERSION, "suite": suite.name, "workers": count, **asdict(result)}
        content |= {"guessed": guessed, "time_known": tried.known, "tried_seconds": tried.seconds}
        click.echo(json.dumps(content, indent=2))
    else:
        # Who asks for guesses is given them, where they are any.
        known = tried.known or (tried.small and not measure)
        why = guessed if measure else f"{guessed}, and guesses are of small networks; leave --guess out"
        shown = _time(result.seconds, count, guessed) if known else _unknown(tried, count, why)
        click.echo(_table(suite, plan, result, shown))


def _measured(plan: Plan) -> str | None:
    from harness.running.calibration import calibrate

    return calibrate(plan)


def _time(seconds: float, workers: int, guessed: str | None) -> str:
    from harness.views.digits import counted, duration

    tried = "each kind of work was tried here"
    return f"about {duration(seconds)} on {counted(workers, 'worker')} ({guessed or tried})"


def _unknown(tried: TriedWork, workers: int, guessed: str | None) -> str:
    """Say why there is no time, where most of it is guessed, and what is known of it."""
    from harness.views.digits import counted, duration

    least = (
        f"; at least {duration(tried.seconds)} on {counted(workers, 'worker')}" if tried.guessed < tried.kinds else ""
    )
    return f"unknown: {guessed}{least}"


def _table(suite: Suite, plan: Plan, result: WorkEstimate, time: str) -> str:
    from tabulate import tabulate

    from harness.views.digits import counted
    from harness.views.terminal import terminal_width

    rows: list[list[object]] = []
    for name, axis in crossed().items():
        labels = dict.fromkeys(part.label() for c in plan.combinations if (part := c.component(name)) is not None)
        rows.append([f"{axis.words}s", len(labels), ", ".join(labels)])
    rows.append(["sigma_max", len(suite.sigma_max), ", ".join(f"{level:g}" for level in suite.sigma_max)])
    for what, numbers in (("steps", "steps"), ("train steps", "train_steps")):
        found = sorted({getattr(c, numbers) for c in plan.combinations} - {0})
        rows.append([what, len(found), ", ".join(map(str, found))])
    decays = suite.trainer.ema_decays if plan.length else ()
    if len(decays) > 1:
        rows.append(["ema decays", len(decays), ", ".join(f"{decay:g}" for decay in decays)])
    rows.append(["seeds", len(suite.seeds), ", ".join(map(str, suite.seeds))])
    rows += _splits(plan)
    width = terminal_width() or WIDEST
    counts = max(len(str(row[1])) for row in rows)
    taken = max(len(str(row[0])) for row in rows) + counts + 2 * GAP
    choices = tabulate(rows, tablefmt="plain", maxcolwidths=[None, None, max(width - taken, NARROWEST)])
    stacks = counted(result.stacks, "stack")
    work: list[list[object]] = [
        ["combinations", result.combinations],
        ["networks to train", f"{result.networks}, in {stacks}, for {counted(result.uses, 'sampling')}"],
        ["samplings", f"{result.samplings} at most (equal grids share one)"],
        ["time", time],
        ["memory", f"about {result.memory:.1f} GiB"],
    ]
    last = [None, max(width - max(len(str(row[0])) for row in work) - GAP, NARROWEST)]
    return f"Suite {suite.name}\n\n{choices}\n\n{tabulate(work, tablefmt='plain', maxcolwidths=last)}"


def _splits(plan: Plan) -> list[list[object]]:
    """Return a line of the choices for the targets that give seeds splits of their own; none where there is none."""
    targets = dict.fromkeys(c.target for c in plan.combinations)
    counts = {target.label(): len(set(plan.keys.targets(target, plan.seeds))) for target in targets}
    several = {label: count for label, count in counts.items() if count > 1}
    if not several:
        return []
    told = "a seed has a split of its own" if len(several) == len(counts) else f"for each seed of {', '.join(several)}"
    return [["splits", max(several.values()), told]]
