"""Metrics against closed forms, independent libraries, and their own claims of error."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from harness_metrics import (
    KL,
    MMD,
    W2,
    Energy,
    PathKL,
    SlicedWasserstein,
    UnbiasedEnergy,
    UnbiasedMMD,
    affine,
    change_of_variables,
    particles,
)
from harness_synthetic.targets import Gaussian, Ring

from harness.budget import Budget
from harness.errors import NotApplicable
from harness.metrics import Experiment, LastKernel, Measurement
from harness.samplers import GaussianKernelSampler, Sampler, SamplerRun


class Euler(Sampler):
    name = "test-euler"

    def step(self, run, x):
        slope = (x - run.denoiser(x, run.sigma)) / run.sigma
        return x + (run.sigma_next - run.sigma) * slope


class Frozen(GaussianKernelSampler):
    name = "test-frozen"

    def step_variances(self, sigma, sigma_next, information=None, score_error=None):
        return sigma**2 - sigma_next**2


class Churn(Euler):
    """Draws noise, with no Gaussian kernel."""

    name = "test-churn"

    @property
    def deterministic(self):
        return False

    def step(self, run, x):
        return super().step(run, x) + 0.01 * torch.tanh(run.noise())


class Narrow(Frozen):
    """The ancestral sampler: variance u'Δ/u."""

    name = "test-narrow"

    def step_variances(self, sigma, sigma_next, information=None, score_error=None):
        return sigma_next**2 * (1 - sigma_next**2 / sigma**2)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def exponential_grid(steps, sigma_max=20.0, sigma_min=0.05):
    return list(np.geomspace(sigma_max, sigma_min, steps + 1))


def experiment(target, sampler, sigmas, n=1024, seed=0, denoise=None):
    law = target.distribution()
    denoise = denoise or law.denoise
    generator = torch.Generator().manual_seed(seed)
    kernel = last = variances = None
    if isinstance(sampler, GaussianKernelSampler):
        variances = sampler.variances(np.array(sigmas), None, None).tolist()

        def kernel(j, x):
            run = SamplerRun(denoise, sigmas, None, variances, index=j)
            return LastKernel(sampler.mean(run, x), variances[j])

    def simulate(x, noise):
        return sampler.sample(SamplerRun(denoise, sigmas, noise, variances), x)

    x = sigmas[0] * torch.randn(n, law.dim, generator=generator, dtype=torch.float64)
    if kernel:
        for j in range(len(sigmas) - 1):
            last = kernel(j, x)
            x = last.mean + last.variance**0.5 * torch.randn(x.shape, generator=generator, dtype=torch.float64)
    else:
        x = simulate(x, lambda: torch.randn(x.shape, generator=generator, dtype=torch.float64))
    reference = law.sample(n, generator) + sigmas[-1] * normal(n, law.dim, seed=seed + 1)
    return Experiment(law, sampler, sigmas, x, reference, simulate, True, last, None, generator, kernel=kernel)


def isotropic_divergence(sampler, sigmas, dim, scale=1.0):
    """KL(p_δ ‖ q_N) for N(0, scale² I) by the recursion of the variance, docs/theory.md §3."""
    variance, u = sigmas[0] ** 2, np.array(sigmas) ** 2
    for j in range(len(sigmas) - 1):
        shrink = scale**2 / (scale**2 + u[j])
        if isinstance(sampler, GaussianKernelSampler):
            kept = u[j + 1] / u[j]
            variance = (kept + (1 - kept) * shrink) ** 2 * variance + u[j] - u[j + 1]
        else:
            variance *= (1 + (sigmas[j + 1] / sigmas[j] - 1) * (1 - shrink)) ** 2
    ratio = (scale**2 + u[-1]) / variance
    return 0.5 * dim * (ratio - 1 - math.log(ratio))


