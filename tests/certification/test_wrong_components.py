"""Every plausible wrong component is rejected by its certificate, and the right ones that they are made of pass."""

import pytest
import wrong_initial_laws
import wrong_preconditionings
import wrong_targets

from harness.certification import certify

RIGHT = wrong_targets.RIGHT
WRONG = [*wrong_preconditionings.WRONG, *wrong_initial_laws.WRONG, *wrong_targets.WRONG]


def named(component):
    return f"{component.axis}-{type(component).__name__}"


@pytest.mark.parametrize("component", RIGHT, ids=named)
def test_a_right_component_passes(component, registry):
    assert certify(component, registry=registry).complaints() == []


@pytest.mark.parametrize("component", WRONG, ids=named)
def test_a_wrong_component_is_rejected(component, registry):
    found = certify(component, registry=registry)
    assert not found.passed
    assert found.failures
