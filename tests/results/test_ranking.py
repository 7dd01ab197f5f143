"""From outcomes to the leaderboard document: ranks, ties, failures, violations, agreement, effects."""

import itertools
import json
import math
import random
import re
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from outcomes import DECLARED, board, component, outcome

from harness.axes import crossed as axes
from harness.errors import HarnessError
from harness.metrics import Measurement
from harness.quantities import Declarations, Limited, Measured, Quantity
from harness.results.leaderboard import TRAINED, Calibration, Leaderboard, ScoreSplit, Term
from harness.results.misleading import misleading, misled_choices
from harness.results.ranking import leaderboard
from harness.views.tables import render

NONE = "none"
PAPER = Path(__file__).parents[2] / "leaderboards" / "paper" / "leaderboard.json"


def crossed(rng, effect=None, **common):
    """A crossed design on which each choice multiplies the metric by its factor."""
    effect = effect or {"a": 1.0, "b": 2.0, "heun": 1.0, "euler": 3.0}
    made = []
    for grid, sampler, steps in itertools.product("ab", ("heun", "euler"), (5, 10)):
        size = effect[grid] * effect[sampler] * 10 / steps
        values = [size * math.exp(rng.gauss(0, 0.01)) for _ in range(3)]
        made.append(outcome(values, time_discretization=grid, sampler=sampler, steps=steps, **common))
    return made


class TestRanks:
    def test_rows_are_ordered_by_the_mean(self):
        rng = random.Random(0)
        rows = board(crossed(rng))["rows"]
        values = [row["metrics"]["energy"]["value"] for row in rows]
        assert values == sorted(values)
        assert [row["rank"] for row in rows] == list(range(1, 9))
        assert all(row["rank_low"] <= row["rank"] <= row["rank_high"] for row in rows)

    def test_networks_trained_for_a_grid_each_share_no_noise(self):
        """One weighting made for the grid, two grids: the rows of a network are compared by what varies within it."""
        noise = {"a": (1.0, 4.0, 2.0, 3.0), "b": (3.0, 1.0, 4.0, 2.5)}
        samplers = {"x": (1.0, 1.01, 1.02, 1.0), "y": (1.5, 1.52, 1.49, 1.51), "z": (2.0, 2.03, 1.98, 2.0)}

        def sets(apart):
            made = [
                outcome(
                    [size * by for size, by in zip(sizes, noise[grid], strict=True)],
                    weighting="matched",
                    time_discretization=grid,
                    sampler=sampler,
                    networks=tuple(f"{grid if apart else 'one'} {seed}" for seed in range(4)),
                )
                for grid, (sampler, sizes) in itertools.product(noise, samplers.items())
            ]
            rows = board(made)["rows"]
            return [
                (r["time_discretization"]["name"], r["sampler"]["name"], r["rank_low"], r["rank_high"]) for r in rows
            ]

        assert [found[:2] for found in sets(True)] == [(grid, sampler) for sampler in "xyz" for grid in "ab"]
        assert [found[2:] for found in sets(True)] == [(1, 4), (1, 4), (2, 5), (2, 5), (3, 6), (3, 6)]
        assert {found[2:] for found in sets(False)} == {(1, 6)}

    def test_targets_are_ranked_apart(self):
        rng = random.Random(0)
        rows = board([*crossed(rng, target="ring"), *crossed(rng, target="digits")])["rows"]
        assert [row["target"]["name"] for row in rows] == ["digits"] * 8 + ["ring"] * 8
        assert [row["rank"] for row in rows] == [*range(1, 9), *range(1, 9)]

    def test_equal_rows_share_a_rank(self):
        rows = board([outcome(sampler=name) for name in ("a", "b")] + [outcome((9.0, 9.9, 8.1))])["rows"]
        assert [row["rank"] for row in rows] == [1, 1, 3]
        assert [(row["rank_low"], row["rank_high"]) for row in rows] == [(1, 2), (1, 2), (3, 3)]

    def test_rows_without_a_value_come_last(self):
        rows = board(
            [
                outcome((1.0, 1.1, 1.05), sampler="a"),
                outcome((2.0, 2.1, 2.05), sampler="b"),
                outcome((None, None, None), sampler="c"),
                outcome((0.1, None, None), sampler="d", status="failed"),
            ]
        )["rows"]
        assert [row["sampler"]["name"] for row in rows] == ["a", "b", "c", "d"]
        assert [row["rank"] for row in rows] == [1, 2, 3, 3]
        assert [(row["rank_low"], row["rank_high"]) for row in rows[2:]] == [(3, 4), (3, 4)]
        assert rows[2]["metrics"] == {}
        assert rows[3]["reason"] == "seed 0: NaN"
        assert rows[3]["metrics"]["energy"]["n_seeds"] == 1

    def test_nothing_measured_at_all(self):
        rows = board([outcome((None,), status="failed", sampler=name) for name in "ab"])["rows"]
        assert [(row["rank"], row["rank_low"], row["rank_high"]) for row in rows] == [(1, 1, 2)] * 2

    def test_no_outcome(self):
        assert board([])["rows"] == []

    def test_an_interval_is_given_with_its_seeds(self):
        metric = board([outcome((1.0, 2.0, None))])["rows"][0]["metrics"]["energy"]
        assert metric["n_seeds"] == 2
        # Student's t with one degree of freedom: 12.706 · s/√2.
        assert metric["high"] - metric["value"] == pytest.approx(12.7062 * 0.5, rel=1e-4)

    def test_a_value_that_is_no_number_is_none(self):
        row = board([outcome((math.nan, 1.0, math.inf), bounds={"budget": math.inf})])["rows"][0]
        assert row["metrics"]["energy"]["n_seeds"] == 1
        assert row["bounds"] == {"budget": None}

    def test_another_metric_may_rank(self):
        outcomes = [
            outcome((2.0,), sampler="a", measurements={"kl": [Measurement(1.0, 0.0)]}),
            outcome((1.0,), sampler="b", measurements={"kl": [Measurement(2.0, 0.0)]}),
        ]
        assert [row["sampler"]["name"] for row in board(outcomes)["rows"]] == ["b", "a"]
        assert [row["sampler"]["name"] for row in board(outcomes, metric="kl")["rows"]] == ["a", "b"]

    def test_an_unknown_metric_names_candidates(self):
        with pytest.raises(HarnessError, match=r"no metric 'enrgy' was measured; did you mean energy\?"):
            board([outcome()], metric="enrgy")

    def test_the_order_of_outcomes_does_not_matter(self):
        rng = random.Random(1)
        outcomes = [*crossed(rng), *crossed(rng, target=("gaussian", {"dim": 2}))]
        outcomes += [outcome((None,) * 3, sampler=s, status="failed") for s in "yx"]
        first = json.dumps(board(outcomes))
        rng.shuffle(outcomes)
        assert json.dumps(board(outcomes)) == first


