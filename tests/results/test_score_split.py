"""The score error of trained networks, split: identities, answers by hand, intervals, and a suite from end to end."""

import json
import math

import numpy as np
import pytest

from harness.engine.curves import MeasuredScoreError, least_loss_from_json, least_loss_to_json
from harness.metrics import Measurement
from harness.registry.discovery import load
from harness.results.document import DocumentError
from harness.results.leaderboard import Leaderboard
from harness.results.read_board import read_document
from harness.results.score_split import (
    TERMS,
    Families,
    FixedObjectiveLoss,
    TrainedError,
    combine,
    measured,
    scaled,
    sum_of,
)
from harness.results.statistics.intervals import mean_interval
from harness.running.runner import Options, run
from harness.suites.model import Suite
from harness.weighting_tables import LevelWeights, WeightingTable

LEVELS = np.geomspace(0.1, 10.0, 9)
GRID = np.array([8.0, 2.0, 0.5, 0.25])
TABLE = WeightingTable(np.geomspace(0.05, 20, 512), 1 / np.geomspace(0.05, 20, 512), np.ones(512))


def flat(*scales):
    """A network whose σ²e is the same at all levels: one scale a replicate."""
    return MeasuredScoreError(LEVELS, np.array(scales)[:, None] * np.ones(len(LEVELS)))


def wavy(stream, replicates=8):
    shape = np.exp(stream.normal(0, 1.0, len(LEVELS)))
    return MeasuredScoreError(LEVELS, shape * np.exp(stream.normal(0, 0.1, (replicates, len(LEVELS)))))


def total(share):
    return math.fsum(share.terms[name].value for name in TERMS)


def flat_objective(loss, beta=(1.0, 3.0), residual=0.5, points=8):
    weights = LevelWeights(np.array([0.5, 4.0]), np.array(beta))
    return FixedObjectiveLoss(weights, points, loss, lambda sigma: np.full((1, len(sigma)), residual))


class TestFreshNoise:
    def test_by_hand(self):
        """σ²e = s at each level gives L − L* = ½ s Σβ_j, so the terms are as the scales: 3 = (3 − 1) + 1."""
        families = Families([TrainedError("a", "f", 0, flat(3.0)), TrainedError("b", "f", 1, flat(1.0))])
        share = families.split("a", GRID, TABLE)
        # β = 1/σ on cells from 8 to 4 to 1 to ¼.
        beta = np.array([8 - 4, 4 - 1, 1 - 0.25]) / GRID[:-1]
        u = GRID**2
        worst = ((u[:-1] - u[1:]) / (beta * u[:-1])).max()
        assert share.score_max.value == pytest.approx(worst * 1.5 * beta.sum())
        assert share.terms["training"].value == pytest.approx(2 / 3 * share.score_max.value)
        assert share.terms["approximation"].value == pytest.approx(1 / 3 * share.score_max.value)
        assert share.score_exact.value == pytest.approx(1.5 * (1 - u[1:] / u[:-1]).sum())
        assert (share.terms["statistical"], share.terms["estimation"]) == (Measurement(0.0, 0.0),) * 2

    def test_the_terms_telescope_and_the_best_network_has_no_training_error(self):
        stream = np.random.default_rng(3)
        families = Families([TrainedError(f"n{i}", "f", i, wavy(stream)) for i in range(7)])
        shares = [families.split(f"n{i}", GRID, TABLE) for i in range(7)]
        for share in shares:
            assert total(share) == pytest.approx(share.score_max.value, rel=1e-12)
            assert share.score_max.value >= share.score_exact.value
            assert min(share.terms["training"].value, share.terms["approximation"].value) >= 0
        best = min(shares, key=lambda share: share.score_max.value)
        assert best.terms["training"].value == 0
        found = [share.terms["approximation"].value for share in shares]
        assert found == pytest.approx([best.score_max.value] * 7, rel=1e-12)

    def test_families_do_not_mix(self):
        families = Families([TrainedError("a", "wide", 0, flat(3.0)), TrainedError("b", "deep", 0, flat(1.0))])
        assert families.split("a", GRID, TABLE).terms["training"].value == 0

    def test_a_network_at_hand_can_only_lower_the_approximation(self):
        stream = np.random.default_rng(5)
        networks = [TrainedError(f"n{i}", "f", 0, wavy(stream)) for i in range(6)]
        found = [Families(networks[: i + 1]).split("n0", GRID, TABLE).terms["approximation"].value for i in range(6)]
        assert found == sorted(found, reverse=True)
        assert found[-1] < found[0]

    def test_differences_between_networks_lose_the_error_that_they_share(self):
        """Two networks measured at the same points: 10 % common scatter cancels from ε_train."""
        scatter = np.exp(np.random.default_rng(0).normal(0, 0.1, 8))
        families = Families(
            [TrainedError("a", "f", 0, flat(*(3 + scatter))), TrainedError("b", "f", 0, flat(*scatter))]
        )
        share = families.split("a", GRID, TABLE)
        assert share.terms["training"].standard_error < 1e-12 < share.terms["approximation"].standard_error

    def test_what_cannot_be_split_is_not(self):
        broken = MeasuredScoreError(LEVELS, np.full((1, len(LEVELS)), np.nan))
        families = Families([TrainedError("a", "f", 0, flat(1.0)), TrainedError("b", "f", 0, broken)])
        narrow = WeightingTable(TABLE.sigma, np.where(TABLE.sigma < 1.2, 0.0, 1.0), TABLE.omega)
        assert families.split("a", GRID, TABLE) is not None
        assert families.split("b", GRID, TABLE) is None
        assert families.split("c", GRID, TABLE) is None
        assert families.split("a", GRID, narrow) is None


