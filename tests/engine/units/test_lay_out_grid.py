"""Lay out grid: a rule is given what it needs, and no more, and its levels are checked."""

from typing import ClassVar

import numpy as np
import pytest
import torch
from harness_data.targets import Digits
from harness_karras.noise_schedules import EdmSchedule
from harness_oracles.networks import Inexact
from harness_synthetic.targets import Gaussian

from harness.engine import curves
from harness.engine.jobs import LayOutGridJob
from harness.engine.units.lay_out_grid import lay_out_grid
from harness.errors import ContractError, NotApplicable
from harness.time_discretizations import TimeDiscretization


class Rule(TimeDiscretization):
    """Log-spaced levels, and a look at what it was given."""

    name: ClassVar[str] = "rule"
    seen: ClassVar[list] = []

    def levels(self, request):
        self.seen.append(request)
        return torch.tensor(np.geomspace(request.sigma_max, request.sigma_min, request.steps + 1))


class Rising(Rule):
    def levels(self, request):
        return super().levels(request).flip(0)


def job(rule, **given):
    return LayOutGridJob("k", rule, EdmSchedule(), 3, 0.1, 5.0, **given)


def test_one_record_holds_the_levels():
    (record,) = lay_out_grid(job(Rule()))
    assert (record.key, record.kind) == ("k", "grid")
    assert record.payload["sigmas"] == pytest.approx(np.geomspace(5.0, 0.1, 4).tolist())
    assert (Rule.seen[-1].information, Rule.seen[-1].score_error) == (None, None)


def test_curves_are_those_of_the_target_and_the_network():
    target = Gaussian(dim=2)
    lay_out_grid(job(Rule(), target=target, information={"information": {"kind": "closed"}}, network=Inexact(size=0.3)))
    sigma, request = np.array([0.2, 2.0]), Rule.seen[-1]
    expected = target.distribution().closed_information().fisher(sigma**2)
    assert np.array_equal(request.information.fisher(sigma**2), expected)
    np.testing.assert_allclose(request.score_error(sigma)[0], Inexact(size=0.3).score_error(sigma, 2))


class NeedsLaw(Rule):
    name: ClassVar[str] = "needs-law"
    needs_law: ClassVar[bool] = True


def test_the_law_is_given_where_it_is_needed_and_nowhere_else():
    target = Gaussian(dim=2)
    lay_out_grid(job(NeedsLaw(), target=target))
    assert Rule.seen[-1].law.dim == 2
    assert Rule.seen[-1].information is None
    lay_out_grid(job(Rule(), target=target, information={"information": {"kind": "closed"}}))
    assert Rule.seen[-1].law is None


@pytest.mark.parametrize("labelled", [False, True])
def test_the_grid_of_a_network_that_is_given_labels_is_laid_out_by_what_it_meets(labelled):
    u = np.geomspace(0.01, 25.0, 40)
    plain, given = (
        curves.MeasuredInformation(64, 5.0, u, np.tile(64 * u / (u + scale), (3, 1)), np.zeros(3)) for scale in (2, 0.5)
    )
    payload = {"information": curves.information_to_json(plain)}
    payload["information_given_labels"] = curves.information_to_json(given)
    lay_out_grid(job(Rule(), target=Digits(), information=payload, labelled=labelled))
    expected = given if labelled else plain
    np.testing.assert_array_equal(Rule.seen[-1].information.fisher(u), expected.fisher(u))


def test_without_labels_there_is_no_grid_by_what_they_tell():
    information = {"information": {"kind": "closed"}}
    with pytest.raises(NotApplicable, match=r"^the network is given labels, and the target has none$"):
        lay_out_grid(job(Rule(), target=Gaussian(dim=2), information=information, labelled=True))


def test_a_rule_that_breaks_its_contract_is_named():
    with pytest.raises(ContractError, match=r"time discretization rule: levels: 0\.1 at the start; it must be 5"):
        lay_out_grid(job(Rising()))