class TestViolations:
    def kl(self, value, bounds, metric="kl", declared=DECLARED):
        made = [outcome((value, value, value), metric=metric, bounds=bounds)]
        return board(made, metric=metric, declared=declared)["rows"][0]

    def test_above_a_bound_by_more_than_the_interval(self):
        # The interval of three equal seeds is that within the run: 0.01 · 1.96.
        row = self.kl(0.5, {"budget": 0.4, "theorem-2": 0.49, "other": None})
        assert row["violations"] == [
            {
                "bound": "budget",
                "metric": "kl",
                "value": 0.5,
                "low": pytest.approx(0.4804, abs=1e-4),
                "bound_value": 0.4,
                "bound_high": None,
            }
        ]

    def test_the_error_of_the_bound_counts(self):
        """By 0.08 above a bound: within the error of the curves that the bound is made of, or beyond it."""
        made = outcome((0.5,) * 3, metric="kl", bounds={"budget": 0.4})
        within, beyond = (replace(made, bound_highs={"budget": high}) for high in (0.49, 0.45))
        assert board([within], metric="kl")["rows"][0]["violations"] == []
        (violation,) = board([beyond], metric="kl")["rows"][0]["violations"]
        assert (violation["bound_value"], violation["bound_high"]) == (0.4, 0.45)

    def test_rounding_is_relative_to_the_terms_that_cancel(self):
        """Terms of 34.5 nats leave 1e-10 of rounding, which is no violation; terms of 0.1 nats leave none of that."""
        for size, count in ((34.5, 0), (0.1, 1)):
            terms = {"initialization": 0.0, "score": 0.0, "discretization": size, "variance": -size, "total": 0.0}
            made = outcome(metric="energy", bounds={"budget": 0.0}, budget=terms)
            made = replace(made, measurements=made.measurements | {"kl": [Measurement(1e-9, 0.0)]})
            assert len(board([made])["rows"][0]["violations"]) == count

    def test_a_divergence_is_never_negative(self):
        made = outcome(metric="energy", bounds={"budget": -1e-9}, measurements={"kl": [Measurement(-0.1, 0.01)] * 3})
        row = board([made])["rows"][0]
        assert row["metrics"]["kl"] == {"value": 0.0, "low": 0.0, "high": 0.0, "n_seeds": 3}
        assert row["bounds"] == {"budget": 0.0}

    def test_one_row_that_contradicts_itself_spoils_itself_alone(self):
        term = Term(value=1.0, low=1.0, high=1.0)
        terms = dict.fromkeys(("training", "statistical", "estimation", "approximation"), term)
        split = ScoreSplit.model_construct(objective="fixed", **terms, score_max=term, score_exact=term)
        made = [outcome(sampler="a"), replace(outcome(sampler="b"), score_split=split)]
        good, bad = board(made)["rows"]
        assert (good["sampler"]["name"], good["rank"], good["status"]) == ("a", 1, "ok")
        assert (bad["rank"], bad["status"], bad["metrics"]) == (2, "failed", {})
        assert bad["reason"].startswith("its results contradict one another: score_split")

    def test_within_the_interval_there_is_none(self):
        assert self.kl(0.5, {"budget": 0.49})["violations"] == []

    def test_the_path_divergence_is_the_budget(self):
        row = self.kl(0.5, {"budget": 0.1, "theorem-2": 0.2}, metric="path-kl")
        assert [v["bound"] for v in row["violations"]] == ["theorem-2"]

    def test_a_distance_is_not_bounded(self):
        assert self.kl(0.5, {"budget": 0.1}, metric="energy")["violations"] == []

    def test_a_name_says_nothing(self):
        """A metric that calls itself a divergence is compared with no bound until it declares that it is one."""
        for name in ("reverse-kl", "kl-divergence", "other/kl"):
            assert self.kl(0.5, {"budget": 0.1, "theorem-2": 0.1}, metric=name)["violations"] == []
        assert self.kl(0.5, {"kl": 0.1, "new-kl": 0.1, "new-w2": 0.1})["violations"] == []

    @pytest.mark.parametrize("quantity", get_args(Quantity))
    def test_what_is_declared_is_compared_under_any_name(self, quantity):
        measured = {"surprise": Measured(quantity=quantity)}
        bounds = {
            "mine": Limited(limits=["w2", "marginal-kl"]),
            "elsewhere": Limited(limits=[quantity], space="latent"),
        }
        row = self.kl(0.5, {"mine": 0.4, "elsewhere": 0.4}, "surprise", Declarations(metrics=measured, bounds=bounds))
        expected = ["mine"] if quantity in ("w2", "marginal-kl") else []
        assert [v["bound"] for v in row["violations"]] == expected

    def test_in_another_space_it_is_another_quantity(self):
        measured = {"latent-w2": Measured(quantity="w2", space="latent")}
        bounds = {"here": Limited(limits=["w2"]), "there": Limited(limits=["w2"], space="latent")}
        row = self.kl(0.5, {"here": 0.4, "there": 0.4}, "latent-w2", Declarations(metrics=measured, bounds=bounds))
        assert [v["bound"] for v in row["violations"]] == ["there"]

    def test_a_bias_that_may_remain_excuses(self):
        biased = [Measurement(0.5, 0.001, 0.15)] * 3
        one = outcome(metric="energy", measurements={"kl": biased}, bounds={"budget": 0.4})
        assert board([one])["rows"][0]["violations"] == []


