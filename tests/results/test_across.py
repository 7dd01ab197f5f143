"""Designs across targets: known answers, what the pairwise test itself says, and what must change nothing."""

import copy
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.results.across import AllowedRange, Contest, SharedDesign, across_boards, across_targets, combined
from harness.results.leaderboard import Estimate, Leaderboard, Row
from harness.results.published import read_published
from harness.results.statistics.comparisons import Compared, holm

BOARDS = Path(__file__).parents[2] / "leaderboards"


def design(name):
    return SharedDesign(name, {}, {})


def row(rank, low, high, value=1.0, ends=(None, None)):
    estimate = Estimate(value=value, low=ends[0], high=ends[1], n_seeds=3)
    return Row.model_construct(rank=rank, rank_low=low, rank_high=high, metrics={"m": estimate})


def contest(rows, target="t", board="b", by_ratio=True):
    return Contest(board, target, target, "m", by_ratio, {design(name): each for name, each in rows.items()})


def standings(*contests):
    return {each.names[0].key: each for each in combined(contests, trained=True).standings}


THREE = {"a": row(1, 1, 1, 2.0, (1.0, 3.0)), "b": row(2, 2, 3, 4.0, (3.0, 5.0)), "c": row(3, 2, 3, 8.0, (7.0, 9.0))}


def test_a_contest_with_known_answers():
    """a is told better than both others, which are not told apart."""
    found = contest(THREE)
    a, b, c = map(design, "abc")
    places = {each.key: (p.value, p.low, p.high) for each in (a, b, c) for p in [found.place(each)]}
    assert places == {"a": (0, 0, 0), "b": (0.5, 0.5, 1), "c": (1, 0.5, 1)}
    told = found.improvability(b)
    # Of 4 the best, 2, is half; where all intervals hold between 1 − 3/3 and 1 − 1/5.
    assert (told.value, told.low, told.high) == (0.5, 0.0, pytest.approx(0.8))
    # Another may be better than the best only where its interval reaches below that of the best.
    assert found.improvability(a) == AllowedRange(0.0, 0.0, 0.0)
    near = contest(THREE | {"b": row(2, 1, 3, 4.0, (1.5, 5.0))}).improvability(a)
    assert (near.value, near.low, near.high) == (0.0, 0.0, 0.5)
    assert contest(THREE, by_ratio=False).improvability(b) is None


def test_two_targets_with_known_answers():
    """On the other target c is told better than a and b, which are not told apart: a has 1 and 1/4 there."""
    other = {"c": row(1, 1, 1), "a": row(2, 2, 3), "b": row(3, 2, 3)}
    found = standings(contest(THREE, "s"), contest(other, "t"))
    assert {name: each.place.win_rate for name, each in found.items()} == {"a": 0.625, "c": 0.625, "b": 0.25}
    assert {name: each.may_be_best for name, each in found.items()} == {"a": 1, "b": 0, "c": 1}
    assert (found["a"].place.value, found["a"].place.low, found["a"].place.high) == (0.25, 0.25, 0.5)


def simulated(seed, names="abcdefg", seeds=3, spread=0.5):
    """Means of designs, and what a few seeds measure of them, as they are compared with one another."""
    rng = np.random.default_rng(seed)
    means = rng.normal(0, spread, len(names))
    noise = rng.normal(0, 0.3, seeds) + rng.normal(0, 0.15, (len(names), seeds))
    return means, Compared.of(np.exp(means[:, None] + noise), np.zeros((len(names), seeds)))


def rows_of(compared, names):
    """Rows with the rank sets that the pairwise test gives."""
    sets, means = compared.ranks(), compared.means
    ends = zip(names, sets.rank, sets.low, sets.high, means, strict=True)
    return {name: row(int(rank), int(low), int(high), float(mean)) for name, rank, low, high, mean in ends}


def made(seed, names="abcdefg", **words):
    """A contest with rank sets as a real test gives them."""
    return contest(rows_of(simulated(seed, names)[1], names), **words)


