"""Verification: whether a published leaderboard is what its document says, and its rows are what they say.

Three things, each beyond the one before: the document keeps its contract and agrees with itself; its page and plots are
drawn from it; rows chosen by a seed come out the same when they are made again, from the document alone.
"""

from __future__ import annotations

import math
import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scipy.special import stdtrit

from harness.axes import AXES, crossed
from harness.components import ComponentError
from harness.errors import HarnessError, shortened
from harness.planning.manifest import is_absent
from harness.planning.plan import Plan
from harness.registry.discovery import load
from harness.results.bounds import BoundsBoard
from harness.results.consistency import Objection, inconsistencies
from harness.results.document import DocumentError
from harness.results.leaderboard import PUBLISHED, Estimate, Leaderboard, Row
from harness.results.published import published_file, read_any
from harness.results.read_board import document
from harness.results.statistics.intervals import CONFIDENCE
from harness.running.runner import Options, carry_out, opened
from harness.store import ARITHMETIC, CHECKPOINTS, MANIFEST
from harness.suites.combinations import Combination
from harness.suites.model import Suite, SuiteError

if TYPE_CHECKING:
    from harness.registry.references import Reference
    from harness.registry.registry import Registry

REMADE = "verified"
"""The suite of rows that are made again."""


@dataclass(frozen=True)
class Verification:
    """What was looked at, and what was found.

    Attributes:
        checked: what was looked at, a line each.
        notes: what could not be, or only in part, and why, a line each.
        findings: what does not hold; empty for what is as it says.
    """

    checked: Sequence[str]
    notes: Sequence[str]
    findings: Sequence[Objection]

    @property
    def passed(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def __add__(self, other: Verification) -> Verification:
        return Verification(
            [*self.checked, *other.checked], [*self.notes, *other.notes], [*self.findings, *other.findings]
        )


def verify(path: Path | str, *, rows: int = 0, seed: int | None = None, options: Options | None = None) -> Verification:
    """Verify a published leaderboard, or one of bounds.

    Arguments:
        path: the directory, or the document's file, which has no page to look at.
        rows: how many finished rows are made again.
        seed: which rows; None: another draw each time. Decide it after the document is fixed.
        options: how rows are made again (`harness.running.runner.Options`).

    Raises:
        HarnessError: nothing published lies there, or its rows cannot be made again.
    """
    place = Path(path)
    file = published_file(place)
    if file is None:
        raise HarnessError(f"{place} holds no leaderboard.json; name what harness publish wrote")
    try:
        board = read_any(file)
    except DocumentError as error:
        broken = shortened(str(error).removeprefix(f"{file}: ").removeprefix(f"{file} "))
        return Verification([], [], [Objection(str(file), broken)])
    found = Verification(["the contract"], [], [])
    if isinstance(board, Leaderboard):
        found += Verification(["what follows from the rows"], [], inconsistencies(board))
    if file.parent == place:
        found += _drawn(board, place)
    if rows:
        if not isinstance(board, Leaderboard):
            raise HarnessError(f"{file} is a leaderboard of bounds: it has no rows that could be made again")
        found += _remade(board, rows, seed, options or Options())
    return found


# The page


def _drawn(board: Leaderboard | BoundsBoard, place: Path) -> Verification:
    """Hold the files of a directory against those that its document draws."""
    from harness.views.publishing import BOARD, BOUNDS, PAGE

    if board.command is None:
        return Verification([], [f"{PAGE} and plots: documents before version 6 do not tell the command on it"], [])
    try:
        command = board.command
        files = BOUNDS.files(board, command) if isinstance(board, BoundsBoard) else BOARD.files(board, command)
    except DocumentError as error:
        return Verification(
            [], [f"{PAGE} and plots: {error}"], _differing(place, {PUBLISHED: board.to_json().encode()})
        )
    findings = _differing(place, files)
    others = sorted(each.name for each in place.iterdir() if each.name not in files)
    findings += [Objection(str(place / name), "is not drawn from the document") for name in others]
    return Verification(["the page and its plots"], [], findings)


def _differing(place: Path, files: Mapping[str, bytes]) -> list[Objection]:
    """Return which files of a directory are not what they should be."""
    findings = []
    for name, content in files.items():
        try:
            there = (place / name).read_bytes()
        except OSError as error:
            findings.append(Objection(str(place / name), f"cannot be read: {error.strerror}"))
            continue
        if there != content:
            findings.append(Objection(str(place / name), "is not what the document is drawn as"))
    return findings


# The rows


def _remade(board: Leaderboard, count: int, seed: int | None, options: Options) -> Verification:
    """Make rows again and hold them against those of the document."""
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    if board.setup is None:
        raise HarnessError("documents before version 3 do not tell how their rows were made")
    whole = len(board.setup.seeds)
    able = [place for place, row in enumerate(board.rows) if row.ok and _seeds(row) == whole]
    places = sorted(random.Random(seed).sample(able, min(count, len(able))))
    registry = load()
    findings, combinations = [], []
    for place in list(places):
        try:
            combinations.append(_combination(board.rows[place], registry))
        except ComponentError as error:
            places.remove(place)
            findings.append(Objection(f"rows[{place}]", f"cannot be made again: {error}"))
    chosen = [board.rows[place] for place in places]
    if not chosen:
        note = ["rows: none is finished, with all seeds of the document"] if not able else []
        return Verification([], note, findings)
    try:
        suite = _suite(board, chosen)
    except SuiteError as error:
        return Verification([], [], [*findings, Objection("setup and rows", f"cannot be made again: {error}")])
    again = _run(suite, combinations, registry, options)
    components = _installed(chosen, registry)
    notes = _changed(components) + _elsewhere(board, again)
    findings += _foreign(components)
    level = 1 - (1 - CONFIDENCE) / max(1, sum(len(row.metrics) for row in chosen))
    for place, row, combination in zip(places, chosen, combinations, strict=True):
        made = next((each for each in again.rows if _is(each, row, combination)), None)
        findings += _compared(f"rows[{place}]", row, made, exact=not notes, level=level)
    told = f"rows {', '.join(map(str, places))} made again (--seed {seed})"
    return Verification([told], notes, findings)


def _seeds(row: Row) -> int:
    return max((each.n_seeds for each in row.metrics.values()), default=0)


def _combination(row: Row, registry: Registry) -> Combination:
    """Return what a row is of; raises ComponentError where a component is not installed."""
    own = {axis: row.component(axis) for axis in crossed()}
    parts = {axis: None if is_absent(axis, each) else registry.rebuild(axis, each) for axis, each in own.items()}
    return Combination(parts, row.steps, row.train_steps, float(row.sigma_max or 0.0))


def _suite(board: Leaderboard, rows: Sequence[Row]) -> Suite:
    """Return a suite with the settings of a leaderboard."""
    setup = board.setup
    assert setup is not None
    lengths = sorted({row.train_steps for row in rows if row.train_steps})
    data: dict[str, Any] = {
        "name": REMADE,
        **{axis.plural: sorted({row.component(name).name for row in rows}) for name, axis in crossed().items()},
        "metrics": [entry.metric for entry in setup.metrics],
        "bounds": list(board.declared.bounds),
        "rank_by": board.rank_by,
        "steps": sorted({row.steps for row in rows}),
        "seeds": setup.seeds,
        "noise": {"sigma_min": setup.sigma_min, "sigma_max": setup.sigma_max},
        "sampling": {"samples": setup.samples},
    }
    if setup.training is not None and lengths:
        data["training"] = {"method": setup.training.method, "steps": lengths, **setup.training.params}
    place = board.environment
    return Suite.from_mapping(data, "the document").on(
        place.get("device", "cpu"),  # type: ignore[arg-type]
        None if place.get("precision", "float32") == "float32" else "float64",
    )


def _run(suite: Suite, combinations: list[Combination], registry: Registry, options: Options) -> Leaderboard:
    """Carry combinations out in a directory that is removed after it."""
    with tempfile.TemporaryDirectory(prefix="harness-verify-") as folder, opened(Path(folder)) as store:
        plan = Plan(suite, registry, combinations, Path(folder) / CHECKPOINTS)
        carry_out({f"{MANIFEST}:{suite.name}": plan}, store, replace(options, command="harness verify"))
        return document(store, suite=suite.name)


def _is(made: Row, row: Row, combination: Combination) -> bool:
    """Tell whether a row that was made again is that of the document; its components may have other code."""
    own = {axis: row.component(axis) for axis in crossed()}
    numbers = (combination.steps, combination.train_steps, combination.sigma_max)
    return (made.steps, made.train_steps, made.sigma_max) == numbers and any(
        all((each.name, each.params) == (own[axis].name, own[axis].params) for axis, each in name.items())
        for name in made.combinations(own)
    )


def _installed(rows: Sequence[Row], registry: Registry) -> list[tuple[str, Reference, Reference]]:
    """Return the axis of each component of some rows, what the document calls it, and what it is as it is installed."""
    seen = {(axis, each.key): each for row in rows for axis in crossed() for each in (row.component(axis),)}
    return [
        (axis, each, registry.reference(registry.rebuild(axis, each)))
        for (axis, _), each in seen.items()
        if not is_absent(axis, each)
    ]


def _changed(components: Sequence[tuple[str, Reference, Reference]]) -> list[str]:
    """Return which components have other code than they had."""
    found = [f"{AXES[axis].words} {then.name}" for axis, then, now in components if now.digest != then.digest]
    return [f"made by other code than is installed, compared by intervals: {', '.join(found)}"] if found else []


def _foreign(components: Sequence[tuple[str, Reference, Reference]]) -> Iterator[Objection]:
    """Find components whose distribution is installed in another version."""
    for axis, then, now in components:
        if now.version != then.version:
            installed = f"of {then.distribution} {then.version}; installed is {now.version}"
            yield Objection(f"{AXES[axis].words} {then.name}", installed)


OF_THE_RUN = {"looks", "vary_at_most"}
"""What an environment holds of how rows were chosen: nothing of one row follows from it."""


def _elsewhere(board: Leaderboard, again: Leaderboard) -> list[str]:
    """Return in what the environment differs from that of the document."""
    then, now = ({k: v for k, v in each.environment.items() if k not in OF_THE_RUN} for each in (board, again))
    names = sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name))
    if ARITHMETIC in names and len(names) == 1:
        return ["made on another kind of processor, compared by intervals"]
    return [f"made with another environment, compared by intervals: {', '.join(names)}"] if names else []


