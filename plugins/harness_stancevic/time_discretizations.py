"""Equal steps of entropy.

H(X_0|X_σ) grows with σ as dH/dσ = M/σ³ (the relation of mutual information to the least mean squared error), M =
E‖X_0 − E[X_0|X_σ]‖². Its clock runs ever faster towards the data where these are continuous. Rescaled by σ it does
not:

entropic            φ = ∫ M/σ³ dσ; on N(0, c²I): ½ ln(σ²/(σ² + c²))
rescaled-entropic   φ = ∫ M/σ² dσ; on N(0, c²I): c arctan(σ/c)

Both up to the dimension. The source estimates M by the training loss of its network; here it is the target's own.
References: Guo, Shamai, Verdú, arXiv cs/0412108.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness.time_discretizations import GridRequest, TimeDiscretization

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


class Entropic(TimeDiscretization):
    """Uniform in the conditional entropy of the clean point."""

    name: ClassVar[str] = "entropic"
    formula: ClassVar[str] = "equal steps of ∫ M(σ)/σ³ dσ, M(σ) = E‖X_0 − E[X_0|X_σ]‖²"
    source: ClassVar[str] = "Stancevic, Handke, Ambrogioni, arXiv 2504.13612"
    needs_information: ClassVar[bool] = True
    power: ClassVar[int] = 2
    """Power of σ that divides M in the length by ln σ."""

    def levels(self, request: GridRequest) -> Tensor:
        """Return the grid, shape (N+1,).

        Raises:
            HarnessError: the request carries no information.
        """
        from harness.equal_lengths import equal_steps

        information = request.information_for(self)

        def length(sigma: np.ndarray) -> np.ndarray:
            rate: np.ndarray = information.mmse(sigma**2).mean(0) / sigma**self.power
            return rate

        return equal_steps(request, length)


class RescaledEntropic(Entropic):
    """Uniform in the conditional entropy, its rate multiplied by σ."""

    name: ClassVar[str] = "rescaled-entropic"
    formula: ClassVar[str] = "equal steps of ∫ M(σ)/σ² dσ, M(σ) = E‖X_0 − E[X_0|X_σ]‖²"
    power: ClassVar[int] = 1
