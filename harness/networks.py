"""Networks: what stands for the denoiser D(x, σ) ≈ E[X_0 | X_0 + σξ = x].

The score and the noise prediction follow from it: S = (D − x)/σ², ε̂ = (x − D)/σ. A network includes its
preconditioning, the change of variables around the trained function; a `Backbone` has it as a component of its own
(`harness.preconditionings`).
"""

from __future__ import annotations

import inspect
from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from harness.components import Component, Part
from harness.errors import ContractError
from harness.preconditionings import Preconditioning

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from harness.data_spec import DataSpec
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

    shaped: ClassVar[bool] = False
    """Whether its module sees points in the shape of the data, (n, *shape), as those for images do; else flat, (n, d).
    """

    @property
    def conditional(self) -> bool:
        """Whether its module is given the labels of points. On data without labels it does not apply."""
        return False

    @property
    def label_dropout(self) -> float:
        """Share, below 1, of the points of a batch whose label is withheld: the module is given `data.classes` for it.

        What it is worth without labels is what guidance compares with (`SamplerRun.without_labels`). Only of one that
        is given any.
        """
        return 0.0

    @classmethod
    def check_class(cls) -> None:
        """Refuse a network whose `module` takes something else than the data spec.

        Raises:
            ContractError: it does.
        """
        super().check_class()
        taken = list(inspect.signature(cls.module).parameters)[1:]
        if len(taken) != 1:
            rule = "it must be module(data), with data a harness.data_spec.DataSpec"
            raise ContractError(f"has module({', '.join(taken)}); {rule}")

    @abstractmethod
    def module(self, data: DataSpec) -> nn.Module:
        """Return a freshly initialised module; called with torch's global seed set.

        Its `forward(x, sigma)` takes points x and sigma of shape (n,) and returns the denoised points, of the shape of
        x: (n, d), or (n, *shape) where the network is `shaped`. A `conditional` one has `forward(x, sigma, labels)`,
        labels int64 of shape (n,). Modules of one shape train stacked, by `torch.func.vmap`: it must be a pure function
        of its parameters, buffers and arguments (no dropout, no branch that depends on data, no statistics of the
        batch, no buffer that changes), and of the same class at each call. Parameters with `requires_grad=False` stay
        as they are.

        Arguments:
            data: what it is built for.

        Raises:
            NotApplicable: it is not made for such data.
        """

    def layer_outputs(self, data: DataSpec | None = None) -> int:
        """Return about how many numbers its layers put out for a point, all together, which training keeps for a step.

        Memory is estimated by it, and fewer networks train together where it is much.

        Arguments:
            data: what the network is built for; None before that is known.
        """
        return 1024


class Backbone(TrainableNetwork):
    """A network whose preconditioning is a component of its own, and its author's choice only by default.

    A subclass declares the parameter and what is trained:

        precondition: Part[Preconditioning] = Field(Edm(), description="the preconditioning around it")
    """

    precondition: Part[Preconditioning]
    sigma_data: float | None = Field(None, gt=0, description="assumed data scale; null: the target's own")

    @abstractmethod
    def function(self, data: DataSpec) -> nn.Module:
        """Return F, freshly initialised; called with torch's global seed set.

        Its `forward(x, noise)` takes c_in x, of the shape that points of a `TrainableNetwork` have, and c_noise of
        shape (n,), and labels where it is conditional; it returns the shape of x. The rules are those of
        `TrainableNetwork.module`.

        Arguments:
            data: what it is built for.
        """

    def module(self, data: DataSpec) -> nn.Module:
        """Return F in its preconditioning."""
        from harness.preconditioned import Preconditioned

        return Preconditioned(self.function(data), self.precondition, self.sigma_data or data.sigma_data)


class OracleNetwork(Network):
    """A network computed from the target's own denoiser; nothing is trained."""

    @abstractmethod
    def denoise(self, target: Distribution, x: Tensor, sigma: float) -> Tensor:
        """Denoised points at one noise level, shape (n, d)."""

    @abstractmethod
    def score_error(self, sigma: np.ndarray, dim: int) -> np.ndarray:
        """Score error e(σ) = E‖S − ∇log p_σ‖² at each level, known by construction; shape of `sigma`."""