class TestUnbiased:
    """U-statistics: the mean over repetitions is the distance of the laws, also where that is 0."""

    METRICS = (UnbiasedEnergy(), UnbiasedMMD())

    def test_energy_is_the_sum_over_pairs_of_different_points(self):
        x, y = normal(300, 3), 1.3 * normal(170, 3, seed=1)
        exact = 2 * torch.cdist(x, y).mean() - torch.pdist(x).mean() - torch.pdist(y).mean()
        assert UnbiasedEnergy().compare(x, y).value == pytest.approx(exact.item(), rel=1e-9)

    @pytest.mark.parametrize("shift", [0.0, 0.3])
    def test_energy_on_average(self, shift):
        """Against the closed form; the plug-in statistic of so few points is far above it."""
        folded = 2 / math.sqrt(math.pi) * math.exp(-(shift**2) / 4) + shift * math.erf(shift / 2)
        exact = 2 * folded - 4 / math.sqrt(math.pi)
        pairs = [(normal(20, 1, seed=2 * k) + shift, normal(30, 1, seed=2 * k + 1)) for k in range(2000)]
        found = np.array([UnbiasedEnergy().compare(x, y).value for x, y in pairs])
        assert abs(found.mean() - exact) < 3 * found.std() / math.sqrt(2000)
        assert np.mean([Energy().compare(x, y).value ** 2 for x, y in pairs]) > exact + 0.04

    def test_of_one_law_it_is_negative_as_often_as_not(self):
        for metric in self.METRICS:
            found = [metric.compare(normal(50, 2, seed=2 * k), normal(50, 2, seed=2 * k + 1)).value for k in range(400)]
            assert abs(np.mean(found)) < 3 * np.std(found) / 20
            assert 0.5 < np.mean(np.array(found) < 0) < 0.75

    def test_mmd_on_average(self):
        """With kernels of given widths E k(X, Y) of normals is a closed form; the widths follow the reference."""
        x, y = normal(60, 2) + 0.4, normal(40, 2, seed=1)
        width = torch.pdist(y).median().item() ** 2

        def exact(shift):
            # E exp(−‖D‖²/2s²), D ~ N(m, 2I) in the plane.
            return sum(
                1 / (1 + 2 / (s * width)) * math.exp(-(shift**2) / (2 * (s * width + 2))) for s in (2, 1, 0.5, 0.25)
            )

        value = (exact(0) - exact(0.4 * math.sqrt(2))) / 2
        found = [
            UnbiasedMMD().compare(normal(60, 2, seed=2 * k) + 0.4, normal(40, 2, seed=2 * k + 1)) for k in range(500)
        ]
        assert np.mean([each.value for each in found]) == pytest.approx(value, rel=0.1)
        assert UnbiasedMMD().compare(x, y).value == pytest.approx(MMD().compare(x, y).value ** 2, abs=0.05)

    @pytest.mark.parametrize("scale", [1.0, 2.0])
    def test_its_error_is_that_of_repetitions(self, scale):
        """Of different laws to a tenth; of one law the jackknife errs upwards, by less than half."""
        for metric in self.METRICS:
            pairs = [(scale * normal(80, 2, seed=2 * k), normal(80, 2, seed=2 * k + 1)) for k in range(400)]
            found = [metric.compare(x, y) for x, y in pairs]
            spread, told = np.std([each.value for each in found]), np.mean([each.standard_error for each in found])
            assert 0.9 < told / spread < (1.6 if scale == 1 else 1.15)

    def test_it_needs_pairs(self):
        with pytest.raises(NotApplicable, match="samples of 2 and 9 points; a distance needs 3 or more of each"):
            UnbiasedEnergy().compare(normal(2, 1), normal(9, 1))


