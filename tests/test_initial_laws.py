"""Initial laws in use: sampling, budgets, metrics and bounds from starts other than N(0, u_0 I), and whole runs."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from harness_benton.bounds import Benton
from harness_chen.bounds import ChenLeeLu
from harness_conforti.bounds import Conforti
from harness_gao.bounds import GaoZhuW2
from harness_gao.start import distance
from harness_karras.samplers import Heun
from harness_metrics import affine, change_of_variables, particles
from harness_oracles.bounds import AncestralTelescope, BudgetBound
from harness_oracles.initial_laws import MomentMatched
from harness_pierret.bounds import AffineGaussian
from harness_song.samplers import Ancestral, Euler
from harness_synthetic.targets import Gaussian, Mixture, Ring
from harness_wang.bounds import Theorem2
from harness_wang.corollary import Corollary1
from harness_wang.samplers import ExponentialIntegrator

from harness.bounds import Design
from harness.budget import budget
from harness.engine.curves import ExactScoreError
from harness.engine.measurement import measure_information
from harness.engine.sampling import generate, kernel_function, kernel_variances, simulate_function
from harness.initial_laws import Start
from harness.metrics import Experiment
from harness.registry.discovery import load
from harness.results.leaderboard import Leaderboard
from harness.results.read_board import read_document
from harness.running.runner import Options, run
from harness.suites.model import Suite

EXACT = ExactScoreError(lambda sigma: 0.0 * sigma)
SIGMAS = np.geomspace(1.5, 0.2, 9)
GAUSSIAN = Gaussian(dim=2, std=(0.6, 1.3), mean=0.9)


def starts(law, sigma):
    """The starts to try: usual, matched, and one that is neither."""
    root = torch.tensor([[2.0, 0.0], [0.9, 2.2]], dtype=torch.float64)
    oblique = Start(torch.tensor([0.5, -0.4], dtype=torch.float64), root)
    return {
        "centered": Start.centered(sigma, law.dim),
        "matched": MomentMatched().start(law, sigma),
        "oblique": oblique,
    }


def experiment(law, sampler, start, sigmas=SIGMAS, count=4000, seed=0):
    """One combination with the exact network, as the engine makes it."""
    variances = kernel_variances(sampler, sigmas, None, None)
    made = generate(
        *(sampler, law.denoise, sigmas, variances),
        seed=seed,
        count=count,
        dim=law.dim,
        dtype=torch.float64,
        start=start,
    )
    generator = torch.Generator().manual_seed(seed)
    reference = law.sample(count, generator)
    simulate = simulate_function(sampler, law.denoise, sigmas, variances)
    kernel = kernel_function(sampler, law.denoise, sigmas, variances)
    parts = (law, sampler, sigmas.tolist(), made.samples, reference, simulate, True, made.last_kernel, None, generator)
    return Experiment(*parts, kernel=kernel, initial=start)


def design(law, sampler, start, sigmas=SIGMAS, score_error=EXACT, information=None):
    information = information or measure_information(law, float(sigmas[-1]), float(sigmas[0]), samples=2000)
    variances = kernel_variances(sampler, sigmas, information, score_error)
    initialization = start.divergence(float(sigmas[0]) ** 2, information, *law.mean_and_covariance())
    terms = None if variances is None else budget(sigmas, variances, information, score_error, initialization)
    second = law.second_moment
    return Design(sampler, sigmas, variances, law.dim, second, information, score_error, terms, law, start)


def wasserstein(law, start, sigma):
    return distance(start, *law.gaussian(), sigma)


class TestSampling:
    @pytest.mark.parametrize("sampler", [ExponentialIntegrator(), Heun()], ids=lambda s: s.name)
    def test_the_centered_start_is_the_start_of_before_bit_for_bit(self, sampler):
        law = Ring().distribution()
        variances = kernel_variances(sampler, SIGMAS, None, None)

        def made(**options):
            return generate(
                sampler, law.denoise, SIGMAS, variances, seed=1, count=300, dim=2, dtype=torch.float32, **options
            ).samples

        assert torch.equal(made(), made(start=Start.centered(SIGMAS[0], 2)))

    @pytest.mark.parametrize("name", ["centered", "matched", "oblique"])
    def test_samples_follow_the_law_that_the_map_gives(self, name):
        law = GAUSSIAN.distribution()
        found = experiment(law, Ancestral(), starts(law, 1.5)[name], count=40_000)
        exact = affine.output_law(found)
        scale = float(exact.covariance.diagonal().max())
        torch.testing.assert_close(found.samples.mean(0), exact.mean, atol=5 * (scale / 4e4) ** 0.5, rtol=0)
        torch.testing.assert_close(found.samples.T.cov(), exact.covariance, atol=6 * scale * (2 / 4e4) ** 0.5, rtol=0)


class TestMetrics:
    def test_a_matched_start_and_the_best_variance_generate_an_isotropic_gaussian_exactly(self, registry):
        law = Gaussian(dim=3, std=0.7, mean=2.0).distribution()
        information = law.closed_information()
        (sampler,) = registry.parse("sampler", "analytic")
        sigmas = np.array([3.0, 1.0, 0.2])
        variances = kernel_variances(sampler, sigmas, information, EXACT)
        simulate = simulate_function(sampler, law.denoise, sigmas, variances)
        start = MomentMatched().start(law, 3.0)
        exact = affine.output_law(SimpleNamespace(target=law, simulate=simulate, sigmas=sigmas.tolist(), start=start))
        assert affine.divergence(law.gaussian(), 0.2, exact).value < 1e-12
        initialization = start.divergence(9.0, information, *law.mean_and_covariance())
        assert abs(budget(sigmas, variances, information, EXACT, initialization).total[0]) < 1e-12

    @pytest.mark.parametrize("name", ["centered", "matched", "oblique"])
    def test_particles_agree_with_the_closed_form(self, name):
        law = GAUSSIAN.distribution()
        found = experiment(law, Ancestral(), starts(law, 1.5)[name])
        exact = affine.divergence(law.gaussian(), 0.2, affine.output_law(found)).value
        estimate = particles.divergence(found, 1000, 2000)
        assert abs(estimate.value - exact) < 4 * estimate.standard_error + abs(estimate.bias) + 1e-4
        assert estimate.standard_error < 0.1 * exact + 0.01

    @pytest.mark.parametrize("name", ["centered", "matched", "oblique"])
    def test_change_of_variables_agrees_with_the_closed_form(self, name):
        law = GAUSSIAN.distribution()
        found = experiment(law, Heun(), starts(law, 1.5)[name])
        exact = affine.divergence(law.gaussian(), 0.2, affine.output_law(found)).value
        estimate = change_of_variables.divergence(found, 4000)
        assert abs(estimate.value - exact) < 4 * estimate.standard_error + 1e-6

    def test_the_start_decides_the_error_where_the_first_level_is_low(self):
        law = GAUSSIAN.distribution()
        laws = starts(law, 1.5)
        values = {
            name: affine.divergence(law.gaussian(), 0.2, affine.output_law(experiment(law, Heun(), start))).value
            for name, start in laws.items()
        }
        assert values["matched"] < 0.05 * min(values["centered"], values["oblique"])


PATH_BOUNDS = (Theorem2(), Corollary1(), Benton(), ChenLeeLu(), Conforti(), Conforti(steps="each"))


class TestBounds:
    @pytest.mark.parametrize("name", ["centered", "matched", "oblique"])
    @pytest.mark.parametrize("target", [GAUSSIAN, Ring(), Mixture(dim=2, modes=4)], ids=lambda t: t.name)
    def test_path_bounds_are_above_the_budget_from_any_start(self, target, name):
        law = target.distribution()
        for top in (1.5, 20.0):
            sigmas = np.geomspace(top, 0.2, 13)
            case = design(law, ExponentialIntegrator(), starts(law, top)[name], sigmas)
            exact = BudgetBound().value(case)
            assert all(bound.value(case) >= exact for bound in PATH_BOUNDS)
            case = design(law, Ancestral(), starts(law, top)[name], sigmas)
            assert AncestralTelescope().value(case) >= BudgetBound().value(case)

    def test_the_initialization_of_a_bound_is_the_theorem_s_or_exact(self):
        law = GAUSSIAN.distribution()
        usual, matched = (design(law, ExponentialIntegrator(), starts(law, 1.5)[n]) for n in ("centered", "matched"))
        assert usual.initialization == law.second_moment / (2 * 1.5**2)
        assert matched.initialization < 1e-13
        assert Theorem2().value(usual) - Theorem2().value(matched) == pytest.approx(usual.initialization)

    def test_without_the_target_another_start_has_no_bound(self):
        law = GAUSSIAN.distribution()
        case = design(law, ExponentialIntegrator(), starts(law, 1.5)["matched"])
        blind = Design(*(getattr(case, f) for f in list(case.__dataclass_fields__)[:8]), None, case.initial)
        assert "moments are not known" in Theorem2().value(blind).reason

    @pytest.mark.parametrize("name", ["centered", "matched"])
    @pytest.mark.parametrize("sampler", [ExponentialIntegrator(), Ancestral(), Euler(), Heun()], ids=lambda s: s.name)
    def test_affine_gaussian_is_the_measured_divergence(self, sampler, name):
        law = Gaussian(dim=3, condition=20.0, mean=-0.7).distribution()
        start = starts(law, 1.5)[name] if name != "oblique" else None
        value = AffineGaussian().value(design(law, sampler, start))
        measured = affine.divergence(law.gaussian(), 0.2, affine.output_law(experiment(law, sampler, start, count=2)))
        assert value == pytest.approx(measured.value, rel=1e-6, abs=1e-11)
        assert value >= measured.value * (1 - 1e-12)

    def test_affine_gaussian_declines_a_start_along_other_axes(self):
        law = GAUSSIAN.distribution()
        assert "start" in AffineGaussian().value(design(law, Euler(), starts(law, 1.5)["oblique"])).reason

    @pytest.mark.parametrize("name", ["centered", "matched", "oblique"])
    def test_the_wasserstein_bound_holds_and_begins_where_the_start_does(self, name):
        law = GAUSSIAN.distribution()
        start = starts(law, 1.5)[name]
        bound = GaoZhuW2().value(design(law, Euler(), start))
        found = affine.output_law(experiment(law, Euler(), start, count=2))
        assert bound >= affine.wasserstein(law.gaussian(), 0.2, found).value
        if name == "matched":
            assert wasserstein(law, start, 1.5) < 1e-7
            assert bound < GaoZhuW2().value(design(law, Euler(), starts(law, 1.5)["centered"]))


RUN = {
    "name": "starts",
    "targets": ["gaussian:dim=2,mean=0.5", "ring"],
    "weightings": ["edm"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["exponential"],
    "networks": ["mlp:width=16,depth=1", "exact"],
    "samplers": ["exponential-integrator", "ancestral", "analytic", "euler"],
    "initial_laws": ["centered", "moment-matched"],
    "metrics": ["sliced-wasserstein:projections=16", "kl", "path-kl", "w2"],
    "bounds": ["budget", "theorem-2", "benton", "chen-lee-lu", "conforti", "ancestral-telescope", "affine-gaussian-kl"],
    "rank_by": "sliced-wasserstein",
    "steps": [8],
    "seeds": 2,
    "noise": {"sigma_min": 0.1, "sigma_max": 10.0},
    "training": {"steps": [60], "batch_size": 64},
    "sampling": {"samples": 200, "sigma_max": [1.0, 10.0]},
}


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """The rows of a run with two initial laws and two first levels."""
    directory = tmp_path_factory.mktemp("starts")
    run(Suite.from_mapping(RUN, "starts.toml"), load(), directory, Options(2, progress=False))
    document = read_document(directory).model_dump()
    Leaderboard.validate(document)
    return document["rows"]


def matched_pairs(rows):
    """Rows that differ in the initial law only: (centered, moment-matched)."""
    found = {}
    for row in rows:
        key = (*(row[a]["digest"] for a in ("target", "network", "sampler", "weighting")), row["sigma_max"])
        found.setdefault(key, {})[row["initial_law"]["name"]] = row
    return [(pair["centered"], pair["moment-matched"]) for pair in found.values()]


class TestRun:
    def test_every_law_meets_every_level(self, rows):
        assert len(rows) == 2 * 2 * 4 * 2 * 2
        assert {row["status"] for row in rows} == {"ok"}
        assert {(row["initial_law"]["name"], row["sigma_max"]) for row in rows} == {
            (law, level) for law in ("centered", "moment-matched") for level in (1.0, 10.0)
        }

    def test_no_bound_is_violated(self, rows):
        assert [row["violations"] for row in rows if row["violations"]] == []
        for row in rows:
            budgeted = row["bounds"]["budget"]
            for name in ("theorem-2", "benton", "chen-lee-lu", "conforti", "ancestral-telescope"):
                assert row["bounds"][name] is None or row["bounds"][name] >= budgeted

    def test_the_matched_start_costs_less_and_on_a_gaussian_nothing(self, rows):
        for centered, matched in matched_pairs(rows):
            if centered["budget"] is None:
                continue
            assert matched["budget"]["initialization"] < centered["budget"]["initialization"]
            for term in ("score", "discretization"):
                assert matched["budget"][term] == pytest.approx(centered["budget"][term], rel=1e-12)
            if centered["target"]["name"] == "gaussian":
                assert matched["budget"]["initialization"] < 1e-13
                assert centered["budget"]["initialization"] > 0.01 / centered["sigma_max"] ** 2

    def test_one_network_serves_all_starts(self, rows):
        trained = [row for row in rows if row["network"]["name"] == "mlp"]
        assert len({(row["target"]["name"], row["seconds"]["train"]) for row in trained}) == 2

    def test_compute_counts_training_and_sampling(self, rows):
        for row in rows:
            if row["network"]["name"] == "exact":
                assert row["compute"] is row["training_share"] is None
            else:
                training, sampling = 3 * 64 * 60, 200 * row["nfe"]
                assert row["compute"] == training + sampling
                assert row["training_share"] == pytest.approx(training / (training + sampling))

    def test_the_low_start_is_worse_by_about_the_first_order_term(self, rows):
        for row in rows:
            if row["budget"] and row["initial_law"]["name"] == "centered":
                second = {"gaussian": 2 * (1 + 0.25), "ring": 1 + 2 * 0.15**2}[row["target"]["name"]]
                assert row["budget"]["initialization"] < second / (2 * row["sigma_max"] ** 2)
                assert math.isfinite(row["budget"]["total"])
