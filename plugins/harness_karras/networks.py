"""The trained network of EDM's design, at the size of small targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from harness.components import Part
from harness.networks import Backbone
from harness.preconditionings import Preconditioning
from harness_karras.preconditionings import Edm

if TYPE_CHECKING:
    from torch import nn

    from harness.data_spec import DataSpec


class Mlp(Backbone):
    """A multilayer perceptron with Fourier features of the noise level."""

    name: ClassVar[str] = "mlp"
    formula: ClassVar[str] = "D = c_skip x + c_out F(c_in x; c_noise)"
    source: ClassVar[str] = (
        "Karras et al., arXiv 2206.00364, eq. (7) and Table 1; features: Tancik et al., arXiv 2006.10739"
    )

    width: int = Field(128, ge=1, le=65_536, description="units in each hidden layer")
    depth: int = Field(3, ge=1, le=1_000, description="number of hidden layers")
    features: int = Field(
        16, ge=1, le=4_096, description="number of Fourier frequencies of c_noise, each a cosine and a sine"
    )
    precondition: Part[Preconditioning] = Field(Edm(), description="the preconditioning around it")

    def function(self, data: DataSpec) -> nn.Module:
        """Return F, which is 0 before training: D is c_skip x then, under EDM the denoiser of N(0, σ_data² I)."""
        from harness_karras.mlp import NoisyMlp

        return NoisyMlp(data.dim, self.width, self.depth, self.features)

    def layer_outputs(self, data: DataSpec | None = None) -> int:
        """Return those of the hidden layers, before and after the activation, and the features."""
        return 2 * self.width * self.depth + 2 * self.features