class TestComparison:
    """A metric says how designs are compared by it."""

    def board(self, outcomes, by, **measured):
        return board(outcomes, declared=Declarations(metrics={"energy": Measured(compared_by=by, **measured)}))

    def test_by_differences_effects_are_differences_and_may_be_of_negative_values(self):
        outcomes = [
            outcome([base + gain for base in (-3.0, -2.9, -3.2)], sampler=sampler, time_discretization=grid)
            for sampler, gain in (("a", 0.0), ("b", 0.5))
            for grid in ("x", "y")
        ]
        found = {e["choice"]: e for e in self.board(outcomes, "difference")["effects"] if e["axis"] == "sampler"}
        assert (found["a"]["factor"], found["b"]["factor"]) == (None, None)
        assert (found["a"]["difference"], found["b"]["difference"]) == pytest.approx((-0.25, 0.25))
        assert not [e for e in self.board(outcomes, "ratio")["effects"] if e["axis"] == "sampler"]

    def test_by_nothing_there_is_no_rank(self):
        with pytest.raises(HarnessError, match=r"^metric energy makes no rank \(smaller is not better\); rank by kl$"):
            self.board([outcome(measurements={"kl": [Measurement(1.0, 0.1)] * 3})], "nothing")

    def test_an_interval_ends_at_the_least_value(self):
        wide = outcome((0.1, 0.5, 0.02))
        assert self.board([wide], "ratio")["rows"][0]["metrics"]["energy"]["low"] < 0
        assert self.board([wide], "ratio", least=0.0)["rows"][0]["metrics"]["energy"]["low"] == 0

    def test_the_error_over_points_that_designs_share_is_in_their_ranks(self):
        def row(values, groups, **choice):
            return outcome(
                measurements={"energy": [Measurement(v, 0.0, groups=tuple(v + g for g in groups)) for v in values]},
                **choice,
            )

        tight = (1.0, 1.001, 0.999)
        one, other = row(tight, (-9.0, 9.0), sampler="a"), row([v + 0.1 for v in tight], (9.0, -9.0), sampler="b")
        (first, second) = self.board([one, other], "difference")["rows"]
        assert (first["rank_high"], second["rank_low"]) == (2, 1)
        same = row([v + 0.1 for v in tight], (-9.0, 9.0), sampler="b")
        (first, second) = self.board([one, same], "difference")["rows"]
        assert (first["rank_high"], second["rank_low"]) == (1, 2)
        assert self.board([one, same], "difference")["rankings"][0]["over_points"] == ["energy"]
        assert self.board([one, outcome(sampler="b")], "difference")["rankings"][0]["over_points"] == []
        with pytest.raises(HarnessError, match=r"^metric energy came with 2 and with 3 groups of points on one target"):
            self.board([one, row(tight, (-1.0, 0.0, 1.0), sampler="b")], "difference")


