"""Loading a built-in plugin and listing what it offers imports neither torch nor another slow library."""

import json
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

SCRIPT = """
import importlib, json, sys
report = {}
for package in sys.argv[1:]:
    module = importlib.import_module(package)
    hooks = [getattr(module, n) for n in dir(module) if n.startswith("harness_") and n != "harness_axes"]
    classes = [cls for hook in hooks if hasattr(hook, "harness_impl") for cls in hook()]
    for cls in classes:
        cls.model_json_schema()
        if not any(field.is_required() for field in cls.model_fields.values()):
            cls().label()
    report[package] = {
        "heavy": [name for name in ("torch", "scipy", "sklearn") if name in sys.modules],
        "undocumented": [
            f"{cls.name}.{what}"
            for cls in classes
            for what, text in [
                ("formula", cls.statement if cls.axis == "claim" else cls.formula),
                ("source", cls.source),
            ]
            + [(key, field.description) for key, field in cls.model_fields.items()]
            if not text
        ],
        "names": [f"{cls.axis} {cls.name}" for cls in classes],
    }
print(json.dumps(report))
"""
PACKAGES = sorted({entry.value for entry in entry_points(group="harness") if entry.value.startswith("harness_")})


@pytest.fixture(scope="module")
def report():
    done = subprocess.run([sys.executable, "-c", SCRIPT, *PACKAGES], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_no_plugin_imports_torch_to_say_what_it_offers(report):
    assert {package: found["heavy"] for package, found in report.items() if found["heavy"]} == {}


def test_every_component_states_its_formula_source_and_parameters(report):
    assert {package: found["undocumented"] for package, found in report.items() if found["undocumented"]} == {}


def test_names_are_unique_along_each_axis(report):
    names = [name for found in report.values() for name in found["names"]]
    assert sorted(names) == sorted(set(names))


def test_the_components_of_the_design_space_are_there(report):
    expected = {
        "weighting": "edm likelihood eps min-snr v-cosine flow bell-shaped",
        "noise_schedule": "edm ve-geometric vp-linear flow cosine ve-sqrt",
        "time_discretization": "polynomial exponential uniform-time cosine",
        "network": "mlp relu",
    }
    names = {name for found in report.values() for name in found["names"]}
    assert {f"{axis} {name}" for axis, words in expected.items() for name in words.split()} <= names
