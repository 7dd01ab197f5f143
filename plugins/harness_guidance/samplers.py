"""Guidance as a sampler around another: that sees D_∅ + w (D_y − D_∅) in place of D_y."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar, Self

from harness_karras.samplers import Heun
from pydantic import Field, model_validator

from harness.components import Part
from harness.errors import NotApplicable
from harness.samplers import Denoiser, GaussianKernelSampler, Sampler, SamplerRun

if TYPE_CHECKING:
    from torch import Tensor


class Guided(Sampler):
    """Any sampler, guided by the difference that the label makes, at all levels or at some.

    What it samples is another law than the target's: its score is that of p_y^w p^(1 − w) at each level, which is the
    noised form of no law. With w = 1 it is the sampler itself, with w = 0 the sampler without labels.
    """

    name: ClassVar[str] = "guided"
    formula: ClassVar[str] = "D = D_∅ + w (D_y − D_∅) where low < σ ≤ high, else D_y"
    source: ClassVar[str] = "Ho and Salimans, arXiv 2207.12598; interval: Kynkäänniemi et al., arXiv 2404.07724"

    sampler: Part[Sampler] = Field(Heun(), description="the sampler that is guided")
    weight: float = Field(1.0, ge=0, description="w: 1 none, more pushes away from the other classes")
    low: float = Field(0.0, ge=0, description="level down to which it is guided")
    high: float | None = Field(None, gt=0, description="level from which on it is guided; null: from the first")

    @model_validator(mode="after")
    def _once(self) -> Self:
        if isinstance(self.sampler, Guided):
            raise ValueError("sampler is guided itself; weights multiply: write one, around the sampler within")
        if self.high is not None and self.high <= self.low:
            raise ValueError(f"high={self.high:g} is not above low={self.low:g}: no level would be guided")
        return self

    @property
    def deterministic(self) -> bool:
        """Whether the sampler is."""
        return self.sampler.deterministic

    @property
    def claimed_order(self) -> float | None:
        """The sampler's where it is left as it is; of a guided flow none, as it leads to no known law."""
        return self.sampler.claimed_order if self.weight == 1 else None

    @property
    def claimed_order_uneven(self) -> float | None:
        """The same."""
        return self.sampler.claimed_order_uneven if self.weight == 1 else None

    def evaluations(self, steps: int) -> int:
        """Twice the sampler's, at each level: they are known before the levels are."""
        return self.sampler.evaluations(steps) * (1 if self.weight == 1 else 2)

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Return what the sampler's step makes of x with the guided denoiser, shape (n, d).

        Raises:
            NotApplicable: the network is given no labels, or always learned with them; or the sampler reads curves of
                the target, which is not what is sampled.
        """
        if "inner" not in run.memory:
            run.memory["inner"] = self._inner(run)
        inner: SamplerRun = run.memory["inner"]
        inner.index = run.index
        return self.sampler.step(inner, x)

    def _inner(self, run: SamplerRun) -> SamplerRun:
        """Return the run that the sampler sees."""
        denoiser = run.denoiser if self.weight == 1 else self._guided(run)
        return SamplerRun(denoiser, run.sigmas, run.noise, self._variances(run))

    def _guided(self, run: SamplerRun) -> Denoiser:
        without = run.without_labels
        if without is None:
            raise NotApplicable(
                "guidance needs a network that is given labels, and learned without them too, such as labelled-mlp"
            )
        high = math.inf if self.high is None else self.high

        def denoiser(x: Tensor, sigma: float) -> Tensor:
            with_label, other = run.denoiser(x, sigma), without(x, sigma)
            if not self.low < sigma <= high:
                return with_label
            guided: Tensor = other + self.weight * (with_label - other)
            return guided

        return denoiser

    def _variances(self, run: SamplerRun) -> list[float] | None:
        """Return the variances of the sampler's steps, where they are Gaussian kernels."""
        if not isinstance(self.sampler, GaussianKernelSampler):
            return None
        if self.sampler.needs_information:
            raise NotApplicable(f"{self.sampler.name} reads curves of the target, which is not what guidance samples")
        import numpy as np

        found: list[float] = self.sampler.variances(np.array(run.sigmas), None, None).tolist()
        return found
