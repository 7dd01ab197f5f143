"""The layout: which residual blocks there are, in their order, of how many channels, at which level.

Level 0 has the sides of the image, and each level half of those above it. On the way down a level begins with a block
that halves, but the first, which begins with a convolution; on the way up with one that doubles, but the lowest, which
begins with two blocks of which the first attends. Each block on the way up but these is joined with the last output on
the way down, convolution included, that none was joined with yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Resize = Literal["keep", "halve", "double"]
"""What a block does to the sides of its images."""


@dataclass(frozen=True)
class Step:
    """A residual block.

    Attributes:
        inputs: channels that it is given, those that are joined to them among them.
        outputs: channels that it returns.
        level: number of halvings of the sides that it returns.
        resize: what it does to the sides.
        attends: whether attention follows it.
        joins: whether an output of the way down is joined to its input.
    """

    inputs: int
    outputs: int
    level: int
    resize: Resize = "keep"
    attends: bool = False
    joins: bool = False


def way_down(channels: int, multipliers: Sequence[int], blocks: int, attended: frozenset[int]) -> list[Step]:
    """Return the blocks from the image to the lowest level, after a first convolution to `channels`.

    Arguments:
        channels: those that are multiplied.
        multipliers: of the channels, one for each level.
        blocks: residual blocks of a level.
        attended: levels whose blocks attend.
    """
    steps, now = [], channels
    for level, multiplier in enumerate(multipliers):
        if level:
            steps.append(Step(now, now, level, "halve"))
        for _ in range(blocks):
            steps.append(Step(now, channels * multiplier, level, attends=level in attended))
            now = channels * multiplier
    return steps


def way_up(channels: int, multipliers: Sequence[int], blocks: int, attended: frozenset[int]) -> list[Step]:
    """Return the blocks from the lowest level to the image; arguments as of `way_down`.

    Of the blocks of a level on this way, one more than on the way down, the last alone attends.
    """
    waiting = [channels, *(step.outputs for step in way_down(channels, multipliers, blocks, attended))]
    lowest, now = len(multipliers) - 1, waiting[-1]
    steps = []
    for level in range(lowest, -1, -1):
        if level == lowest:
            steps += [Step(now, now, level, attends=True), Step(now, now, level)]
        else:
            steps.append(Step(now, now, level, "double"))
        for number in range(blocks + 1):
            last = number == blocks and level in attended
            steps.append(Step(now + waiting.pop(), channels * multipliers[level], level, attends=last, joins=True))
            now = channels * multipliers[level]
    return steps
