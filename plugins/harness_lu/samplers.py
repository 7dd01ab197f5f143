"""DPM-Solver++: the probability-flow equation solved exactly for a denoiser extrapolated in λ = −ln σ.

x' = (σ'/σ) x + σ' ∫ e^λ D dλ from −ln σ to −ln σ', with D extrapolated linearly from the last two
evaluations to the middle of the step.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from harness.samplers import Sampler, SamplerRun

if TYPE_CHECKING:
    from torch import Tensor


class DPMpp2M(Sampler):
    """Two-step DPM-Solver++: order 2, one evaluation a step; its first step is Euler's."""

    name: ClassVar[str] = "dpmpp-2m"
    formula: ClassVar[str] = "x' = (σ'/σ) x + (1 − σ'/σ) [D + h/(2h₋) (D − D₋)],  h = ln(σ/σ')"
    source: ClassVar[str] = "Lu et al., arXiv 2211.01095, algorithm 2"

    @property
    def claimed_order(self) -> float | None:
        """Two."""
        return 2

    def step(self, run: SamplerRun, x: Tensor) -> Tensor:
        """Return the points at σ', shape (n, d); the evaluation and h are kept for the next step."""
        denoised = run.denoiser(x, run.sigma)
        kept = run.sigma_next / run.sigma
        h = -math.log(kept)
        previous = run.memory.get("previous")
        run.memory["previous"] = denoised, h
        if previous is not None:
            denoised_before, h_before = previous
            denoised = denoised + h / (2 * h_before) * (denoised - denoised_before)
        return kept * x + (1 - kept) * denoised

    def plain_step(self) -> str:
        """Return the step as plain Python."""
        return PLAIN


PLAIN = """\
import math


def step(denoise, x, levels, j, normal, memory):
    denoised, kept = denoise(x, levels[j]), levels[j + 1] / levels[j]
    h, before = -math.log(kept), memory.get("previous")
    memory["previous"] = denoised, h
    if before is not None:
        denoised = denoised + h / (2 * before[1]) * (denoised - before[0])
    return kept * x + (1 - kept) * denoised
"""
