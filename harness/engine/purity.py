"""Whether a computation leaves alone what it was given, and gives the same bits again."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from harness.properties import Property


def purity(what: str, compute: Callable[[Tensor], Tensor], given: Tensor) -> Property:
    """Measure how often of four times a computation on a tensor is pure: its input, torch's random state, its result.

    Arguments:
        what: the name of what is computed.
        compute: the computation.
        given: what it is given.
    """
    copy, state = given.clone(), torch.get_rng_state()
    first = compute(copy)
    held = [torch.equal(copy, given), torch.equal(torch.get_rng_state(), state)]
    torch.set_rng_state(state)
    torch.rand(3)
    second = compute(given.clone())
    torch.set_rng_state(state)
    held += [torch.equal(first, second), first.shape == second.shape]
    return Property(f"{what}: same bits again, input and random state left alone", 1.0, sum(held) / len(held), 0.0)
