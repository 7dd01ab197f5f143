"""Adams and Bashforth's methods on dx/dσ = e, e = (x − D)/σ: x' = x + Σ_j w_j e_{−j}, from evaluations remembered.

The weights are those of a polynomial through the last evaluations, w_j = ∫ ℓ_j dσ from σ to σ', with ℓ_j the Lagrange
polynomials of the levels' times. The first steps have as many evaluations as there are yet; the first is Euler's.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, ClassVar

from harness_song.noise_schedules import VpLinear
from pydantic import Field

from harness.components import Part
from harness.noise_schedules import NoiseSchedule
from harness.samplers import Sampler, SamplerRun

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

NODES = 24
"""Nodes of Gauss and Legendre's quadrature of a weight: exact to rounding for a polynomial times dσ/dt of one step."""

EQUAL_STEPS = ((1.0,), (3 / 2, -1 / 2), (23 / 12, -16 / 12, 5 / 12), (55 / 24, -59 / 24, 37 / 24, -9 / 24))
"""Adams and Bashforth's weights of equal steps, of orders 1 to 4, in units of the step."""


@cache
def gauss_legendre(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return nodes in [−1, 1] and their weights, shape (nodes,) each."""
    import numpy as np

    return np.polynomial.legendre.leggauss(nodes)


def slopes_of(run: SamplerRun, x: Tensor, order: int) -> list[Tensor]:
    """Return e of this step and of those before, at most `order` of them, the latest first; one evaluation."""
    slope = (x - run.denoiser(x, run.sigma)) / run.sigma
    run.memory["slopes"] = [slope, *run.memory.get("slopes", [])][:order]
    found: list[Tensor] = run.memory["slopes"]
    return found


def lagrange_polynomials(known: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return ℓ_j at the places, shape (n, k): of shape (n,), the Lagrange polynomials of known places of shape (k,)."""
    import numpy as np

    gaps = known[:, None] - known + np.eye(len(known))
    factors = (places[:, None, None] - known) / gaps
    factors[:, np.arange(len(known)), np.arange(len(known))] = 1
    polynomials: np.ndarray = factors.prod(2)
    return polynomials


def lagrange_weights(known: np.ndarray, places: np.ndarray, measure: np.ndarray) -> np.ndarray:
    """Return Σ_i measure_i ℓ_j(places_i), shape (k,), of the Lagrange polynomials of known places, shape (k,)."""
    weights: np.ndarray = measure @ lagrange_polynomials(known, places)
    return weights


class Deis(Sampler):
    """tAB-DEIS: the noise prediction is extrapolated as a polynomial in a schedule's time; one evaluation a step."""

    name: ClassVar[str] = "deis"
    formula: ClassVar[str] = "x' = x + Σ_j w_j e_{−j},  w_j = ∫ ℓ_j(t(s)) ds from σ to σ',  ℓ_j Lagrange in t"
    source: ClassVar[str] = "Zhang, Chen, arXiv 2204.13902, section 3.3, tAB-DEIS"

    order: int = Field(3, ge=1, le=4, description="evaluations that the polynomial goes through")
    schedule: Part[NoiseSchedule] = Field(VpLinear(), description="the schedule whose time the polynomial is in")

    @property
    def claimed_order(self) -> float | None:
        """As many evaluations as the polynomial goes through."""
        return self.order

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Return the points at σ', shape (n, d)."""
        first, *past = slopes_of(run, x, self.order)
        moved = x + (run.sigma_next - run.sigma) * first
        for weight, slope in zip(self.weights(run, 1 + len(past))[1:], past, strict=True):
            moved = moved + weight * (slope - first)
        return moved

    def weights(self, run: SamplerRun, count: int) -> list[float]:
        """Weights w_j of the last evaluations; their sum is σ' − σ, so that that of the first need not be used."""
        import torch

        levels = run.sigmas[run.index + 1 - count : run.index + 2]
        times = self.schedule.time(torch.tensor(levels, dtype=torch.float64))
        nodes, measure = gauss_legendre(NODES)
        half = float(times[-1] - times[-2]) / 2
        places = times[-2] + half * torch.from_numpy(nodes + 1)
        steps = half * measure * self.schedule.rate(places).numpy()
        found: list[float] = lagrange_weights(times[:-1].flip(0).numpy(), places.numpy(), steps).tolist()
        return found


class Lms(Sampler):
    """ρAB-DEIS, the linear multistep method: the noise prediction is extrapolated as a polynomial in σ."""

    name: ClassVar[str] = "lms"
    formula: ClassVar[str] = "x' = x + Σ_j w_j e_{−j},  w_j = ∫ ℓ_j(s) ds from σ to σ',  ℓ_j Lagrange in σ"
    source: ClassVar[str] = "Zhang, Chen, arXiv 2204.13902, section 3.3, ρAB-DEIS; Crowson, k-diffusion, sample_lms"

    order: int = Field(4, ge=1, le=4, description="evaluations that the polynomial goes through")

    @property
    def claimed_order(self) -> float | None:
        """As many evaluations as the polynomial goes through."""
        return self.order

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Return the points at σ', shape (n, d)."""
        slopes = slopes_of(run, x, self.order)
        for weight, slope in zip(self.weights(run, len(slopes)), slopes, strict=True):
            x = x + weight * slope
        return x

    def weights(self, run: SamplerRun, count: int) -> list[float]:
        """Weights w_j of the last evaluations."""
        import numpy as np

        known = np.array(run.sigmas[run.index + 1 - count : run.index + 1])[::-1]
        nodes, measure = gauss_legendre(self.order)
        half = (run.sigma_next - run.sigma) / 2
        found: list[float] = lagrange_weights(known, run.sigma + half * (nodes + 1), half * measure).tolist()
        return found


class Ipndm(Sampler):
    """iPNDM: the weights of equal steps, on any grid; one evaluation a step.

    Of its order on equal steps in σ. On others the weights do not fit the levels: 2 at most where steps change little
    from one to the next, 1 where they do not.
    """

    name: ClassVar[str] = "ipndm"
    formula: ClassVar[str] = "x' = x + (σ' − σ)(55e − 59e₋₁ + 37e₋₂ − 9e₋₃)/24, of order 4"
    source: ClassVar[str] = "Zhang, Chen, arXiv 2204.13902, appendix H; Liu et al., arXiv 2202.09778"

    order: int = Field(4, ge=1, le=4, description="evaluations that are weighed")

    @property
    def claimed_order(self) -> float | None:
        """Two at most: neighbouring steps differ by a part that falls as 1/N."""
        return min(self.order, 2)

    @property
    def claimed_order_uneven(self) -> float | None:
        """One: only the sum of the weights fits."""
        return 1

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Return the points at σ', shape (n, d)."""
        slopes = slopes_of(run, x, self.order)
        for weight, slope in zip(EQUAL_STEPS[len(slopes) - 1], slopes, strict=True):
            x = x + (run.sigma_next - run.sigma) * weight * slope
        return x
