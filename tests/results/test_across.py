"""Designs across targets: known answers, identities of win rates, and what must change nothing."""

import copy
import random
from pathlib import Path

import pytest

from harness.results.across import Contest, SharedDesign, across_boards, across_targets, combined
from harness.results.leaderboard import Estimate, Leaderboard, Row
from harness.results.published import read_published

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
    """a is told better than both others, which tie."""
    found = contest(THREE)
    a, b, c = map(design, "abc")
    assert [found.score(a, b), found.score(b, a), found.score(b, c)] == [1, 0, 0.5]
    places = {each.key: (p.value, p.low, p.high) for each in (a, b, c) for p in [found.place(each)]}
    assert places == {"a": (0, 0, 0), "b": (0.5, 0.5, 1), "c": (1, 0.5, 1)}
    told = found.improvability(b)
    # Of 4 the best, 2, is half; where all intervals hold between 1 − 3/3 and 1 − 1/5.
    assert (told.value, told.low, told.high) == (0.5, 0.0, pytest.approx(0.8))
    assert found.improvability(a).value == 0.0
    assert contest(THREE, by_ratio=False).improvability(b) is None


def test_two_targets_with_known_answers():
    """On the other target c is told better than a and b, which tie: a has 1 and 1/2 against b, 1 and 0 against c."""
    other = {"c": row(1, 1, 1), "a": row(2, 2, 3), "b": row(3, 2, 3)}
    found = standings(contest(THREE, "s"), contest(other, "t"))
    assert {name: each.win_rate for name, each in found.items()} == {"a": 0.625, "c": 0.625, "b": 0.25}
    assert {name: each.may_be_best for name, each in found.items()} == {"a": 1, "b": 0, "c": 1}
    assert (found["a"].place.value, found["a"].place.low, found["a"].place.high) == (0.25, 0.25, 0.5)


def made(seed, names="abcdefg", **words):
    """A contest with rank sets as they may be: each holds its rank."""
    rng = random.Random(seed)
    order = rng.sample(names, len(names))
    n = len(order)
    ends = [(rng.randint(1, r), rng.randint(r, n)) for r in range(1, n + 1)]
    return contest({name: row(r, *ends[r - 1], float(r)) for r, name in enumerate(order, 1)}, **words)


@pytest.mark.parametrize("seed", range(5))
def test_win_rates_of_complete_contests_have_a_mean_of_one_half(seed):
    found = standings(*(made(10 * seed + i, target=f"t{i}") for i in range(4)))
    assert sum(each.win_rate for each in found.values()) / len(found) == pytest.approx(0.5, abs=1e-12)
    for each in found.values():
        assert 0 <= each.place.low <= each.place.value <= each.place.high <= 1


def test_win_rates_are_their_definition_pair_by_pair():
    """Two boards have the target s; a is missing on it, b on t."""
    contests = [
        made(1, "bcdef", target="s", board="x"),
        made(2, "cbfed", target="s", board="y"),
        made(3, "acdef", target="t"),
    ]
    for name, found in standings(*contests).items():
        rates = []
        for other in set("abcdef") - {name}:
            both = [each for each in contests if design(name) in each.rows and design(other) in each.rows]
            by_target = [[c.score(design(name), design(other)) for c in both if c.key == key] for key in "st"]
            means = [sum(each) / len(each) for each in by_target if each]
            rates += [sum(means) / len(means)] if means else []
        assert found.win_rate == pytest.approx(sum(rates) / len(rates), abs=1e-12)


def test_a_result_that_is_missing_is_neither_a_loss_nor_a_win():
    """The last contest has neither a nor g: nothing of theirs may change, whatever others do there."""
    three = [made(i, target=f"t{i}") for i in range(3)]
    before, after = standings(*three), standings(*three, made(9, "bcdef", target="t9"))
    for name in "ag":
        assert after[name].targets == 3
        assert (after[name].win_rate, after[name].place, after[name].improvability) == (
            before[name].win_rate, before[name].place, before[name].improvability,
        )  # fmt: skip
    assert after["b"].targets == 4
    assert any(after[name].win_rate != before[name].win_rate for name in "bcdef")


def test_a_target_counts_once_on_however_many_boards_it_stands():
    two = [made(1, target="s", board="x"), made(2, target="t", board="x")]
    again = [made(1, target="s", board=f"y{i}") for i in range(3)]
    once, often = standings(*two), standings(*two, *again)
    for name, each in once.items():
        assert often[name].win_rate == pytest.approx(each.win_rate, abs=1e-12)
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
        each["trained"] = None
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
