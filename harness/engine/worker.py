"""What a worker does: one function for each kind of unit, from a job to the records it makes.

Everything that runs a plugin's numerics runs here, under the time limit of its unit. A job carries the components and
the values of the records that it builds on; nothing here knows of suites, plans or databases.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import replace
from functools import lru_cache, singledispatch
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from harness.arithmetic import in_force
from harness.bounds import Bound, Design
from harness.budget import Budget, budget
from harness.descents import Descent
from harness.engine.checks import (
    asked,
    check_distribution,
    check_evaluations_made,
    check_grid,
    check_information,
    check_schedule,
    check_score_error,
    check_start,
)
from harness.engine.curves import (
    ExactScoreError,
    information_from_json,
    information_to_json,
    residual_to_json,
    score_error_from_json,
    score_error_to_json,
)
from harness.engine.gradient_descent import Labels, Learner, descend
from harness.engine.jobs import (
    ArithmeticJob,
    CalibrateJob,
    DescentJob,
    ErrorJob,
    EvaluateJob,
    GridJob,
    InformationJob,
    Job,
    Payload,
    TableJob,
    TrainedNetwork,
    TrainJob,
)
from harness.engine.levels import table_levels
from harness.engine.measurement import measure_information, measure_score_error
from harness.engine.random_streams import seed_from
from harness.engine.recording import record_training
from harness.engine.sampling import (
    denoiser_from_module,
    denoiser_from_oracle,
    generate,
    kernel_function,
    kernel_variances,
    simulate_function,
)
from harness.engine.snapshots import Snapshot, initial_module
from harness.engine.tabulate import tabulate
from harness.engine.training import Member, train
from harness.errors import ContractError, DiskError, one_line
from harness.information import Information, ScoreError
from harness.initial_laws import Start
from harness.metrics import Experiment, Measurement, Metric, NotApplicable, SampleMetric, mean_and_error
from harness.networks import OracleNetwork
from harness.records import PART, Record, file_digest
from harness.samplers import Denoiser
from harness.targets import Distribution, Target
from harness.time_discretizations import GridRequest
from harness.trajectories import from_json, to_json
from harness.weighting_tables import table_from_json, table_to_json


@singledispatch
def run(job: Job) -> list[Record]:
    """Do a unit of work: return the records it makes, in the process that calls."""
    raise TypeError(f"{type(job).__name__} is no job")


def work(job: Job) -> list[Record]:
    """Do a unit of work; a record whose payload is no JSON value has failed."""
    return [_told(record) for record in run(job)]


def _told(record: Record) -> Record:
    try:
        json.dumps(record.payload, allow_nan=False)
    except (TypeError, ValueError) as error:
        return Record(record.key, record.kind, reason=f"{record.kind}: its result cannot be kept: {one_line(error)}")
    return record


class CheckpointError(DiskError):
    """A checkpoint on disk is no longer the one that training wrote; the next run makes it again."""


@lru_cache(maxsize=4)
def distribution(target: Target) -> Distribution:
    """Return the target's distribution, built once in a process."""
    return target.distribution()


@run.register
def run_arithmetic(job: ArithmeticJob) -> list[Record]:
    """Return one record, of which only the payload counts: the arithmetic in force in this process."""
    return [Record("arithmetic", "arithmetic", {"in_force": in_force()})]


@run.register
def run_information(job: InformationJob) -> list[Record]:
    """Return one record with the target's numbers and its J(u)."""
    law = distribution(job.target)
    check_distribution(law, job.target)
    information = measure_information(law, job.sigma_min, job.sigma_max)
    check_information(information, job.target, law.dim, job.sigma_min, job.sigma_max)
    payload = {
        "dim": law.dim,
        "sigma_data": law.sigma_data,
        "second_moment": law.second_moment,
        "finite": law.finite,
        "information": information_to_json(information),
        "residual": residual_to_json(information, job.sigma_min, job.sigma_max),
    }
    return [Record(job.key, "information", payload)]


@run.register
def run_table(job: TableJob) -> list[Record]:
    """Return one record with the checked density and weight."""
    levels = table_levels(job.sigma_min, job.sigma_max)
    table = tabulate(job.weighting, levels, distribution(job.target).sigma_data, job.sigmas)
    return [Record(job.key, "table", table_to_json(table))]