class TestAgreement:
    def test_tau_per_target_and_bound(self):
        outcomes = [
            outcome((v, v * 1.01, v * 0.99), weighting=f"w{v}", bounds={"budget": 2.0 * v, "theorem-2": 20.0 - v})
            for v in range(1, 11)
        ] + [outcome((3.0,) * 3, sampler="ode", bounds={"budget": None, "theorem-2": None})]
        found = {entry["bound"]: entry for entry in board(outcomes)["agreement"] if entry["sampler"] is None}
        assert found["budget"]["kendall_tau"] == 1
        assert found["theorem-2"]["kendall_tau"] == -1
        assert found["budget"]["n"] == 10
        assert found["budget"]["target"] == "ring"
        assert 0 < found["budget"]["low"] < 1

    def test_rows_that_lack_easy_seeds_are_not_taken_for_worse(self):
        """As of a race, whose dropped rows have the first seeds alone: the best of these has the largest mean."""
        rows = {"a": ((0.9, 0.91), 1.0), "b": ((1.0, 1.01, 0.2, 0.21), 2.0), "c": ((1.1, 1.11, 0.22, 0.23), 3.0)}
        outcomes = [
            outcome(values, time_discretization=name, bounds={"budget": bound})
            for name, (values, bound) in rows.items()
        ]
        entry = next(each for each in board(outcomes)["agreement"] if each["sampler"] is None)
        assert entry["kendall_tau"] == 1

    def test_too_few_rows(self):
        outcomes = [outcome((v,) * 3, sampler=f"s{v}", bounds={"budget": v}) for v in (1.0, 2.0)]
        entry, *within = board(outcomes)["agreement"]
        assert (entry["kendall_tau"], entry["low"], entry["high"], entry["n"]) == (1, None, None, 2)
        assert [(each["sampler"], each["kendall_tau"], each["n"]) for each in within] == [
            ("s1.0", None, 1),
            ("s2.0", None, 1),
        ]
        (entry,) = board([outcome(bounds={"budget": None})])["agreement"]
        assert (entry["kendall_tau"], entry["n"]) == (None, 0)

    def test_within_a_sampler_the_order_may_be_the_reverse(self):
        """A bound that tells two samplers apart and orders the designs of each the wrong way round."""
        outcomes = [
            outcome((base + v,) * 3, weighting=f"w{v}", sampler=sampler, bounds={"budget": base - v})
            for sampler, base in (("a", 10.0), ("b", 100.0))
            for v in range(1, 6)
        ]
        found = {entry["sampler"]: entry["kendall_tau"] for entry in board(outcomes)["agreement"]}
        assert found == {None: pytest.approx(1 / 9), "a": -1, "b": -1}

    def test_rows_that_share_a_network_are_no_independent_rows(self):
        """Four networks, each sampled in ten ways that hardly differ: the interval is that of four, not of forty."""
        rng = random.Random(3)
        sizes = [(1.0, 1.5), (2.0, 1.0), (3.0, 3.0), (4.0, 2.5)]
        outcomes = [
            outcome(
                (value + 0.01 * rng.random(),) * 3,
                weighting=f"w{k}",
                steps=10 + copy,
                bounds={"budget": limit + 0.01 * rng.random()},
            )
            for k, (limit, value) in enumerate(sizes)
            for copy in range(10)
        ]
        (shared,) = board(outcomes)["agreement"]
        alone = [replace(each, networks=(f"{i}",)) for i, each in enumerate(outcomes)]
        (independent,) = board(alone)["agreement"]
        assert (shared["clusters"], independent["clusters"], shared["n"]) == (4, 40, 40)
        assert shared["kendall_tau"] == independent["kendall_tau"]
        assert shared["high"] - shared["low"] > 1.5 * (independent["high"] - independent["low"])

    def test_a_bound_that_is_the_metric_itself_is_in_its_order_and_says_nothing(self):
        made = [
            outcome((v,) * 3, weighting=f"w{v}", metric="path-kl", bounds={"budget": v, "theorem-2": 9.0 - v})
            for v in (1.0, 2.0, 3.0, 4.0)
        ]
        assert [entry["bound"] for entry in board(made, "path-kl")["agreement"]] == ["theorem-2"]

    @pytest.mark.parametrize("lost", [False, True])
    def test_moving_averages_of_one_training_are_one_cluster(self, lost):
        """Though the one average diverges on one grid, and the other on another."""
        rng = random.Random(5)
        gone = {("g1", 0.9), ("g2", 0.99)} if lost else set()
        made = [
            replace(
                outcome(
                    (k + 0.1 * rng.random(),) * 3,
                    weighting=f"w{k}",
                    time_discretization=grid,
                    bounds={"budget": k + 0.1 * rng.random()},
                ),
                ema_decay=decay,
                networks=(f"{k} {decay}",),
                **({"reason": "diverged", "diverged": True} if (grid, decay) in gone else {}),
            )
            for k in range(1, 6)
            for grid in ("g1", "g2")
            for decay in (0.9, 0.99)
        ]
        (agreement,) = board(made)["agreement"]
        assert (agreement["n"], agreement["clusters"]) == (10 if lost else 20, 5)

    def laid_out(self, grids, networks=20):
        """The agreement of networks that hardly differ, each sampled on grids that do."""
        rng = random.Random(4)
        levels = [(rng.random(), rng.random()) for _ in range(grids)]
        outcomes = [
            outcome(
                (value + 0.01 * rng.random(),) * 3,
                weighting=f"w{k}",
                time_discretization=f"g{grid}",
                bounds={"budget": limit + 0.01 * rng.random()},
            )
            for grid, (limit, value) in enumerate(levels)
            for k in range(networks)
        ]
        (found,) = board(outcomes)["agreement"]
        return found

    def test_rows_that_share_a_grid_are_no_independent_rows(self):
        """The same order of six grids with each of twenty networks is the order of six, not of twenty."""
        found = self.laid_out(6)
        assert (found["clusters"], found["grids"], found["n"]) == (20, 6, 120)
        assert found["high"] - found["low"] > 0.9

    def test_of_one_grid_the_interval_is_that_of_its_networks_and_of_few_there_is_none(self):
        one, two = self.laid_out(1), self.laid_out(2)
        assert (one["grids"], two["grids"]) == (1, 2)
        assert one["high"] - one["low"] < 0.9
        assert (two["low"], two["high"]) == (None, None)


