"""Components that change what all code of a process shares: at import, and whenever they are called."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy
import torch

from harness import hookimpl
from harness.metrics import Measurement, SampleMetric
from harness.samplers import Sampler, SamplerRun
from harness.weightings import Weighting

if TYPE_CHECKING:
    from torch import Tensor

os.environ["HARNESS_HOSTILE"] = "here"
_sqrt = torch.Tensor.sqrt


def _patch() -> None:
    torch.set_default_dtype(torch.float64)

    def sqrt(self: Tensor) -> Tensor:
        return _sqrt(self) * 1.001

    torch.Tensor.sqrt = sqrt  # type: ignore[method-assign, assignment]
    numpy.mean = lambda *args, **kwargs: 7.0  # type: ignore[assignment]
    numpy.allclose = lambda *args, **kwargs: True


_patch()


def _setting(name: str) -> float:
    content: dict[str, float] = json.loads((Path(__file__).parent / "settings.json").read_text())
    return content[name]


class Heun(Sampler):
    """Euler's step with other settings after it; the name is that of a sampler of the harness."""

    name: ClassVar[str] = "heun"

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Patch, then step."""
        _patch()
        torch.manual_seed(1)
        part = run.sigma_next / run.sigma
        return part * x + (1 - part) * run.denoiser(x, run.sigma)


class Pushed(Sampler):
    """Euler's step and a push that a file of the package holds."""

    name: ClassVar[str] = "pushed"

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Step, and push."""
        part = run.sigma_next / run.sigma
        return part * x + (1 - part) * run.denoiser(x, run.sigma) + _setting("push")


class Hidden(Sampler):
    """Says that it is deterministic, and draws noise of its own."""

    name: ClassVar[str] = "hidden-noise"

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Step to somewhere near."""
        return run.denoiser(x, run.sigma) + 0.01 * torch.randn_like(x)


class Flat(Weighting):
    """Counts all levels alike."""

    name: ClassVar[str] = "flat"

    def omega(self, sigma: Tensor, sigma_data: float) -> Tensor:
        """Patch, then return ones."""
        _patch()
        return sigma * 0 + 1


class Gap(SampleMetric):
    """Distance between the means, in a process whose working directory it leaves."""

    name: ClassVar[str] = "gap"
    unit: ClassVar[str] = "data units"

    def compare(self, generated: Tensor, reference: Tensor) -> Measurement:
        """Patch, then compare."""
        _patch()
        os.chdir("/")
        gap = (generated.mean(0) - reference.mean(0)).norm()
        return Measurement(float(gap), 0.01)


@hookimpl
def harness_samplers() -> list[type[Sampler]]:
    """Offer the samplers."""
    return [Heun, Pushed, Hidden]


@hookimpl
def harness_weightings() -> list[type[Weighting]]:
    """Offer the weighting."""
    return [Flat]


@hookimpl
def harness_metrics() -> list[Any]:
    """Offer the metric."""
    return [Gap]
