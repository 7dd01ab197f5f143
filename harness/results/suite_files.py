"""Suite files: a leaderboard's own suite as a TOML file, made from the document alone."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping

from pydantic import JsonValue

from harness.axes import crossed
from harness.planning.manifest import is_absent
from harness.results.document import DocumentError
from harness.results.leaderboard import Leaderboard
from harness.results.row_commands import component_form

SUITE = "suite.toml"
"""The file of the suite in a bundle."""


def suite_file(board: Leaderboard) -> str:
    """Return a suite whose combinations hold all rows of a leaderboard, as the text of its file.

    It is the suite that the document holds; of one before version 8, which holds none, it is made from rows and setup,
    and where that suite divided a total of evaluations, or was a race, it has more combinations than the board.

    Raises:
        DocumentError: the document is one of version 1 or 2, which do not tell how rows were made.
    """
    return f"# Made from leaderboard.json: {_command(board)}\n{_toml(suite_table(board))}"


def suite_table(board: Leaderboard) -> dict[str, object]:
    """Return the content of that file; raises as `suite_file`."""
    if board.definition is None:
        return _from_rows(board)
    heads = {"name": board.suite, **({"title": board.title} if board.title else {})}
    own = {key: _without_null(value) for key, value in board.definition.items() if value is not None}
    return {**heads, **own, **heads}


def _without_null(value: JsonValue) -> JsonValue:
    """Return a value without the keys whose value is null, which stands for what is not said."""
    if isinstance(value, dict):
        return {key: _without_null(each) for key, each in value.items() if each is not None}
    return [_without_null(each) for each in value] if isinstance(value, list) else value


def _from_rows(board: Leaderboard) -> dict[str, object]:
    setup = board.setup
    if setup is None:
        raise DocumentError("documents before version 3 do not tell how their rows were made; run the suite again")
    starts = sorted({row.sigma_max for row in board.rows if row.sigma_max is not None})
    lengths = sorted({row.train_steps for row in board.rows if row.train_steps})
    found: dict[str, object] = {
        "name": board.suite,
        **({"title": board.title} if board.title else {}),
        **{axis.plural: list(_forms(board, name)) for name, axis in crossed().items()},
        "metrics": [entry.metric for entry in setup.metrics],
        "bounds": list(board.declared.bounds),
        "rank_by": board.rank_by,
        "steps": sorted({row.steps for row in board.rows}),
        "seeds": setup.seeds,
        "noise": {"sigma_min": setup.sigma_min, "sigma_max": setup.sigma_max},
        "sampling": {
            "samples": setup.samples,
            **({"sigma_max": starts} if starts not in ([], [setup.sigma_max]) else {}),
        },
    }
    if setup.training is not None and lengths:
        known = {key: value for key, value in setup.training.params.items() if value is not None}
        found["training"] = {"method": setup.training.method, "steps": lengths, **known}
    return found


def _forms(board: Leaderboard, axis: str) -> Iterator[str]:
    """Yield the components of an axis, each once, as a suite writes them."""
    used = (reference for own, reference in board.components() if own == axis)
    yield from dict.fromkeys(component_form(each) for each in used if not is_absent(axis, each))


def _command(board: Leaderboard) -> str:
    """Return the command that takes the file."""
    words = ["harness", "run", SUITE]
    for name, usual in (("device", "cpu"), ("precision", "float32")):
        if (told := board.environment.get(name, usual)) != usual:
            words += [f"--{name}", str(told)]
    return " ".join(shlex.join(words).split())


def _toml(content: Mapping[str, object]) -> str:
    """Return texts, numbers, lists and tables of them as TOML; tables within others stand in one line."""
    plain = {key: value for key, value in content.items() if not isinstance(value, Mapping)}
    tables = {key: value for key, value in content.items() if isinstance(value, Mapping)}
    sections = (f"\n[{key}]\n{_lines(table.items())}" for key, table in tables.items())
    return _lines(plain.items()) + "".join(sections)


def _lines(pairs: Iterable[tuple[str, object]]) -> str:
    return "".join(f"{key} = {_value(value)}\n" for key, value in pairs)


def _value(value: object) -> str:
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {_value(each)}' for key, each in value.items())} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    # A text in JSON is one in TOML but for U+007F, which documents that are handed in may not have.
    return json.dumps(value, ensure_ascii=False)