class TestSampleMetrics:
    METRICS = (SlicedWasserstein(), Energy(), MMD())

    @pytest.mark.parametrize("metric", [Energy, MMD, UnbiasedEnergy, UnbiasedMMD])
    def test_what_is_quadratic_compares_the_first_points_of_either_sample(self, metric):
        x, y = normal(500, 2), normal(400, 2, seed=1) + 0.5
        some, whole = metric(points=100).compare(x, y), metric().compare(x, y)
        assert some == metric(points=100).compare(x[:100], y[:100]) != whole
        assert whole == metric(points=500).compare(x, y)
        assert some.standard_error > whole.standard_error

    def test_energy_of_shifted_gaussians_in_one_dimension(self):
        # 2E|X−Y| − E|X−X'| − E|Y−Y'| with X−Y ~ N(m, 2): folded normal means.
        shift = 1.5
        folded = 2 / math.sqrt(math.pi) * math.exp(-(shift**2) / 4) + shift * math.erf(shift / 2)
        exact = math.sqrt(2 * folded - 4 / math.sqrt(math.pi))
        found = Energy(points=4000).compare(normal(4000, 1) + shift, normal(4000, 1, seed=1))
        assert abs(found.value - exact) < 3 * found.standard_error
        assert found.standard_error < 0.05 * exact

    def test_energy_is_the_double_sum(self):
        x, y = normal(300, 3), 1.3 * normal(170, 3, seed=1)
        exact = 2 * torch.cdist(x, y).mean() - torch.cdist(x, x).mean() - torch.cdist(y, y).mean()
        assert Energy().compare(x, y).value == pytest.approx(exact.sqrt().item(), rel=1e-9)

    def test_mmd_is_the_double_sum_with_the_median_of_the_reference(self):
        x, y = normal(300, 3) + 0.4, normal(170, 3, seed=1)
        width = torch.pdist(y).median() ** 2

        def kernel(a, b):
            squared = torch.cdist(a, b) ** 2
            return sum(torch.exp(-squared / (2 * s * width)) for s in (2, 1, 0.5, 0.25)) / 4

        exact = kernel(x, x).mean() + kernel(y, y).mean() - 2 * kernel(x, y).mean()
        assert MMD().compare(x, y).value == pytest.approx(exact.sqrt().item(), rel=1e-9)

    def test_mmd_of_gaussians(self):
        # E exp(−‖X−Y‖²/2s²) = (s²/(s²+2))^{d/2} exp(−m²/2(s²+2)) for unit Gaussians at distance m.
        shift, dim = 1.0, 2
        x, y = normal(3000, dim), normal(3000, dim, seed=1)
        width = torch.pdist(y[:512]).square().median().item()
        scales = [s * width for s in (2, 1, 0.5, 0.25)]
        same = sum((s / (s + 2)) ** (dim / 2) for s in scales) / 4
        apart = sum((s / (s + 2)) ** (dim / 2) * math.exp(-(shift**2) / 2 / (s + 2)) for s in scales) / 4
        x[:, 0] += shift
        found = MMD().compare(x, y)
        assert abs(found.value - math.sqrt(2 * same - 2 * apart)) < 3 * found.standard_error

    def test_sliced_wasserstein_of_a_shift_is_the_shift(self):
        x = normal(500, 1)
        assert SlicedWasserstein().compare(x + 0.7, x).value == pytest.approx(0.7, rel=1e-12)
        # In d dimensions the mean of (θ·m)² is ‖m‖²/d: exact up to the directions.
        x = normal(500, 8)
        found = SlicedWasserstein(projections=4000).compare(x + 0.7, x)
        assert found.value == pytest.approx(0.7, rel=0.03)

    def test_sliced_wasserstein_of_scaled_gaussians(self):
        found = SlicedWasserstein().compare(2 * normal(6000, 4), normal(5000, 4, seed=1))
        assert abs(found.value - 1.0) < 3 * found.standard_error

    @pytest.mark.parametrize("sizes", [(300, 300), (300, 180), (70, 101), (2, 3)])
    def test_sliced_wasserstein_against_an_independent_library(self, sizes):
        ot = pytest.importorskip("ot")
        from harness_metrics.samples import DIRECTIONS_SEED

        x, y = normal(sizes[0], 5), 1.4 * normal(sizes[1], 5, seed=1) + 0.2
        directions = torch.randn(64, 5, generator=torch.Generator().manual_seed(DIRECTIONS_SEED), dtype=torch.float64)
        directions = torch.nn.functional.normalize(directions, dim=1)
        exact = ot.sliced_wasserstein_distance(x.numpy(), y.numpy(), projections=directions.numpy().T)
        assert SlicedWasserstein(projections=64).compare(x, y).value == pytest.approx(exact, rel=1e-9)

    @pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
    def test_identical_samples_are_at_distance_zero(self, metric):
        x = normal(200, 3)
        assert metric.compare(x, x[torch.randperm(200)]).value == pytest.approx(0, abs=3e-5)

    @pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
    @pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.4, 1.0), (0.0, 1.3)])
    def test_standard_error_is_the_spread_of_repetitions(self, metric, shift, scale):
        found = [
            metric.compare(scale * normal(200, 2, seed=2 * i) + shift, normal(200, 2, seed=2 * i + 1))
            for i in range(80)
        ]
        spread = np.std([m.value for m in found], ddof=1)
        claimed = np.mean([m.standard_error for m in found])
        # The spread is itself known to 8 %; for equal laws the jackknife errs upwards by up to √2.
        assert 0.75 < claimed / spread < (1.8 if (shift, scale) == (0.0, 1.0) else 1.35)

    @pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
    def test_the_distance_between_samples_of_one_law_falls_as_the_root_of_their_size(self, metric):
        means = [
            np.mean([metric.compare(normal(n, 2, seed=2 * i), normal(n, 2, seed=2 * i + 1)).value for i in range(30)])
            for n in (100, 400)
        ]
        assert means[0] / means[1] == pytest.approx(2, rel=0.25)

    @pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
    def test_what_is_kept_of_a_reference_is_kept_by_its_content(self, metric):
        x, y = normal(100, 2), normal(100, 2, seed=1)
        first = metric.compare(x, y)
        assert metric.compare(x, y.clone()) == first
        y += 1.0
        changed = metric.compare(x, y)
        assert changed.value > 1.5 * first.value
        assert metric.compare(x, y - 1.0).value == pytest.approx(first.value, rel=1e-9)

    @pytest.mark.parametrize("metric", METRICS, ids=lambda m: m.name)
    def test_one_point_is_refused(self, metric):
        with pytest.raises(NotApplicable, match="samples of 1 and 5 points; a distance needs 2 or more"):
            metric.compare(normal(1, 2), normal(5, 2))


