"""What the metrics and bounds of older documents are taken to declare: by their names, of those that shipped alone."""

import pytest

from harness.quantities import Limited, Measured
from harness.results.older import declarations, title
from harness.results.upgrades import UPGRADES
from harness.suites.model import load_suite, shipped_suites


@pytest.mark.parametrize("label", ["kl", "kl:bins=64", "diffusion-harness/kl"])
def test_a_label_stands_for_the_component_that_shipped(label):
    assert declarations([label], []).metrics == {label: Measured(quantity="marginal-kl", least=0.0)}


@pytest.mark.parametrize("label", ["acme/kl", "reverse-kl", "acme/energy", "KL"])
def test_of_another_nothing_is_known(label):
    assert declarations([label], [label]).metrics == {label: Measured(quantity="other")}
    assert declarations([], [label]).bounds == {label: Limited()}


def test_bounds_of_paths_limit_both_divergences_and_the_budget_is_one():
    found = declarations(["kl", "path-kl", "w2"], ["theorem-2", "budget", "gao-zhu-w2"])
    assert all(found.limits("theorem-2", metric) for metric in ("kl", "path-kl"))
    assert found.same("budget", "path-kl")
    assert not found.same("theorem-2", "path-kl")
    assert [found.limits("gao-zhu-w2", metric) for metric in ("kl", "path-kl", "w2")] == [False, False, True]


def test_what_a_suite_asks_goes_by_its_name():
    asked = {name: title(name) for name in shipped_suites()}
    assert asked == {name: load_suite(name).title for name in shipped_suites()}
    assert all("?" in each for each in asked.values())
    assert len(set(asked.values())) == len(asked)


@pytest.mark.parametrize("name", ["mine", "quick-selection", "", None, 3, ["quick"]])
def test_of_another_suite_nothing_is_known(name):
    assert title(name) is None
    assert UPGRADES[6]({"suite": name})["title"] is None


def test_a_document_that_tells_what_it_asks_keeps_it():
    assert UPGRADES[6]({"suite": "quick", "title": "Mine?"})["title"] == "Mine?"