def told(compared):
    """By the tests of each row: -1 where the other is told worse than it, 1 where told better, 0 where neither."""
    signs = np.sign(compared.order[:, None] - compared.order)
    return np.array([holm(compared.p_values(i), i) * signs[i] for i in range(len(signs))])


@pytest.mark.parametrize("seed", range(8))
def test_win_rates_and_what_may_be_best_are_those_of_the_pairs(seed):
    """Rank sets of pairs that are told overlap: from sets alone these pairs would count as ties."""
    names = "abcdefghijklmno"
    pairs = [(name, simulated(10 * seed + i, names)[1]) for i, name in enumerate("st")]
    found = standings(*(contest(rows_of(compared, names), target=name) for name, compared in pairs))
    scores = np.mean([(1 - told(compared)).sum(1) - 1 for _, compared in pairs], axis=0) / 2 / (len(names) - 1)
    unbeaten = np.sum([(told(compared) < 1).all(1) for _, compared in pairs], axis=0)
    for i, name in enumerate(names):
        assert found[name].place.win_rate == pytest.approx(scores[i], abs=1e-12)
        assert found[name].may_be_best == unbeaten[i]
        assert 0 <= found[name].place.low <= found[name].place.value <= found[name].place.high <= 1
    _, compared = pairs[0]
    sets, better = compared.ranks(), told(compared)
    assert ((better == 1) & (sets.low[:, None] <= sets.high)).any()


@pytest.mark.parametrize("seed", range(40))
def test_bounds_in_a_part_of_a_target_hold_wherever_the_rank_sets_do(seed):
    """A third of the rows are none of the contest: then it says less than the pairs, and nothing false."""
    names = "abcdefghijklmnopqr"
    means, compared = simulated(seed, names)
    rows, true = rows_of(compared, names), dict(zip(names, means, strict=True))
    sets = compared.ranks()
    true_ranks = 1 + np.argsort(np.argsort(means))
    own = random.Random(seed).sample(names, 12)
    found = contest({name: rows[name] for name in own})
    found = replace(found, beside=[rows[name] for name in names if name not in own])
    by_name = dict(zip(names, told(compared), strict=True))
    kept = [names.index(name) for name in own]
    for name in own:
        place, others = found.place(design(name)), len(own) - 1
        assert 0 <= place.low <= place.value <= place.high <= 1
        wholly = sum(rows[each].rank_high < rows[name].rank_low for each in own)
        assert place.low * others <= max(wholly, (by_name[name][kept] == 1).sum()) + 1e-9
        if ((sets.low <= true_ranks) & (true_ranks <= sets.high)).all():
            before = sum(true[each] < true[name] for each in own)
            assert place.low * others - 1e-9 <= before <= place.high * others + 1e-9


def test_bounds_in_a_part_have_known_answers():
    """Of five rows the first three are told better than d, and one of them is no oracle; e is told worse than all."""
    found = contest({"c": row(3, 1, 4), "d": row(4, 4, 4), "e": row(5, 5, 5)})
    found = replace(found, beside=[row(1, 1, 3), row(2, 1, 3)])
    places = [found.place(design(name)) for name in "cde"]
    assert [(each.low, each.high) for each in places] == [(0, 0.5), (0.5, 0.5), (1, 1)]


def test_a_target_that_is_missing_wins_nothing_by_order():
    """x is first on the one target where it is ranked, and a may be best on all three: a stands on top."""
    three = {"a": row(1, 1, 2), "b": row(2, 1, 3), "c": row(3, 2, 3)}
    alone = {"x": row(1, 1, 1), "a": row(2, 2, 4), "b": row(3, 2, 4), "c": row(4, 2, 4)}
    found = combined([contest(three, "r"), contest(three, "s"), contest(alone, "t")], trained=True).standings
    assert [each.names[0].key for each in found] == ["a", "b", "c", "x"]
    assert found[-1].place.win_rate == 1.0


