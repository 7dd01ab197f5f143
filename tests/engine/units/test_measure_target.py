"""Measuring a target."""

import functools
import math

import numpy as np
import pytest
import torch

from harness.engine import worker
from harness.engine.curves import least_loss_from_json
from harness.engine.jobs import MeasureTargetJob
from harness.errors import ContractError
from harness.information import Information
from harness.targets import Target


class Undefined(Information):
    dim, second_moment, replicates = 2, 1.0, 1

    def fisher(self, u):
        return math.nan * u[None]

    def fisher_integral(self, u):
        return u[None, 1:]

    def initialization(self, u):
        return [0.0]


class Vague(Target):
    """A ring whose Fisher information is no number."""

    name = "vague"

    def distribution(self):
        return vague()


@functools.cache
def vague():
    from harness.mixtures import IsotropicMixture, MixtureDistribution

    law = MixtureDistribution(IsotropicMixture(torch.eye(2), 0.1))
    law.closed_information = Undefined
    return law


def test_a_target_is_checked_before_anything_builds_on_it():
    with pytest.raises(ContractError, match="target vague: fisher: nan at index 0"):
        worker.work(MeasureTargetJob("k", Vague(), 0.05, 20.0))


class Apart(Target):
    """A point in noise, of two classes; which one it is makes it less certain, as nothing can."""

    name = "apart"

    def distribution(self):
        return apart()


@functools.cache
def apart():
    from harness.mixtures import IsotropicMixture, MixtureDistribution

    law = MixtureDistribution(IsotropicMixture(torch.zeros(1, 2), 1.0))
    law.classes = 2
    law.class_weights = lambda: torch.tensor([0.5, 0.5])
    law.labelled = lambda n, generator: (law.sample(n, generator), torch.arange(n) % 2)
    law.moments_given = lambda x, sigma, labels: (law.moments(x, sigma)[0], torch.full((len(x),), 1e6).double())
    return law


def test_what_is_measured_of_points_given_their_labels_is_checked_too():
    with pytest.raises(ContractError, match="target apart: fisher_integral of points given their labels: below 0"):
        worker.work(MeasureTargetJob("k", Apart(), 0.05, 20.0))


def test_the_record_of_data_tells_how_many_points_there_are(registry):
    target = registry.parse("target", "patches:size=2,count=50")[0]
    (record,) = worker.work(MeasureTargetJob("k", target, 0.05, 20.0))
    assert (record.payload["train"], record.payload["held_out"]) == (30, 10)


def test_the_record_holds_the_target_in_numbers(registry):
    target = registry.parse("target", "gaussian:dim=3,std=2.0")[0]
    (record,) = worker.work(MeasureTargetJob("k", target, 0.05, 20.0))
    assert (record.key, record.kind) == ("k", "target")
    assert {name: record.payload[name] for name in ("dim", "second_moment", "finite", "information")} == {
        "dim": 3,
        "second_moment": pytest.approx(12.0),
        "finite": False,
        "information": {"kind": "closed"},
    }
    # min E‖σS + ξ‖² of N(0, c²I) is d − uJ(u) = d c²/(c² + u).
    least = least_loss_from_json(record.payload["least_loss"])(np.array([0.1, 2.0, 15.0]))
    assert least[0] == pytest.approx([3 * 4 / (4 + u) for u in (0.01, 4.0, 225.0)], rel=1e-5)
