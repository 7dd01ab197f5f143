"""Row commands: what is typed to make one row of a leaderboard alone."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from functools import cache

from harness import DISTRIBUTION
from harness.axes import crossed
from harness.planning.manifest import is_absent
from harness.registry.references import Reference
from harness.results.leaderboard import Leaderboard, Row
from harness.results.references import short_form
from harness.suites.model import SELECTION, load_suite, shipped_suites


def row_command(board: Leaderboard, row: Row) -> str:
    """Return the command that makes a row alone, with every parameter of its components.

    Settings that the shell may change stand in it where the shell chose them, in a suite named `…-selection`; a
    suite of one's own has to be named by its file. Where sampling starts, and how a total of evaluations is divided,
    are no choices of the shell: a suite that compares several makes the row with each of them.
    """
    family = board.suite.removesuffix(SELECTION)
    words = ["harness", "run", family, *_components(row), *(() if _divides(family) else _lengths(row))]
    words += _average(board, row)
    return shlex.join([*words, *(_settings(board) if family != board.suite else ())])


def component_form(reference: Reference) -> str:
    """Return a component as a command line takes it: `name:param=value,…`."""
    own = reference.distribution == DISTRIBUTION
    name = reference.name if own else f"{reference.distribution}/{reference.name}"
    return short_form(name, reference.params)


def _components(row: Row) -> Iterator[str]:
    """Yield the options that choose a row's components."""
    for name, axis in crossed().items():
        reference = row.component(name)
        if not is_absent(name, reference):
            yield from (axis.option, component_form(reference))


def _lengths(row: Row) -> Iterator[str]:
    """Yield the options that choose how long a row trains and samples."""
    yield from ("--steps", str(row.steps))
    if row.train_steps:
        yield from ("--train-steps", str(row.train_steps))


def _average(board: Leaderboard, row: Row) -> Iterator[str]:
    """Yield the option that chooses a row's moving average, where others have another or the shell may have chosen."""
    chosen = board.suite.endswith(SELECTION) or "ema_decay" in board.told_numbers
    if chosen and row.ema_decay is not None:
        yield from ("--ema-decay", f"{row.ema_decay!r}")


@cache
def _divides(family: str) -> bool:
    """Tell whether a suite is one that ships and divides a total of evaluations."""
    return family in shipped_suites() and load_suite(family).compute is not None


def _settings(board: Leaderboard) -> Iterator[str]:
    """Yield the options of what a suite fixes, as the document tells it."""
    if (setup := board.setup) is None:
        return
    yield from ("--seeds", f"{','.join(map(str, setup.seeds))}{',' * (len(setup.seeds) == 1)}")
    yield from ("--samples", str(setup.samples))
    yield from ("--sigma-min", f"{setup.sigma_min!r}", "--sigma-max", f"{setup.sigma_max!r}")
    params = {} if setup.training is None else setup.training.params
    for option in ("batch_size", "learning_rate"):
        if option in params:
            yield from (f"--{option.replace('_', '-')}", str(params[option]))
