"""Evaluate samples: draws them for one combination and seed, and measures metrics, bounds and the path's budget."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from harness.bounds import Bound, Design
from harness.budget import Budget, budget
from harness.engine.bound_errors import InformationPart, ScoreErrorPart, measured_bound
from harness.engine.checks import check_evaluations_made
from harness.engine.denoisers import denoiser_of, in_precision, place_of
from harness.engine.fits import Found, fitted, read_fits
from harness.engine.labels import sample_labels
from harness.engine.laws import distribution
from harness.engine.metric_values import reference_sample
from harness.engine.payloads.measured import measurement_to_json, said
from harness.engine.payloads.sampling import SamplingPayload
from harness.engine.pictures import sample_pictures
from harness.engine.random_streams import seed_from
from harness.engine.sampling import generate, kernel_function, kernel_variances, simulate_function
from harness.engine.sampling_jobs import conditional, curves_of, start_of, withheld_label
from harness.engine.stored_curves import stored_population
from harness.errors import ContractError, FitFailed, NotApplicable
from harness.metrics import Experiment, mean_and_error
from harness.networks import OracleNetwork
from harness.records import Record, failed
from harness.samplers import GaussianKernelSampler
from harness.trajectories import from_json
from harness.weighting_tables import table_from_json

if TYPE_CHECKING:
    from torch import Tensor

    from harness.engine.jobs import EvaluateSamplesJob
    from harness.information import Information, ScoreError
    from harness.initial_laws import Start
    from harness.metrics import Metric
    from harness.samplers import Sampler
    from harness.targets import Distribution


CENTRE = 1024
"""Points of the target whose mean stands for its own: it errs by a thirtieth of its deviation."""


def evaluate_samples(job: EvaluateSamplesJob) -> list[Record]:
    """Return the sampling record, and one record for each metric and bound.

    A metric or a bound that raises, or returns what its contract forbids, fails its own record alone.

    Raises:
        ContractError: the sampler, the denoiser, the initial law or an oracle returned what its contract forbids, or
            the sampler made more evaluations than it says.
        SamplingError: a sample is not finite.
        BlobError: the checkpoint of the network, or what a metric was fitted, is not what was written: the run ends.
        HarnessError: a level of the grid lies outside the range where a curve was measured.
    """
    law = distribution(job.target)
    design = _design(job, law)
    bounds = [_bound_record(key, bound, design) for key, bound in job.bounds.items()]
    fits = read_fits(job.fits)
    experiment, nfe, seconds = _sampled(job, law, design)
    metrics = [_metric_record(key, each, experiment, job.seed, fits.get(key)) for key, each in job.metrics.items()]
    spread = _spread(experiment.samples, law, job.sigmas[-1])
    terms = None if design.budget is None else _terms(design.budget)
    pictures = sample_pictures(law, experiment.samples, job.seed, conditional=conditional(job))
    payload = SamplingPayload(nfe, terms, spread, pictures, conditional(job))
    return [Record(job.key, "sampling", payload.to_json(), seconds=seconds), *metrics, *bounds]


REPEATED = 8
"""Samples that are drawn twice of a sampler that says it is deterministic."""


def check_repeats(job: EvaluateSamplesJob) -> None:
    """Draw a few samples twice where the sampler says that it is deterministic.

    Raises:
        ContractError: they differ: it draws noise of its own, or looks at a clock. Else as `evaluate_samples`.
    """
    if not job.sampler.deterministic:
        return
    small, law = replace(job, count=REPEATED), distribution(job.target)
    design = _design(small, law)
    first, second = (_sampled(small, law, design)[0].samples for _ in range(2))
    if not torch.equal(first, second):
        raise ContractError(
            f"sampler {job.sampler.label()} says that it is deterministic, and twice from the same points its samples "
            "differ; take noise from run.noise() and let `deterministic` return False"
        )


def _design(job: EvaluateSamplesJob, law: Distribution) -> Design:
    information, error = curves_of(job)
    # No bound may change what the next one sees, or what is sampled.
    grid = _fixed(np.array(job.sigmas))
    variances = kernel_variances(job.sampler, grid, information, error, stored_population(job.losses))
    start = start_of(job)
    terms = None
    if variances is not None:
        initialization = _initialization(start, job.sigmas[0], law, information)
        terms = budget(grid, _fixed(variances), information, error, initialization)
        optimism = _optimism(job.sampler, grid, terms, information, error)
        terms = replace(terms, interpolation=abs(terms.interpolation) + optimism)
    weighting = None if job.weighting is None else table_from_json(job.weighting)
    return Design(
        sampler=job.sampler,
        sigmas=grid,
        variances=variances,
        dim=law.dim,
        second_moment=law.second_moment,
        information=information,
        score_error=error,
        budget=terms,
        target=law,
        initial=start,
        training=None if job.training is None else from_json(job.training),
        weighting=weighting,
        labelled=conditional(job),
    )


def _optimism(sampler: Sampler, grid: np.ndarray, terms: Budget, information: Information, error: ScoreError) -> float:
    """Return by how much the budget is too small for variances that were chosen by the very curves it is made of.

    It is what cross-fitting adds: the budget of each replicate of the curves with the variances that the others
    choose, less that with its own share in them. 0 where the curves are exact, or choose nothing: not of a sampler that
    follows the population.
    """
    count = max(information.replicates, error.replicates)
    if not isinstance(sampler, GaussianKernelSampler) or count == 1:
        return 0.0
    if not sampler.needs_information or sampler.needs_population:
        return 0.0
    found = []
    for r in range(count):
        own, others = np.array([r]), np.delete(np.arange(count), r)
        curves = (InformationPart(information, others), ScoreErrorPart(error, others))
        variances = kernel_variances(sampler, grid, *curves)
        if variances is not None:
            left = (InformationPart(information, own), ScoreErrorPart(error, own))
            found.append(float(budget(grid, variances, *left, terms.initialization[:1]).total[0]))
    steps = terms.total - terms.initialization
    crossed = np.array(found) - terms.initialization[0]
    return max(0.0, float(crossed.mean() - steps.mean()))


def _spread(samples: Tensor, law: Distribution, sigma: float) -> float:
    """Return the samples' root mean square distance from the mean of p_δ, over that of p_δ itself.

    Arguments:
        samples: shape (n, d), float64.
        law: the target.
        sigma: the last level δ.
    """
    centre = law.sample(CENTRE, torch.Generator().manual_seed(seed_from("centre"))).mean(0)
    largest = float((samples - centre).abs().max())
    if largest == 0:
        return 0.0
    # Samples may be too large to be squared.
    relative = float(((samples - centre) / largest).square().mean().sqrt())
    return min(relative * (largest / math.hypot(law.sigma_data, sigma)), sys.float_info.max)


def _initialization(start: Start, sigma: float, law: Distribution, information: Information) -> np.ndarray | None:
    """Return E_I of a start; None for N(0, σ²I), whose E_I needs no covariance."""
    if start.is_centered(sigma):
        return None
    exact = start.divergence(sigma**2, information, *law.mean_and_covariance())
    # Rounding may leave less than nothing of what is known exactly; noise is left as it is, without bias.
    return exact.clip(min=0.0) if information.replicates == 1 else exact


def _fixed(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


def _sampled(job: EvaluateSamplesJob, law: Distribution, design: Design) -> tuple[Experiment, int, float]:
    """Return what the metrics measure, the evaluations of the network a sample, and the seconds that sampling took."""
    denoiser = denoiser_of(job.network, law)
    reference = reference_sample(law, job.count, job.sigmas[-1], job.seed, part=0)
    labels = sample_labels(law, job.seed, len(reference)) if conditional(job) else None
    kernel = None if design.variances is None else design.variances.tolist()
    place = place_of(job.network)
    as_run = in_precision(denoiser, place["dtype"])
    start = time.perf_counter()
    generated = generate(
        *(job.sampler, denoiser, job.sigmas, kernel),
        seed=job.seed,
        count=len(reference),
        dim=law.dim,
        **place,
        start=design.initial,
        labels=labels,
        withheld=withheld_label(job),
    )
    seconds = time.perf_counter() - start
    check_evaluations_made(job.sampler, len(job.sigmas) - 1, generated.nfe)
    experiment = Experiment(
        target=law,
        sampler=job.sampler,
        sigmas=job.sigmas,
        samples=generated.samples,
        reference=reference,
        simulate=simulate_function(job.sampler, denoiser, job.sigmas, kernel) if labels is None else _no_simulation,
        exact_network=isinstance(job.network, OracleNetwork) and not np.any(design.score_error(design.sigmas)),
        last_kernel=generated.last_kernel,
        budget=design.budget,
        training=design.training,
        generator=torch.Generator(),
        kernel=kernel_function(job.sampler, as_run, job.sigmas, kernel) if labels is None else None,
        initial=design.initial,
        labels=labels,
        simulate_as_run=simulate_function(job.sampler, as_run, job.sigmas, kernel) if labels is None else None,
    )
    return experiment, generated.nfe, seconds


def _no_simulation(x: Tensor, noise: Callable[[], Tensor]) -> Tensor:
    raise NotApplicable("the network is given labels: there is no one map from the starting point to the sample")


def _terms(terms: Budget) -> dict[str, float]:
    names = ("initialization", "score", "discretization", "variance", "total")
    return {name: mean_and_error(getattr(terms, name))[0] for name in names}


def _metric_record(key: str, metric: Metric, experiment: Experiment, seed: int, fit: Found | None) -> Record:
    """Measure; every metric has the same samples and random state, whatever was measured before it."""
    own = replace(experiment, samples=experiment.samples.clone(), reference=experiment.reference.clone())
    experiment.generator.manual_seed(seed_from("metric", metric.label(), seed))
    start = time.perf_counter()
    try:
        payload = measurement_to_json(said(lambda: metric.measure(_with(fit, own))))
    except FitFailed as error:
        return Record(key, "metric", reason=str(error))
    except Exception as error:
        return failed(key, "metric", f"metric {metric.label()}", error)
    return Record(key, "metric", payload, seconds=time.perf_counter() - start)


def _with(fit: Found | None, experiment: Experiment) -> Experiment:
    """Return the experiment with what its metric was fitted; raises as `fitted`."""
    return experiment if fit is None else replace(experiment, fitted=fitted(fit))


def _bound_record(key: str, bound: Bound, design: Design) -> Record:
    try:
        return Record(key, "bound", measurement_to_json(measured_bound(bound, design)))
    except Exception as error:
        return failed(key, "bound", f"bound {bound.label()}", error)
