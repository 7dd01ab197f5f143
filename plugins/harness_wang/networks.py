"""The network of the paper's training theory."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from harness.networks import TrainableNetwork

if TYPE_CHECKING:
    from torch import nn

    from harness.data_spec import DataSpec


class Relu(TrainableNetwork):
    """A deep ReLU network without biases that predicts the score; the outer matrices stay as drawn."""

    name: ClassVar[str] = "relu"
    formula: ClassVar[str] = "S = W_{L+1} relu(W_L … relu(W_0 [x; σ])), D = x + σ² S"
    source: ClassVar[str] = "Wang, He, Tao, arXiv 2406.12839, the network of Theorem 1"

    width: int = Field(128, ge=1, le=65_536, description="width m of every hidden layer")
    depth: int = Field(3, ge=1, le=1_000, description="number L of trained matrices, W_1 … W_L")

    def module(self, data: DataSpec) -> nn.Module:
        """Return a module drawn as in the paper: W_0 … W_L ~ N(0, 2/m), W_{L+1} ~ N(0, 1/d)."""
        from harness_wang.relu import ReluDenoiser

        return ReluDenoiser(data.dim, self.width, self.depth)

    def layer_outputs(self, data: DataSpec | None = None) -> int:
        """Return those of the first matrix and of the trained ones; an activation keeps its result alone."""
        return self.width * (self.depth + 1)