class TestDiverged:
    def test_it_is_a_status_of_its_own(self):
        diverged = replace(
            outcome((1e35,) * 3, sampler="b", bounds={"budget": 0.1}), reason="seed 0: far away", diverged=True
        )
        made = board([outcome(sampler="a", bounds={"budget": 1.0}), diverged, outcome((2.0,) * 3, sampler="c")])
        first, second, last = made["rows"]
        assert [row["status"] for row in (first, second, last)] == ["ok", "ok", "diverged"]
        assert (last["rank"], last["reason"]) == (3, "seed 0: far away")
        assert last["metrics"]["energy"]["value"] == 1e35
        assert (second["rank_low"], second["rank_high"]) == (2, 2)
        assert {effect["choice"] for effect in made["effects"]} == {"a", "c"} or not made["effects"]
        assert [entry["n"] for entry in made["agreement"] if entry["sampler"] is None] == [1]

    def test_what_exploded_says_nothing_of_a_weighting(self):
        """In the suite `paper` EDM's weighting, the best of the `mlp` on the ring, looks bad over all rows."""
        ring = [row for row in Leaderboard.read(PAPER).rows if row.target.name == "ring"]
        everything, told = [], []
        for row in (row for row in ring if "sliced-wasserstein" in row.metrics):
            value = row.metrics["sliced-wasserstein"].value
            components = {axis: row.component(axis) for axis in axes()}
            one = replace(outcome((value,) * 3, steps=row.steps, train_steps=row.train_steps), components=components)
            everything.append(one)
            told.append(replace(one, reason="seed 0: left the data", diverged=True) if value > 10 else one)
        assert sum(one.diverged for one in told) > 80

        def factors(outcomes, among):
            effects = board(outcomes)["effects"]
            return {e["choice"]: e["factor"] for e in effects if (e["axis"], e["among"]) == ("weighting", among)}

        own = factors(told, "mlp")
        assert own["edm"] == min(own.values()) < 1
        assert (
            max(factors(everything, among)["edm"] for among in ("mlp", "relu", None) if factors(everything, among)) > 3
        )


