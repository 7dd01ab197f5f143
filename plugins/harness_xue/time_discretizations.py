"""The grid of least bound of a multistep method of order 3.

The method's step adds to the point Σ_k J_k D_k, D_k the denoised points of the last levels and J_k integrals of their
Lagrange polynomials against e^λ dλ, λ = −ln σ. An error ε_n of D at level n then makes at most ε_n|Σ J_k| over all
steps that use it. The source finds ε_n = σ_n right for images and σ_n²/√(1 + σ_n²) for latents, of scale 1. The bound
is not convex: as there, a local search begins at levels uniform in λ, or for latents uniform in the schedule's time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from harness_song.time_discretizations import UniformTime
from pydantic import Field

from harness.errors import NotApplicable
from harness.time_discretizations import GridRequest, TimeDiscretization

if TYPE_CHECKING:
    from torch import Tensor

MOST = 64
"""Most steps: the search takes long for more, and the source has 5 to 12."""


class DmNonUniform(TimeDiscretization):
    """Levels of least bound on the error of a multistep method, given how wrong denoised points are."""

    name: ClassVar[str] = "dm-nonuniform"
    formula: ClassVar[str] = "argmin Σ_n ε_n |Σ_k J_nk|, J_nk = ∫ e^λ ℓ_k(λ) dλ, ε = σ or σ²/√(1 + σ²)"
    source: ClassVar[str] = "Xue et al., arXiv 2402.17376, and the code of its authors"

    error: Literal["pixel", "latent"] = Field("pixel", description="how wrong denoised points are taken to be")

    def levels(self, request: GridRequest) -> Tensor:
        """Return the grid, shape (N+1,).

        Raises:
            NotApplicable: more than 64 steps.
        """
        from harness_xue.search import search

        if request.steps > MOST:
            raise NotApplicable(f"dm-nonuniform searches for at most {MOST} steps, not {request.steps}")
        if self.error == "pixel":
            part, (first, last) = request.fractions(), request.sigma_range()
            start = -((1 - part) * first.log() + part * last.log())
        else:
            start = -UniformTime().levels(request).log()
        return (-search(start, self.error)).exp()
