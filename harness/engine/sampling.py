"""Sampling: makes samples of a sampler, a denoiser and a grid.

Draw k of sample i, with k = 0 the draw that the starting point is made of (`harness.initial_laws`), is a function of
(seed, i, k, d) alone: a sample depends on neither the batch it was made in nor what else was made, and all
combinations share their noise.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.engine.checks import blamed, check_variances
from harness.engine.labels import LabelledDenoiser, given
from harness.engine.random_streams import NoiseStream
from harness.errors import ContractError, HarnessError
from harness.initial_laws import Start
from harness.metrics import LastKernel, Simulate
from harness.samplers import Denoiser, GaussianKernelSampler, Sampler, SamplerRun

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from harness.information import Information, ScoreError


class SamplingError(HarnessError):
    """A sampler left the finite numbers."""


def kernel_variances(
    sampler: Sampler,
    sigmas: np.ndarray,
    information: Information | None,
    score_error: ScoreError | None,
    population: Information | None = None,
) -> np.ndarray | None:
    """Return the variance of each step, shape (N,), or None where the sampler's step is no Gaussian kernel.

    Arguments:
        sampler: the sampler; curves reach it only where it declares `needs_information`.
        sigmas: the grid, shape (N+1,), decreasing.
        information: the target's J(u).
        score_error: the network's e(σ).
        population: J_θ of the network by held-out losses, which takes their place where it declares `needs_population`.

    Raises:
        ContractError: the variances have a wrong shape, are not finite or not positive, or the sampler
            replaces a part of the kernel other than its variance.
    """
    if not isinstance(sampler, GaussianKernelSampler):
        return None
    for part in ("mean", "step", "sample", "variances", "curves"):
        if getattr(type(sampler), part) is not getattr(GaussianKernelSampler, part):
            raise ContractError(
                f"{_name(sampler)} overrides {part!r}; a Gaussian kernel's only choice is its step_variances"
            )
    curves = sampler.curves(information, score_error, population)
    with blamed(sampler, "variances"):
        return check_variances(sampler.variances(sigmas, *curves), sampler, len(sigmas) - 1)


@dataclass(frozen=True)
class Generated:
    """What one sampler made.

    Attributes:
        samples: shape (n, d), float64.
        last_kernel: the last step before its noise, float64; None where the step is no Gaussian kernel.
        nfe: evaluations of the denoiser that each sample took.
    """

    samples: Tensor
    last_kernel: LastKernel | None
    nfe: int


def generate(
    sampler: Sampler,
    denoiser: LabelledDenoiser,
    sigmas: Sequence[float] | np.ndarray,
    variances: Sequence[float] | np.ndarray | None,
    *,
    seed: int,
    count: int,
    dim: int,
    dtype: torch.dtype,
    batch: int = 4096,
    start: Start | None = None,
    labels: Tensor | None = None,
    withheld: int | None = None,
    device: str = "cpu",
) -> Generated:
    """Sample.

    Arguments:
        sampler: the sampler.
        denoiser: the denoiser.
        sigmas: the grid, N+1 numbers, decreasing.
        variances: what `kernel_variances` returned.
        seed: which noise (see `NoiseStream`).
        count: the number n of samples.
        dim: the dimension d.
        dtype: in which to compute.
        batch: samples that go through the denoiser at once; no result depends on it beyond rounding.
        start: the law of the points at σ_0; None: N(0, σ_0² I).
        labels: of the samples, shape (n,), int64, where the network is given any.
        withheld: the label that means none to the network, where it learned without labels too.
        device: on which to compute; noise is drawn on the CPU, and is the same on each.

    Raises:
        ContractError: a step or the denoiser returned something of another shape or dtype than the points.
        SamplingError: a sample is not finite; names the step after which it first was not.
    """
    import torch

    levels, kernel = _floats(sigmas), None if variances is None else _floats(variances)
    if kernel is None and isinstance(sampler, GaussianKernelSampler):
        raise ValueError(f"{_name(sampler)} needs the variances of its steps")
    samples = torch.empty(count, dim, dtype=torch.float64)
    means = torch.empty_like(samples) if isinstance(sampler, GaussianKernelSampler) else None
    counter = _Counter(sampler)
    law = start or Start.centered(levels[0], dim)

    def begin(part: slice, *, counted: bool = False) -> tuple[SamplerRun, Tensor]:
        """Return a run of some samples, and where it starts: by the first draw, made where its law is."""
        noise = NoiseStream(seed, part.start, part.stop - part.start, dim, dtype)
        x = law.draw(noise()).to(device)
        own = None if labels is None else labels[part]
        none = None if own is None or withheld is None else torch.full_like(own, withheld)
        told, untold = given(denoiser, own), None if none is None else given(denoiser, none)
        if counted:
            told, untold = counter.counted(told), untold and counter.counted(untold)
        return SamplerRun(told, levels, lambda: noise().to(device), kernel, without_labels=untold), x

    with torch.no_grad():
        for first in range(0, count, batch):
            part = slice(first, min(first + batch, count))
            x, mean = _walk(sampler, *begin(part, counted=not first))
            if not bool(x.isfinite().all()):
                raise _diagnose(sampler, *begin(part), first)
            samples[part] = x
            if means is not None and mean is not None:
                means[part] = mean
    last = LastKernel(means, kernel[-1]) if means is not None and kernel is not None else None
    return Generated(samples, last, counter.calls)


def simulate_function(
    sampler: Sampler,
    denoiser: Denoiser,
    sigmas: Sequence[float] | np.ndarray,
    variances: Sequence[float] | np.ndarray | None,
) -> Simulate:
    """Return what `Experiment.simulate` is: the sampler from given points at σ_0, with given noise."""
    levels = _floats(sigmas)
    kernel = None if variances is None else _floats(variances)

    def simulate(x: Tensor, noise: Callable[[], Tensor]) -> Tensor:
        return sampler.sample(SamplerRun(denoiser, levels, noise, kernel), x)

    return simulate


def kernel_function(
    sampler: Sampler,
    denoiser: Denoiser,
    sigmas: Sequence[float] | np.ndarray,
    variances: Sequence[float] | np.ndarray | None,
) -> Callable[[int, Tensor], LastKernel] | None:
    """Return what `Experiment.kernel` is: any one step's law; None where the step is no Gaussian kernel."""
    if variances is None or not isinstance(sampler, GaussianKernelSampler):
        return None
    levels, kernel = _floats(sigmas), _floats(variances)

    def law(index: int, x: Tensor) -> LastKernel:
        return LastKernel(sampler.mean(SamplerRun(denoiser, levels, _no_noise, kernel, index), x), kernel[index])

    return law


