"""Samplers whose step looks at nothing before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from harness.libraries import Library
from harness.samplers import Sampler, SamplerRun
from harness_azula.library import AZULA, Coordinates, library_sampler, noise_of, scale

if TYPE_CHECKING:
    from torch import Tensor


class AzulaSampler(Sampler):
    """A sampler of the library."""

    library: ClassVar[Library | None] = AZULA
    sampler_name: ClassVar[str]
    draws_noise: ClassVar[bool] = False
    """Whether a step draws noise, whatever the parameters."""
    order_of_method: ClassVar[float | None] = None
    """Order that is claimed, whatever the parameters: weak of a method that draws noise."""
    evaluations_per_step: ClassVar[int] = 1
    coordinates: Coordinates = Field("exploding", description="what it steps: x, or x/√(1 + σ²)")

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

    def options(self) -> dict[str, Any]:
        """Return what its class is configured with."""
        return {}

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Return what the library's step from σ to σ' makes of x, shape (n, d)."""
        import torch

        if run.index == 0:
            run.memory["sampler"] = library_sampler(self.sampler_name, run.denoiser, self.coordinates, self.options())
        start, end = (torch.tensor(level, dtype=torch.float64) for level in (run.sigma, run.sigma_next))
        # What does not count is not drawn from the run.
        noise = (lambda: torch.zeros_like(x)) if self.deterministic else run.noise
        with noise_of(noise):
            moved = run.memory["sampler"].step(x * scale(self.coordinates, run.sigma), start, end)
        result: Tensor = (moved / scale(self.coordinates, run.sigma_next)).to(x.dtype)
        return result


class AzulaEuler(AzulaSampler):
    """`EulerSampler`: Euler's method in σ."""

    name: ClassVar[str] = "azula-euler"
    formula: ClassVar[str] = "x' = x + (σ' − σ)(x − D)/σ"
    source: ClassVar[str] = "azula, EulerSampler"
    sampler_name: ClassVar[str] = "EulerSampler"
    order_of_method: ClassVar[float | None] = 1


class AzulaHeun(AzulaSampler):
    """`HeunSampler`: Heun's method in σ, two evaluations a step."""

    name: ClassVar[str] = "azula-heun"
    formula: ClassVar[str] = "x' = x + (σ' − σ)(e(x, σ) + e(y, σ'))/2, y = x + (σ' − σ) e(x, σ), e = (x − D)/σ"
    source: ClassVar[str] = "azula, HeunSampler"
    sampler_name: ClassVar[str] = "HeunSampler"
    order_of_method: ClassVar[float | None] = 2
    evaluations_per_step: ClassVar[int] = 2


class AzulaDdim(AzulaSampler):
    """`DDIMSampler`: DDIM with noise η."""

    name: ClassVar[str] = "azula-ddim"
    formula: ClassVar[str] = "x' = D + σ'√(1 − ητ)(x − D)/σ + σ'√(ητ) z, τ = 1 − σ'²/σ²"
    source: ClassVar[str] = "azula, DDIMSampler; Song et al., arXiv 2010.02502"
    sampler_name: ClassVar[str] = "DDIMSampler"
    order_of_method: ClassVar[float | None] = 1
    eta: float = Field(0.0, ge=0, le=1, description="noise η: 0 none, 1 that of DDPM")

    @property
    def deterministic(self) -> bool:
        """Whether noise counts: with η = 0 the library draws it, and multiplies it with 0."""
        return self.eta == 0

    def options(self) -> dict[str, Any]:
        """The noise."""
        return {"eta": self.eta}


class AzulaDdpm(AzulaSampler):
    """`DDPMSampler`: the steps of DDPM, with the variance of the clean point known."""

    name: ClassVar[str] = "azula-ddpm"
    formula: ClassVar[str] = "x' = D + σ'√(1 − τ)(x − D)/σ + σ'√τ z, τ = 1 − σ'²/σ²"
    source: ClassVar[str] = "azula, DDPMSampler; Ho et al., arXiv 2006.11239"
    sampler_name: ClassVar[str] = "DDPMSampler"
    draws_noise: ClassVar[bool] = True
    order_of_method: ClassVar[float | None] = 1


class AzulaIto(AzulaSampler):
    """`ItoSampler`: Euler's method of the reverse equation with noise η."""

    name: ClassVar[str] = "azula-ito"
    formula: ClassVar[str] = "x' = x + (1 + η²)(σ'/σ − 1)(x − D) + η√(σ² − σ'²) z"
    source: ClassVar[str] = "azula, ItoSampler"
    sampler_name: ClassVar[str] = "ItoSampler"
    draws_noise: ClassVar[bool] = True
    order_of_method: ClassVar[float | None] = 1
    eta: float = Field(1.0, gt=0, le=2, description="noise η")

    def options(self) -> dict[str, Any]:
        """The noise."""
        return {"eta": self.eta}


class AzulaPc(AzulaSampler):
    """`PCSampler`: steps that renew a part δ of the noise, and one of Euler's method."""

    name: ClassVar[str] = "azula-pc"
    formula: ClassVar[str] = "x ← D + √(1 − δ)(x − D) + √δ σ z, then x' = D + σ'(x − D)/σ with D anew"
    source: ClassVar[str] = "azula, PCSampler"
    sampler_name: ClassVar[str] = "PCSampler"
    corrections: int = Field(1, ge=0, le=8, description="corrections before a step")
    delta: float = Field(0.01, ge=0, le=1, description="part δ of the noise that is renewed")

    @property
    def deterministic(self) -> bool:
        """Whether there is no correction."""
        return self.corrections == 0

    def options(self) -> dict[str, Any]:
        """The corrections."""
        return {"corrections": self.corrections, "delta": self.delta}

    def evaluations(self, steps: int) -> int:
        """One a step, and one a correction."""
        return steps * (1 + self.corrections)
