"""The published grids of ten steps of four image models.

More or fewer steps are interpolated, ln σ linearly in the number of the step, as the source says. A table covers the
range of its own model. On another range it is stretched: ln σ is mapped so that its ends are σ_max and σ_min. So the
relative density is kept, which is right where the data resemble the model's in units of their scale.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from harness.time_discretizations import GridRequest, TimeDiscretization

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

Model = Literal["sd15", "sdxl", "svd", "deepfloyd"]

TABLES: Mapping[Model, tuple[float, ...]] = MappingProxyType(
    {
        "sd15": (14.6146, 6.4746, 3.8637, 2.6946, 1.8842, 1.3944, 0.9643, 0.6524, 0.3977, 0.1515, 0.0292),
        "sdxl": (14.6146, 6.3184, 3.7682, 2.1811, 1.3405, 0.8621, 0.5551, 0.3799, 0.2332, 0.1114, 0.0292),
        "svd": (700.0, 54.5, 15.886, 7.977, 4.248, 1.789, 0.981, 0.403, 0.173, 0.034, 0.002),
        "deepfloyd": (160.41, 8.081, 3.315, 1.885, 1.207, 0.785, 0.553, 0.293, 0.186, 0.030, 0.006),
    }
)
"""Levels from the first to the last, by model."""


class AysTable(TimeDiscretization):
    """A published grid, interpolated to the number of steps and stretched to the range."""

    name: ClassVar[str] = "ays-table"
    formula: ClassVar[str] = "ln σ_j linear in the table's index at 10j/N, then mapped onto [ln σ_min, ln σ_max]"
    source: ClassVar[str] = "Sabour, Fidler, Kreis, arXiv 2404.14507, and the tables that its authors published"

    model: Model = Field("sd15", description="Stable Diffusion 1.5 or XL, Stable Video Diffusion, DeepFloyd-IF stage 1")

    def levels(self, request: GridRequest) -> Tensor:
        """Return the grid, shape (N+1,)."""
        import numpy as np
        import torch

        table = np.log(TABLES[self.model])
        place = (len(table) - 1) * request.fractions().numpy()
        part = (np.interp(place, np.arange(len(table)), table) - table[-1]) / (table[0] - table[-1])
        first, last = np.log(request.sigma_max), np.log(request.sigma_min)
        return torch.from_numpy(np.exp(last + part * (first - last)))