def test_a_result_that_is_missing_is_neither_a_loss_nor_a_win():
    """The last contest has neither a nor g: nothing of theirs may change, whatever others do there."""
    three = [made(i, target=f"t{i}") for i in range(3)]
    before, after = standings(*three), standings(*three, made(9, "bcdef", target="t9"))
    for name in "ag":
        assert after[name].targets == 3
        assert (after[name].place, after[name].improvability) == (before[name].place, before[name].improvability)
    assert after["b"].targets == 4
    assert any(after[name].place != before[name].place for name in "bcdef")


def test_a_target_counts_once_on_however_many_boards_it_stands():
    two = [made(1, target="s", board="x"), made(2, target="t", board="x")]
    again = [made(1, target="s", board=f"y{i}") for i in range(3)]
    once, often = standings(*two), standings(*two, *again)
    for name, each in once.items():
        assert often[name].place.win_rate == pytest.approx(each.place.win_rate, abs=1e-12)
        assert often[name].place.value == pytest.approx(each.place.value, abs=1e-12)
        assert (often[name].targets, often[name].may_be_best) == (each.targets, each.may_be_best)


def test_what_intervals_allow_holds_every_true_improvability():
    rng = random.Random(4)
    for _ in range(200):
        middles = [rng.uniform(1, 9) for _ in range(4)]
        ends = [(m * rng.uniform(0.5, 1), m * rng.uniform(1, 2)) for m in middles]
        truths = [rng.uniform(*each) for each in ends]
        rows = {str(i): row(1, 1, 4, m, e) for i, (m, e) in enumerate(zip(middles, ends, strict=True))}
        for i, truth in enumerate(truths):
            told = contest(rows).improvability(design(str(i)))
            assert told.low - 1e-12 <= 1 - min(truths) / truth <= told.high + 1e-12
            assert told.low - 1e-12 <= told.value <= told.high + 1e-12


def test_names_of_one_design_are_one_where_they_are_on_all_targets():
    shared = row(1, 1, 2)
    same = {"a": shared, "b": shared, "c": row(2, 1, 2)}
    apart = {"a": row(1, 1, 2), "b": row(2, 1, 3), "c": row(3, 2, 3)}
    one = combined([contest(same, "s"), contest(same, "t")], trained=True)
    assert [[name.key for name in each.names] for each in one.standings] == [["a", "b"], ["c"]]
    assert len(combined([contest(same, "s"), contest(apart, "t")], trained=True).standings) == 3


def test_a_contest_of_one_is_refused():
    with pytest.raises(ValueError, match="takes two"):
        contest({"a": row(1, 1, 1)})


# Documents


def test_trained_designs_and_oracles_are_never_set_against_each_other(document):
    document = copy.deepcopy(document)
    shortest = min(each["train_steps"] for each in document["rows"])
    for each in document["rows"]:
        each["train_steps"] *= each["train_steps"] > shortest
        each |= {"trained": None} if each["train_steps"] else {"trained": None, "ema_decay": None}
    empty = {name: [] for name in ("effects", "interactions", "agreement", "networks")}
    board = Leaderboard.validate(document | empty)
    trained, oracles = (across_targets("one", board, trained=each) for each in (True, False))
    for found, wanted in ((trained, True), (oracles, False)):
        rows = [row for each in found.standings for row in each.rows if row is not None]
        assert rows
        assert {row.train_steps > 0 for row in rows} == {wanted}


def test_boards_with_common_designs_are_compared_among_these():
    names = ("knobs", "paper", "quick", "start", "designs")
    boards = {name: read_published(BOARDS / name / "leaderboard.json") for name in names}
    found = {tuple(each.boards): each for each in across_boards(boards, trained=True)}
    assert list(found) == [("knobs", "quick", "start"), ("paper", "designs")]
    for each in found.values():
        assert all(
            len({c.board for c, row in zip(each.contests, s.rows, strict=True) if row}) > 1 for s in each.standings
        )
    assert across_boards({"quick": boards["quick"]}, trained=True) == []
