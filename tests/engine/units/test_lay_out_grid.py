"""Lay out grid: a rule is given what it needs, and no more, and its levels are checked."""

from typing import ClassVar

import numpy as np
import pytest
import torch
from harness_karras.noise_schedules import EdmSchedule
from harness_oracles.networks import Inexact
from harness_synthetic.targets import Gaussian

from harness.engine.jobs import LayOutGridJob
from harness.engine.units.lay_out_grid import lay_out_grid
from harness.errors import ContractError
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


def test_a_rule_that_breaks_its_contract_is_named():
    with pytest.raises(ContractError, match=r"time discretization rule: levels: 0\.1 at the start; it must be 5"):
        lay_out_grid(job(Rising()))