class TestDesigns:
    """A grid that ignores the schedule: two names of one design are one row."""

    def made(self, fisher=1.0):
        rows = []
        for grid, schedule, sampler in itertools.product(("fisher", "poly"), ("edm", "cosine"), ("x", "y")):
            size = fisher if grid == "fisher" else {"edm": 2.0, "cosine": 3.0}[schedule]
            size *= {"x": 1.0, "y": 4.0}[sampler]
            one = outcome(
                (size,) * 3, time_discretization=grid, noise_schedule=schedule, sampler=sampler, bounds={"budget": size}
            )
            rows.append(replace(one, design=f"{grid if grid == 'fisher' else one.sort_key()} {sampler}"))
        return rows

    def test_it_is_ranked_once_and_knows_its_other_names(self):
        rows = board(self.made())["rows"]
        assert [(row["rank"], row["rank_high"]) for row in rows] == [(k, k) for k in range(1, 7)]
        assert [list(other) for row in rows for other in row["same_as"]] == [["noise_schedule"]] * 2
        assert {row["same_as"][0]["noise_schedule"]["name"] for row in rows if row["same_as"]} == {"edm"}

    def test_effects_and_tau_count_it_once(self):
        found = board(self.made())
        effect = {(e["axis"], e["choice"]): e for e in found["effects"]}
        # A grid is compared under both schedules, and a schedule with both grids: under `fisher` its effect is 1.
        assert effect["time_discretization", "fisher"]["factor"] == pytest.approx(6**-0.25)
        assert effect["noise_schedule", "cosine"]["factor"] == pytest.approx(1.5**0.25)
        assert (effect["noise_schedule", "cosine"]["contexts"], effect["noise_schedule", "cosine"]["skipped"]) == (4, 0)
        assert effect["time_discretization", "fisher"]["contexts"] == 4
        assert [entry["n"] for entry in found["agreement"] if entry["sampler"] is None] == [6]

    def test_where_it_depends_on_no_schedule_the_pair_is_tested_all_the_same(self):
        """The grids `poly` and `uniform` follow the schedule and `fisher` does not: that is an interaction."""
        rng = random.Random(4)
        rows = []
        for grid, schedule in itertools.product(("fisher", "poly", "uniform"), ("edm", "cosine")):
            size = {"fisher": 1.0, "poly": 2.0, "uniform": 9.0 if schedule == "edm" else 0.5}[grid]
            values = [size * math.exp(rng.gauss(0, 0.02)) for _ in range(3)]
            one = outcome(values, time_discretization=grid, noise_schedule=schedule)
            rows.append(replace(one, design="fisher" if grid == "fisher" else f"{grid} {schedule}"))
        (entry,) = board(rows)["interactions"]
        assert len(entry["cells"]) == 6

    def test_equal_results_alone_make_no_copy(self):
        rows = [replace(each, design=None) for each in self.made()]
        assert len(board(rows)["rows"]) == 8

    def test_a_design_that_failed_under_one_name_stands_under_the_other(self):
        first, second = (
            replace(outcome(noise_schedule=schedule, status=status), design="one")
            for schedule, status in (("a", "failed"), ("b", "ok"))
        )
        (row,) = board([first, second])["rows"]
        assert (row["status"], row["noise_schedule"]["name"]) == ("ok", "b")


REVERSED = {
    ("edm", "best"): 0.5, ("edm", "a"): 1.0, ("edm", "b"): 1.3, ("edm", "far"): 4.0,
    ("cosine", "best"): 0.9, ("cosine", "a"): 3.0, ("cosine", "b"): 2.0, ("cosine", "far"): 8.0,
}  # fmt: skip
"""Under either schedule `best` is first and `far` last; `a` and `b` between change their order."""


