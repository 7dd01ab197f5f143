"""Where averages mislead: what is told of two axes that interact, and how often chance alone says it."""

import itertools
import math

import numpy as np
import pytest

from harness.results.leaderboard import Cell, Interaction
from harness.results.misleading import found_in
from harness.results.statistics.effect_sizes import choice_effects

SEEDS = 3


def interaction(values):
    """Return an interaction with such values of ln(metric), shape (A, B, S)."""
    rows, columns, seeds = values.shape
    sizes = choice_effects(values.reshape(1, rows * columns, seeds))
    pairs = itertools.product("abcdefgh"[:rows], "stuvwxyz"[:columns])
    cells = [
        Cell(choice=a, other_choice=b, factor=size.value, difference=None, low=size.low, high=size.high)
        for (a, b), size in zip(pairs, sizes, strict=True)
    ]
    axes = {"axis": "noise_schedule", "other": "time_discretization"}
    return Interaction(target="ring", among="mlp", **axes, p_value=0, contexts=1, cells=cells)


def found(truth, noise, seed=0):
    """Return what is found of factors, shape (A, B), measured with errors of ln of such a size."""
    rng = np.random.default_rng(seed)
    truth = np.log(np.array(truth, dtype=float))[:, :, None]
    return found_in(interaction(truth + np.array(noise) * rng.normal(size=(*truth.shape[:2], SEEDS))), SEEDS)


def test_an_effect_that_varies_by_more_than_averages_differ():
    """`a` is 9 times worse than `b` with `s`, a tenth better with `t`; their averages are 2.85 apart."""
    misled = found([[9.0, 0.9], [1.0, 1.0]], 0.005)
    assert not misled.best_pair or misled.reversals
    first, second = sorted((each for each in misled.swings if each.axis == "noise_schedule"), key=lambda s: s.choice)
    assert (first.choice, first.best_with, first.worst_with) == ("a", "t", "s")
    assert (first.best, first.worst) == (pytest.approx(0.9**0.5, rel=0.02), pytest.approx(3, rel=0.02))
    assert (second.choice, second.best_with, second.worst_with) == ("b", "s", "t")
    assert first.margin == pytest.approx(math.log(10) / 2 - math.log(8.1) / 2, abs=0.1)


def test_an_effect_whose_size_the_averages_tell_is_no_swing():
    """`a` is 9 and 3 times worse than `b`, which interacts; of averages, 5.2 apart, one knows which is better."""
    misled = found([[9.0, 3.0], [1.0, 1.0]], 0.005)
    assert not [each for each in misled.swings if each.axis == "noise_schedule"]
    assert not misled.reversals


def test_another_pair_is_told_only_where_it_is_told_apart():
    """The best averages are those of `b` and `s`; `a` with `s` is better than that pair by 30 %, or by 1 %."""
    assert found([[0.7, 3.0], [1.0, 1.0]], 0.01).best_pair
    assert not found([[0.99, 3.0], [1.0, 1.0]], 0.01).best_pair


def test_with_one_seed_nothing_is_told():
    values = np.log([[9.0, 0.1], [0.1, 9.0]])[:, :, None]
    misled = found_in(interaction(values), 1)
    assert (misled.best_pair, misled.reversals, misled.swings) == (False, (), ())


@pytest.mark.parametrize("noise", ["equal", "unequal"])
@pytest.mark.parametrize("shape", [(4, 2), (7, 5)])
def test_chance_says_it_of_few_tables(shape, noise):
    """One bad cell and all others equal: that interacts, but no order changes, and no pair is better than another.

    At 5 in 100 as promised, more than 17 of 200 have a chance of 1.6 %. Errors that differ up to tenfold break what is
    assumed of them in pooling.
    """
    truth = np.ones(shape)
    truth[0, 0] = 3.0
    sizes = 0.05 * np.ones(shape) if noise == "equal" else np.random.default_rng(1).uniform(0.02, 0.2, shape)
    tables = [found(truth, sizes[:, :, None], seed) for seed in range(200)]
    assert sum(each.best_pair or bool(each.reversals) for each in tables) <= 17