class TestFixedObjective:
    def test_by_hand(self):
        """β = 1, 3: L* = ½·½·4 = 1 and L = 1 + 2s; L_em = 2.5 and 2 for s = 1, ½; another seed has s = ¼."""
        families = Families(
            [
                TrainedError("a", "f", 0, flat(1.0), flat_objective(2.5)),
                TrainedError("b", "f", 0, flat(0.5), flat_objective(2.0)),
                TrainedError("c", "f", 1, flat(0.25), flat_objective(1.2)),
            ]
        )
        share = families.split("a", GRID, TABLE)
        # L(a) = 3, L_em(a) = 2.5, L_em(b) = 2, L(c) = 1.5, L* = 1.
        expected = {"training": 0.5, "statistical": 0.5, "estimation": 0.5, "approximation": 0.5}
        for name, value in expected.items():
            assert share.terms[name].value == pytest.approx(value / 2 * share.score_max.value), name
        assert share.score_max.value == pytest.approx(
            Families([TrainedError("a", "f", 0, flat(1.0))]).split("a", GRID, TABLE).score_max.value
        )

    def test_the_terms_telescope_whatever_their_signs(self):
        stream = np.random.default_rng(8)
        for _ in range(30):
            networks = [
                TrainedError(f"n{i}", "f", i % 2, wavy(stream), flat_objective(stream.uniform(0.1, 9), residual=1.3))
                for i in range(5)
            ]
            families = Families(networks)
            for network in networks:
                share = families.split(network.key, GRID, TABLE)
                assert total(share) == pytest.approx(share.score_max.value, rel=1e-9)
                assert share.terms["training"].value >= 0

    def test_losses_on_other_points_or_other_weights_are_not_compared(self):
        networks = [
            TrainedError("a", "f", 0, flat(1.0), flat_objective(2.5)),
            TrainedError("b", "f", 0, flat(1.0), flat_objective(0.1, beta=(1.0, 2.0))),
            TrainedError("c", "f", 1, flat(1.0), flat_objective(0.1)),
            TrainedError("d", "f", 0, flat(1.0), flat_objective(0.1, points=9)),
        ]
        assert Families(networks).split("a", GRID, TABLE).terms["training"].value == 0

    def test_the_least_loss_of_a_target_is_kept_with_it(self, registry):
        """On N(0, s²I) it is d − uJ(u) = ds²/(s² + σ²)."""
        law = registry.parse("target", "gaussian:dim=3,std=0.7")[0].distribution()
        kept = least_loss_from_json(json.loads(json.dumps(least_loss_to_json(law.closed_information(), 0.01, 80.0))))
        sigma = np.geomspace(0.01, 80.0, 77)
        expected = 3 * 0.49 / (0.49 + sigma**2)
        np.testing.assert_allclose(kept(sigma), expected[None, :], rtol=0, atol=3e-6)