class TestInteractions:
    def crossed(self, sizes, noise=0.02):
        rng = random.Random(5)
        return [
            outcome(
                [size * math.exp(rng.gauss(0, noise)) for _ in range(3)],
                noise_schedule=schedule,
                time_discretization=grid,
            )
            for (schedule, grid), size in sizes.items()
        ]

    def test_the_best_pair_is_shown_where_averages_hide_it(self):
        """Uniform in time is the best grid under `cosine` and the worst under `edm`; on average it is the worst."""
        sizes = {("edm", "uniform"): 9.0, ("edm", "poly"): 1.0, ("cosine", "uniform"): 0.8, ("cosine", "poly"): 1.0}
        found = board(self.crossed(sizes))
        (entry,) = found["interactions"]
        assert (entry["axis"], entry["other"], entry["among"]) == ("noise_schedule", "time_discretization", "mlp")
        assert entry["p_value"] < 0.01
        assert len(entry["cells"]) == 4
        effect = {(e["axis"], e["choice"]): e["factor"] for e in found["effects"]}
        assert effect["time_discretization", "uniform"] > 1.5
        read = Leaderboard.validate(found)
        (misled,) = misleading(read)
        assert misled.best_pair
        assert (misled.interaction.best.choice, misled.interaction.best.other_choice) == ("cosine", "uniform")
        text = render(read, "table")
        assert "best cosine with uniform" in text
        told = re.search(r"uniform is (.+?) of the mean with cosine and (.+?) with edm", " ".join(text.split()))
        # Of two choices the effect with a schedule is the root of the ratio of their cells there.
        assert [float(size) for size in told.groups()] == pytest.approx([0.8**0.5, 9**0.5], rel=0.03)

    def test_by_differences_cells_are_differences_too(self):
        """Of a metric that may be negative: no cell is a factor, and the pair is tested all the same."""
        sizes = {("edm", "uniform"): 9.0, ("edm", "poly"): 1.0, ("cosine", "uniform"): 0.8, ("cosine", "poly"): 1.0}
        made = [
            replace(each, measurements={"nll": [replace(m, value=m.value - 10) for m in each.measurements["energy"]]})
            for each in self.crossed(sizes, noise=0.002)
        ]
        declared = Declarations(metrics={"nll": Measured(compared_by="difference")})
        found = board(made, metric="nll", declared=declared)
        (entry,) = found["interactions"]
        assert {cell["factor"] for cell in entry["cells"]} == {None}
        cells = {(cell["choice"], cell["other_choice"]): cell["difference"] for cell in entry["cells"]}
        assert cells["edm", "uniform"] == pytest.approx(9 - 2.95, abs=0.2)
        text = render(Leaderboard.validate(found), "table")
        assert "best cosine with uniform, −" in text.replace("-", "−")
        assert "from the mean over their pairs" in text

    def test_choices_behind_the_best_that_change_their_order_are_told(self):
        read = Leaderboard.validate(board(self.crossed(REVERSED)))
        (misled,) = misleading(read)
        assert not misled.best_pair
        (reversal,) = misled.reversals
        assert (reversal.axis, reversal.choices) == ("time_discretization", ("a", "b"))
        assert (reversal.ahead_with, reversal.behind_with) == ("edm", "cosine")
        assert reversal.margin > math.log(1.3) / 2
        assert misled.of("time_discretization")
        assert not misled.of("noise_schedule")
        of = {
            (e.axis, e.choice)
            for e in read.effects
            if (e.target, e.among, e.axis, e.choice) in misled_choices([misled])
        }
        assert of == {("time_discretization", "a"), ("time_discretization", "b")}

    def test_their_averages_are_marked_and_a_line_says_where_either_is_ahead(self):
        read = Leaderboard.validate(board(self.crossed(REVERSED)))
        text = " ".join(render(read, "table").split())
        told = re.search(
            r"a is ahead of b with edm \((.+?) and (.+?)\) and behind with cosine \((.+?) and (.+?)\)", text
        )
        mean = math.prod(REVERSED.values()) ** (1 / len(REVERSED))
        shown = [REVERSED[cell] / mean for cell in itertools.product(("edm", "cosine"), ("a", "b"))]
        assert [float(size) for size in told.groups()] == pytest.approx(shown, rel=0.05)
        marked = [line.split() for line in render(read, "table").splitlines() if line.endswith("†")]
        assert [words[-4] for words in marked] == ["b", "a"]
        assert "†" not in render(Leaderboard.validate(board(crossed(random.Random(2)))), "table")

    def test_of_networks_their_pairs_with_other_axes_are_tested(self):
        """`unet` is ahead on the sound grid and behind on the broken one; on average they are equal."""
        sizes = {("unet", "sound"): 0.5, ("unet", "broken"): 4.0, ("mlp", "sound"): 1.0, ("mlp", "broken"): 2.0}
        rng = random.Random(6)
        made = [
            outcome([size * math.exp(rng.gauss(0, 0.02)) for _ in range(3)], network=network, time_discretization=grid)
            for (network, grid), size in sizes.items()
        ]
        read = Leaderboard.validate(board(made))
        (entry,) = [each for each in read.interactions if "network" in (each.axis, each.other)]
        assert (entry.among, entry.axis, entry.other) == (TRAINED, "network", "time_discretization")
        (misled,) = misleading(read)
        assert ("network", {"unet", "mlp"}) in [(each.axis, set(each.choices)) for each in misled.reversals]
        marked = [line for line in render(read, "table").splitlines() if line.endswith("†")]
        assert sum("unet" in line or "mlp" in line for line in marked) == 2

    def test_an_order_within_the_error_is_no_reversal(self):
        """One of the two orders is told apart, the other not: it may be the same."""
        sizes = REVERSED | {("edm", "a"): 1.29}
        read = Leaderboard.validate(board(self.crossed(sizes)))
        assert read.interactions
        assert misleading(read) == []

    def test_by_differences_orders_change_too(self):
        made = [
            replace(each, measurements={"nll": [replace(m, value=m.value - 10) for m in each.measurements["energy"]]})
            for each in self.crossed(REVERSED)
        ]
        declared = Declarations(metrics={"nll": Measured(compared_by="difference")})
        (misled,) = misleading(Leaderboard.validate(board(made, metric="nll", declared=declared)))
        (reversal,) = misled.reversals
        assert reversal.choices == ("a", "b")
        assert reversal.margin == pytest.approx(0.3, abs=0.25)

    def test_effects_that_add_up_are_no_interaction(self):
        sizes = {(a, b): x * y for a, x in (("edm", 1.0), ("cosine", 2.0)) for b, y in (("u", 1.0), ("p", 3.0))}
        assert board(self.crossed(sizes))["interactions"] == []

    def test_one_seed_tells_nothing(self):
        made = [replace(o, seeds=(0,), measurements={"energy": o.measurements["energy"][:1]}) for o in self.crossed(
            {("edm", "u"): 9.0, ("edm", "p"): 1.0, ("cosine", "u"): 0.8, ("cosine", "p"): 1.0})]  # fmt: skip
        assert board(made)["interactions"] == []


