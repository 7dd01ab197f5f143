"""Effects of choices: matched contexts only, each choice against those that it shares contexts with."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from harness.results.effects import Observation, effects, pair_effects


def seen(value, **coordinates):
    """One combination with the same value in two seeds; None where there is none."""
    return Observation(coordinates, {0: value, 1: value})


def factors(observations, axis):
    return {effect.choice: effect.size.value for effect in effects(observations, axis)}


def test_a_factor_is_relative_to_the_geometric_mean_of_the_choices():
    made = [
        seen(size * steps, sampler=sampler, steps=steps)
        for sampler, size in (("a", 1.0), ("b", 4.0))
        for steps in (1, 3)
    ]
    assert factors(made, "sampler") == pytest.approx({"a": 0.5, "b": 2.0})
    assert factors(made, "steps") == pytest.approx({1: 3**-0.5, 3: 3**0.5})


def test_a_difference_of_other_coordinates_is_no_effect():
    """b is seen only where everything is ten times as large: without a shared context nothing is compared."""
    assert effects([seen(1.0, sampler="a", steps=1), seen(10.0, sampler="b", steps=2)], "sampler") == []


def test_choices_without_a_common_context_are_compared_among_themselves():
    made = [
        seen(value, sampler=s, steps=steps)
        for s, steps, value in (("a", 1, 1.0), ("b", 1, 4.0), ("c", 2, 9.0), ("d", 2, 81.0))
    ]
    assert factors(made, "sampler") == pytest.approx({"a": 0.5, "b": 2.0, "c": 1 / 3, "d": 3.0})


@pytest.mark.parametrize("gap", [None, 0.0, -1.0])
def test_a_context_with_a_gap_is_skipped_for_all_of_its_choices(gap):
    made = [seen(1.0, s="a", n=1), seen(4.0, s="b", n=1), seen(1.0, s="a", n=2), seen(gap, s="b", n=2)]
    first, second = effects(made, "s")
    assert (first.contexts, first.skipped) == (second.contexts, second.skipped) == (1, 1)
    assert first.size.value == pytest.approx(0.5)


def test_a_choice_that_has_a_value_nowhere_hides_no_other():
    rng = np.random.default_rng(0)
    made = [
        Observation({"s": s, "n": n}, {0: None, 1: None} if "c" in (s, n) else dict(enumerate(rng.uniform(1, 2, 2))))
        for s, n in itertools.product("abc", repeat=2)
    ]
    known = [each for each in made if None not in each.values.values()]
    assert {e.choice: e.size for e in effects(made, "s")} == {e.choice: e.size for e in effects(known, "s")}
    assert len(effects(made, "s")) == 2
    assert pair_effects(made, "s", "n") == pair_effects(known, "s", "n") is not None
    # One choice that is left is compared with nothing.
    assert effects([each for each in made if each.coordinates["s"] != "b"], "s") == []


def test_differences_are_those_from_the_mean_whatever_the_sign():
    made = [seen(size - 5 * steps, s=s, steps=steps) for s, size in (("a", 1.0), ("b", 4.0)) for steps in (0, 3)]
    first, second = effects(made, "s", "difference")
    assert (first.size.value, second.size.value) == pytest.approx((-1.5, 1.5))
    assert (first.contexts, first.skipped) == (2, 0)
    gap = [*made, seen(0.0, s="a", steps=9), seen(None, s="b", steps=9)]
    assert effects(gap, "s", "difference")[0].skipped == 1


def test_choices_that_are_names_of_one_design_have_no_effect_there():
    """The grid `f` ignores the schedule; `c` is but another name of `a` wherever it occurs, and no choice."""
    other = [{"s": "b", "grid": "f"}, {"s": "c", "grid": "f"}]
    made = [seen(1.0, s="a", grid="p"), seen(16.0, s="b", grid="p")]
    made.append(Observation({"s": "a", "grid": "f"}, {0: 7.0, 1: 7.0}, names=other))
    first, second = effects(made, "s")
    assert (first.choice, second.choice) == ("a", "b")
    assert (first.size.value, second.size.value) == pytest.approx((0.5, 2.0))
    assert (first.contexts, first.skipped) == (2, 0)


def test_the_error_over_points_that_all_share_is_in_the_interval():
    """Two choices, the same in both seeds; at half of the points the better one is the worse."""

    def over(groups, s, scale=1.0):
        value = scale * float(np.mean(groups))
        return Observation({"s": s}, {0: value, 1: value}, dict.fromkeys((0, 1), tuple(scale * g for g in groups)))

    a, b = np.tile([9.0, 11.0], 16), np.tile([11.5, 9.5], 16)
    for by, unit in (("difference", 1.0), ("ratio", 1e3)):
        first, _ = effects([over(a, "a", unit), over(b, "b", unit)], "s", by)
        alone, _ = effects([seen(unit * 10.0, s="a"), seen(unit * 10.5, s="b")], "s", by)
        assert first.size.value == alone.size.value
        assert alone.size.high - alone.size.low < 1e-9
        # The choice's deviation is half of a difference that is ±2 about its mean.
        half = stats.t.ppf(0.975, 31) * 1.0 * (32 / 31) ** 0.5 / 32**0.5
        if by == "difference":
            assert first.size.high - first.size.value == pytest.approx(half)
        else:
            assert math.log(first.size.high / first.size.value) == pytest.approx(half / 10.25, rel=0.01)


def crossed_over_points(rng, planted=0.0):
    """Two axes whose effects add up in the mean over all points, and not over those at hand; seeds agree."""
    made = []
    for a, b in itertools.product("ab", "cd"):
        groups = 10 + (a == "b") + 2 * (b == "d") + planted * (a == "b") * (b == "d") + 0.1 * rng.normal(size=32)
        values = {seed: float(groups.mean()) + 1e-4 * rng.normal() for seed in (0, 1, 2)}
        made.append(Observation({"x": a, "y": b}, values, dict.fromkeys(values, tuple(groups))))
    return made


def test_an_interaction_within_the_error_over_shared_points_is_none():
    rng = np.random.default_rng(3)
    # Their effects add up: on the scale of differences.
    p_values = np.array([pair_effects(crossed_over_points(rng), "x", "y", "difference").p_value for _ in range(300)])
    assert 0.01 < (p_values < 0.05).mean() < 0.09
    assert pair_effects(crossed_over_points(rng, planted=0.5), "x", "y", "difference").p_value < 1e-3


@pytest.mark.parametrize("by", ["ratio", "difference"])
def test_the_error_over_points_is_in_the_interval_of_each_cell(by):
    found = pair_effects(crossed_over_points(np.random.default_rng(0)), "x", "y", by)
    # A cell's deviation has 3/4 of the variance of its own mean over 32 groups.
    half = stats.t.ppf(0.975, 31) * 0.1 * (0.75 / 32) ** 0.5
    for _, size in found.cells:
        wide = size.high - size.low if by == "difference" else 11.5 * math.log(size.high / size.low)
        assert wide / 2 == pytest.approx(half, rel=0.5)


def test_cells_by_differences_are_differences_from_their_mean():
    sizes = {("a", "c"): -9.0, ("a", "d"): 1.0, ("b", "c"): 3.0, ("b", "d"): 1.0}
    rng = np.random.default_rng(1)
    made = [
        Observation({"x": a, "y": b}, {seed: size + 0.01 * rng.normal() for seed in range(3)})
        for (a, b), size in sizes.items()
    ]
    assert pair_effects(made, "x", "y") is None  # a ratio to what is below 0 is none
    found = pair_effects(made, "x", "y", "difference")
    assert found.p_value < 1e-4
    cells = {pair: size.value for pair, size in found.cells}
    assert cells == pytest.approx({pair: size + 1 for pair, size in sizes.items()}, abs=0.02)


def test_the_order_is_that_of_the_first_appearance():
    made = [seen(math.exp(i), sampler=name, steps=1) for i, name in enumerate("dacb")]
    assert [effect.choice for effect in effects(made, "sampler")] == list("dacb")


def around_the_first(sizes, most, value):
    """What differs from the first of each list on so many axes at most, as `vary_at_most` keeps it."""
    places = itertools.product(*map(range, sizes))
    kept = [place for place in places if sum(map(bool, place)) <= most]
    return [seen(value(place), **{f"axis{i}": str(each) for i, each in enumerate(place)}) for place in kept]


def test_around_one_design_an_effect_is_the_mean_over_it_and_each_single_departure():
    """Each departure counts once: of 1 + 1 + 4 settings, four are those of the axis of five choices."""
    rng = np.random.default_rng(5)
    values = np.exp(rng.normal(0, 1, (3, 2, 5)))
    observed = around_the_first(values.shape, 2, lambda place: values[place])
    logs = np.log(values)
    settings = [logs[:, 0, 0], logs[:, 1, 0], *(logs[:, 0, k] for k in range(1, 5))]
    expected = np.exp(np.mean([each - each.mean() for each in settings], axis=0))
    found = effects(observed, "axis0")
    assert [each.size.value for each in found] == pytest.approx(expected)
    assert {each.contexts for each in found} == {6}


def test_one_axis_at_a_time_has_one_setting_and_no_interaction():
    values = np.exp(np.random.default_rng(6).normal(0, 1, (3, 4)))
    one, two = (around_the_first(values.shape, most, lambda place: values[place]) for most in (1, 2))
    found = effects(one, "axis0")
    assert {each.contexts for each in found} == {1}
    assert [each.size.value for each in found] == pytest.approx(values[:, 0] / stats.gmean(values[:, 0]))
    assert pair_effects(one, "axis0", "axis1") is None
    assert pair_effects(two, "axis0", "axis1").contexts == 1


def test_two_axes_at_a_time_interactions_have_one_setting():
    observed = around_the_first((2, 2, 3), 2, lambda place: 1.0 + sum(place))
    assert pair_effects(observed, "axis0", "axis1").contexts == 1
    product = around_the_first((2, 2, 3), 3, lambda place: 1.0 + sum(place))
    assert pair_effects(product, "axis0", "axis1").contexts == 3
