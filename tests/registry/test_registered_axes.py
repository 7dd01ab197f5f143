"""Axes that a plugin registers: components of any plugin belong to them, in whatever order plugins are found."""

import pytest

from harness.errors import ContractError
from harness.registry.discovery import load
from harness.registry.registry import Registry

AXIS = """
from typing import ClassVar
from harness import hookimpl
from harness.axes import Axis
from harness.components import Component
from harness.errors import ContractError


class Remark(Component):
    axis: ClassVar[str] = "remark"
    makes_results: ClassVar[bool] = False
    text: ClassVar[str] = ""

    @classmethod
    def check_class(cls):
        if not cls.text:
            raise ContractError("has no text; a remark says something")


@hookimpl
def harness_axes():
    return [Axis("remark", f"{__name__}:Remark")]
"""

REMARK = """
from harness import hookimpl
from {module} import Remark


class Short(Remark):
    name = "short"
    text = "{text}"


@hookimpl{options}
def {hook}():
    return [Short]
"""


def remark(module, text="so", hook="harness_remarks", options="(optionalhook=True)"):
    return REMARK.format(module=module, text=text, hook=hook, options=options)


def status(registry, distribution):
    return {p.entry_point: (p.status, p.components) for p in registry.plugins if p.distribution == distribution}


@pytest.mark.parametrize("names", [("aa", "zz"), ("zz", "aa")])
def test_a_component_of_another_plugin_is_found_in_whatever_order(install, names):
    axes, remarks = names
    install(axes, axes=AXIS)
    install(remarks, remarks=remark(f"{axes}_axes"))
    found = load()
    assert found.problems == ()
    assert list(found.axes)[-2:] in (["claim", "remark"], ["remark", "claim"])
    assert status(found, remarks) == {"remarks": ("ok", {"remark": ("short",)})}
    [made] = found.parse("remark", "short")
    assert made.text == "so"
    assert found.reference(made).distribution == remarks


def test_its_contract_checks_its_classes(install):
    install("axes", axes=AXIS)
    install("remarks", remarks=remark("axes_axes", text=""))
    [problem] = load().problems
    assert problem.reason == "harness_remarks: short has no text; a remark says something"


def test_a_misspelled_hook_is_an_error_with_candidates(install):
    install("axes", axes=AXIS)
    install("remarks", remarks=remark("axes_axes", hook="harness_remark", options=""))
    [problem] = load().problems
    assert problem.reason.startswith("unknown hook 'harness_remark'; did you mean harness_remarks")
    install("others", axis=AXIS.replace("harness_axes", "harness_axis"))
    reasons = {problem.plugin: problem.reason for problem in load().problems}
    assert "unknown hook 'harness_axis'; did you mean harness_axes" in reasons["axis"]


def test_an_optional_hook_whose_axis_is_missing_is_told_and_costs_nothing_else(install):
    hook = "@hookimpl(optionalhook=True)\ndef harness_remraks():\n    return []\n"
    install("remarks", remarks=f"from harness import hookimpl\n{hook}")
    found = load()
    assert status(found, "remarks") == {"remarks": ("ok", {})}
    [problem] = found.problems
    assert problem.reason.startswith("hook 'harness_remraks' is of an axis that no plugin registers; ")
    # Where plugins are left out, the one that registers it may be among them.
    assert load("remarks").problems == ()
    assert load("wang").problems == ()
    assert "claim" not in load("wang").axes


@pytest.mark.parametrize(
    ("axis", "reason"),
    [
        ('"remark"', "harness_axes returned 'remark', no harness.axes.Axis"),
        ('Axis("Re mark", "x:y")', "axis 'Re mark': a name is lower-case words joined by underscores"),
        (
            'Axis("remark", f"{__name__}:Remark", "design")',
            "has role 'design'; one that a plugin registers",
        ),
        ('Axis("metric", f"{__name__}:Remark")', "axis 'metric' is one of the harness"),
        ('Axis("noise", f"{__name__}:Remark")', "Remark is no subclass of harness.components.Component of that axis"),
        ('Axis("remark", "nowhere:Remark")', "ModuleNotFoundError: No module named 'nowhere'"),
    ],
)
def test_a_malformed_axis_is_its_plugins_failure(install, axis, reason):
    install("axes", axes=AXIS.replace('Axis("remark", f"{__name__}:Remark")', axis))
    found = load()
    [problem] = found.problems
    assert reason in problem.reason
    assert "remark" not in found.axes
    assert "claim" in found.axes


def test_of_two_axes_of_one_name_there_is_neither(install):
    for name in ("one", "two"):
        install(name, **{name: AXIS})
    found = load()
    assert [p.reason for p in found.problems] == ["axis 'remark' is registered by plugins one and two"] * 2
    assert "remark" not in found.axes


def test_a_registry_of_classes_has_their_axes(install):
    install("axes", axes=AXIS)
    contract = load().axes["remark"].contract
    small = type("Small", (contract,), {"name": "small", "text": "x"})
    registry = Registry.from_classes([small])
    assert registry.find("remark", "small") is small
    assert registry.axes["remark"].contract is contract
    with pytest.raises(ContractError):
        type("Empty", (contract,), {"name": "empty"}).check_class()
