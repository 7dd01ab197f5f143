"""EDM's preconditioning."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.preconditionings import Coefficients, Preconditioning

if TYPE_CHECKING:
    from torch import Tensor


class Edm(Preconditioning):
    """On data of variance s² the input of F, and the target that F is to match, have unit variance."""

    name: ClassVar[str] = "edm"
    formula: ClassVar[str] = (
        "c_skip = s²/(σ² + s²), c_out = σs/√(σ² + s²), c_in = 1/√(σ² + s²), c_noise = ln σ/4, s = σ_data"
    )
    source: ClassVar[str] = "Karras et al., arXiv 2206.00364, eq. (7), Table 1 and appendix B.6"
    claims_unit_input: ClassVar[bool] = True
    claims_unit_target: ClassVar[bool] = True

    def coefficients(self, sigma: Tensor, sigma_data: Tensor) -> Coefficients:
        """Return the four functions, each of the shape of sigma."""
        total = (sigma**2 + sigma_data**2).sqrt()
        return Coefficients((sigma_data / total) ** 2, sigma * sigma_data / total, 1 / total, sigma.log() / 4)
