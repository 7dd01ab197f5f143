"""Jobs: named after the units that do them; a record of another kind has another key."""

import ast
import re
import shutil
from pathlib import Path
from typing import get_args

import pytest

import harness
from harness.engine import units
from harness.engine.jobs import Job
from harness.engine.worker import FUNCTIONS
from harness.planning.code import Code
from harness.records import Kind

HOUSE = Path(harness.__file__).parent
UNITS = sorted(file.stem for file in (HOUSE / "engine" / "units").glob("[a-z]*.py"))


def kinds(source):
    """Return what the records that a module makes are said to hold."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    records = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Record"]
    return list(dict.fromkeys(ast.literal_eval(call.args[1]) for call in records))


def test_a_job_is_named_after_the_function_that_does_it():
    for job, function in FUNCTIONS.items():
        words = re.findall("[A-Z][a-z]*", job.__name__)
        assert words[-1] == "Job"
        assert function.__name__ == "_".join(words[:-1]).lower()
    in_modules = {f.__name__ for f in FUNCTIONS.values() if f.__module__ == f"harness.engine.units.{f.__name__}"}
    assert in_modules == set(UNITS)
    assert set(FUNCTIONS) == set(get_args(Job.__value__ if hasattr(Job, "__value__") else Job))


def test_the_table_of_units_is_true():
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", units.__doc__, flags=re.MULTILINE))
    made = {unit: kinds((HOUSE / "engine" / "units" / f"{unit}.py").read_text(encoding="utf-8")) for unit in UNITS}
    assert {unit: set(row.split(", ")) for unit, row in rows.items()} == {
        unit: set(found) for unit, found in made.items()
    }
    assert {kind for found in made.values() for kind in found} == set(get_args(Kind)) - {"unmade"}


@pytest.mark.parametrize("unit", UNITS)
def test_a_record_of_another_kind_has_another_key(tmp_path, unit):
    # So that what an earlier version stored under an earlier kind is computed again, and never read as this one.
    copy = shutil.copytree(HOUSE, tmp_path / "harness", ignore=shutil.ignore_patterns("__pycache__"))
    file = copy / "engine" / "units" / f"{unit}.py"
    text = file.read_text(encoding="utf-8")
    before = Code({"harness": copy}).digest(f"harness.engine.units.{unit}")
    for kind in kinds(text):
        file.write_text(text.replace(f', "{kind}"', ', "earlier"'), encoding="utf-8")
        assert Code({"harness": copy}).digest(f"harness.engine.units.{unit}") != before, kind