class TestAffineKL:
    @pytest.mark.parametrize("sampler", [Euler(), Frozen()], ids=lambda s: s.name)
    @pytest.mark.parametrize("dim", [1, 2, 16])
    def test_isotropic_gaussian_by_recursion(self, sampler, dim):
        sigmas = exponential_grid(7)
        found = KL().measure(experiment(Gaussian(dim=dim, std=0.8), sampler, sigmas, n=8))
        assert found.value == pytest.approx(isotropic_divergence(sampler, sigmas, dim, 0.8), rel=1e-9)
        assert (found.standard_error, found.bias) == (0, 0)

    def test_a_mean_adds_its_quadratic_form(self):
        # docs/theory.md §4.4 as corrected: ½‖m‖² ((s²+u_N)/(s²+u_0))² / v_N for the exact reverse map.
        sigmas = exponential_grid(400, sigma_max=5.0)
        centred = KL().measure(experiment(Gaussian(dim=2), Frozen(), sigmas, n=8)).value
        shifted = KL().measure(experiment(Gaussian(dim=2, mean=1.5), Frozen(), sigmas, n=8)).value
        u0, u_n = sigmas[0] ** 2, sigmas[-1] ** 2
        assert shifted - centred == pytest.approx(0.5 * 4.5 * (1 + u_n) / (1 + u0) ** 2, rel=0.05)

    def test_the_law_is_that_of_the_samples(self):
        made = experiment(Gaussian(dim=3, condition=9.0, mean=0.5), Frozen(), exponential_grid(5), n=40_000)
        law = affine.output_law(made)
        assert torch.allclose(law.covariance, made.samples.T.cov(), rtol=0.05, atol=0.07)
        assert torch.allclose(law.mean, made.samples.mean(0), atol=0.03)

    def test_a_network_that_is_not_affine_is_not_taken_for_one(self):
        target = Gaussian(dim=2)

        def bent(x, sigma):
            return target.distribution().denoise(x, sigma) + 1e-5 * torch.sin(x)

        made = experiment(target, Euler(), exponential_grid(10), denoise=bent)
        assert affine.output_law(made) is None
        assert KL().measure(made).standard_error > 0

    def test_a_collapsed_sampler_has_no_divergence(self):
        made = experiment(Gaussian(dim=2), Euler(), exponential_grid(3), denoise=lambda x, sigma: 0 * x)
        collapsed = dataclasses.replace(made, simulate=lambda x, noise: x * torch.tensor([1.0, 0.0]))
        assert "degenerate" in KL().measure(collapsed).reason


