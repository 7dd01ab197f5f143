"""Drawing: new samples of a design that was evaluated, by what evaluated it, and nothing measured on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.data_units import DataUnits
from harness.engine.checks import blamed
from harness.engine.denoisers import denoiser_of, place_of
from harness.engine.labels import sample_labels
from harness.engine.laws import distribution
from harness.engine.sampling import generate, kernel_variances
from harness.engine.sampling_jobs import conditional, curves_of, start_of, withheld_label
from harness.engine.stored_curves import stored_population

if TYPE_CHECKING:
    from torch import Tensor

    from harness.engine.jobs import EvaluateSamplesJob
    from harness.samplers import Sampler
    from harness.targets import Target


@dataclass(frozen=True)
class Drawn:
    """Samples.

    Attributes:
        points: shape (n, d), float64, as the target has points.
        labels: what the network was told each to be, shape (n,), int64; None where it is told nothing.
    """

    points: Tensor
    labels: Tensor | None


def draw(job: EvaluateSamplesJob) -> Drawn:
    """Draw the samples of a job, however many points are held out.

    Sample i is that of the job's seed: of the seed of a run it is the one that was measured, but for rounding.

    Raises:
        ContractError: the sampler, the denoiser or the initial law returned what its contract forbids.
        SamplingError: a sample is not finite.
        BlobError: the checkpoint of the network is not what was written.
    """
    law = distribution(job.target)
    labels = sample_labels(law, job.seed, job.count) if conditional(job) else None
    generated = generate(
        *(job.sampler, denoiser_of(job.network, law), job.sigmas, step_variances(job)),
        seed=job.seed,
        count=job.count,
        dim=law.dim,
        **place_of(job.network),
        start=start_of(job),
        labels=labels,
        withheld=withheld_label(job),
    )
    return Drawn(generated.samples, labels)


def step_variances(job: EvaluateSamplesJob) -> np.ndarray | None:
    """Return the variance of each step of a job's sampler, shape (N,); None where its steps are no Gaussian kernels."""
    return kernel_variances(job.sampler, np.array(job.sigmas), *curves_of(job), stored_population(job.losses))


def units_of(target: Target) -> DataUnits:
    """Return how the points of a target relate to the data.

    Raises:
        ContractError: it is not what its contract asks for.
    """
    import torch

    dim = distribution(target).dim
    with blamed(target, "data_units"):
        units = target.data_units()
        if not isinstance(units, DataUnits):
            raise TypeError(f"returned {type(units).__name__}; it must return a harness.data_units.DataUnits")
        if not bool(units.restore(torch.zeros(1, dim)).isfinite().all()):
            raise ValueError("restore() makes of finite points what is not finite")
    return units


def plain_step_of(sampler: Sampler) -> str:
    """Return a sampler's step as plain Python; raises as `units_of`."""
    with blamed(sampler, "plain_step"):
        text = sampler.plain_step()
        if not isinstance(text, str):
            raise TypeError(f"returned {type(text).__name__}; it must return text")
        if text:
            compile(text, f"<plain step of {sampler.name}>", "exec")
    return text
