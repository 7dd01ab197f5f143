"""Devices: which one a run computes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.trainers import Device


def resolved(wanted: str) -> Device:
    """Return the device that a word means: `auto` is a GPU where torch sees one.

    It is looked for here, where the plan is made, also where the work is done elsewhere: a cluster of machines with
    GPUs is used from one that has a GPU, too.

    Raises:
        HarnessError: a GPU is wanted, and torch sees none.
    """
    if wanted == "cpu":
        return "cpu"
    import torch  # here: it takes seconds, and a run on the CPU needs none of it in this process

    if torch.cuda.is_available():
        return "cuda"
    if wanted == "auto":
        return "cpu"
    built = f"with CUDA {torch.version.cuda}" if torch.version.cuda else "for the CPU alone"
    raise HarnessError(f"--device cuda: torch {torch.__version__}, built {built}, sees no GPU; write --device cpu")
