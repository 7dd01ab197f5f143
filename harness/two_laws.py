"""Two laws: of which of them a component that reads J − e speaks, the training set's or the population's.

A data file stands for both (docs/theory.md, section 9). Of the training set J and e are known each; of the population
their difference alone, J_θ = d/u − ℓ/u², from the network's losses on held-out points (`harness.loss_curve`).
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from harness.components import Component


class OfTwoLaws(Component):
    """What a component inherits first, before the contract of its axis, to have the choice as a parameter."""

    law: Literal["training", "population"] = Field(
        "training",
        description="whose J − e is read: of the training points, which a perfect denoiser copies, or of the law "
        "behind them, by the trained network's losses on held-out points",
    )

    @property
    def needs_population(self) -> bool:
        """Whether it reads J_θ of the network by its held-out losses, in place of J and e."""
        return self.law == "population"

    def parameters(self) -> dict[str, Any]:
        """Return every parameter but a law that is not named, as in documents from before there were two."""
        return {name: value for name, value in super().parameters().items() if name != "law" or name in self.changed()}
