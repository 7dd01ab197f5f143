"""Every sampler that is installed has the properties that it claims, and plausible wrong ones do not."""

import numpy as np
import pytest
from annotated_types import Ge, Le
from harness_karras.samplers import EdmStochastic
from harness_lu.multistep import DPMpp2MSde
from variants import failed, variants, words
from wrong_samplers import WRONG, RatioOfEqualSteps, SaysItIsDeterministic

from harness.engine.sampler_orders import GRIDS, uneven
from harness.engine.sampler_properties import properties
from harness.registry.discovery import load


def few(field):
    """The values of a parameter that has few: words, yes and no, whole numbers between bounds, a share's ends."""
    if field.annotation is bool:
        return (False, True)
    low = next((rule.ge for rule in field.metadata if isinstance(rule, Ge)), None)
    high = next((rule.le for rule in field.metadata if isinstance(rule, Le)), None)
    if None in (low, high) or high - low > 8:
        return words(field)
    return range(low, high + 1) if field.annotation is int else (low, high)


# What follows from no list of choices: noise that is due, within a window that all steps are in; the flow by its ends.
FURTHER = [
    EdmStochastic(s_churn=2, s_noise=1, s_min=0, s_max=1000),
    EdmStochastic(s_churn=0),
    DPMpp2MSde(eta=0.5),
]
EVERY = [form for cls in load().classes("sampler").values() for form in variants(cls, few)] + FURTHER


@pytest.mark.parametrize("sampler", EVERY, ids=lambda s: s.label())
def test_it_has_the_properties_that_it_claims(sampler):
    assert failed(properties(sampler)) == []


def test_most_samplers_claim_an_order():
    assert len(EVERY) > 40
    unclaimed = {sampler.name for sampler in EVERY if sampler.claimed_order is None}
    assert unclaimed == {"edm-stochastic", "pc", "restart"}


@pytest.mark.parametrize("grid", GRIDS)
def test_grids_are_what_they_say(grid):
    levels = GRIDS[grid](10, 300.0, 0.1)
    assert (len(levels), levels[0], levels[-1]) == (11, pytest.approx(300), pytest.approx(0.1))
    steps = -np.diff(np.log(levels))
    ratio = np.maximum(steps[1:] / steps[:-1], steps[:-1] / steps[1:])
    assert (steps > 0).all()
    if grid == "geometric":
        np.testing.assert_allclose(ratio, 1)
    elif grid == "uneven":
        np.testing.assert_allclose(ratio, 2)
    else:
        finer = -np.diff(np.log(GRIDS[grid](40, 300.0, 0.1)))
        assert 1 < (finer[1:] / finer[:-1]).max() < ratio.max()


@pytest.mark.parametrize(("sampler", "reject"), WRONG, ids=[type(sampler).__name__ for sampler, _ in WRONG])
def test_a_wrong_sampler_is_rejected_by_the_property_that_shows_it(sampler, reject):
    names = [found.name for found in properties(sampler) if found.verdict == "fail"]
    assert [name for name in names if reject in name], names


def test_one_that_only_says_that_it_draws_nothing_is_found_out():
    with pytest.raises(ValueError, match="says that it is deterministic asked for noise"):
        properties(SaysItIsDeterministic())


def test_slips_that_equal_steps_hide_need_uneven_ones():
    """Why the uneven grid is measured: there the order is 1."""
    names = {found.name for found in properties(RatioOfEqualSteps()) if found.verdict == "fail"}
    assert all("uneven" in name for name in names)
    assert len(uneven(4, 8.0, 1.0)) == 5
