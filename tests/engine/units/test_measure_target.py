"""Measuring a target."""

import functools
import math

import pytest
import torch

from harness.engine import worker
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
