"""Shortages: where memory runs out, go on with less at once, and say so.

What is given up is told in one line, which a run shows once. Points that are computed in parts may round otherwise
than all at once: that is told apart, and a worker says it with the arithmetic of its unit (`harness.running.tasks`).
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from harness.trainers import POINTS_MULTIPLE

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")

IN_PARTS = "points in parts, where memory ran out"
"""What the arithmetic of a unit says that computed fewer points at once than it was asked to."""

_TEXTS = "can't allocate memory", "out of memory", "ALLOC_FAILED"
"""Parts of messages of torch, CUDA and its libraries."""


class Together(NamedTuple):
    """How much is computed at once: of so many networks, so many points each."""

    networks: int
    points: int

    def __str__(self) -> str:
        networks, points = ("" if each == 1 else "s" for each in self)
        return f"{self.networks} network{networks} of {self.points:,} point{points}"

    def less(self) -> Together | None:
        """Return what is tried where memory runs out: one network, then about half of its points; None after one point.

        One network has the bits that it has in a stack. Points stay a multiple of `POINTS_MULTIPLE` where they can.
        """
        if self.networks > 1:
            return Together(1, self.points)
        multiple = POINTS_MULTIPLE if self.points > POINTS_MULTIPLE else 1
        points = -(-self.points // (2 * multiple)) * multiple
        return Together(1, points) if points < self.points else None


class Told(NamedTuple):
    """What was given up for lack of memory.

    Attributes:
        lines: of each shortage what went on with what.
        in_parts: whether points were computed in parts.
    """

    lines: tuple[str, ...]
    in_parts: bool


_LINES: dict[str, bool] = {}
"""The lines of this process that nobody took yet, each with whether it tells of points in parts."""


def tell(before: str | Together, after: str | Together, *, in_parts: bool) -> None:
    """Note what was too much at once, and what is computed in its place."""
    _LINES[f"memory ran out with {before} at once; it goes on with {after}"] = in_parts


def told() -> Told:
    """Return what was given up in this process since this was last asked."""
    found = Told(tuple(_LINES), any(_LINES.values()))
    _LINES.clear()
    return found


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there was too little memory, here or on a device."""
    import torch

    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(text in str(error) for text in _TEXTS)


def with_less(attempt: Callable[[Together], T], most: Together) -> tuple[T, Together]:
    """Compute, with less at once where memory runs out, and tell of it.

    Arguments:
        attempt: computes with so much at once; where it raises it must have changed nothing that counts.
        most: what is tried first.

    Returns:
        What was computed, and with how much at once.

    Raises:
        Exception: what `attempt` raises; where there was too little memory for one point, an error of its kind that
            says what was tried.
    """
    size = most
    while True:
        try:
            found = attempt(size)
        except Exception as error:
            if not out_of_memory(error):
                raise
            less = size.less()
            if less is None:
                raise _exhausted(error, most, size) from error
        else:
            if size != most:
                tell(most, size, in_parts=size.points < most.points)
            return found, size
        # Out here the error is gone, and with its traceback the tensors of all that it went through.
        free()
        size = less


def _exhausted(error: Exception, most: Together, least: Together) -> Exception:
    import torch

    kind = next(each for each in (MemoryError, torch.OutOfMemoryError, RuntimeError) if isinstance(error, each))
    return kind(f"memory ran out with {most} at once, and with less and less down to {least}: {error}")


def free() -> None:
    """Give back what nothing holds any more, on a device too."""
    import torch

    gc.collect()
    torch.cuda.empty_cache()  # does nothing where no device was used


class Parts:
    """Computes something point by point: of all points at once, in parts once memory has run out."""

    def __init__(self) -> None:
        self._most: int | None = None

    def __call__(self, compute: Callable[..., Tensor], *given: Tensor) -> Tensor:
        """Return what is computed of tensors whose first axis is that of the points; raises as `with_less`."""
        import torch

        count = len(given[0])

        def attempt(most: Together) -> list[Tensor]:
            if most.points >= count:
                return [compute(*given)]
            return [compute(*some) for some in zip(*(torch.split(each, most.points) for each in given), strict=True)]

        asked = Together(1, count if self._most is None else min(count, self._most))
        found, used = with_less(attempt, asked)
        if used != asked:
            self._most = used.points
        return found[0] if len(found) == 1 else torch.cat(found)
