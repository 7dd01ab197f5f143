"""Measure losses: measures ℓ(σ) of trained networks on held-out points, u²e there but for the least loss.

Its records are of that kind.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from harness.engine.denoisers import denoiser_from_checkpoint
from harness.engine.held_out_losses import loss_curve, loss_levels, losses_at
from harness.engine.laws import distribution
from harness.engine.modules import DTYPES
from harness.engine.payloads import losses
from harness.errors import HarnessError
from harness.records import Record

if TYPE_CHECKING:
    from harness.engine.jobs import MeasureLossesJob


def measure_losses(job: MeasureLossesJob) -> list[Record]:
    """Return one record for each network; it has failed where the output of the network is not finite.

    Raises:
        BlobError: a checkpoint is not what training wrote: the run ends.
        NotApplicable: the target is no data set, or the labels of its held-out points are not known.
        Exception: whatever the target or a network raises.
    """
    law = distribution(job.target)
    denoisers = [denoiser_from_checkpoint(trained, law.data) for _, trained in job.networks]
    first = job.networks[0][1]
    dtype, labelled = DTYPES[first.precision], first.network.conditional
    start = time.perf_counter()
    span = job.sigma_min, job.sigma_max
    found = losses_at(law, denoisers, *span, seed=law.stream, dtype=dtype, labelled=labelled)
    seconds = (time.perf_counter() - start) / len(denoisers)
    records = []
    for (key, _), loss in zip(job.networks, found, strict=True):
        try:
            curve = loss_curve(law.dim, loss_levels(*span), loss)
            records.append(Record(key, "score error", losses.to_json(curve), seconds=seconds))
        except HarnessError as error:
            records.append(Record(key, "score error", reason=str(error), seconds=seconds))
    return records
