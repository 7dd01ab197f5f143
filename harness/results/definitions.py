"""Definitions: the suite that a leaderboard holds, and in what the rest of the leaderboard differs from it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from harness.axes import crossed, numbers_of, taken_by
from harness.components import parse_request, request_from_table
from harness.planning.manifest import is_absent
from harness.results.consistency import Objection
from harness.results.leaderboard import Leaderboard
from harness.suites.combinations import expand, near_count
from harness.suites.model import SELECTION, Suite, SuiteError

if TYPE_CHECKING:
    from harness.components import Component
    from harness.registry.references import Reference
    from harness.registry.registry import Registry

DEFINITION = "definition"
"""What errors call the suite, as the document does."""


MOST = 1_000_000
"""Combinations that a suite may have for them to be compared with rows, one by one."""


def whole_suite(board: Leaderboard) -> Suite:
    """Return the suite that a leaderboard holds.

    Raises:
        SuiteError: it holds none, as of a race or before version 8, or no valid one.
    """
    if board.definition is None:
        raise SuiteError(f"{DEFINITION}: races, and documents before version 8, do not hold their suite")
    heads = {"name": board.suite, **({} if board.title is None else {"title": board.title})}
    return Suite.from_mapping({**board.definition, **heads}, DEFINITION)


def question(board: Leaderboard) -> str:
    """Return what a board asks; of a part of a suite that it is one, as the whole question may have no answer there."""
    whole = board.suite.removesuffix(SELECTION)
    part = f"A part of {whole}: " if whole != board.suite else ""
    return f"{part}{board.title}" if board.title else ""


def contradictions(board: Leaderboard, suite: Suite, registry: Registry) -> Iterator[Objection]:
    """Find what of a leaderboard is not what its suite says: settings, and the combinations of its rows.

    Arguments:
        board: the leaderboard.
        suite: as `whole_suite` returns it.
        registry: where components come from.

    Raises:
        SuiteError: a component of the suite is not installed, so that its combinations are not known.
        HarnessError: one of a row is not.
    """
    yield from _settings(board, suite)
    if (most := _size(suite)) > MOST:
        yield Objection(DEFINITION, f"up to {most} combinations; the {len(board.rows)} rows cannot be those")
        return
    components = _Components(registry)
    asked = {
        (*(components.place(c.component(axis)) for axis in crossed()), *numbers_of(c).values())
        for c in expand(suite, registry, yes=True)
    }
    found = {
        (*(components.of(axis, each) for axis, each in name.items()), *numbers_of(row).values())
        for row in board.rows
        for name in row.combinations(crossed())
    }
    if asked != found:
        lacking, beyond = len(asked - found), len(found - asked)
        yield Objection(
            "rows", f"lack {lacking} combinations of the suite in {DEFINITION}, and have {beyond} beside it"
        )


def _size(suite: Suite) -> int:
    """Return how many combinations, or trainings, a suite has at most, without making any."""
    sizes = {axis.name: sum(map(_count, getattr(suite, axis.plural))) or 1 for axis in crossed().values()}
    lengths = [*map(len, (suite.compute.evaluations, suite.compute.training_shares))] if suite.compute else []
    lengths += [len(suite.training.steps), len(suite.trainer.ema_decays) or 1]
    trainings = math.prod([*(sizes[axis] for axis in taken_by("training")), *lengths])
    targets = sizes.pop("target")
    varied = (*sizes.values(), *lengths, len(suite.sigma_max), max(1, len(suite.steps)))
    return max(trainings, targets * near_count(({0: 1, 1: size - 1} for size in varied), suite.most_apart))


def _count(form: object) -> int:
    """Return how many components a form of a suite means."""
    request = request_from_table(form) if isinstance(form, Mapping) else parse_request(str(form))
    return math.prod(map(len, request.values.values()))


def _settings(board: Leaderboard, suite: Suite) -> Iterator[Objection]:
    """Find settings that differ, one by one."""
    if (setup := board.setup) is None:
        return
    pairs: list[tuple[str, object, object]] = [
        ("seeds", setup.seeds, list(suite.seeds)),
        ("sigma_min", setup.sigma_min, suite.noise.sigma_min),
        ("sigma_max", setup.sigma_max, suite.noise.sigma_max),
        ("samples", setup.samples, suite.sampling.samples),
    ]
    if setup.training is not None:
        pairs += [
            ("training.method", setup.training.method, suite.trainer.method),
            ("training.params", setup.training.params, suite.trainer.chosen()),
        ]
    for field, told, own in pairs:
        if told != own:
            yield Objection(f"setup.{field}", f"{told}; the suite in {DEFINITION} says {own}")


class _Components:
    """Tells components apart by a small number: to compare them is to write them as JSON."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._of: dict[tuple[str, str], int] = {}
        self._by_identity: dict[int, tuple[Component, int]] = {}
        self._places: dict[Component, int] = {}

    def place(self, component: Component | None) -> int:
        """Return the number of a component; 0 where there is none."""
        if component is None:
            return 0
        if id(component) not in self._by_identity:
            place = self._places.setdefault(component, len(self._places) + 1)
            self._by_identity[id(component)] = component, place
        return self._by_identity[id(component)][1]

    def of(self, axis: str, reference: Reference) -> int:
        """Return the number of what a reference names; raises ComponentError where it is not installed."""
        known = axis, reference.key
        if known not in self._of:
            absent = is_absent(axis, reference)
            self._of[known] = self.place(None if absent else self._registry.rebuild(axis, reference))
        return self._of[known]
