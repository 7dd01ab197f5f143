"""Which metric ranks a target, of several: the first whose gaps hide none that could be the best."""

import itertools
import random

from outcomes import DECLARED, board, outcome

from harness.metrics import Measurement
from harness.results.ranking_metric import RankingMetric, ranking_metric


def designs(known, worse, rows=12, bad=3, seed=0, grids=("a",), **common):
    """Rows of kl and energy; the last have no kl in any seed, and an energy so many times that of others."""
    rng = random.Random(seed)
    made = []
    for grid, i in itertools.product(grids, range(rows)):
        size = (1 + 0.2 * i) * (worse if i >= rows - bad else 1)
        energy = [size * rng.lognormvariate(0, 0.02) for _ in range(3)]
        kl = [size**2 * rng.lognormvariate(0, 0.02) for _ in range(3)]
        lacks = not known and i >= rows - bad
        beside = {"measurements": {"kl": [None if lacks else Measurement(v, 0.01) for v in kl]}}
        made.append(outcome(energy, sampler=f"s{i:02}", time_discretization=grid, **beside, **common))
    return made


def test_the_first_that_every_row_has_ranks():
    made = designs(known=True, worse=1)
    assert ranking_metric(made, ["kl", "energy"], DECLARED) == RankingMetric("kl", "kl")
    assert ranking_metric(made, ["energy", "kl"], DECLARED) == RankingMetric("energy", "energy")


def test_rows_that_lack_it_must_be_worse_than_the_best_by_the_next():
    """Their effects are of the metric that they have: it would be the best rows alone that tell."""
    assert ranking_metric(designs(known=False, worse=5), ["kl", "energy"], DECLARED) == RankingMetric("kl", "energy")
    good = designs(known=False, worse=0.05)
    assert ranking_metric(good, ["kl", "energy"], DECLARED) == RankingMetric("energy", "energy")
    # One that could be the best is enough.
    mixed = [*designs(known=False, worse=5), outcome((0.9, 1.1, 1.0), sampler="z")]
    assert ranking_metric(mixed, ["kl", "energy"], DECLARED).ranks == "energy"


def test_gaps_are_judged_at_the_level_of_the_rank_sets():
    """What one look shows is too little where each of very many looks may err."""
    made = designs(known=False, worse=1.1)
    assert ranking_metric(made, ["kl", "energy"], DECLARED).ranks == "kl"
    assert ranking_metric(made, ["kl", "energy"], DECLARED, looks=10**40).ranks == "energy"


def test_rows_that_lack_both_hinder_and_where_none_ranks_it_is_the_one_of_the_most_rows():
    made = designs(known=False, worse=5)
    bare = outcome((None,) * 3, sampler="z", measurements={"kl": [None] * 3})
    assert ranking_metric([*made, bare], ["kl", "energy"], DECLARED) == RankingMetric("energy", "energy")
    assert ranking_metric(made, ["kl"], DECLARED) == RankingMetric("kl", "kl")
    assert ranking_metric([outcome(status="failed")], ["kl", "energy"], DECLARED) == RankingMetric("kl", "kl")


def test_rows_that_failed_or_diverged_hinder_nothing():
    gone = [outcome((None,) * 3, sampler="z", status="failed")]
    assert ranking_metric([*designs(known=True, worse=1), *gone], ["kl", "energy"], DECLARED).ranks == "kl"


def test_each_target_has_its_own_and_rows_without_it_stand_last():
    """Their ranks, effects and agreement are of that metric; the document says which."""
    ring = designs(known=False, worse=5, grids=("a", "b"))
    plane = designs(known=False, worse=0.05, target="plane")
    made = board([*ring, *plane], metric=["kl", "energy"])
    assert made["rank_by"] == ["kl", "energy"]
    assert {r["target"]: (r["metric"], r["effects_by"]) for r in made["rankings"]} == {
        "ring": ("kl", "energy"),
        "plane": ("energy", "energy"),
    }
    rows = [row for row in made["rows"] if row["target"]["name"] == "ring"]
    assert [("kl" in row["metrics"], row["rank"]) for row in rows[-7:]] == [(True, 18)] + [(False, 19)] * 6
    values = [row["metrics"]["kl"]["value"] for row in rows[:18]]
    assert values == sorted(values)
    # Every sampler has an effect, also those of which kl has no value.
    assert {e["choice"] for e in made["effects"] if e["target"] == "ring" and e["axis"] == "sampler"} == {
        f"s{i:02}" for i in range(12)
    }
    assert board([*ring, *plane], metric="energy")["rankings"][0]["metric"] == "energy"


def test_where_it_failed_a_row_has_failed_only_where_it_ranks():
    """A metric that raised an error in a seed: the row fails where the metric ranks, and else lacks it."""
    made = [outcome((1.0, 1.1, 0.9), sampler="a", measurements={"kl": [Measurement(1.0, 0.1)] * 3})]
    broken = outcome((9.0, 9.1, 9.2), sampler="b", measurements={"kl": [None] * 3})
    broken = broken.__class__(**broken.__dict__ | {"failures": {"kl": ("seed 0: metric kl: nan", True)}})
    by_kl = board([*made, broken], metric=["kl", "energy"])
    assert by_kl["rankings"][0]["metric"] == "kl"
    assert [row["reason"] for row in by_kl["rows"]] == [None, "seed 0: metric kl: nan"]
    assert [row["reason"] for row in board([*made, broken], metric="energy")["rows"]] == [None, None]
