"""Compute: what is counted, how a total is divided, and a run with [compute]."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from harness_karras.samplers import Heun
from harness_song.samplers import Euler
from variants import of_our_own

from harness.engine.curves import ExactScoreError
from harness.engine.sampling import generate, kernel_variances
from harness.errors import ContractError, HarnessError, NotApplicable
from harness.planning.manifest import _effort
from harness.registry.discovery import load
from harness.results.leaderboard import Leaderboard
from harness.results.read_board import read_document
from harness.running.runner import Options, run
from harness.samplers import Sampler
from harness.suites.combinations import expand
from harness.suites.compute import Spent, most_steps, spent, split
from harness.suites.model import Suite, SuiteError


class Bootstrapped(Sampler):
    """Five evaluations to begin with, then three in each two steps."""

    name = "test-bootstrapped"

    def evaluations(self, steps):
        return 5 + 3 * steps // 2

    def step(self, run, x):
        return x


def test_every_sampler_counts_its_own_evaluations(registry):
    (target,) = registry.parse("target", "gaussian")
    law = target.distribution()
    information, exact = law.closed_information(), ExactScoreError(lambda sigma: 0.0 * sigma)
    for name, cls in of_our_own(registry, "sampler").items():
        for steps in (1, 2, 7):
            sigmas = np.geomspace(10.0, 0.1, steps + 1)
            variances = kernel_variances(cls(), sigmas, information, exact)
            made = generate(cls(), law.denoise, sigmas, variances, seed=0, count=2, dim=2, dtype=torch.float64)
            assert cls().evaluations(steps) == made.nfe, name


@pytest.mark.parametrize("sampler", [Euler(), Heun(), Bootstrapped()], ids=lambda s: s.name)
def test_the_split_is_the_largest_that_fits(sampler):
    for total in (150_000, 999_999, 8_000_000):
        for share in (0.1, 0.5, 0.9):
            train_steps, steps = split(total, share, 64, sampler, 1000)
            assert 3 * 64 * train_steps <= share * total < 3 * 64 * (train_steps + 1)
            assert spent(train_steps, 64, sampler, steps, 1000).total <= total
            assert spent(train_steps, 64, sampler, steps + 1, 1000).total > total


def test_the_split_of_round_numbers_is_exact():
    # 0.1 · 3 is above 0.3 in floating point, and 0.7 · 300 below 210: neither may cost a step.
    for share in np.arange(1, 10) / 10:
        train_steps, _ = split(300_000, float(share), 100, Euler(), 100)
        assert train_steps == round(share * 1000)


def test_what_was_spent():
    assert spent(1000, 256, Heun(), 20, 2000) == Spent(768_000, 80_000)
    assert Spent(3, 1).total == 4
    assert Spent(3, 1).share == 0.75


def test_most_steps_by_search_is_that_by_trial():
    for evaluations in range(60):
        fitting = [n for n in range(1, 100) if Bootstrapped().evaluations(n) <= evaluations]
        assert most_steps(Bootstrapped(), evaluations) == max(fitting, default=0)


@pytest.mark.parametrize(
    ("total", "share", "message"),
    [
        (1000, 0.1, "evaluations = 1000 with share 0.1 for training: a training step takes 192, more than 100"),
        (1000, 0.9, "evaluations = 1000 with share 0.9 for training: 232 are left for sampling; 2 steps of heun for"),
        (
            10**12,
            0.5,
            "evaluations = 1000000000000 with share 0.5 for training: 2604166666 training steps; 10000000 is",
        ),
        (10**8, 0.5, "evaluations = 100000000 with share 0.5 for training: 10001 steps of heun; 10000 is the most"),
    ],
)
def test_a_pair_out_of_range_is_named(total, share, message):
    with pytest.raises(HarnessError) as raised:
        split(total, share, 64, Heun(), 100)
    assert str(raised.value).startswith(message)
    assert "\n" not in str(raised.value)


class Silent(Bootstrapped):
    name = "test-silent"

    def evaluations(self, steps):
        raise RuntimeError("evaluations says no")


def test_a_sampler_that_cannot_say_its_evaluations_is_named():
    with pytest.raises(
        ContractError, match=r"^sampler test-silent: evaluations\(\d+\): RuntimeError: evaluations says"
    ):
        split(10**6, 0.5, 64, Silent(), 100)


def test_without_compute_it_costs_its_own_rows_alone(registry):
    effort = TINY | {"compute": None, "steps": [4], "training": {"steps": [10]}}
    made = Suite.from_mapping(effort, "effort.toml")
    euler = next(c for c in expand(made, registry) if c.weighting is not None)
    assert _effort(made, euler).sampling == 4 * 200
    assert _effort(made, replace(euler, components={**euler.components, "sampler": Silent()})) is None


TINY = {
    "name": "effort",
    "targets": ["ring"],
    "weightings": ["edm"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["exponential"],
    "networks": ["mlp:width=16,depth=1", "exact"],
    "samplers": ["euler", "heun"],
    "metrics": ["sliced-wasserstein:projections=16"],
    "rank_by": "sliced-wasserstein",
    "seeds": 2,
    "compute": {"evaluations": [30_000, 60_000], "training_shares": [0.25, 0.5, 0.75]},
    "training": {"batch_size": 64},
    "sampling": {"samples": 200},
}


def suite(**changes):
    return Suite.from_mapping(TINY | changes, "effort.toml")


class TestSuite:
    def test_pairs_take_the_place_of_the_product(self, registry):
        found = {(c.network.name, c.sampler.name, c.train_steps, c.steps) for c in expand(suite(), registry)}
        trained = {
            ("mlp", sampler, int(share * total // 192), int((total - share * total // 192 * 192) // (200 * cost)))
            for total in (30_000, 60_000)
            for share in (0.25, 0.5, 0.75)
            for sampler, cost in (("euler", 1), ("heun", 2))
        }
        oracles = {
            ("exact", sampler, 0, total // (200 * cost))
            for total in (30_000, 60_000)
            for sampler, cost in (("euler", 1), ("heun", 2))
        }
        assert found == trained | oracles

    @pytest.mark.parametrize(
        ("totals", "shares", "network", "rule"),
        [
            (
                [30_000],
                [0.5, 0.500001],
                "mlp",
                "0.5 for training and evaluations = 30000 with share 0.500001 for",
            ),
            ([30_000, 30_001], [0.5], "exact", "come to the same 0 training steps and 150 of euler"),
        ],
    )
    def test_pairs_that_come_to_the_same_are_refused(self, registry, totals, shares, network, rule):
        close = suite(compute={"evaluations": totals, "training_shares": shares}, networks=[network])
        with pytest.raises(SuiteError, match=r"^effort\.toml: compute: evaluations = 30000 with share .*" + rule):
            expand(close, registry)

    def test_the_command_line_chooses_components_and_nothing_else(self, registry):
        chosen = suite().with_selection(samplers=["euler"], initial_laws=["moment-matched"])
        assert {(c.sampler.name, c.initial_law.name) for c in expand(chosen, registry)} == {("euler", "moment-matched")}
        with pytest.raises(SuiteError, match=r"^--steps: follows from \[compute\]"):
            suite().with_selection(steps=[5])
        with pytest.raises(SuiteError, match=r"^--train-steps: steps follow from \[compute\]"):
            suite().with_selection(train_steps=[5])

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"steps": [10]}, "effort.toml: steps: follows from [compute], which the suite has"),
            ({"training": {"steps": [10]}}, "effort.toml: training: steps follow from [compute]"),
            (
                {"compute": {"evaluations": [100]}},
                "effort.toml: compute.training_shares: is missing; every suite with [compute] must",
            ),
            (
                {"compute": {"evaluations": [9], "training_share": [0.5]}},
                "effort.toml: compute.training_share: unknown key; did you mean training_shares?",
            ),
            ({"compute": {"evaluations": [], "training_shares": [0.5]}}, "effort.toml: compute.evaluations: is empty"),
            (
                {"compute": {"evaluations": [9], "training_shares": [1.0]}},
                "effort.toml: compute.training_shares[0]: 1.0",
            ),
            ({"compute": {"evaluations": [9], "training_shares": [0]}}, "effort.toml: compute.training_shares[0]: 0"),
            (
                {"compute": {"evaluations": [9, 9], "training_shares": [0.5]}},
                "effort.toml: compute.evaluations: 9 is li",
            ),
            (
                {"compute": {"evaluations": [9], "training_shares": [0.5], "share": 1}},
                "effort.toml: compute.share: unknown key; did you mean training_shares?",
            ),
            ({"compute": 3}, "effort.toml: compute: 3 is not valid"),
            ({"compute": None}, "effort.toml: steps: is missing"),
        ],
    )
    def test_mistakes_are_told_in_one_line(self, changes, message):
        with pytest.raises(SuiteError) as raised:
            suite(**changes)
        assert str(raised.value).startswith(message)
        assert "\n" not in str(raised.value)

    def test_a_sampler_that_does_not_apply_to_any_length_is_told_in_one_line(self, registry, monkeypatch):
        def evaluations(self, steps):
            raise NotApplicable("it is for images")

        monkeypatch.setattr(Euler, "evaluations", evaluations)
        rule = r"sampler euler: it is for images; its evaluations are asked for up to 10000 steps$"
        with pytest.raises(SuiteError, match=r"^effort\.toml: compute: " + rule):
            expand(suite(), registry)

    def test_a_pair_out_of_range_names_the_suite_s_key(self, registry):
        with pytest.raises(
            SuiteError, match=r"^effort\.toml: compute: evaluations = 900 with share 0\.5 for training: "
        ):
            expand(suite(compute={"evaluations": [900], "training_shares": [0.5]}), registry)


@pytest.mark.parametrize(
    ("sampling", "message"),
    [
        ({"sigma_max": 30.0}, "sampling: sigma_max = 30 is out of range; it should be above sigma_min = 0.05 and at"),
        ({"sigma_max": [20.0, 0.05]}, "sampling: sigma_max = 0.05 is out of range"),
        ({"sigma_max": 0.05 + 1e-16}, "sampling: sigma_max = 0.0500000000000001 is too near to sigma_min = 0.05"),
        ({"sigma_max": "5"}, "sampling.sigma_max: '5' is not valid; it should be a number or a list"),
        ({"sigma_max": [1.0, 1.0]}, "sampling.sigma_max: 1.0 is listed twice"),
        ({"sigma_max": True}, "sampling.sigma_max: True is not valid"),
        ({"sigma_max": ["5"]}, "sampling.sigma_max[0]: '5' is not valid"),
        ({"sigma_max": math.nan}, "sampling.sigma_max[0]: nan is not valid"),
    ],
)
def test_first_levels_out_of_range_are_told(sampling, message):
    with pytest.raises(SuiteError) as raised:
        suite(sampling=sampling)
    assert str(raised.value).startswith(f"effort.toml: {message}")


def test_a_first_level_is_a_number_or_a_list(registry):
    assert suite().sigma_max == (20.0,)
    assert suite(sampling={"sigma_max": 5}).sigma_max == (5.0,)
    several = suite(sampling={"sigma_max": [5, 20.0], "samples": 200})
    assert several.sigma_max == (5.0, 20.0)
    assert {c.sigma_max for c in expand(several, registry)} == {5.0, 20.0}


def test_a_run_by_compute(tmp_path):
    run(suite(), load(), tmp_path, Options(2, progress=False))
    document = read_document(tmp_path).model_dump()
    Leaderboard.validate(document)
    rows = document["rows"]
    assert {row["status"] for row in rows} == {"ok"}
    trained = [row for row in rows if row["compute"]]
    assert len(trained) == 2 * 3 * 2
    for row in trained:
        wanted = min((30_000, 60_000), key=lambda total: abs(total - row["compute"]))
        assert wanted - 200 * 2 < row["compute"] <= wanted
        assert row["compute"] == 3 * 64 * row["train_steps"] + 200 * row["nfe"]
        assert min(abs(row["training_share"] - share) for share in (0.25, 0.5, 0.75)) < 0.01
