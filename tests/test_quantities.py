"""What metrics measure and bounds limit is declared, and what is declared must mean something."""

import math

import pytest

from harness.bounds import Bound
from harness.errors import ContractError
from harness.metrics import Metric
from harness.quantities import QUANTITIES, Declarations, Limited, Measured
from harness.results.older import declarations


class Plain(Metric):
    name = "reverse-kl"

    def measure(self, experiment):
        raise NotImplementedError


def metric(**declared):
    return type("Made", (Plain,), {"__module__": __name__, **declared})


class Unsaid(Bound):
    name = "unsaid-kl"

    def value(self, design):
        raise NotImplementedError


def bound(**declared):
    return type("Made", (Unsaid,), {"__module__": __name__, **declared})


def test_a_metric_that_declares_nothing_measures_something_else():
    Plain.check_class()
    assert (Plain.measured().quantity, Plain.measured().space) == ("other", "data")
    assert (Plain.measured().compared_by, Plain.measured().least) == ("ratio", None)
    assert (Declarations().compared_by("plain"), Declarations().least("plain")) == ("ratio", -math.inf)


def test_what_a_known_quantity_cannot_be_below_need_not_be_declared():
    assert metric(quantity="marginal-kl").measured().least == 0.0
    assert metric(quantity="w2", least=1.0).measured().least == 1.0


@pytest.mark.parametrize(
    ("made", "rule"),
    [
        (metric(quantity="kl"), r"^measures 'kl'; "),
        (metric(quantity=None), r"^measures None; "),
        (metric(space=""), r"^has space ''; it must be a word"),
        (metric(compared_by="ratios"), r"^is compared by 'ratios'; "),
        (metric(least=math.nan), r"^has least value nan; it must be a finite number"),
        (metric(least="0"), r"^has least value '0'; "),
        (Unsaid, r"^limits nothing; limits must list some of marginal-kl, path-kl"),
        (bound(limits=("w3",)), r"^limits 'w3'; known: marginal-kl"),
        (bound(limits=("other",)), r"^limits 'other'; "),
        (bound(limits="w2"), r"^limits nothing"),
        (bound(limits=("w2",), equals="path-kl"), r"^equals 'path-kl', which is not among its limits"),
        (bound(limits=("w2",), space=2), r"^has space 2"),
    ],
)
def test_a_declaration_that_means_nothing_is_refused(made, rule):
    with pytest.raises(ContractError, match=rule):
        made.check_class()


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_quantity_may_be_declared(quantity):
    metric(quantity=quantity).check_class()
    if quantity != "other":
        bound(limits=(quantity,), equals=quantity).check_class()


def test_what_ships_declares_what_older_documents_are_read_as(registry):
    """The table for older documents is by name; what ships today declares it."""
    metrics, bounds = registry.classes("metric"), registry.classes("bound")
    for cls in (*metrics.values(), *bounds.values()):
        cls.check_class()
    # No document of that age has them.
    younger = {"classifier-frechet", "classifier-mmd", "label-error", "unbiased-energy", "unbiased-mmd"}
    younger |= {
        "memorisation-gap",
        "classifier-kid",
        "precision",
        "recall",
        "density",
        "coverage",
        "discrete-bits-per-dim",
    }
    metrics = {name: cls for name, cls in metrics.items() if name not in younger}
    older = declarations([f"{name}:x=1" for name in metrics], bounds)
    assert {name.partition(":")[0]: measured for name, measured in older.metrics.items()} == {
        name: cls.measured() for name, cls in metrics.items()
    }
    assert older.bounds == {name: cls.limited() for name, cls in bounds.items()}


def test_of_a_name_that_did_not_ship_nothing_is_known():
    older = declarations(["reverse-kl", "acme/kl"], ["new-kl", "acme/budget"])
    assert not any(older.is_divergence(name) for name in older.metrics)
    assert not any(older.bounds_divergence(name) for name in older.bounds)


def test_what_is_not_declared_is_compared_with_nothing():
    empty = Declarations()
    assert not empty.limits("budget", "kl")
    assert not empty.is_divergence("kl")
    assert not empty.same("budget", "path-kl")


def test_a_divergence_in_another_space_is_none_that_bounds_of_the_path_limit():
    features = Measured(quantity="marginal-kl", space="features")
    declared = Declarations(
        metrics={"data": Measured(quantity="marginal-kl"), "features": features},
        bounds={
            "data": Limited(limits=["marginal-kl"]),
            "features": Limited(limits=["marginal-kl"], space="features"),
        },
    )
    assert [declared.is_divergence(name) for name in ("data", "features")] == [True, False]
    assert [declared.bounds_divergence(name) for name in ("data", "features")] == [True, False]
    assert [declared.is_marginal(name) for name in ("data", "features")] == [True, False]
    assert declared.limits("features", "features")
