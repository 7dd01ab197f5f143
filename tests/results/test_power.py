"""How many seeds it would take: simulated until they are there."""

import numpy as np
import pytest

from harness.results.power import MOST, settling
from harness.results.statistics.comparisons import Compared, holm


def draw(rng, truth, seeds):
    """Values by seed of rows whose ln have these means: a seed's effect is common, and rows vary by 0.15 about it."""
    common = rng.normal(0, 0.3, seeds)
    return np.exp(truth[:, None] + common + 0.15 * rng.normal(size=(len(truth), seeds)))


def compared(values):
    return Compared.of(values, 0.01 * values)


def ties_of(found, best):
    ties = ~holm(found.p_values(best), best)
    ties[best] = False
    return ties


@pytest.mark.parametrize(("rows", "seeds"), [(30, 3), (12, 5)])
def test_with_so_many_seeds_half_of_the_ties_are_told_in_half_of_the_repetitions(rows, seeds):
    rng, told, named = np.random.default_rng(3), [], 0
    for _ in range(150):
        truth = rng.normal(0, 0.15, rows)
        first = draw(rng, truth, seeds)
        found = compared(first)
        needed = settling(found)
        if needed.seeds_for_half is None:
            continue
        named += 1
        assert seeds < needed.seeds_for_half <= (needed.seeds_for_all or MOST)
        best = int(np.argmin(found.means))
        more = np.concatenate([first, draw(rng, truth, needed.seeds_for_half - seeds)], 1)
        again = holm(compared(more).p_values(best), best)
        told.append(again[ties_of(found, best)].mean() >= 0.5)
    assert named >= 30
    assert np.mean(told) >= 0.5


def test_where_rows_do_not_differ_no_number_is_named():
    rng = np.random.default_rng(4)
    needed = [settling(compared(draw(rng, np.zeros(20), 3))) for _ in range(100)]
    assert np.mean([each.ties for each in needed]) > 17
    # The F test errs by its level, 0.1, and by as much again since ties are chosen and variances moderated.
    assert np.mean([each.seeds_for_half is not None for each in needed]) <= 0.25


def test_a_row_that_is_told_from_all_others_has_no_ties():
    rng = np.random.default_rng(5)
    needed = settling(compared(draw(rng, np.array([0.0, *np.linspace(2, 4, 9)]), 4)))
    assert (needed.ties, needed.seeds_for_half, needed.seeds_for_all) == (0, None, None)


def test_rows_that_are_equal_in_every_seed_are_told_by_no_number_of_seeds():
    rng = np.random.default_rng(6)
    values = draw(rng, np.concatenate([np.zeros(1), np.linspace(0.02, 0.9, 19)]), 3)
    values[1] = values[0]
    needed = settling(compared(values))
    assert needed.ties >= 2
    assert needed.seeds_for_all is None


def test_one_seed_says_nothing():
    assert settling(compared(np.array([[1.0], [2.0]]))) is None


def test_what_the_error_within_a_run_may_explain_is_its_square_over_the_variance():
    rng = np.random.default_rng(7)
    values = draw(rng, np.zeros(400), 6)
    half = settling(Compared.of(values, values * 0.15 * 0.5**0.5)).within
    assert half == pytest.approx(0.5, abs=0.05)
    assert settling(Compared.of(values, values)).within == 1.0


def test_points_that_all_seeds_share_leave_differences_that_no_seed_tells():
    """The error over points does not fall with seeds: two rows that differ within it stay ties."""
    rng = np.random.default_rng(8)
    groups = 1 + 0.3 * rng.normal(size=(8, 1, 32)) + 0.02 * rng.normal(size=(8, 4, 1))
    groups += np.linspace(0, 0.05, 8)[:, None, None]
    values = groups.mean(2)
    found = Compared.of(values, np.full_like(values, 0.01), compared_by="difference", groups=groups)
    assert settling(found).seeds_for_all is None
