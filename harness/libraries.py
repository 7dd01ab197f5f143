"""Libraries: other projects' code that a component runs, and that need not be installed.

A component that enters another library's implementation names the library. Without it the component is known and
cannot be made; with it, its version stands in every key that the component takes part in, and units that run it keep
to processes of their own, as those of any foreign package do (`harness.registry.provenance`).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module, metadata
from typing import Any

from harness.errors import HarnessError


@dataclass(frozen=True)
class Library:
    """An installed distribution, or one that could be.

    Attributes:
        distribution: its name.
        install: the command that installs it.
    """

    distribution: str
    install: str

    def version(self) -> str | None:
        """Return the version that is installed; None where none is."""
        try:
            return metadata.version(self.distribution)
        except metadata.PackageNotFoundError:
            return None

    @property
    def absence(self) -> str:
        """What to say of what needs it and cannot have it."""
        return f"needs {self.distribution}, which is not installed: {self.install}"

    def module(self, name: str) -> Any:
        """Import one of its modules, untyped as they come.

        Raises:
            HarnessError: it is not installed, or does not import; one line.
        """
        if self.version() is None:
            raise HarnessError(f"this {self.absence}")
        try:
            return import_module(name)
        except ImportError as error:
            what = f"{self.distribution} {self.version()}"
            raise HarnessError(f"{what} is installed, and {name} does not import: {error}; {self.install}") from error
