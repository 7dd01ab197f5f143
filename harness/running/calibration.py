"""Calibration: makes trials of the work of a plan in a worker, so that its costs are measured ones.

As much as a time limit allows: what is left out, or fails, stays guessed, and is told. No trial can end a plan.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from harness.engine.trials import ReadyTrial
from harness.errors import HarnessError
from harness.planning import costs
from harness.running.tasks import Task
from harness.running.workers import workers

if TYPE_CHECKING:
    from harness.engine.trials import Trial
    from harness.planning.plan import Plan

SECONDS = 90.0
"""What all trials of a plan may take together."""

FUNCTION = "harness.engine.try_out:try_out"


def calibrate(plan: Plan, limit: float = SECONDS) -> str | None:
    """Make the trials that a plan's costs lack, and keep what they find; return in one line what stays guessed.

    Arguments:
        plan: the plan; its costs are those that are known when this returns.
        limit: seconds that the trials may take together.
    """
    missing = plan.trials()
    try:
        found, reason = _made(missing, plan.costs.start_key(), limit) if missing else ({}, None)
    except (HarnessError, OSError) as error:
        found, reason = {}, str(error)
    if found:
        costs.store(found)
        plan.costs.known = {**plan.costs.known, **found}
    left = sum(key not in found for key in missing)
    return f"{left} of {len(missing)} kinds of work stay guessed: {reason}" if left else None


def _made(
    missing: Mapping[str, Trial], start_key: str, limit: float
) -> tuple[dict[str, tuple[float, ...]], str | None]:
    """Return what trials found, by their keys, and why the first of the others found nothing."""
    start, found, reason = time.monotonic(), dict[str, tuple[float, ...]](), None
    with workers(1, FUNCTION) as pool:
        for key, trial in {start_key: ReadyTrial(), **missing}.items():
            left = limit - (time.monotonic() - start)
            if left <= 0:
                break
            for ended in pool.run([Task(key, 0, partial(_same, trial), 0.0, left)]):
                if ended.value is not None:
                    found[key] = ended.value or (time.monotonic() - start,)
                elif time.monotonic() - start < limit:
                    reason = reason or ended.reason
    return found, reason or f"trials end after {limit:g} s together"


def _same(trial: Trial) -> Trial:
    return trial