class TestIntervals:
    def test_replicates_speak_where_there_is_one_seed(self):
        scatter = np.random.default_rng(1).normal(1.0, 0.1, 8)
        share = Families([TrainedError("a", "f", 0, flat(*scatter))]).split("a", GRID, TABLE)
        found = combine("fresh", [share]).score_max
        half = 2.3646 * scatter.std(ddof=1) / 8**0.5 / scatter.mean() * found.value
        assert found.high - found.value == pytest.approx(half, rel=1e-4)

    def test_seeds_speak_where_there_are_several(self):
        families = Families([TrainedError(str(i), "f", i, flat(s)) for i, s in enumerate((1.0, 2.0, 3.0))])
        shares = [families.split(str(i), GRID, TABLE) for i in range(3)]
        found = combine("fresh", shares).score_max
        # t of 2 degrees of freedom times s/√3, s = 1 on a mean of 2.
        assert (found.high - found.value) / found.value == pytest.approx(4.3027 / 3**0.5 / 2, rel=1e-4)
        assert found.low == 0.0

    def test_means_over_seeds_telescope_too(self):
        stream = np.random.default_rng(4)
        families = Families([TrainedError(str(i), "f", i, wavy(stream)) for i in range(4)])
        found = combine("fresh", [families.split(str(i), GRID, TABLE) for i in range(4)])
        assert math.fsum(getattr(found, name).value for name in TERMS) == pytest.approx(found.score_max.value)

    def test_the_arithmetic_of_measurements(self):
        one, other = measured(np.array([1.0, 2.0, 3.0])), measured(np.array([5.0]))
        assert (other.standard_error, other.freedom) == (0.0, math.inf)
        both = sum_of(one, scaled(other, -2.0), 0.5)
        assert (both.value, both.freedom) == (-7.5, 2)
        assert both.standard_error == pytest.approx(one.standard_error)
        assert sum_of(one, one, 0.0).standard_error == pytest.approx(2**0.5 * one.standard_error)

    def test_they_cover_the_truth(self):
        """Of 400 repetitions with 3 seeds and 8 replicates, the interval of the mean covers in 92 to 98 %."""
        stream = np.random.default_rng(12)
        covered = 0
        for _ in range(400):
            shared = stream.normal(0, 0.05, 8)
            seeds = [measured(1.0 + stream.normal(0, 0.2) + shared) for _ in range(3)]
            _, low, high = mean_interval(seeds)
            covered += low <= 1.0 <= high
        assert 0.92 <= covered / 400 <= 0.98


SUITE = {
    "name": "tiny-split",
    "targets": ["gaussian:dim=2,std=0.7"],
    "weightings": ["edm", "bell-shaped"],
    "noise_schedules": ["ve-sqrt"],
    "time_discretizations": ["polynomial:rho=7", "exponential"],
    "networks": ["mlp:width=8,depth=1", "exact"],
    "samplers": ["exponential-integrator", "ancestral", "euler"],
    "metrics": ["path-kl"],
    "bounds": ["budget", "theorem-3"],
    "rank_by": "path-kl",
    "steps": [5],
    "seeds": 2,
    "training": {"steps": [20, 60], "batch_size": 32},
    "sampling": {"samples": 50},
}


@pytest.fixture(scope="module")
def document(tmp_path_factory):
    directory = tmp_path_factory.mktemp("split")
    run(Suite.from_mapping(SUITE, "split.toml"), load(), directory, Options(1, progress=False))
    return read_document(directory).model_dump()