def _no_noise() -> Tensor:
    raise ValueError("the mean of a Gaussian kernel draws no noise")


def _walk(sampler: Sampler, run: SamplerRun, x: Tensor) -> tuple[Tensor, Tensor | None]:
    """Return, from points at σ_0, those at σ_N and, for a Gaussian kernel, the mean of the last step."""
    name, mean = _name(sampler), None
    for index in range(run.steps):
        run.index = index
        before = x
        if isinstance(sampler, GaussianKernelSampler) and run.variances and index == run.steps - 1:
            mean = sampler.mean(run, x)
            x = mean + run.variances[index] ** 0.5 * run.noise()
        else:
            x = sampler.step(run, x)
        _check(x, before, name, "step")
    return x, mean


def _diagnose(sampler: Sampler, run: SamplerRun, x: Tensor, first: int) -> SamplingError:
    """Walk once more, and return the error that names the first step whose result is not finite."""
    for index in range(run.steps):
        run.index = index
        x = sampler.step(run, x)
        bad = ~x.isfinite().all(1)
        if bool(bad.any()):
            sample = first + int(bad.nonzero()[0])
            where = f"after step {index + 1} of {run.steps}, from σ={run.sigma:g} to {run.sigma_next:g}"
            return SamplingError(f"{_name(sampler)}: sample {sample} is not finite {where}")
    return SamplingError(f"{_name(sampler)}: a sample was not finite, but is when made again; it draws its own noise")


class _Counter:
    """Counts the calls of denoisers, and checks what they return; those of the first batch go through it."""

    def __init__(self, sampler: Sampler) -> None:
        self.calls = 0
        self._where = f"network, under {_name(sampler)}"

    def counted(self, denoiser: Denoiser) -> Denoiser:
        """Return a denoiser whose calls are counted here."""

        def denoise(x: Tensor, sigma: float) -> Tensor:
            self.calls += 1
            denoised = denoiser(x, sigma)
            _check(denoised, x, self._where, "denoiser")
            return denoised

        return denoise


def _check(result: Tensor, x: Tensor, where: str, what: str) -> None:
    """Raise a ContractError unless the result is a tensor of the shape and dtype of the points."""
    shape, dtype = getattr(result, "shape", None), getattr(result, "dtype", None)
    if shape != x.shape or dtype != x.dtype:
        given = type(result).__name__ if shape is None else f"{tuple(shape)} {dtype}"
        raise ContractError(f"{where}: {what} returned {given}; it must return {tuple(x.shape)} {x.dtype}")


def _name(sampler: Sampler) -> str:
    return f"sampler {sampler.name!r} ({type(sampler).__module__})"


def _floats(values: Sequence[float] | np.ndarray) -> list[float]:
    """Return Python floats: numpy's own scalars are slower, and would turn float32 points into float64."""
    return [float(value) for value in values]
