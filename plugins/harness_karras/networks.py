"""The trained network of EDM's design, at the size of small targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from harness.networks import TrainableNetwork

if TYPE_CHECKING:
    from torch import nn


class Mlp(TrainableNetwork):
    """A multilayer perceptron with EDM preconditioning and Fourier features of the noise level."""

    name: ClassVar[str] = "mlp"
    formula: ClassVar[str] = "D = c_skip x + c_out F(c_in x; ln σ/4)"
    source: ClassVar[str] = (
        "Karras et al., arXiv 2206.00364, eq. (7) and Table 1; features: Tancik et al., arXiv 2006.10739"
    )

    width: int = Field(128, ge=1, le=65_536, description="units in each hidden layer")
    depth: int = Field(3, ge=1, le=1_000, description="number of hidden layers")
    features: int = Field(
        16, ge=1, le=4_096, description="number of Fourier frequencies of ln σ/4, each a cosine and a sine"
    )
    sigma_data: float | None = Field(None, gt=0, description="assumed data scale; null: the target's own")

    def module(self, dim: int, sigma_data: float) -> nn.Module:
        """Return a module whose D is c_skip x, the denoiser of N(0, σ_data² I), before training."""
        from harness_karras.mlp import PreconditionedMlp

        return PreconditionedMlp(dim, self.width, self.depth, self.features, self.sigma_data or sigma_data)

    def layer_outputs(self) -> int:
        """Return the units of a hidden layer."""
        return self.width
