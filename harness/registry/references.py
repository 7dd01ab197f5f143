"""References: components as results and documents name them, with their origin."""

from __future__ import annotations

import json
from functools import cached_property
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue


class Reference(BaseModel):
    """A component as it was used, with its origin."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)

    name: Annotated[str, Field(min_length=1)]
    params: dict[str, JsonValue]
    distribution: str
    version: str
    digest: str

    @cached_property
    def key(self) -> str:
        """Text that is equal exactly for equal references."""
        return json.dumps(self.model_dump(), sort_keys=True)

    @cached_property
    def place(self) -> str:
        """Text that references are sorted by: their name, then their parameters."""
        return json.dumps([self.name, self.params, self.digest], sort_keys=True)