class TestParticleKL:
    """On a Gaussian the closed form is known; hiding it sends `kl` to the density estimators."""

    @staticmethod
    def hidden(target, sampler, sigmas, seed, **changes):
        made = experiment(target, sampler, sigmas, seed=seed)
        made.target.gaussian = lambda: None
        return dataclasses.replace(made, **changes)

    @pytest.mark.parametrize("steps", [6, 25])
    def test_against_the_closed_form_within_its_error(self, steps):
        sigmas = exponential_grid(steps)
        exact = isotropic_divergence(Frozen(), sigmas, 2)
        found = [KL().measure(self.hidden(Gaussian(dim=2), Frozen(), sigmas, seed)) for seed in range(12)]
        error = math.hypot(*(m.standard_error for m in found)) / len(found)
        mean = np.mean([m.value for m in found])
        assert abs(mean - exact) < 2.5 * error + np.mean([abs(m.bias) for m in found])
        assert error < 0.05 * exact + 0.007
        scores = [(m.value - exact) / m.standard_error for m in found]
        assert 0.4 < np.std(scores) < 1.8

    def test_extrapolation_removes_the_bias_of_too_few_particles(self):
        sigmas = exponential_grid(12)
        exact = isotropic_divergence(Frozen(), sigmas, 2)
        plain, corrected = [], []
        for seed in range(24):
            made = self.hidden(Gaussian(dim=2), Frozen(), sigmas, seed)
            mixtures = particles._mixtures(made, 256)
            points = made.fresh(512)
            log_p = made.target.log_density(points, made.sigma_min)
            found = particles._densities(mixtures[-1], particles._paths(made, points, 0))
            plain.append((log_p - found.whole).mean().item())
            corrected.append((log_p - found.extrapolated()).mean().item())
        bias, left = np.mean(plain) - exact, np.mean(corrected) - exact
        assert bias > 0.03
        assert abs(left) < 0.35 * bias

    def test_depths_agree(self):
        """Going back along paths changes the variance, not the mean."""
        sigmas = exponential_grid(25)
        exact = isotropic_divergence(Frozen(), sigmas, 2)
        for depth in (1, 4):
            values = []
            for seed in range(10):
                made = self.hidden(Gaussian(dim=2), Frozen(), sigmas, seed)
                points = made.fresh(256)
                log_p = made.target.log_density(points, made.sigma_min)
                mixture = particles._mixtures(made, 1024)[-1 - depth]
                found = particles._densities(mixture, particles._paths(made, points, depth))
                ratio = (found.whole - log_p).exp() - 1
                values.append((log_p - found.extrapolated() + ratio).mean().item())
            assert abs(np.mean(values) - exact) < 3 * np.std(values) / math.sqrt(10) + 0.003

    def test_a_poor_network_gives_the_same_value_in_every_run(self):
        """Far from p_δ, where q/p has a heavy tail, against 16,384 particles of the last kernel alone."""
        target, sigmas = Ring(), exponential_grid(20)

        def poor(x, sigma):
            return target.distribution().denoise(x, sigma) * (1 - 0.3 * sigma / (1 + sigma))

        found = [KL().measure(experiment(target, Frozen(), sigmas, seed=s, denoise=poor)) for s in range(6)]
        made = experiment(target, Frozen(), sigmas, denoise=poor)
        points = made.fresh(512)
        log_p = made.target.log_density(points, made.sigma_min)
        mixture = particles._mixtures(made, 16384)[-1]
        many = particles._densities(mixture, particles._paths(made, points, 0))
        value = log_p - many.extrapolated()
        error = math.hypot(value.std().item() / 512**0.5, np.mean([m.standard_error for m in found]) / math.sqrt(6))
        assert abs(np.mean([m.value for m in found]) - value.mean().item()) < 3 * error
        assert np.std([m.value for m in found]) < 2 * np.mean([m.standard_error for m in found])

    def test_children_where_kernels_are_narrow_and_steps_wide(self):
        """Ancestral steps from 20 to 0.05 in 6: no depth will do, and 1,024 particles lie too far apart."""
        sigmas = exponential_grid(6)
        made = [experiment(Ring(), Narrow(), sigmas, seed=s) for s in range(8)]
        assert particles._best(made[0], particles._mixtures(made[0], 1024))[1].children == particles.CHILDREN
        found = [KL().measure(one) for one in made]
        points = made[0].fresh(1024)
        log_p = made[0].target.log_density(points, made[0].sigma_min)
        mixture = particles._mixtures(made[0], 32768)[-1]
        many = particles._densities(mixture, particles._paths(made[0], points, 0))
        value = log_p - many.extrapolated()
        error = math.hypot(value.std().item() / 32, *(m.standard_error / 8 for m in found))
        assert abs(np.mean([m.value for m in found]) - value.mean().item()) < 3 * error
        spread = np.std([m.value for m in found], ddof=1)
        assert 0.5 < np.mean([m.standard_error for m in found]) / spread < 2

    def test_what_is_nearly_gaussian_costs_hardly_any_error(self):
        """One huge step makes q_N nearly Gaussian: ln q_N is then a combination of the controls."""
        sigmas = [20.0, 10.0, 4.0, 0.05]
        found = KL().measure(experiment(Ring(), Frozen(), sigmas))
        plain = experiment(Ring(), Frozen(), sigmas)
        points = plain.fresh(256)
        log_p = plain.target.log_density(points, plain.sigma_min)
        mixture = particles._mixtures(plain, 1024)[-1]
        whole = particles._densities(mixture, particles._paths(plain, points, 0)).whole
        assert found.standard_error < 0.5 * (log_p - whole).std().item() / 16

    def test_the_last_kernel_alone_will_do_where_it_is_wide(self):
        sigmas = exponential_grid(5)
        made = [self.hidden(Gaussian(dim=2), Frozen(), sigmas, seed, kernel=None) for seed in range(8)]
        values = [KL().measure(one).value for one in made]
        exact = isotropic_divergence(Frozen(), sigmas, 2)
        assert abs(np.mean(values) - exact) < 3 * np.std(values) / math.sqrt(8)

    def test_particles_too_far_apart_give_no_value(self):
        sigmas = [20.0, 5.0, 1.0, 0.2, 0.0101, 0.01]
        found = KL().measure(self.hidden(Gaussian(dim=2), Frozen(), sigmas, 0, kernel=None))
        assert isinstance(found, NotApplicable)
        assert "too far apart" in found.reason


