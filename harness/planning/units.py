"""Units: pieces of work, each with the records that it builds on and those that it makes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from harness.engine.jobs import Job, Payload
from harness.errors import in_words
from harness.networks import TrainableNetwork

if TYPE_CHECKING:
    from harness.components import Component
    from harness.records import Record


class Stage(IntEnum):
    """When a unit is done: those of an earlier stage go first."""

    GROUNDWORK = 0
    TRAINING = 1
    SCORE_ERROR = 2
    SAMPLING = 3

    @property
    def words(self) -> str:
        """The name as it stands in a sentence."""
        return in_words(self.name.lower())


class NotPossible(Exception):
    """What a unit builds on has failed, or does not apply; says why.

    Attributes:
        applicable: false where it does not apply.
    """

    def __init__(self, reason: str, *, applicable: bool = True) -> None:
        super().__init__(reason)
        self.applicable = applicable


Lookup = Callable[[str], "Record | None"]
"""Looks up a record by its key."""


@dataclass(frozen=True)
class Resources:
    """What of a machine a unit takes while it is done, for executors that share out several.

    Processes of this machine alone take a core each, whatever a unit asks, and see all of its devices.

    Attributes:
        cores: processor cores; arithmetic stays that of one thread.
        devices: accelerators; a part of one is shared with other units.
    """

    cores: float = 1.0
    devices: float = 0.0


ONE_CORE = Resources()
"""What a unit takes that asks for nothing."""


@dataclass(frozen=True)
class Unit:
    """One piece of work.

    Attributes:
        stage: when it is done.
        keys: keys of the records that it makes.
        job: makes what a worker is told, from the records that the unit builds on.
        after: keys of the records that it builds on.
        cost: estimated seconds on one core.
        networks: how many it trains or measures; its time limit counts for each, so that none fails for its company.
        resources: what of a machine it takes.
    """

    stage: Stage
    keys: tuple[str, ...]
    job: Callable[[Lookup], Job]
    cost: float
    after: frozenset[str] = field(default_factory=frozenset)
    networks: int = 1
    resources: Resources = ONE_CORE


def trainable(network: Component) -> TrainableNetwork:
    """Return the network, which is one that is trained.

    Raises:
        TypeError: it is neither that nor an oracle.
    """
    if not isinstance(network, TrainableNetwork):
        raise TypeError(f"network {network.label()} is neither a TrainableNetwork nor an OracleNetwork")
    return network


def require_record(find: Lookup, key: str, what: str) -> Record:
    """Return a record that a unit builds on.

    Raises:
        NotPossible: the record failed, does not apply, or was never made.
    """
    record = find(key)
    if record is None:
        raise NotPossible(f"{what}: not computed")
    if record.reason is not None:
        # Whatever does not apply says by itself which component that is, and some reasons say what they are of.
        told = not record.applicable or record.reason.startswith(what)
        reason = record.reason if told else f"{what}: {record.reason}"
        raise NotPossible(reason, applicable=record.applicable)
    return record


def require(find: Lookup, key: str, what: str) -> Payload:
    """Return the payload of a record that a unit builds on; raises like `require_record`."""
    return require_record(find, key, what).payload


def unique(items: Iterable[Any]) -> list[Any]:
    """Return the distinct items, in order."""
    return list(dict.fromkeys(items))


def even_parts(items: list[Any], most: int) -> list[list[Any]]:
    """Split into as few parts as `most` allows, of sizes that differ by at most one; none where there is nothing."""
    count = -(-len(items) // most)
    edges = [len(items) * i // max(count, 1) for i in range(count + 1)]
    return [items[a:b] for a, b in pairwise(edges)]
