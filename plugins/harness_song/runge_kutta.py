"""Dormand and Prince's method of order 5 on dx/dσ = (x − D)/σ, on the steps of the grid.

The source lets the pair of orders 5 and 4 choose its steps. Steps so chosen depend on all points of a batch, and their
number is not known before: here a step of the grid is a step of the method, and nothing is rejected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.samplers import Sampler, SamplerRun

if TYPE_CHECKING:
    from torch import Tensor

STAGES = (
    (0.0, ()),
    (1 / 5, (1 / 5,)),
    (3 / 10, (3 / 40, 9 / 40)),
    (4 / 5, (44 / 45, -56 / 15, 32 / 9)),
    (8 / 9, (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729)),
    (1.0, (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656)),
)
"""Place in the step, and weights of the slopes before, of each stage: Dormand and Prince, 1980, table 2."""

WEIGHTS = (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84)
"""Weights of the slopes in the step, of order 5."""


class Rk45(Sampler):
    """Dormand and Prince's method with the steps of the grid: order 5, six evaluations a step."""

    name: ClassVar[str] = "rk45"
    formula: ClassVar[str] = "x' = x + (σ' − σ) Σ_i b_i k_i,  k_i = e(x + (σ' − σ) Σ_j a_ij k_j, σ + c_i(σ' − σ))"
    source: ClassVar[str] = (
        "Dormand, Prince, J. Comput. Appl. Math. 6 (1980), RK5(4)7M; used by Song et al., arXiv 2011.13456, section 4.3"
    )

    @property
    def claimed_order(self) -> float | None:
        """Five."""
        return 5

    def evaluations(self, steps: int) -> int:
        """Six evaluations a step."""
        return len(STAGES) * steps

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Return the points at σ', shape (n, d)."""
        length = run.sigma_next - run.sigma
        slopes: list[Tensor] = []
        for place, weights in STAGES:
            y, level = _moved(x, length, weights, slopes), run.sigma + place * length
            slopes.append((y - run.denoiser(y, level)) / level)
        return _moved(x, length, WEIGHTS, slopes)


def _moved(x: Tensor, length: float, weights: tuple[float, ...], slopes: list[Tensor]) -> Tensor:
    """Return x + length Σ w_i k_i, shape (n, d)."""
    for weight, slope in zip(weights, slopes, strict=True):
        x = x + length * weight * slope
    return x
