"""The code that a result depends on, as a digest: what a module runs, and what it imports, on and on.

Imports are read from the syntax tree, those inside functions too, so that nothing is imported to know them. Left out is
what changes no number: comments, docstrings, layout, and whatever stands under `if TYPE_CHECKING:`. Of a package
above an imported module counts what importing it runs: its statements, not its functions.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from harness.components import digest

HOUSE = "harness"
"""The package whose code is digested. A plugin's own is in the digest of its components already."""

NOTHING = digest("code", [])
"""The digest of a class without a file."""

_ABOUT = {"__all__", "__version__"}
"""Names that a module gives to tell of itself."""


@dataclass(frozen=True)
class _Module:
    """What a module runs: a digest of its code, and the modules that it names in imports."""

    digest: str
    imports: tuple[str, ...]


class Code:
    """The code of packages, each module read once.

    Arguments:
        packages: the folder of each package, or the file of a module that stands alone, by name.
    """

    def __init__(self, packages: dict[str, Path]) -> None:
        self._packages = packages
        self._read: dict[tuple[str, bool], _Module] = {}
        self._digests: dict[str, str] = {}

    def reached(self, module: str) -> dict[str, str]:
        """Return the digests of all modules that run where a module does, itself among them, by name.

        A name that is in none of the packages reaches nothing.
        """
        found: dict[tuple[str, bool], _Module] = {}
        waiting = [(module, True)]
        while waiting:
            name, whole = waiting.pop()
            # Only its statements: what `harness` itself offers to users in functions is not run by who imports it.
            node = (name, whole and name != HOUSE)
            if node in found or (file := self._file(name)) is None:
                continue
            found[node] = self._module(node, file)
            waiting += [(above, False) for above in _packages_above(name)]
            waiting += [(each, True) for each in found[node].imports]
        return {name: read.digest for (name, _), read in sorted(found.items())}

    def digest(self, module: str) -> str:
        """Return the digest of all code of the harness that runs where a module does.

        Raises:
            LookupError: there is no such module, so that nothing would ever make its results stale.
        """
        if module not in self._digests:
            if self._file(module) is None:
                raise LookupError(f"{module} is no module whose code is known")
            reached = self.reached(module).items()
            self._digests[module] = digest("code", [[name, each] for name, each in reached if _top(name) == HOUSE])
        return self._digests[module]

    def of_class(self, cls: type) -> str:
        """Return the digest of all code of the harness that runs where the module of a class does.

        The package of the class is walked through for its imports; one without a file has none.
        """
        self._find_package(cls)
        return self.digest(cls.__module__) if self._file(cls.__module__) is not None else NOTHING

    def _find_package(self, cls: type) -> None:
        """Note where the package of a class lies, or the module that stands alone."""
        for name in (*_packages_above(cls.__module__), cls.__module__):
            file = getattr(sys.modules.get(name), "__file__", None)
            if file is not None:
                path = Path(file)
                self._packages.setdefault(name, path.parent if path.stem == "__init__" else path)
                break

    def _file(self, module: str) -> Path | None:
        """Return the source of a module; None where it is in no known package, or is something in a module."""
        for name in (module, *_packages_above(module)):
            if name in self._packages:
                place = self._packages[name].joinpath(*module.removeprefix(name).split(".")[1:])
                candidates = [place] if place.suffix == ".py" else [place.with_suffix(".py"), place / "__init__.py"]
                return next((file for file in candidates if file.is_file()), None)
        return None

    def _module(self, node: tuple[str, bool], file: Path) -> _Module:
        if node not in self._read:
            name, whole = node
            tree = ast.parse(file.read_bytes())
            package = name if file.name == "__init__.py" else name.rpartition(".")[0]
            reader = _Reader(package, whole)
            text = reader.told(tree)
            imports = tuple(full for base, wanted in reader.imports for full in self._meant(base, wanted))
            self._read[node] = _Module(hashlib.sha256(text.encode()).hexdigest(), imports)
        return self._read[node]

    def _meant(self, base: str, name: str | None) -> Iterator[str]:
        """Yield what an import means: a module, or else the module that a name is in."""
        inner = f"{base}.{name}"
        yield base if name is None or self._file(inner) is None else inner


class _Reader:
    """Writes down what a syntax tree runs, the same for all versions of Python, and gathers its imports on the way."""

    def __init__(self, package: str, whole: bool) -> None:
        self._package = package
        self._whole = whole
        self.imports: list[tuple[str, str | None]] = []

    def told(self, node: object) -> str:
        if isinstance(node, list):
            return f"[{','.join(self.told(each) for each in node if not self._idle(each))}]"
        if not isinstance(node, ast.AST):
            return repr(node)
        self._note(node)
        parts = [type(node).__name__]
        for field in node._fields:
            value = getattr(node, field, None)
            # Absent and empty fields: later versions of Python have more of them.
            if value is not None and value != []:
                parts += [field, self.told(value)]
        return f"({' '.join(parts)})"

    def _idle(self, node: object) -> bool:
        """Whether a statement computes nothing, or not what is asked for."""
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                return True
            case ast.If(test=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"), orelse=[]):
                return True
            case ast.Assign(targets=[ast.Name(id=name)]):
                return name in _ABOUT
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return not self._whole
        return False

    def _note(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            self.imports += [(alias.name, None) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = self._package.split(".")
            above = above[: len(above) + 1 - node.level] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            self.imports += [(base, alias.name) for alias in node.names]


def _packages_above(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]


def _top(module: str) -> str:
    return module.partition(".")[0]


@cache
def installed() -> Code:
    """Return the code of this process."""
    return Code({HOUSE: Path(__file__).parents[1]})