@run.register
def run_grid(job: GridJob) -> list[Record]:
    """Return one record with the checked levels."""
    information = None
    if job.information is not None and job.target is not None:
        information = _information(job.target, job.information)
    check_schedule(job.schedule, job.sigma_min, job.sigma_max)
    error = None
    if job.target is not None and (job.network is not None or job.score_error is not None):
        error = _score_error(job.network, job.score_error, distribution(job.target).dim)
    request = GridRequest(job.steps, job.sigma_min, job.sigma_max, job.schedule, information, job.sampler, error)
    rule = job.discretization
    with asked(rule, "levels"):
        levels = check_grid(rule.levels(request), rule, job.steps, job.sigma_min, job.sigma_max)
    return [Record(job.key, "grid", {"sigmas": levels.tolist()})]


@run.register
def run_train(job: TrainJob) -> list[Record]:
    """Return one record for each network and training level; a network that diverged has a failed one."""
    if job.training.descent is not None:
        return _run_descents(job, job.training.descent)
    members = [
        Member(m.weighting, torch.tensor(m.table["density"]).double(), torch.tensor(m.table["omega"]).double(), m.seed)
        for m in job.members
    ]
    records = []
    start = time.perf_counter()
    for index, snapshots in enumerate(train(job.network, distribution(job.target), members, job.training)):
        # A member's share: what this network would take of a stack whose members cost alike.
        seconds = (time.perf_counter() - start) / len(members)
        for member, snapshot in zip(job.members, snapshots, strict=True):
            records.append(_checkpoint(member.keys[index], snapshot, seconds, job.folder))
    return records


def _run_descents(job: TrainJob, settings: Descent) -> list[Record]:
    """Do a training job by gradient descent, one network after the other."""
    law = distribution(job.target)
    records = []
    for m in job.members:
        density, omega = (torch.tensor(m.table[column]).double() for column in ("density", "omega"))
        learner = Learner(job.network, m.weighting, density, omega, m.seed)
        labels = Labels(job.target.label(), job.network.label(), m.weighting.label())
        start = time.perf_counter()
        snapshots = descend(learner, law, settings, labels, job.training.levels)
        for key, snapshot in zip(m.keys, snapshots, strict=True):
            records.append(_checkpoint(key, snapshot, time.perf_counter() - start, job.folder))
    return records


@run.register
def run_descent(job: DescentJob) -> list[Record]:
    """Return one record with the trajectory; its checkpoint is written like a trained network's."""
    law = distribution(job.target)
    levels = table_levels(job.settings.sigma_min, job.settings.sigma_max)
    table = tabulate(job.weighting, levels, law.sigma_data)
    density, omega = torch.from_numpy(table.density), torch.from_numpy(table.omega)
    learner = Learner(job.network, job.weighting, density, omega, job.seed)
    labels = Labels(job.target.label(), job.network.label(), job.weighting.label())
    start = time.perf_counter()
    if job.settings.method == "adam":
        snapshot = record_training(learner, law, job.settings, labels)
    else:
        (snapshot,) = descend(learner, law, job.settings, labels)
    return [_checkpoint(job.key, snapshot, time.perf_counter() - start, job.folder, "trajectory")]


def _checkpoint(key: str, snapshot: Snapshot, seconds: float, folder: Path, kind: str = "train") -> Record:
    if snapshot.diverged is not None:
        reason = f"training diverged: the loss was not finite at step {snapshot.diverged + 1}"
        return Record(key, kind, reason=reason, seconds=seconds)
    path = folder / f"{key}.safetensors"
    part = path.with_suffix(f".{os.getpid()}{PART}")
    try:
        save_file({name: value.contiguous() for name, value in snapshot.state.items()}, part)
        digest = file_digest(part)
        part.replace(path)
    except (OSError, SafetensorError) as error:
        part.unlink(missing_ok=True)
        raise DiskError(f"{path} cannot be written: {error}; what was committed is kept") from error
    payload: dict[str, Any] = {"sha256": digest, "loss": snapshot.loss}
    if snapshot.trajectory is not None:
        payload["trajectory"] = to_json(snapshot.trajectory)
        # What the loss is the minimum of, for whoever splits the score error; the points follow from the seed.
        names = ("seed", "points", "sigma", "beta")
        payload["objective"] = {"loss": snapshot.loss, **{name: payload["trajectory"][name] for name in names}}
    return Record(key, kind, payload, seconds=seconds)