class TestChangeOfVariablesKL:
    @pytest.mark.parametrize("steps", [8, 20])
    def test_against_the_closed_form_within_its_error(self, steps):
        sigmas = exponential_grid(steps)
        found = []
        for seed in range(12):
            made = experiment(Gaussian(dim=2), Euler(), sigmas, seed=seed)
            made.target.gaussian = lambda: None
            found.append(KL().measure(made))
        exact = isotropic_divergence(Euler(), sigmas, 2)
        error = np.mean([m.standard_error for m in found]) / math.sqrt(12)
        assert abs(np.mean([m.value for m in found]) - exact) < 3 * error
        assert error < 0.05 * exact

    def test_folds_hold_as_many_wide_points_as_narrow_ones(self):
        # Where folds hold one kind each, coefficients depend on the fold, and a bias of 0.005 stays for every n.
        sigmas, found = exponential_grid(4, 2.0, 0.2), []
        for seed in range(12):
            made = experiment(Gaussian(dim=2), Euler(), sigmas, seed=seed)
            made.target.gaussian = lambda: None
            found.append(change_of_variables.divergence(made, 4000))
        exact = isotropic_divergence(Euler(), sigmas, 2)
        error = np.mean([m.standard_error for m in found]) / math.sqrt(12)
        assert abs(np.mean([m.value for m in found]) - exact) < 3 * error
        assert error < 0.003 * exact

    def test_ring_agrees_with_a_density_on_a_lattice(self):
        """A mixture in one dimension: the density of Euler's law from the image of a fine lattice."""
        from harness.mixtures import IsotropicMixture, MixtureDistribution

        law = MixtureDistribution(IsotropicMixture(torch.tensor([[-1.0], [1.0]]), 0.09))
        sigmas = exponential_grid(12, sigma_max=10.0)
        made = experiment(Gaussian(dim=1), Euler(), sigmas, denoise=law.denoise)
        made = dataclasses.replace(made, target=law)
        start = torch.linspace(-70, 70, 400_001, dtype=torch.float64)[:, None]
        image = made.simulate(start, lambda: None)[:, 0]
        middle, width = (image[1:] + image[:-1]) / 2, image.diff()
        start_middle = (start[1:, 0] + start[:-1, 0]) / 2
        log_start = -0.5 * (start_middle / 10) ** 2 - math.log(10 * math.sqrt(2 * math.pi))
        log_q = log_start - (width / start.diff(dim=0)[:, 0]).log()
        log_p = law.log_density(middle[:, None], sigmas[-1])
        exact = (log_p.exp() * (log_p - log_q) * width).sum().item()
        found = KL(points=4096).measure(made)
        assert abs(found.value - exact) < 3 * found.standard_error
        assert found.standard_error < 0.1 * exact

    def test_a_folding_map_is_refused(self):
        made = experiment(Ring(), Euler(), exponential_grid(10))
        folded = dataclasses.replace(made, simulate=lambda x, noise: made.simulate(x.abs(), noise))
        assert "folds" in KL().measure(folded).reason

    def test_missed_mass_is_refused(self):
        made = experiment(Ring(), Euler(), exponential_grid(10))
        narrow = dataclasses.replace(made, simulate=lambda x, noise: 0.3 * made.simulate(x, noise))
        assert "misses mass" in KL().measure(narrow).reason

    def test_a_simulation_without_derivative_has_no_value(self):
        made = experiment(Ring(), Euler(), exponential_grid(10))
        cut = dataclasses.replace(made, simulate=lambda x, noise: 0 * x + made.simulate(x.detach(), noise).detach())
        found = KL().measure(cut)
        assert isinstance(found, NotApplicable)
        assert "derivative disagrees with differences" in found.reason

    def test_both_ways_of_a_derivative_agree(self):
        made, start = experiment(Ring(), Euler(), exponential_grid(10)), 20 * normal(50, 2)

        def function(x):
            return made.simulate(x, None)

        (values, backward), (again, forward) = change_of_variables._derivatives(function, start, 16)
        torch.testing.assert_close(values, again, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(backward, forward, rtol=1e-10, atol=1e-12)

    @pytest.mark.parametrize("way", ["without gradients", "in place", "the network without gradients"])
    def test_a_step_with_no_way_back_is_differentiated_forward(self, way):
        sigmas, law = exponential_grid(10), Ring().distribution()

        class Stubborn(Euler):
            name = "test-stubborn"

            def step(self, run, x):
                if way == "in place":
                    # exp() needs its own result for the way back, and doubling spoils it.
                    power = super().step(run, x).div(100).exp()
                    root = power.square()
                    power.mul_(0.5)
                    return root.log() * 50
                with torch.no_grad():
                    return super().step(run, x)

        def denoise(x, sigma):
            with torch.no_grad():
                return law.denoise(x, sigma)

        plain = KL().measure(experiment(Ring(), Euler(), sigmas))
        if way == "the network without gradients":
            found = KL().measure(experiment(Ring(), Euler(), sigmas, denoise=denoise))
        else:
            found = KL().measure(experiment(Ring(), Stubborn(), sigmas))
        assert found.value == pytest.approx(plain.value, rel=1e-9)
        assert found.standard_error == pytest.approx(plain.standard_error, rel=1e-9)

    @pytest.mark.parametrize("wrong", [slice(None, 8), slice(8, None)])
    def test_a_derivative_must_be_right_at_wide_points_and_at_narrow_ones(self, wrong):
        start = torch.randn(16, 2, dtype=torch.float64)
        jacobian = torch.diag_embed(3 * start**2)
        assert change_of_variables._agrees(lambda x: x**3, start, jacobian)
        jacobian[wrong] = 0
        assert not change_of_variables._agrees(lambda x: x**3, start, jacobian)


class TestFarAway:
    @pytest.mark.parametrize("shift", [1e5, 1e20])
    def test_a_sampler_that_diverged_has_no_value(self, shift):
        made = experiment(Ring(), Frozen(), exponential_grid(10))
        assert made.last_kernel is not None
        kernel = dataclasses.replace(made.last_kernel, mean=made.last_kernel.mean + shift)
        found = KL().measure(dataclasses.replace(made, last_kernel=kernel, kernel=None))
        assert isinstance(found, NotApplicable)


class TestApplicability:
    def test_noise_without_a_kernel_has_no_density(self):
        found = KL().measure(experiment(Ring(), Churn(), exponential_grid(5)))
        assert found == NotApplicable("the law of sampler test-churn has no known density")

    def test_high_dimension(self):
        made = experiment(Gaussian(dim=6), Churn(), exponential_grid(5))
        assert KL().measure(made) == NotApplicable("dimension 6 is above max_dim 4")

    def test_path_kl_is_the_budgets_total(self):
        terms = [np.array([1.0, 2.0, 3.0]), np.array([0.5]), np.array([0.25]), np.array([-0.25])]
        made = dataclasses.replace(experiment(Ring(), Frozen(), exponential_grid(5)), budget=Budget(*terms))
        assert PathKL().measure(made) == Measurement(2.5, 1 / math.sqrt(3), freedom=2, shared=True)

    def test_path_kl_needs_a_kernel(self):
        found = PathKL().measure(experiment(Ring(), Euler(), exponential_grid(5)))
        assert found == NotApplicable("sampler test-euler has no Gaussian kernel, so no path divergence")

    def test_marginal_is_below_path(self):
        """Data processing on a ring: the marginal estimate stays below the sum of the steps' divergences."""
        from harness.budget import budget
        from harness.engine.curves import ExactScoreError
        from harness.engine.measurement import measure_information

        sigmas = exponential_grid(15)
        made = experiment(Ring(), Frozen(), sigmas)
        grid = np.array(sigmas)
        information = measure_information(made.target, sigmas[-1], sigmas[0])
        path = budget(grid, Frozen().variances(grid, None, None), information, ExactScoreError(lambda s: 0 * s))
        found = KL().measure(made)
        assert 0 < found.value + 3 * found.standard_error < path.total.mean()


class TestW2:
    def test_it_is_gelbrichs_formula(self):
        """tr(A + B − 2(A^½BA^½)^½) by scipy's square root, for covariances that do not commute."""
        from scipy.linalg import sqrtm

        a, b = (m @ m.T + 0.1 * torch.eye(4) for m in (normal(4, 4, seed=1), normal(4, 4, seed=2)))
        shift = normal(4, seed=3)
        middle = sqrtm(sqrtm(a.numpy()) @ b.numpy() @ sqrtm(a.numpy())).real
        expected = float((a + b).trace()) - 2 * np.trace(middle) + float(shift.square().sum())
        law = affine.GaussianLaw(shift, b)
        found = affine.wasserstein((torch.zeros(4, dtype=torch.float64), a), 0.0, law)
        assert found.value == pytest.approx(math.sqrt(expected))

    def test_a_small_distance_keeps_its_digits(self):
        a = torch.diag(torch.tensor([4.0, 1.0], dtype=torch.float64))
        law = affine.GaussianLaw(torch.zeros(2, dtype=torch.float64), a * (1 + 1e-9) ** 2)
        found = affine.wasserstein((torch.zeros(2, dtype=torch.float64), a), 0.0, law)
        assert found.value == pytest.approx(1e-9 * math.sqrt(5), rel=1e-4)

    def test_euler_on_the_line(self):
        """|√V − √(c² + δ²)|, V by the recursion."""
        sigmas = exponential_grid(12)
        variance = sigmas[0] ** 2
        for s, t in itertools.pairwise(sigmas):
            variance *= (1 + (t - s) / s * (1 - 0.49 / (0.49 + s**2))) ** 2
        expected = abs(math.sqrt(variance) - math.sqrt(0.49 + sigmas[-1] ** 2))
        made = experiment(Gaussian(dim=1, std=0.7), Euler(), sigmas, n=64)
        assert W2().measure(made).value == pytest.approx(expected)

    def test_it_says_where_it_has_no_value(self):
        ring = experiment(Ring(), Euler(), exponential_grid(4), n=64)
        assert "no Gaussian" in W2().measure(ring).reason
        bent = experiment(Gaussian(), Churn(), exponential_grid(4), n=64)
        assert "not affine" in W2().measure(bent).reason
