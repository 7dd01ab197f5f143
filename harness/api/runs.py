"""Runs: a suite carried out from Python, as `harness run` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api.arrays import FILE, data_file
from harness.api.boards import Board, rank, warn
from harness.axes import AXES, crossed
from harness.errors import HarnessError, did_you_mean
from harness.racing.until_settled import run_until_settled
from harness.registry.discovery import load_telling
from harness.running.devices import resolved
from harness.running.executor import PROCESSES
from harness.running.runner import Options
from harness.running.runner import run as carry_out
from harness.suites.model import SETTINGS, Suite, load_suite

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from harness.trainers import Precision


def run(
    suite: str | Path | Suite = "quick",
    *,
    data: ArrayLike | Path | str | None = None,
    out: Path | str | None = None,
    workers: int | None = None,
    executor: str = PROCESSES,
    device: str = "cpu",
    precision: Precision | None = None,
    yes: bool = False,
    retry_failed: bool = False,
    until_settled: bool = False,
    minutes: float | None = None,
    progress: bool | None = None,
    **choices: Any,
) -> Board:
    """Train, sample and rank every combination of a suite; what is done already is not done again.

    A script that calls it needs no `if __name__ == "__main__"`.

    Arguments:
        suite: the name of a shipped suite, the path of a TOML file, or a suite.
        data: in place of the suite's targets, the path of a file or folder (docs/data.md), or an array of shape
            (rows, columns), (n, height, width) or (n, channels, height, width), which is kept beside the results.
        out: the result directory; None: `runs/SUITE`.
        workers: worker processes; None: one a core.
        executor: where the work is done.
        device: where networks are trained and evaluated: `cpu`, `cuda` or `auto`.
        precision: of networks; None: float32 (gradient descent trains in float64).
        yes: whether more combinations than the suite's limit are wanted.
        retry_failed: whether what failed before is tried again.
        until_settled: race: further seeds, up to 10 times the suite's, go to the rows that may still be best.
        minutes: of a race, no round begins after so many; None: no limit.
        progress: whether to show a bar; None: on a terminal, and elsewhere a line a minute.
        choices: what stands in place of the suite's own, by the names of the command line's options: `sampler="heun"`,
            `weighting=["edm", "eps"]`, `steps=[10, 18]`, `seeds=3`, `train_steps=500`, `samples=1000`.

    Raises:
        HarnessError: the suite, a choice or the data cannot be used, or the directory cannot; one line says what
            would be right. A combination that fails raises nothing: its row says why.
    """
    selection = _selection(choices)
    plain = suite if isinstance(suite, Suite) else load_suite(str(suite))
    directory = Path("runs") / plain.family if out is None else Path(out)
    if data is not None:
        if "targets" in selection:
            raise HarnessError("data and target are both given; data takes the place of the suite's targets")
        selection["targets"] = [{"name": FILE, "path": str(data_file(data, directory))}]
    selected = plain.with_selection(**selection).on(resolved(device), precision)
    registry = load_telling(warn)
    options = Options(workers, yes, retry_failed, progress, warn=warn, executor=executor)
    if until_settled:
        run_until_settled(selected, registry, directory, options, minutes=minutes)
    elif minutes is not None:
        raise HarnessError("minutes are for a race; give until_settled=True with them")
    else:
        carry_out(selected, registry, directory, options)
    return rank(directory, suite=selected.name)


def _selection(choices: Mapping[str, Any]) -> dict[str, Any]:
    """Return the choices by the words of a suite (`Suite.with_selection`).

    Raises:
        HarnessError: one is of nothing that can be chosen.
    """
    plurals = {axis.name: axis.plural for axis in (*crossed().values(), AXES["metric"], AXES["bound"])}
    numbers = {"steps", "seeds", "rank_by", *SETTINGS}
    found: dict[str, Any] = {}
    for name, value in choices.items():
        if name in plurals:
            found[plurals[name]] = _listed(value)
        elif name in numbers:
            found[name] = _listed(value) if name in ("steps", "train_steps") else value
        else:
            raise HarnessError(f"run() has no choice {name!r}; {did_you_mean(name, [*plurals, *numbers])}")
    return found


def _listed(value: Any) -> list[Any]:
    """Return one value, or several, as a list."""
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