class TestRun:
    def test_rows_with_a_trained_network_and_a_budget_have_a_split(self, document):
        for row in document["rows"]:
            expected = row["network"]["name"] == "mlp" and row["sampler"]["name"] != "euler"
            assert (row["score_split"] is not None) == expected

    def test_it_agrees_with_the_budget_and_with_theorem_3(self, document):
        for row in filter(lambda r: r["score_split"], document["rows"]):
            split = row["score_split"]
            assert split["objective"] == "fresh"
            assert split["score_exact"]["value"] == pytest.approx(row["budget"]["score"], rel=1e-9)
            assert math.fsum(split[name]["value"] for name in TERMS) == pytest.approx(split["score_max"]["value"])
            if row["bounds"]["theorem-3"] is not None:
                slack = row["bounds"]["theorem-3"] - row["budget"]["initialization"] - row["budget"]["discretization"]
                assert slack >= split["score_max"]["value"]

    def test_one_network_of_each_grid_and_weighting_sets_the_family_s_best(self, document):
        """On one grid with one weighting all lengths of training have the same ε_approx."""
        best = {}
        for row in filter(lambda r: r["score_split"], document["rows"]):
            place = row["weighting"]["name"], row["time_discretization"]["name"]
            best.setdefault(place, set()).add(round(row["score_split"]["approximation"]["value"], 12))
        assert len(best) == 4
        assert all(len(values) == 1 for values in best.values())

    def test_the_document_survives_its_journey(self, document):
        Leaderboard.validate(json.loads(json.dumps(document)))

    @pytest.mark.parametrize(
        ("change", "rule"),
        [
            (lambda s: s["training"].update(value=9.0, high=9.5), "score_max .* is not the sum"),
            (lambda s: s["score_exact"].update(value=99.0, high=99.0), "score_max .* is below score_exact 99"),
            (lambda s: s["score_max"].update(low=1e9), "low 1e.09 is above value"),
            (lambda s: s.update(objective="other"), "score_split.objective"),
            (lambda s: s.pop("training"), "score_split.training: Field required"),
        ],
    )
    def test_a_document_that_contradicts_itself_is_refused(self, document, change, rule):
        copy = json.loads(json.dumps(document))
        change(next(row for row in copy["rows"] if row["score_split"])["score_split"])
        with pytest.raises(DocumentError, match=rule):
            Leaderboard.validate(copy)

    def test_a_split_without_a_budget_is_refused(self, document):
        copy = json.loads(json.dumps(document))
        row = next(row for row in copy["rows"] if row["score_split"])
        row["budget"] = None
        with pytest.raises(DocumentError, match="score_split needs a budget"):
            Leaderboard.validate(copy)


def test_gradient_descent_on_a_fixed_objective_from_end_to_end(tmp_path):
    """With few points the loss on them is below that on fresh data; it telescopes with the signs it has."""
    fixed = SUITE | {
        "weightings": ["edm"],
        "networks": ["relu:width=16,depth=1"],
        "time_discretizations": ["exponential"],
        "samplers": ["exponential-integrator"],
        "training": {"steps": [3, 30], "method": "gradient-descent", "points": 8},
    }
    run(Suite.from_mapping(fixed, "fixed.toml"), load(), tmp_path, Options(1, progress=False))
    short, long = sorted(read_document(tmp_path).model_dump()["rows"], key=lambda row: row["train_steps"])
    for row in (short, long):
        split = row["score_split"]
        assert split["objective"] == "fixed"
        assert math.fsum(split[name]["value"] for name in TERMS) == pytest.approx(split["score_max"]["value"])
        assert split["score_exact"]["value"] == pytest.approx(row["budget"]["score"])
        assert split["statistical"]["value"] != 0
    # Of two lengths of one training the longer has the smaller loss on its points: it is θ*.
    assert long["score_split"]["training"]["value"] == 0 < short["score_split"]["training"]["value"]
