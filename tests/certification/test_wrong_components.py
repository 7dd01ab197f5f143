"""Every plausible wrong component is rejected by its certificate, and the right ones that they are made of pass."""

from collections import Counter

import pytest
import wrong_bounds
import wrong_grids
import wrong_initial_laws
import wrong_metrics
import wrong_networks
import wrong_noise_distributions
import wrong_preconditionings
import wrong_samplers
import wrong_schedules
import wrong_targets
import wrong_weightings

from harness.axes import AXES
from harness.certification import certify

MADE = [
    *wrong_bounds.WRONG,
    *wrong_initial_laws.WRONG,
    *wrong_metrics.WRONG,
    *wrong_networks.WRONG,
    *wrong_noise_distributions.WRONG,
    *wrong_preconditionings.WRONG,
    *wrong_targets.WRONG,
    *(cls() for cls in wrong_weightings.LEARNED),
]
ELSEWHERE = [
    *(sampler for sampler, _ in wrong_samplers.WRONG),
    *(cls() for cls in (*wrong_schedules.WRONG, *wrong_grids.WRONG, *wrong_weightings.WRONG)),
]
"""Those that `tests/engine` rejects by the same measurements, one by one."""


def named(component):
    return f"{component.axis}-{type(component).__name__}"


@pytest.mark.parametrize("component", [*wrong_targets.RIGHT, *wrong_networks.RIGHT], ids=named)
def test_a_right_component_passes(component, registry):
    assert certify(component, registry=registry).complaints() == []


@pytest.mark.parametrize("component", MADE, ids=named)
def test_a_wrong_component_is_rejected(component, registry):
    found = certify(component, registry=registry)
    assert not found.passed
    assert found.complaints()


@pytest.mark.slow
@pytest.mark.parametrize("component", ELSEWHERE, ids=named)
def test_a_wrong_component_whose_properties_are_tested_elsewhere_is_rejected(component, registry):
    assert not certify(component, registry=registry).passed


def test_there_are_ten_of_each_axis_of_the_harness():
    counts = Counter(component.axis for component in [*MADE, *ELSEWHERE])
    assert {axis: counts[axis] for axis in AXES if counts[axis] < 10} == {}
