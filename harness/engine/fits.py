"""Fits: what metrics were fitted to a target, read where they measure."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from harness.engine.checkpoints import read_state

if TYPE_CHECKING:
    from collections.abc import Mapping

    from harness.engine.jobs import Fit
    from harness.engine.snapshots import State
    from harness.errors import FitFailed, NotApplicable


Found: TypeAlias = "State | NotApplicable | FitFailed"
"""The tensors of a fit, or why there are none."""


def read_fits(fits: Mapping[str, Fit]) -> dict[str, Found]:
    """Return what is found of each fit, by the key of the record that uses it.

    Raises:
        BlobError: one is not what was written: the run ends, and the next one fits again.
    """
    return {key: fit if isinstance(fit, Exception) else read_state(fit) for key, fit in fits.items()}


def fitted(found: Found) -> State:
    """Return the tensors of a fit.

    Raises:
        NotApplicable: the metric does not apply to the target.
        FitFailed: the fit failed.
    """
    if isinstance(found, Exception):
        raise found
    return found