class TestEffects:
    def effects(self, outcomes):
        return {(e["axis"], e["choice"]): e for e in board(outcomes)["effects"]}

    def test_planted_factors_are_found(self):
        found = self.effects(crossed(random.Random(2)))
        assert found["sampler", "euler"]["factor"] == pytest.approx(3**0.5, rel=0.02)
        assert found["sampler", "heun"]["factor"] == pytest.approx(3**-0.5, rel=0.02)
        assert found["time_discretization", "b"]["factor"] == pytest.approx(2**0.5, rel=0.02)
        assert found["steps", "10"]["factor"] == pytest.approx(0.5**0.5, rel=0.02)
        assert ("weighting", "edm") not in found
        one = found["sampler", "euler"]
        assert one["low"] < 3**0.5 < one["high"]
        assert (one["contexts"], one["skipped"]) == (4, 0)

    def test_contexts_with_a_gap_or_a_negative_value_are_skipped_and_counted(self):
        outcomes = crossed(random.Random(2))
        outcomes[0] = outcome((1.0, -0.1, 1.0), time_discretization="a", sampler="heun", steps=5)
        outcomes[-1] = outcome((None,) * 3, time_discretization="b", sampler="euler", steps=10, status="failed")
        one = self.effects(outcomes)["sampler", "euler"]
        assert (one["contexts"], one["skipped"]) == (2, 2)
        assert one["factor"] == pytest.approx(3**0.5, rel=0.02)

    def test_an_oracle_is_compared_with_oracles(self):
        """Its rows have no weighting: trained networks share no context with it."""
        trained = [
            outcome((size,) * 3, network=network, weighting=weighting)
            for network, weighting, size in [
                ("relu", "edm", 4.0),
                ("relu", "eps", 8.0),
                ("mlp", "edm", 1.0),
                ("mlp", "eps", 2.0),
            ]
        ]
        oracles = [
            outcome((size,) * 3, network=network, weighting=NONE, train_steps=0)
            for network, size in [("exact", 0.01), ("inexact", 0.09)]
        ]
        found = self.effects([*trained, *oracles])
        assert found["network", "relu"]["factor"] == pytest.approx(2)
        assert found["network", "exact"]["factor"] == pytest.approx(1 / 3)
        assert (found["network", "relu"]["among"], found["network", "exact"]["among"]) == (
            "trained networks",
            "oracles",
        )
        assert found["weighting", "eps"]["factor"] == pytest.approx(2**0.5)
        weightings = {e["among"] for e in board([*trained, *oracles])["effects"] if e["axis"] == "weighting"}
        assert weightings == {"relu", "mlp"}
        assert ("weighting", NONE) not in found
        assert not any(axis == "train_steps" for axis, _ in found)

    def test_choices_of_one_name_are_told_apart(self):
        outcomes = [
            outcome((float(rho),) * 3, time_discretization=("polynomial", {"rho": rho, "variable": "time"}))
            for rho in (3, 7)
        ]
        found = self.effects(outcomes)
        assert found["time_discretization", "polynomial:rho=3"]["factor"] == pytest.approx((3 / 7) ** 0.5)


class TestCalibration:
    def test_a_digest_becomes_the_targets_label(self):
        entry = {
            "target": component("ring").digest,
            "metric": "energy",
            "value": 0.1,
            "low": 0.05,
            "high": 0.2,
        }
        assert board([outcome()], calibration=[Calibration(**entry)])["calibration"] == [{**entry, "target": "ring"}]


class TestRaces:
    """Boards of evidence that was looked at several times, whose rows have as many seeds as a race gave them."""

    @pytest.mark.parametrize("looks", [1, 3, 10])
    def test_the_ties_under_a_table_are_those_of_its_rank_sets(self, looks):
        rng, ties = random.Random(3), []
        for _ in range(10):
            made = [
                outcome([(1 + 0.02 * i) * math.exp(rng.gauss(0, 0.03)) for _ in range(4)], sampler=f"s{i}")
                for i in range(12)
            ]
            found = board(made, looks=looks)
            ties.append(found["rankings"][0]["settling"]["ties"])
            assert ties[-1] == found["rows"][0]["rank_high"] - 1
        assert 0 < sum(ties) < 110

    def test_rows_of_one_training_are_one_cluster_however_many_seeds_each_has(self):
        made = [
            outcome([1.0 + 0.1 * i + 0.01 * s for s in range(seeds)], sampler=f"s{i}", bounds={"budget": 2.0 + i})
            for i, seeds in enumerate((2, 2, 4, 8, 8))
        ]
        (agreement,) = (each for each in board(made)["agreement"] if each["sampler"] is None)
        assert (agreement["n"], agreement["clusters"]) == (5, 1)


def test_a_merged_row_is_called_by_whole_names_alone():
    """Of a design with two names that differ in two axes, one part of each is no name."""
    first = outcome(noise_schedule="a", time_discretization="b")
    other = outcome(noise_schedule="c", time_discretization="d")
    made = leaderboard(
        [replace(each, design="one") for each in (first, other)],
        suite="test",
        rank_by=["energy"],
        environment={},
        declared=DECLARED,
    )
    (row,) = made.rows
    assert row.called(first.components, first.steps)
    assert row.called(other.components, other.steps)
    assert not row.called({**first.components, "noise_schedule": component("c")}, first.steps)
    assert not row.called(first.components, first.steps + 1)
