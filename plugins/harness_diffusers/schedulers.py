"""A scheduler as a sampler: it is made on the levels of the grid, given predictions, and its steps are taken.

Where a scheduler holds its levels in a table in single precision, the table is replaced by one of the same levels in
double precision; that both are the same is tested. Noise is the run's own: the function by which the library draws
some is answered by `run.noise` during a step.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from harness.libraries import Library
from harness.samplers import Sampler, SamplerRun
from harness_diffusers.coordinates import Coordinates, Prediction, predicted, scale

if TYPE_CHECKING:
    from torch import Tensor

DIFFUSERS = Library("diffusers", "pip install 'diffusion-harness[diffusers]'")


class SchedulerSampler(Sampler):
    """A sampler whose step is that of one of the library's schedulers."""

    library: ClassVar[Library | None] = DIFFUSERS
    scheduler_name: ClassVar[str]
    coordinates: ClassVar[Coordinates] = "exploding"
    predicts: ClassVar[Prediction] = "epsilon"
    """What the network predicts, where that is no parameter."""
    draws_noise: ClassVar[bool] = False
    """Whether a step draws noise, whatever the parameters."""
    order_of_method: ClassVar[float | None] = None
    """Order that is claimed, whatever the parameters: weak of a method that draws noise."""
    evaluations_per_step: ClassVar[int] = 1

    @property
    def deterministic(self) -> bool:
        """Whether it is declared to draw no noise."""
        return not self.draws_noise

    @property
    def claimed_order(self) -> float | None:
        """The order that is declared."""
        return self.order_of_method

    def evaluations(self, steps: int) -> int:
        """As many a step as are declared."""
        return self.evaluations_per_step * steps

    def options(self, steps: int) -> dict[str, Any]:
        """Return what the scheduler is configured with for so many steps besides its levels: here, the prediction."""
        return {"prediction_type": self.network_prediction()} if "prediction" in type(self).model_fields else {}

    def step_options(self) -> dict[str, Any]:
        """Return what each of the scheduler's steps is given besides prediction, time and points."""
        return {}

    def network_prediction(self) -> Prediction:
        """What the network predicts: the parameter `prediction`, where there is a choice."""
        chosen: Prediction = getattr(self, "prediction", self.predicts)
        return chosen

    def place(self, scheduler: Any, levels: Sequence[float]) -> None:
        """Put the levels σ_0 > … > σ_N into the tables of a scheduler that has N+1 training levels, these.

        Here there is one table, of σ itself.
        """
        put(scheduler, table(levels), len(levels) - 1)

    def evaluated(self, run: SamplerRun) -> list[float]:
        """Return the levels at which the network is asked in the current step, one for each step of the scheduler."""
        return [run.sigma]

    def times(self, run: SamplerRun) -> list[Any]:
        """Return the scheduler's times of those evaluations: places in its table, which only count."""
        each = len(self.evaluated(run))
        return [run.memory["scheduler"].timesteps[each * run.index + k] for k in range(each)]

    def made(self, levels: Sequence[float]) -> Any:
        """Return a fresh scheduler on levels, N+1 numbers.

        It is made in a thread of its own: the library reads numbers out of tensors while it lays out its tables, which
        is not possible in a thread that differentiates (`torch.func`).
        """
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(self._made, levels).result()

    def _made(self, levels: Sequence[float]) -> Any:
        cls = getattr(DIFFUSERS.module("diffusers"), self.scheduler_name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # what is deprecated is measured all the same
            scheduler = cls(**self.training(levels), **self.options(len(levels) - 1))
            scheduler.set_timesteps(len(levels) - 1)
        self.place(scheduler, levels)
        return scheduler

    def training(self, levels: Sequence[float]) -> dict[str, Any]:
        """Return by what the scheduler knows the training levels: those of the grid, as a table of β."""
        return {"num_train_timesteps": len(levels), "trained_betas": betas(levels)}

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Take the scheduler's step, or its several, from x at σ to σ', shape (n, d)."""
        if run.index == 0:
            run.memory["scheduler"] = self.made(run.sigmas)
        scheduler, known = run.memory["scheduler"], self.network_prediction()
        z = x * scale(self.coordinates, run.sigma)
        for sigma, time in zip(self.evaluated(run), self.times(run), strict=True):
            own = z / scale(self.coordinates, sigma)
            raw = predicted(known, own, run.denoiser(own, sigma), sigma)
            with noise_of(run, scheduler):
                z = scheduler.step(raw, time, z, **self.step_options()).prev_sample
        moved: Tensor = (z / scale(self.coordinates, run.sigma_next)).to(x.dtype)
        return moved


def betas(levels: Sequence[float]) -> list[float]:
    """Return the table of β whose N+1 training levels are these, from the lowest on: 1 − β_k = ᾱ_k/ᾱ_{k−1}."""
    products = [1 / (1 + sigma**2) for sigma in reversed(levels)]
    return [1 - after / before for before, after in zip([1.0, *products], products, strict=False)]


def table(levels: Sequence[float]) -> Tensor:
    """Return levels as a scheduler holds them, in double precision."""
    import torch

    return torch.tensor(levels, dtype=torch.float64)


def twice(values: Tensor) -> Tensor:
    """Return the first value, and each other one twice: the table of a scheduler of two evaluations a step."""
    import torch

    return torch.cat([values[:1], values[1:].repeat_interleave(2)])


def put(scheduler: Any, sigmas: Tensor, steps: int) -> None:
    """Put levels in place of a scheduler's own, with times that only count its steps."""
    import torch

    scheduler.sigmas = sigmas
    scheduler.timesteps = torch.arange(steps, dtype=torch.float64)
    scheduler.num_inference_steps = steps
    scheduler.set_begin_index(0)
    scheduler.is_scale_input_called = True  # the denoiser scales its input itself


@contextmanager
def noise_of(run: SamplerRun, scheduler: Any) -> Iterator[None]:
    """Answer the library's request for noise by the run's own."""
    module: Any = importlib.import_module(type(scheduler).__module__)
    if not hasattr(module, "randn_tensor"):
        yield
        return
    drawn = module.randn_tensor

    def own(shape: Any, *_: Any, dtype: Any = None, **__: Any) -> Tensor:
        noise = run.noise()
        assert noise.shape == tuple(shape)
        return noise.to(dtype)

    module.randn_tensor = own
    try:
        yield
    finally:
        module.randn_tensor = drawn
