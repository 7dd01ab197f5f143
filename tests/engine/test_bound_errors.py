"""The error of a bound, by the jackknife over the replicates of its curves."""

import numpy as np
import pytest
from harness_synthetic.targets import Ring

from harness.bounds import Bound, Design
from harness.engine.bound_errors import measured_bound
from harness.engine.curves import ExactScoreError
from harness.engine.measurement import measure_information
from harness.errors import NotApplicable
from harness.metrics import Measurement

WHY = "it is for the curves of all replicates"


@pytest.fixture(scope="module")
def design():
    law = Ring().distribution()
    information = measure_information(law, 0.05, 20.0)
    exact = ExactScoreError(lambda sigma: 0.0 * sigma)
    return Design(None, np.array([20.0, 1.0, 0.05]), None, 2, law.second_moment, information, exact, None, law)


class Initialization(Bound):
    """A bound that applies to a part of the curves, or says that it does not: returned, or raised."""

    name = "initialization"
    limits = ("kl",)

    replicates: int = 0
    raises: bool = False

    def value(self, design):
        if design.information.replicates >= self.replicates:
            return float(design.information.initialization(400.0).mean())
        if self.raises:
            raise NotApplicable(WHY)
        return NotApplicable(WHY)


def test_the_error_is_that_of_a_mean(design):
    replicates = design.information.initialization(400.0)
    found = measured_bound(Initialization(), design)
    assert found.value == pytest.approx(replicates.mean())
    assert found.standard_error == pytest.approx(replicates.std(ddof=1) / len(replicates) ** 0.5)


@pytest.mark.parametrize("raises", [False, True])
def test_where_a_bound_does_not_apply_to_a_variant_it_says_there_what_it_said_before(design, raises):
    count = design.information.replicates
    found = measured_bound(Initialization(replicates=count, raises=raises), design)
    assert found == Measurement(found.value, 0.0, 0.0, freedom=count - 1, shared=True)


@pytest.mark.parametrize("raises", [False, True])
def test_where_it_does_not_apply_at_all_it_says_why(design, raises):
    assert measured_bound(Initialization(replicates=1000, raises=raises), design) == NotApplicable(WHY)