@lru_cache(maxsize=16)
def _trained(trained: TrainedNetwork, dim: int, sigma_data: float) -> Denoiser:
    if not trained.path.is_file() or file_digest(trained.path) != trained.sha256:
        raise CheckpointError(f"checkpoint {trained.path} is damaged: run the command again to train it anew")
    module = initial_module(trained.network, dim, sigma_data, 0)
    state = load_file(trained.path)
    with torch.no_grad():
        # By hand: buffers that a module does not count among its state are part of what was trained as well.
        for name, value in (*module.named_parameters(), *module.named_buffers()):
            value.copy_(state[name])
    return denoiser_from_module(module.eval().requires_grad_(False))


@run.register
def run_error(job: ErrorJob) -> list[Record]:
    """Return one record for each network."""
    law = distribution(job.target)
    denoisers = [_trained(trained, law.dim, law.sigma_data) for _, trained in job.networks]
    start = time.perf_counter()
    curves = measure_score_error(law, denoisers, job.sigma_min, job.sigma_max)
    seconds = (time.perf_counter() - start) / len(denoisers)
    return [
        Record(key, "error", score_error_to_json(curve), seconds=seconds)
        for (key, _), curve in zip(job.networks, curves, strict=True)
    ]


@run.register
def run_evaluate(job: EvaluateJob) -> list[Record]:
    """Return the sampling record, and one record for each metric and bound."""
    law = distribution(job.target)
    design = _design(job, law)
    bounds = [_bound_record(key, bound, design) for key, bound in job.bounds.items()]
    experiment, nfe, seconds = _sampled(job, law, design)
    metrics = [_metric_record(key, metric, experiment, job.seed) for key, metric in job.metrics.items()]
    payload = {"nfe": nfe, "budget": None if design.budget is None else _terms(design.budget)}
    return [Record(job.key, "sample", payload, seconds=seconds), *metrics, *bounds]


def _design(job: EvaluateJob, law: Distribution) -> Design:
    information = _information(job.target, job.information)
    oracle = job.network if isinstance(job.network, OracleNetwork) else None
    error = _score_error(oracle, job.score_error, law.dim)
    # No bound may change what the next one sees, or what is sampled.
    grid = _fixed(np.array(job.sigmas))
    variances = kernel_variances(job.sampler, grid, information, error)
    with asked(job.initial_law, "start"):
        start = check_start(job.initial_law.start(law, job.sigmas[0]), job.initial_law, law.dim)
    terms = None
    if variances is not None:
        initialization = _initialization(start, job.sigmas[0], law, information)
        terms = budget(grid, _fixed(variances), information, error, initialization)
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
    )


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


def _sampled(job: EvaluateJob, law: Distribution, design: Design) -> tuple[Experiment, int, float]:
    """Return what the metrics measure, the evaluations of the network a sample, and the seconds that sampling took."""
    denoiser = _denoiser(job, law)
    reference = reference_sample(law, job.count, job.sigmas[-1], job.seed, part=0)
    kernel = None if design.variances is None else design.variances.tolist()
    dtype = torch.float64 if isinstance(job.network, OracleNetwork) else torch.float32
    start = time.perf_counter()
    generated = generate(
        *(job.sampler, denoiser, job.sigmas, kernel),
        seed=job.seed,
        count=len(reference),
        dim=law.dim,
        dtype=dtype,
        start=design.initial,
    )
    seconds = time.perf_counter() - start
    check_evaluations_made(job.sampler, len(job.sigmas) - 1, generated.nfe)
    experiment = Experiment(
        target=law,
        sampler=job.sampler,
        sigmas=job.sigmas,
        samples=generated.samples,
        reference=reference,
        simulate=simulate_function(job.sampler, denoiser, job.sigmas, kernel),
        exact_network=job.score_error is None and not np.any(design.score_error(design.sigmas)),
        last_kernel=generated.last_kernel,
        budget=design.budget,
        training=design.training,
        generator=torch.Generator(),
        kernel=kernel_function(job.sampler, denoiser, job.sigmas, kernel),
        initial=design.initial,
    )
    return experiment, generated.nfe, seconds


