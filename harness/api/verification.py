"""Verification: whether a published leaderboard is what its document says, and its rows are what they say.

Three things, each beyond the one before: the document keeps its contract and agrees with itself; its page and plots are
drawn from it; rows chosen by a seed come out the same when they are made again, from the document alone.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.api.row_comparison import comparable, compared, made_of
from harness.axes import AXES, crossed, numbers_of
from harness.components import ComponentError
from harness.errors import HarnessError, harmless, shortened
from harness.planning.manifest import is_absent
from harness.planning.plan import Plan
from harness.registry.discovery import load
from harness.results.bounds import BoundsBoard
from harness.results.bundles import is_bundle, read_bundle
from harness.results.consistency import Objection, inconsistencies
from harness.results.definitions import DEFINITION, contradictions, whole_suite
from harness.results.document import DocumentError
from harness.results.leaderboard import PUBLISHED, Leaderboard, Row
from harness.results.levels_again import levels_again
from harness.results.marks import MARKS, RemadeRow, Remaking, Verdict, read_marks
from harness.results.published import document_at, of_this_version, read_any
from harness.results.read_board import document
from harness.running.runner import Options, carry_out, opened
from harness.store import ARITHMETIC, CHECKPOINTS, MANIFEST
from harness.suites.combinations import Combination
from harness.suites.model import Suite, SuiteError, table_form

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
        remade: the rows that were made again, with what came out; None where none was.
    """

    checked: Sequence[str]
    notes: Sequence[str]
    findings: Sequence[Objection]
    remade: Remaking | None = None

    @property
    def passed(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def __add__(self, other: Verification) -> Verification:
        return Verification(
            [*self.checked, *other.checked],
            [*self.notes, *other.notes],
            [*self.findings, *other.findings],
            other.remade or self.remade,
        )


def verify(path: Path | str, *, rows: int = 0, seed: int | None = None, options: Options | None = None) -> Verification:
    """Verify a published leaderboard, or one of bounds, or a bundle that was handed in.

    Of a bundle (`harness.results.bundles`) all files are looked at first; where one is not as it has to be, no more is.

    Arguments:
        path: the directory, or the document's file, which has no page to look at.
        rows: how many finished rows are made again.
        seed: which rows; None: another draw each time. Decide it after the document is fixed.
        options: how rows are made again (`harness.running.runner.Options`).

    Raises:
        HarnessError: nothing published lies there, or its rows cannot be made again.
    """
    place = Path(path)
    read = _read(place)
    if isinstance(read, Objection):
        return Verification([], [], [read])
    file, board = read
    found = Verification(["the contract"], [], [])
    if isinstance(board, Leaderboard):
        found += Verification(["what follows from the rows"], [], inconsistencies(board))
        found += _defined(board) + _laid_out(board)
    found += _beside(place, file, board)
    if rows:
        found += _remade(of_rows(board, file), rows, seed, options or Options())
    return found


def of_rows(board: Leaderboard | BoundsBoard, file: Path) -> Leaderboard:
    """Return a leaderboard whose rows can be made again; raises HarnessError where it is one of bounds."""
    if not isinstance(board, Leaderboard):
        raise HarnessError(f"{file} is a leaderboard of bounds: it has no rows that could be made again")
    return board


def _read(place: Path) -> tuple[Path, Leaderboard | BoundsBoard] | Objection:
    """Return the file of a document and what it holds, or what of its contract, or of its bundle's, is broken."""
    if is_bundle(place):
        try:
            read_bundle(place)
        except DocumentError as error:
            return Objection(str(place), shortened(str(error).removeprefix(f"{place}: ")))
    file = document_at(place)
    try:
        return file, read_any(file)
    except DocumentError as error:
        return Objection(str(file), shortened(str(error).removeprefix(f"{file}: ").removeprefix(f"{file} ")))


def _beside(place: Path, file: Path, board: Leaderboard | BoundsBoard) -> Verification:
    """Hold what lies beside a document against it: the files of its bundle, or its page, plots and marks."""
    if is_bundle(place):
        return Verification(["the files of the bundle"], [], [])
    found = Verification([], [], [])
    if file.parent == place:
        found += _drawn(board, place, current=of_this_version(file, board))
    return found + _marked(file, board) if isinstance(board, Leaderboard) else found


def _marked(file: Path, board: Leaderboard) -> Verification:
    """Hold the marks beside a document against it."""
    try:
        marks = read_marks(file, len(board.rows))
    except DocumentError as error:
        return Verification([], [], [Objection(str(file.parent / MARKS), shortened(str(error)))])
    return Verification([] if marks is None else ["the marks of its rows"], [], [])


# The suite and the grids


def _defined(board: Leaderboard) -> Verification:
    """Hold what the document tells beside its suite against what that says."""
    try:
        suite = whole_suite(board)
    except SuiteError as error:
        if board.definition is None:
            return Verification([], [str(error)], [])
        return Verification([], [], [Objection(DEFINITION, shortened(str(error)))])
    found: list[Objection] = []
    try:
        found.extend(contradictions(board, suite, load()))
    except HarnessError as error:
        return Verification(["the suite"], [shortened(f"combinations of the suite: {error}")], found)
    return Verification(["the suite"], [], found)


def _laid_out(board: Leaderboard) -> Verification:
    """Lay grids out again where that is cheap."""
    if not board.grids:
        return Verification([], ["grids: the document tells no levels, as those before version 8"], [])
    again = levels_again(board, load())
    return Verification([f"levels of grids, {again.laid_out} of {again.of}"], again.notes, again.findings)


# The page


def _drawn(board: Leaderboard | BoundsBoard, place: Path, *, current: bool) -> Verification:
    """Hold the files of a directory against those that its document draws; its text where its version is this one."""
    from harness.views.publishing import BOARD, BOUNDS, PAGE

    if board.command is None:
        return Verification([], [f"{PAGE} and plots: documents before version 6 do not tell the command on it"], [])
    try:
        command = board.command
        files = BOUNDS.files(board, command) if isinstance(board, BoundsBoard) else BOARD.files(board, command)
    except DocumentError as error:
        text = {PUBLISHED: board.to_json().encode()} if current else {}
        return Verification([], [f"{PAGE} and plots: {error}"], _differing(place, text))
    findings = _differing(place, {name: file for name, file in files.items() if current or name != PUBLISHED})
    others = sorted(each.name for each in place.iterdir() if each.name not in (*files, MARKS))
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


def drawn(board: Leaderboard, count: int, seed: int) -> list[int]:
    """Return the places of the rows that a seed draws: of those that are finished, with all seeds, so many at most.

    Raises:
        HarnessError: the document does not tell how its rows were made.
    """
    if board.setup is None:
        raise HarnessError("documents before version 3 do not tell how their rows were made")
    whole = len(board.setup.seeds)
    able = [place for place, row in enumerate(board.rows) if row.ok and _seeds(row) == whole]
    return sorted(random.Random(seed).sample(able, min(count, len(able))))


def _remade(board: Leaderboard, count: int, seed: int | None, options: Options) -> Verification:
    """Make rows again and hold them against those of the document."""
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    registry = load()
    places = drawn(board, count, seed)
    combinations, missing = _rebuilt(board, places, registry)
    findings = list(missing.values())
    chosen = [board.rows[place] for place in combinations]
    if not chosen:
        note = [] if places else ["rows: none is finished, with all seeds of the document"]
        return Verification([], note, findings)
    own = list(combinations.values())
    try:
        suite = _suite(board, chosen, own, registry)
    except SuiteError as error:
        return Verification([], [], [*findings, Objection("setup and rows", f"cannot be made again: {error}")])
    found = _against(board, combinations, _run(suite, own, registry, options), registry, seed)
    return Verification([], [], findings) + replace(found, remade=_unmade(found.remade, missing))


def _rebuilt(
    board: Leaderboard, places: Sequence[int], registry: Registry
) -> tuple[dict[int, Combination], dict[int, Objection]]:
    """Return what rows are of, by their places, and what cannot be made again, as a component is not installed."""
    found, missing = {}, {}
    for place in places:
        try:
            found[place] = _combination(board.rows[place], registry)
        except ComponentError as error:
            missing[place] = Objection(f"rows[{place}]", f"cannot be made again: {error}")
    return found, missing


def _against(
    board: Leaderboard, combinations: Mapping[int, Combination], again: Leaderboard, registry: Registry, seed: int
) -> Verification:
    """Hold rows that were made again against those of the document."""
    chosen = [board.rows[place] for place in combinations]
    components = _installed(chosen, registry)
    notes = _changed(components) + _elsewhere(board, again)
    rows: list[RemadeRow] = []
    findings: list[Objection] = []
    for place, combination in combinations.items():
        row = board.rows[place]
        made = next((each for each in again.rows if _is(each, row, combination)), None)
        exact = not notes
        own = list(compared(f"rows[{place}]", row, made, exact=exact))
        if made is not None and made.ok:
            own += made_of(f"rows[{place}]", (board, row), (again, made), exact=exact)
        told: Verdict = "same bits" if exact else "within intervals"
        if not exact and made is not None and not comparable(row, made):
            told = "not comparable"
        rows.append(_remade_row(place, [*own, *_foreign(_installed([row], registry))], told))
        findings += own
    unsure = [row.row for row in rows if row.verdict == "not comparable"]
    if unsure:
        notes += [f"rows {', '.join(map(str, unsure))}: one seed does not say how far numbers may be apart elsewhere"]
    checked = f"rows {', '.join(map(str, combinations))} made again (--seed {seed})"
    remaking = Remaking(seed=seed, rows=rows, notes=notes, objections=[], environment=again.environment)
    return Verification([checked], notes, [*findings, *_foreign(components)], remaking)


def _remade_row(place: int, objections: Sequence[Objection], otherwise: Verdict) -> RemadeRow:
    verdict = "differs" if objections else otherwise
    return RemadeRow(row=place, verdict=verdict, objections=[harmless(each) for each in objections])


def _unmade(remaking: Remaking | None, missing: Mapping[int, Objection]) -> Remaking | None:
    """Add the rows that could not be made to those that were, so that a call tells of all that its seed drew."""
    if remaking is None:
        return None
    others = [RemadeRow(row=i, verdict="not comparable", objections=[harmless(why)]) for i, why in missing.items()]
    rows = sorted([*remaking.rows, *others], key=lambda each: each.row)
    return remaking.model_copy(update={"rows": rows})


def _seeds(row: Row) -> int:
    return max((each.n_seeds for each in row.metrics.values()), default=0)


def _combination(row: Row, registry: Registry) -> Combination:
    """Return what a row is of; raises ComponentError where a component is not installed."""
    own = {axis: row.component(axis) for axis in crossed()}
    parts = {axis: None if is_absent(axis, each) else registry.rebuild(axis, each) for axis, each in own.items()}
    return Combination(parts, row.steps, row.train_steps, float(row.sigma_max or 0.0), row.ema_decay)


def _suite(board: Leaderboard, rows: Sequence[Row], combinations: Sequence[Combination], registry: Registry) -> Suite:
    """Return a suite with the settings of a leaderboard, and the components of combinations."""
    setup = board.setup
    assert setup is not None
    lengths = sorted({row.train_steps for row in rows if row.train_steps})
    data: dict[str, Any] = {
        "name": REMADE,
        **{axis.plural: _forms(name, combinations, registry) for name, axis in crossed().items()},
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


def _forms(axis: str, combinations: Sequence[Combination], registry: Registry) -> list[object]:
    """Return the components of an axis as a suite lists them."""
    found = dict.fromkeys(c.component(axis) for c in combinations)
    return [table_form(each, registry) for each in found if each is not None]


def _run(suite: Suite, combinations: list[Combination], registry: Registry, options: Options) -> Leaderboard:
    """Carry combinations out in a directory that is removed after it."""
    with tempfile.TemporaryDirectory(prefix="harness-verify-") as folder, opened(Path(folder)) as store:
        plan = Plan(suite, registry, combinations, Path(folder) / CHECKPOINTS)
        carry_out({f"{MANIFEST}:{suite.name}": plan}, store, replace(options, command="harness verify"))
        return document(store, suite=suite.name)


def _is(made: Row, row: Row, combination: Combination) -> bool:
    """Tell whether a row that was made again is that of the document; its components may have other code."""
    own = {axis: row.component(axis) for axis in crossed()}
    return numbers_of(made) == numbers_of(combination) and any(
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


OF_THE_RUN = {"looks"}
"""What an environment holds of how rows were chosen: nothing of one row follows from it."""


def _elsewhere(board: Leaderboard, again: Leaderboard) -> list[str]:
    """Return in what the environment differs from that of the document."""
    then, now = ({k: v for k, v in each.environment.items() if k not in OF_THE_RUN} for each in (board, again))
    names = sorted(name for name in then.keys() | now.keys() if then.get(name) != now.get(name))
    if ARITHMETIC in names and len(names) == 1:
        return ["made on another kind of processor, compared by intervals"]
    return [f"made with another environment, compared by intervals: {', '.join(names)}"] if names else []


def as_json(verification: Verification) -> Mapping[str, Any]:
    """Return a verification as JSON values."""
    return {
        "passed": verification.passed,
        "checked": list(verification.checked),
        "notes": list(verification.notes),
        "findings": [{"where": each.where, "what": each.what} for each in verification.findings],
    }
