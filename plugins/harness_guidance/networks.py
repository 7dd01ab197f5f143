"""A class-conditional network of vectors that learns to do without the label, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from harness_karras.networks import Mlp
from pydantic import Field

from harness.errors import NotApplicable

if TYPE_CHECKING:
    from torch import nn

    from harness.data_spec import DataSpec


class LabelledMlp(Mlp):
    """The multilayer perceptron `mlp`, given a label by a vector of its own for each, and one for none."""

    name: ClassVar[str] = "labelled-mlp"
    formula: ClassVar[str] = "D = c_skip x + c_out F(c_in x; c_noise, label)"
    source: ClassVar[str] = "as mlp; labels withheld: Ho and Salimans, arXiv 2207.12598, algorithm 1"

    dropout: float = Field(0.1, ge=0, lt=1, description="share of the points whose label is withheld in training")

    @property
    def conditional(self) -> bool:
        """It is given labels."""
        return True

    @property
    def label_dropout(self) -> float:
        """The share of the points whose label is withheld."""
        return self.dropout

    def function(self, data: DataSpec) -> nn.Module:
        """Return F, which is 0 before training.

        Raises:
            NotApplicable: points have no labels.
        """
        if not data.classes:
            raise NotApplicable("labelled-mlp is given labels, and the target has none")
        from harness_guidance.labelled_mlp import NoisyLabelledMlp

        return NoisyLabelledMlp(data.dim, self.width, self.depth, self.features, data.classes)