def _compared(where: str, row: Row, made: Row | None, *, exact: bool, level: float) -> Iterator[Objection]:
    """Find in what a row that was made again differs: at all where it should be the same, else beyond its intervals."""
    if made is None or not made.ok:
        yield Objection(where, "did not come out again" if made is None else f"came out {made.status}: {made.reason}")
        return
    if made.nfe != row.nfe:
        yield Objection(f"{where}.nfe", f"{row.nfe}, and {made.nfe} when made again")
    for name, estimate in row.metrics.items():
        other = made.metrics.get(name)
        if other is None or _apart(estimate, other, exact, level):
            told = "none" if other is None else f"{other.value:.6g}"
            yield Objection(f"{where}.metrics.{name}", f"{estimate.value:.6g}, and {told} when made again")
    if exact:
        for part in ("budget", "bounds", "bound_highs", "compute"):
            if getattr(row, part) != getattr(made, part):
                yield Objection(f"{where}.{part}", "is another when made again")


def _apart(a: Estimate, b: Estimate, exact: bool, level: float) -> bool:
    """Tell whether two measurements of one thing differ: at all, or at a level of confidence for their difference."""
    if exact:
        return a != b
    halves = [_half(each, level) for each in (a, b)]
    return abs(a.value - b.value) > math.hypot(*halves)


def _half(estimate: Estimate, level: float) -> float:
    """Return the half width of an interval at another level; infinite where there is none."""
    ends = [abs(end - estimate.value) for end in (estimate.low, estimate.high) if end is not None]
    if not ends or estimate.n_seeds < 2:
        return math.inf
    degrees = estimate.n_seeds - 1
    wider = stdtrit(degrees, (1 + level) / 2) / stdtrit(degrees, (1 + CONFIDENCE) / 2)
    return max(ends) * float(wider)


def as_json(verification: Verification) -> Mapping[str, Any]:
    """Return a verification as JSON values."""
    return {
        "passed": verification.passed,
        "checked": list(verification.checked),
        "notes": list(verification.notes),
        "findings": [{"where": each.where, "what": each.what} for each in verification.findings],
    }
