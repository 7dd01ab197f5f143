"""A new package: a plugin with one component, complete, as it is written from templates.

Templates lie as data in the folder `templates` of the package that has the contract of an axis, in a folder of the
axis' name: so a package that registers an axis may bring those of its own. What is the same on every axis lies in
`harness/templates/package`. They are `string.Template`s; `NewPackage.words` are their words.
"""

from __future__ import annotations

import ast
import builtins
import importlib.util
import keyword
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata, resources
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from harness.axes import Axis
from harness.components import NAME
from harness.errors import HarnessError
from harness.registry.discovery import LONGEST
from harness.registry.provenance import normalize
from harness.registry.registry import Registry
from harness.whole_files import PART

PREFIX = "harness-"
"""What a distribution may begin with that its component does not."""

TEMPLATES, SUFFIX = "templates", ".tmpl"

PLACES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "gitignore": ".gitignore",
    "tests.yml": ".github/workflows/tests.yml",
    "module.py": "src/{package}/__init__.py",
    "test.py": "tests/test_{package}.py",
}
"""Where what a template makes lies; of any other it is a module of the package."""

RUN = "run"
"""The template of the commands that run the component, which stand on its page."""

MARKER = "src/{package}/py.typed"
"""The empty file that says to type checkers that the package is typed."""


class NewPackageError(HarnessError):
    """A package that cannot be written: its name or its folder will not do, or there is no template."""


@dataclass(frozen=True)
class NewPackage:
    """A plugin that offers one component of an axis.

    Attributes:
        distribution: its name, lower-case words joined by hyphens.
        axis: of the component.
    """

    distribution: str
    axis: Axis

    @property
    def package(self) -> str:
        """What is imported."""
        return self.distribution.replace("-", "_")

    @property
    def component(self) -> str:
        """What the component is called."""
        return self.distribution.removeprefix(PREFIX)

    @property
    def class_name(self) -> str:
        """What its class is called."""
        return "".join(word.capitalize() for word in self.component.split("-"))

    @property
    def words(self) -> dict[str, str]:
        """What stands in the templates for their placeholders, but for `run`."""
        return {
            "distribution": self.distribution,
            "package": self.package,
            "component": self.component,
            "class_name": self.class_name,
            "axis_words": self.axis.words,
            "option": self.axis.option,
        }

    def check(self, registry: Registry) -> None:
        """Refuse a name that is none, or is another's.

        Raises:
            NewPackageError: the rule that it breaks.
        """
        if not NAME.fullmatch(self.distribution) or not self.component[0].isalpha():
            example = "harness-ralston"
            rule = f"a name is lower-case words joined by hyphens that begin with a letter, as {example}"
            raise NewPackageError(f"{self.distribution!r} names no package: {rule}")
        if len(self.component) > LONGEST:
            rule = f"a component has {LONGEST} characters at most"
            raise NewPackageError(f"{self.component[:LONGEST]}… is too long: {rule}")
        if other := self._shadowed():
            raise NewPackageError(f"package {self.package} would hide {other}; take another name")
        for name, cls in registry.classes(self.axis.name).items():
            if cls.name == self.component:
                of = registry.provenance(cls).distribution
                rule = "a new one has a name of its own"
                raise NewPackageError(f"{self.axis.words} {name} is one of {of} already; {rule}")
        if self.class_name in self._names():
            raise NewPackageError(f"class {self.class_name} would hide a name that its module uses; take another name")

    def _shadowed(self) -> str:
        """Return what the package would stand in the way of; empty for nothing."""
        if keyword.iskeyword(self.package):
            return "a word of Python"
        if self.package in sys.stdlib_module_names:
            return f"module {self.package} of Python"
        if self.distribution in {normalize(each.name) for each in metadata.distributions() if each.name}:
            return f"the installed distribution {self.distribution}"
        if self.package == "tests" or importlib.util.find_spec(self.package) is not None:
            return f"module {self.package}"
        return ""

    def _names(self) -> set[str]:
        """Return the names that the module of the component uses, but for that of its class."""
        tree = ast.parse(self._rendered("module.py", self.words | {"class_name": "_"}))
        nodes = list(ast.walk(tree))
        used = {node.id for node in nodes if isinstance(node, ast.Name)}
        return {*dir(builtins), *used, *(node.name for node in nodes if isinstance(node, ast.alias))}

    @cached_property
    def _templates(self) -> dict[str, str]:
        """The templates by the names of what they make.

        Raises:
            NewPackageError: the axis has none.
        """
        home = self.axis.contract_path.partition(":")[0].partition(".")[0]
        own = resources.files(home) / TEMPLATES / self.axis.name
        if not own.is_dir():
            raise NewPackageError(f"axis {self.axis.name} has no templates: its package {home} brings none")
        return _read(resources.files("harness") / TEMPLATES / "package") | _read(own)

    def _rendered(self, name: str, words: Mapping[str, str]) -> str:
        return Template(self._templates[name]).substitute(words)

    def files(self) -> dict[str, str]:
        """Return what the package holds, by path.

        Raises:
            NewPackageError: there is no template for the axis.
        """
        words = {**self.words, RUN: self._rendered(RUN, self.words).strip()}
        found = {MARKER.format(package=self.package): ""}
        for name in self._templates:
            if name != RUN:
                place = PLACES.get(name, f"src/{{package}}/{name}").format(package=self.package)
                found[place] = self._rendered(name, words)
        return dict(sorted(found.items()))

    def write(self, folder: Path) -> None:
        """Write the package into a folder, which is made: all of it or nothing.

        Raises:
            NewPackageError: the folder is there, or cannot be written; or there is no template for the axis.
        """
        files = self.files()
        if folder.exists() or folder.is_symlink():
            raise NewPackageError(f"{folder} is there already; give a new folder with --out")
        part = folder.with_name(f"{folder.name}.{os.getpid()}{PART}")
        try:
            for place, text in files.items():
                path = part / place
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            part.rename(folder)
        except OSError as error:
            shutil.rmtree(part, ignore_errors=True)
            raise NewPackageError(f"{folder} cannot be written: {error.strerror or error}") from error


def _read(folder: Traversable) -> dict[str, str]:
    """Return the templates of a folder, by the names of what they make."""
    files = [each for each in folder.iterdir() if each.name.endswith(SUFFIX)]
    return {each.name.removesuffix(SUFFIX): each.read_text(encoding="utf-8") for each in files}
