"""Networks: what stands for the denoiser D(x, σ) ≈ E[X_0 | X_0 + σξ = x].

The score and the noise prediction follow from it: S = (D − x)/σ², ε̂ = (x − D)/σ. A network includes its
preconditioning, the change of variables around the trained function.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from harness.components import Component
from harness.errors import ContractError

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from harness.targets import Distribution


class Network(Component):
    """Base of both kinds; a plugin derives from `TrainableNetwork` or `OracleNetwork`."""

    axis: ClassVar[str] = "network"

    @classmethod
    def check_class(cls) -> None:
        """Refuse a network that is of neither kind.

        Raises:
            ContractError: it must be of one.
        """
        if not issubclass(cls, (OracleNetwork, TrainableNetwork)):
            raise ContractError("must derive from TrainableNetwork or OracleNetwork")


class TrainableNetwork(Network):
    """A network with parameters to train."""

    @abstractmethod
    def module(self, dim: int, sigma_data: float) -> nn.Module:
        """Return a freshly initialised module; called with torch's global seed set.

        Its `forward(x, sigma)` takes x of shape (n, d) and sigma of shape (n,) and returns the denoised points, shape
        (n, d). It must be a pure function of its parameters, buffers and arguments (it is stacked with
        `torch.func`), and of the same class at each call; parameters with `requires_grad=False` stay as they are.

        Arguments:
            dim: the dimension d of the data.
            sigma_data: standard deviation of the data, per coordinate.
        """

    def layer_outputs(self) -> int:
        """Return about how many numbers its widest layer puts out for a point: what memory is estimated by."""
        return 128


class OracleNetwork(Network):
    """A network computed from the target's own denoiser; nothing is trained."""

    @abstractmethod
    def denoise(self, target: Distribution, x: Tensor, sigma: float) -> Tensor:
        """Denoised points at one noise level, shape (n, d)."""

    @abstractmethod
    def score_error(self, sigma: np.ndarray, dim: int) -> np.ndarray:
        """Score error e(σ) = E‖S − ∇log p_σ‖² at each level, known by construction; shape of `sigma`."""
