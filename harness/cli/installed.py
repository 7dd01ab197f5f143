"""What installed packages add to the program, found without importing one: commands, and kinds of documents.

`harness.commands` says how they are added.

Entry points are read from the files `entry_points.txt` on the path: the help must not wait for `importlib.metadata`,
which takes as long to import as all else that it needs.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import os
import sys
from collections.abc import Collection, Iterator
from contextlib import redirect_stdout
from importlib.machinery import ModuleSpec, PathFinder
from typing import TYPE_CHECKING, NamedTuple

import click

from harness.errors import HarnessError, one_line

if TYPE_CHECKING:
    from harness.commands import DocumentKind

COMMANDS, DOCUMENTS = "harness_commands", "harness_documents"
"""The entry-point groups of commands, and of kinds of documents."""

OURS = "diffusion-harness"
"""The distribution whose commands have their bare names, whatever else is installed."""


class InstalledError(HarnessError):
    """Something of an installed package that cannot be loaded."""


class Installed(NamedTuple):
    """An entry point of one of the groups: its name, `module:attribute`, and the distribution that declares it."""

    name: str
    value: str
    distribution: str

    @property
    def qualified(self) -> str:
        """The name that stays unique between distributions."""
        return f"{self.distribution}/{self.name}"

    def described(self) -> str:
        """Return the first line of its module's docstring, read from the file; else why there is none."""
        module = self.value.partition(":")[0].strip()
        try:
            said = ast.get_docstring(ast.parse(_source(module)))
        except Exception as error:
            return f"(of {self.distribution}, cannot be read: {one_line(error)})"
        return said.partition("\n")[0] if said else f"(of {self.distribution})"

    def load(self) -> object:
        """Import what it names.

        Raises:
            InstalledError: its package cannot be imported, or has no such thing.
        """
        module, _, attribute = (part.strip() for part in self.value.partition(":"))
        try:
            # Standard output is the command's, whatever its package prints as it is imported.
            with redirect_stdout(sys.stderr):
                return getattr(importlib.import_module(module), attribute)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # whatever a package raises, SystemExit too, is its own failure
            raise InstalledError(f"{self.qualified} cannot be loaded: {one_line(error)}") from error

    def command(self) -> click.Command:
        """Import the command that it names.

        Raises:
            InstalledError: it cannot be loaded, or is no command.
        """
        found = self.load()
        if not isinstance(found, click.Command):
            raise InstalledError(f"{self.qualified}: {self.value} is {type(found).__name__}, no click.Command")
        return found

    def document(self) -> DocumentKind:
        """Import the kind of document that it names.

        Raises:
            InstalledError: it cannot be loaded, or is no kind of document.
        """
        from harness.commands import DocumentKind

        found = self.load()
        if not isinstance(found, DocumentKind):
            raise InstalledError(f"{self.qualified}: {self.value} is {type(found).__name__}, no DocumentKind")
        return found


def commands(taken: Collection[str]) -> dict[str, Installed]:
    """Return the commands of installed packages, by the word that calls each, sorted.

    That is its name, or `distribution/name` where the name is taken or another distribution has it too.
    """
    declared = list(_declared(COMMANDS))
    names = [command.name for command in declared]
    found = {}
    for command in declared:
        alone = names.count(command.name) == 1 or command.distribution == OURS
        found[command.name if alone and command.name not in taken else command.qualified] = command
    return dict(sorted(found.items()))


def documents() -> list[Installed]:
    """Return the kinds of documents of installed packages, sorted; the name of each is that of its file."""
    return sorted(_declared(DOCUMENTS))


def _declared(group: str) -> Iterator[Installed]:
    """Yield every entry point of a group; of two distributions of one name the first on the path counts."""
    seen = set()
    for folder in sys.path:
        for metadata in _metadata(folder):
            distribution = metadata.partition("-")[0].removesuffix(".egg").replace("_", "-").replace(".", "-").lower()
            if distribution not in seen:
                seen.add(distribution)
                for name, value in _entry_points(os.path.join(folder, metadata, "entry_points.txt"), group):
                    yield Installed(name, value, distribution)


def _metadata(folder: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder or ".") if name.endswith((".dist-info", ".egg-info")))
    except OSError:
        return []


def _entry_points(path: str, group: str) -> Iterator[tuple[str, str]]:
    try:
        # Not `pathlib`, whose import takes a tenth of the help's time.
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except (OSError, ValueError):
        return
    section = ""
    for line in map(str.strip, lines):
        if line.startswith("["):
            section = line.strip("[]").strip()
        elif section == group and "=" in line and line[0] not in "#;":
            name, _, value = line.partition("=")
            yield name.strip(), value.strip()


def _source(module: str) -> str:
    """Return the text of a module; neither it nor the packages that it is in are imported.

    Raises:
        ImportError: there is no such module, or it has no text.
    """
    first, *rest = module.split(".")
    spec: ModuleSpec | None = importlib.util.find_spec(first)
    for name in rest:
        spec = spec and PathFinder.find_spec(f"{spec.name}.{name}", spec.submodule_search_locations)
    text = getattr(spec and spec.loader, "get_source", lambda _: None)(module)
    if text is None:
        raise ImportError(f"no module {module}")
    return str(text)
