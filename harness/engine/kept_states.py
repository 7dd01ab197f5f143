"""Kept states: write the states of networks that train, now and then, and find those of a run that was cut off.

A state is that of one network and not of its stack: what is missing may be stacked otherwise by the next run.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from safetensors import SafetensorError
from safetensors.torch import load, save

from harness.unfinished import Reached

if TYPE_CHECKING:
    from harness.engine.courses import Learner, LevelTable
    from harness.engine.snapshots import State
    from harness.unfinished import UnfinishedFolder

SHARE = 20
"""Keeping states takes one part in so many of the time, however large networks are."""


class KeptStates:
    """The states of the networks of a stack.

    Arguments:
        folder: where they are kept.
        learners: the networks; the last of each one's wanted keys is that of its state.
        length: steps of the training.
    """

    def __init__(self, folder: UnfinishedFolder, learners: Sequence[Learner[LevelTable]], length: int) -> None:
        self._folder, self._length = folder, length
        self._keys = [learner.last_key for learner in learners]
        self._next = time.monotonic() + folder.every

    def found(self) -> list[State] | None:
        """Return the state of each network; None where one is missing or damaged."""
        contents = [self._folder.read(key) for key in self._keys]
        try:
            return [dict(load(content)) for content in contents if content is not None] if all(contents) else None
        except SafetensorError:
            return None

    def due(self) -> bool:
        """Whether it is time to keep the states again."""
        return time.monotonic() >= self._next

    def keep(self, step: int, states: Sequence[State]) -> None:
        """Keep the state of each network after so many steps; raises DiskError where it cannot be written."""
        start = time.monotonic()
        for key, state in zip(self._keys, states, strict=True):
            content = save({name: value.contiguous() for name, value in state.items()})
            self._folder.write(key, Reached(step, self._length), content)
        end = time.monotonic()
        self._next = end + max(self._folder.every, SHARE * (end - start))


def alike(folder: UnfinishedFolder | None, learners: Sequence[Learner[LevelTable]]) -> list[list[Learner[LevelTable]]]:
    """Return neighbours together that had come as far: a stack takes its steps together."""
    if folder is None:
        return [list(learners)]
    return [list(group) for _, group in groupby(learners, lambda learner: folder.reached(learner.last_key))]