def _information(target: Target, payload: Payload) -> Information:
    return information_from_json(payload["information"], distribution(target))


def _score_error(oracle: OracleNetwork | None, payload: Payload | None, dim: int) -> ScoreError:
    if payload is not None:
        return score_error_from_json(payload)
    if oracle is None:
        raise TypeError("a trained network needs its measured score error")

    def error(sigma: np.ndarray) -> np.ndarray:
        with asked(oracle, "score_error"):
            return check_score_error(oracle.score_error(sigma.copy(), dim), oracle, len(sigma))

    return ExactScoreError(error)


def _denoiser(job: EvaluateJob, law: Distribution) -> Denoiser:
    if isinstance(job.network, OracleNetwork):
        return denoiser_from_oracle(job.network, law)
    return _trained(job.network, law.dim, law.sigma_data)


def _terms(terms: Budget) -> dict[str, float]:
    names = ("initialization", "score", "discretization", "variance", "total")
    return {name: mean_and_error(getattr(terms, name))[0] for name in names}


def _metric_record(key: str, metric: Metric, experiment: Experiment, seed: int) -> Record:
    """Measure; every metric has the same samples and random state, whatever was measured before it."""
    own = replace(experiment, samples=experiment.samples.clone(), reference=experiment.reference.clone())
    experiment.generator.manual_seed(seed_from("metric", metric.label(), seed))
    start = time.perf_counter()
    try:
        payload = _measurement(metric, metric.measure(own))
    except Exception as error:
        return Record(key, "metric", reason=f"metric {metric.label()}: {one_line(error)}")
    return Record(key, "metric", payload, seconds=time.perf_counter() - start)


def _measurement(metric: Metric, result: Measurement | NotApplicable) -> dict[str, Any]:
    if isinstance(result, NotApplicable):
        return {"not_applicable": result.reason}
    numbers = (result.value, result.standard_error, result.bias)
    if not all(np.isfinite(numbers)):
        raise ContractError(f"returned {numbers}; value, standard error and bias must be finite")
    freedom = float(result.freedom) if np.isfinite(result.freedom) else None
    names = ("value", "standard_error", "bias")
    return {**dict(zip(names, map(float, numbers), strict=True)), "freedom": freedom, "shared": result.shared}


def _bound_record(key: str, bound: Bound, design: Design) -> Record:
    try:
        value = bound.value(design)
        if isinstance(value, NotApplicable):
            return Record(key, "bound", {"not_applicable": value.reason})
        if not isinstance(value, Real) or isinstance(value, bool) or not np.isfinite(value):
            raise ContractError(f"returned {value!r}; a bound must be a finite number")
        return Record(key, "bound", {"value": float(value)})
    except Exception as error:
        return Record(key, "bound", reason=f"bound {bound.label()}: {one_line(error)}")


def reference_sample(law: Distribution, count: int, sigma_min: float, seed: int, part: int) -> Tensor:
    """Return held-out points noised to σ_min, shape (≤ count, d): the same for all combinations of a seed."""
    generator = torch.Generator().manual_seed(seed_from("reference", seed, part))
    clean = law.held_out(count, generator, part)
    noise = torch.randn(clean.shape, generator=generator, dtype=clean.dtype)
    return clean + sigma_min * noise


@run.register
def run_calibrate(job: CalibrateJob) -> list[Record]:
    """Return one record for each metric: the score of a perfect generator."""
    law = distribution(job.target)
    reference = reference_sample(law, job.count, job.sigma_min, job.seed, part=0)
    perfect = reference_sample(law, job.count, job.sigma_min, job.seed, part=1)
    return [_calibration_record(key, metric, perfect, reference) for key, metric in job.metrics]


def _calibration_record(key: str, metric: SampleMetric, perfect: Tensor, reference: Tensor) -> Record:
    try:
        payload = _measurement(metric, metric.compare(perfect.clone(), reference.clone()))
    except Exception as error:
        return Record(key, "calibrate", reason=f"metric {metric.label()}: {one_line(error)}")
    return Record(key, "calibrate", payload)
