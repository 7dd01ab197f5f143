"""Ray worker: what a process of a cluster does with a task, on a machine that may share no file with the parent.

The blobs that a task reads came with it; those that it writes go back with its value, to the one writer.
"""

from __future__ import annotations

import io
import pickle
import platform
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.blobs import Blobs, CarriedBlobs
from harness.errors import DiskError, HarnessError
from harness.running.same_code import code_here
from harness.running.tasks import Done, prepare_process, timed

if TYPE_CHECKING:
    from harness.targets import Target

PLACE = "blobs"
"""Stands for the result directory's blobs in what is sent: there they are those that came along."""


class Arrival(NamedTuple):
    """A worker that is ready: on which machine, and what is installed there (`harness.running.same_code`)."""

    node: str
    code: dict[str, str]


class Delivery(NamedTuple):
    """What a worker says of a task, and the blobs that it wrote, by digest."""

    done: Done
    written: dict[str, bytes]


def arrive(function: str) -> Arrival:
    """Make this process a worker, and import what it will call."""
    prepare_process()
    import_module(function.partition(":")[0])
    return Arrival(platform.node(), code_here())


def do(function: str, content: bytes, files: bytes, watched: bool, blobs: Mapping[str, bytes]) -> Delivery:
    """Make the call of a task.

    Arguments:
        function: what is called, as `module:name`.
        content: its argument, pickled.
        files: the targets in it that read files, with the digests of what the parent read, pickled.
        watched: whether foreign code takes part.
        blobs: those that the argument reads, by digest.

    Raises:
        DiskError: a target does not read here what the parent read; or as `harness.running.tasks.timed`.
    """
    place = CarriedBlobs(blobs)

    def load(content: bytes) -> Any:
        argument = _Unpacker(content, place).load()
        for target, digest in pickle.loads(files):
            _check(target, digest)
        return argument

    return Delivery(timed(function, content, watched, load), place.written)


class _Unpacker(pickle.Unpickler):
    """Unpickles an argument, with a place of this machine for its blobs."""

    def __init__(self, content: bytes, place: Blobs) -> None:
        super().__init__(io.BytesIO(content))
        self._place = place

    def persistent_load(self, name: Any) -> Any:
        if name != PLACE:
            raise pickle.UnpicklingError(f"{name!r} is nothing that is known on every machine")
        return self._place


def _check(target: Target, digest: str) -> None:
    """See that a target reads the same here; else its numbers would belong to another key."""
    try:
        found = target.content_digest()
    except HarnessError as error:
        raise DiskError(f"on node {platform.node()}: {error}; the file must lie there too") from error
    if found != digest:
        raise DiskError(f"on node {platform.node()} target {target.label()} reads another content than here")
