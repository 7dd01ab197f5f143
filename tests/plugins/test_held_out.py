"""The bound on the likelihood of held-out points: exact identities, estimates within their error, what data show."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from harness_data.targets import Digits
from harness_karras.networks import Mlp
from harness_metrics import BitsPerDimension, Memorisation, MemorisationGap, NLLBound, affine, held_out, memorisation
from harness_song.samplers import Ancestral, Euler
from harness_synthetic.targets import Gaussian
from harness_wang.samplers import ExponentialIntegrator

from harness.budget import budget
from harness.engine.curves import ExactScoreError
from harness.engine.denoisers import denoiser_from_module
from harness.engine.sampling import kernel_function, simulate_function
from harness.errors import NotApplicable
from harness.information import Information
from harness.initial_laws import Start
from harness.metrics import Experiment, Measurement
from harness.mixtures import EmpiricalDistribution, IsotropicMixture, MixtureDistribution
from harness.samplers import GaussianKernelSampler

GRIDS = {
    "geometric": np.geomspace(20.0, 0.05, 13),
    "cubic": np.linspace(20.0 ** (1 / 3), 0.05 ** (1 / 3), 9) ** 3,
}
SAMPLERS = (ExponentialIntegrator(), Ancestral())


def experiment(law, sampler, sigmas, denoise, start=None, **given):
    """A combination whose samples no test here looks at, unless given."""
    variances = sampler.variances(sigmas, None, None) if isinstance(sampler, GaussianKernelSampler) else None
    nothing = torch.zeros(2, law.dim, dtype=torch.float64)
    return Experiment(
        target=law,
        sampler=sampler,
        sigmas=sigmas.tolist(),
        samples=given.get("samples", nothing),
        reference=given.get("reference", nothing),
        simulate=simulate_function(sampler, denoise, sigmas, variances),
        exact_network=False,
        last_kernel=None,
        budget=None,
        generator=torch.Generator().manual_seed(given.get("seed", 0)),
        kernel=kernel_function(sampler, denoise, sigmas, variances),
        initial=start,
    )


# A Gaussian and affine networks: the bound is a quadratic function of normal numbers


class Wrong:
    """D = D* + σ(Bw + c), w = (x − m)/√(λ + σ²) ~ N(0, I), so that σ²e(σ) = ‖B‖² + ‖c‖²."""

    def __init__(self, law, size, seed):
        generator = torch.Generator().manual_seed(seed)
        self.law = law
        self.matrix = size * torch.randn(law.dim, law.dim, generator=generator, dtype=torch.float64)
        self.offset = size * torch.randn(law.dim, generator=generator, dtype=torch.float64)

    def __call__(self, x, sigma):
        w = (x - self.law.mixture.mean) / (self.law.eigenvalues + sigma**2).sqrt()
        return self.law.denoise(x, sigma) + sigma * (w @ self.matrix.T + self.offset)

    def score_error(self):
        size = (self.matrix.square().sum() + self.offset.square().sum()).item()
        return ExactScoreError(lambda sigma: size / sigma**2)


def cubature(law):
    """Points X_0 and noise whose plain mean is exact for quadratic functions of both."""
    axes = math.sqrt(2 * law.dim) * torch.eye(2 * law.dim, dtype=torch.float64)
    z, noise = torch.cat([axes, -axes]).split(law.dim, 1)
    return law.mixture.mean + law.eigenvalues.sqrt() * z, noise


def exact_bound(at):
    clean, noise = cubature(at.target)
    return held_out.path_bound(at, clean, lambda sigma: noise).mean().item()


def path_divergence(at, network):
    sigmas = np.array(at.sigmas)
    information = at.target.closed_information()
    initialization = at.start.divergence(sigmas[0] ** 2, information, *at.target.gaussian())
    variances = at.sampler.variances(sigmas, None, None)
    return budget(sigmas, variances, information, network.score_error(), initialization).total.item()


def entropy(law, delta):
    return 0.5 * (2 * math.pi * math.e * (law.eigenvalues + delta**2)).log().sum().item()


@pytest.fixture(scope="module")
def law():
    return Gaussian(dim=3, condition=25, mean=0.4).distribution()


@pytest.fixture(scope="module")
def designs(law):
    """Experiments with their networks: every network, grid, sampler and start."""
    matched = Start.from_covariance(law.mixture.mean + 0.1, law.eigenvalues.diag() + 390 * torch.eye(3).double())
    networks = [Wrong(law, 0.0, 0), Wrong(law, 0.1, 1), Wrong(law, 0.3, 2)]
    return [
        (experiment(law, sampler, sigmas, network, start), network)
        for network, sigmas, sampler, start in itertools.product(networks, GRIDS.values(), SAMPLERS, (None, matched))
    ]


def test_the_bound_is_the_entropy_plus_the_path_divergence(law, designs):
    for at, network in designs:
        assert exact_bound(at) == pytest.approx(entropy(law, 0.05) + path_divergence(at, network), rel=1e-10)


def test_differences_between_designs_are_those_of_their_path_divergences(designs):
    bounds = np.array([exact_bound(at) for at, _ in designs])
    divergences = np.array([path_divergence(at, network) for at, network in designs])
    assert np.ptp(divergences) > 1
    np.testing.assert_allclose(bounds - bounds[0], divergences - divergences[0], atol=1e-9, rtol=0)


def test_the_bound_is_above_the_cross_entropy_by_what_the_path_divergence_is_above_the_marginal_one(law, designs):
    mean, covariance = law.gaussian()
    noised = covariance + 0.05**2 * torch.eye(3)
    for at, network in designs:
        output = affine.output_law(at)
        away, inverse = mean - output.mean, output.covariance.inverse()
        quadratic = (inverse @ noised).trace() + away @ inverse @ away
        cross = 0.5 * (3 * math.log(2 * math.pi) + output.covariance.logdet() + quadratic).item()
        gap = path_divergence(at, network) - affine.divergence((mean, covariance), 0.05, output).value
        assert gap > 1e-3
        assert exact_bound(at) - cross == pytest.approx(gap, abs=1e-7)


def test_estimates_hold_the_truth_within_their_error(law, designs):
    found = [NLLBound(points=512).measure(at) for at, _ in designs]
    for (at, network), measured in zip(designs, found, strict=True):
        assert measured.shared
        assert 0 < measured.standard_error < 1 + 0.02 * abs(measured.value)
        truth = entropy(law, 0.05) + path_divergence(at, network)
        assert abs(measured.value - truth) < 4 * measured.standard_error


def test_paired_differences_hold_the_truth_and_are_sharper_than_unpaired_ones(designs):
    points = [held_out.point_bounds(at, 512, 2048) for at, _ in designs]
    sharper = []
    for (a, b), ((one, net), (two, other)) in zip(
        itertools.combinations(points, 2), itertools.combinations(designs, 2), strict=True
    ):
        difference = held_out.mean_over_points(a - b)
        truth = path_divergence(one, net) - path_divergence(two, other)
        assert abs(difference.value - truth) < 4.5 * difference.standard_error + 1e-9
        if net is other and one.sampler is two.sampler:
            unpaired = math.hypot(*(held_out.mean_over_points(c).standard_error for c in (a, b)))
            sharper.append(difference.standard_error / unpaired)
    assert np.median(sharper) < 0.5


def test_points_and_noise_are_the_same_for_every_design_and_seed(law):
    network = Wrong(law, 0.1, 1)
    values = [
        NLLBound().measure(experiment(law, SAMPLERS[0], GRIDS["cubic"], network, seed=seed)).value for seed in (0, 1)
    ]
    assert values[0] == values[1]


def test_scaling_adds_d_ln_c_and_changes_no_difference():
    unit, large = (Gaussian(dim=3, condition=25, mean=0.4 * c, std=c).distribution() for c in (1.0, 1000.0))
    networks = [Wrong(unit, 0.1, 1), Wrong(unit, 0.3, 2)]
    for network, sigmas, sampler in itertools.product(networks, GRIDS.values(), SAMPLERS):

        def scaled(x, sigma, network=network):
            return 1000 * network(x / 1000, sigma / 1000)

        ours = held_out.point_bounds(experiment(unit, sampler, sigmas, network), 64, 128)
        theirs = held_out.point_bounds(experiment(large, sampler, 1000 * sigmas, scaled), 64, 128)
        torch.testing.assert_close(theirs, ours + 3 * math.log(1000), atol=1e-8, rtol=0)


def test_bits_are_nats_per_coordinate_and_cost_nothing_more(law):
    calls = 0
    wrong = Wrong(law, 0.1, 1)

    def counting(x, sigma):
        nonlocal calls
        calls += 1
        return wrong(x, sigma)

    at = experiment(law, SAMPLERS[0], GRIDS["cubic"], counting)
    nats = NLLBound().measure(at)
    made = calls
    bits = BitsPerDimension().measure(dataclasses.replace(at, samples=at.samples.clone()))
    assert calls == made > 0
    assert bits.value == pytest.approx(nats.value / (3 * math.log(2)))
    assert bits.standard_error == pytest.approx(nats.standard_error / (3 * math.log(2)))


def test_chunks_of_any_size_estimate_the_same(law, monkeypatch):
    at, network = experiment(law, SAMPLERS[1], GRIDS["geometric"], Wrong(law, 0.1, 1)), Wrong(law, 0.1, 1)
    monkeypatch.setattr(held_out, "CELLS", 100)
    found = held_out.mean_over_points(held_out.point_bounds(at, 512, 2048))
    truth = entropy(law, 0.05) + path_divergence(at, network)
    assert abs(found.value - truth) < 4 * found.standard_error


def test_fewer_points_are_noised_more_often(law):
    rows = []

    def counting(x, sigma):
        rows.append(len(x))
        return law.denoise(x, sigma)

    for count, total in ((64, 4096), (512, 4096), (5000, 5000)):
        rows.clear()
        NLLBound(points=count, noised=total).measure(experiment(law, SAMPLERS[0], GRIDS["cubic"], counting))
        assert sum(rows) == total * (len(GRIDS["cubic"]) - 1)


def test_a_sampler_without_gaussian_steps_has_no_bound(law):
    said = NLLBound().measure(experiment(law, Euler(), GRIDS["cubic"], Wrong(law, 0.1, 1)))
    assert isinstance(said, NotApplicable)
    assert "no Gaussian kernel" in said.reason


@pytest.mark.parametrize("dim", [1, 2, 64])
def test_stratified_noise_is_normal(dim):
    like = torch.zeros(4000, dim, dtype=torch.float64)
    noise = held_out._stratified(4, like, torch.Generator().manual_seed(0))
    squares = noise.square().sum(2)
    assert squares.mean().item() == pytest.approx(dim, rel=0.01)
    assert squares.var().item() == pytest.approx(2 * dim, rel=0.05)
    assert abs(noise.mean().item()) < 4 / noise.numel() ** 0.5
    # The mean length of a point's draws varies far less than that of independent ones.
    assert squares.mean(0).var().item() < 0.4 * 2 * dim / 4


# Two Gaussians on a line: no quadratic function, by quadrature


class Quadrature(Information):
    """J, ∫J du and E_I of a mixture on a line, by Gauss–Hermite rules around its components."""

    replicates, dim = 1, 1

    def __init__(self, law):
        self.law, self.second_moment = law, law.second_moment

    def _mean(self, u, function):
        nodes, weights = hermite()
        means, spread = components(self.law), (self.law.mixture.variances[0] + u) ** 0.5
        x = (means[:, None] + spread * nodes).reshape(-1, 1)
        values = function(x, u**0.5).view(len(means), -1)
        return ((values @ weights) * self.law.mixture.weights).sum().item()

    def entropy(self, u):
        return self._mean(u, lambda x, sigma: -self.law.log_density(x, sigma))

    def fisher(self, u):
        def squared_score(x, sigma):
            return ((self.law.denoise(x, sigma) - x) / sigma**2).square()[:, 0]

        return np.array([[self._mean(each, squared_score) for each in u]])

    def fisher_integral(self, u):
        return -2 * np.diff([self.entropy(each) for each in u])[None]

    def initialization(self, u):
        cross = 0.5 * (math.log(2 * math.pi * u) + (self.second_moment + u) / u)
        return np.array([cross - self.entropy(u)])

    def error_of(self, network):
        def square(x, sigma):
            return (network(x, sigma) - self.law.denoise(x, sigma)).square()[:, 0] / sigma**4

        return ExactScoreError(lambda sigma: np.array([self._mean(s**2, square) for s in np.atleast_1d(sigma)]))


def components(law):
    return (law.mixture.center + law.mixture.offsets)[:, 0]


def hermite(n=140):
    nodes, weights = np.polynomial.hermite_e.hermegauss(n)
    return torch.from_numpy(nodes), torch.from_numpy(weights / weights.sum())


@pytest.fixture(scope="module")
def line():
    means = torch.tensor([[-1.0], [1.2]], dtype=torch.float64)
    return MixtureDistribution(IsotropicMixture(means, 0.25, torch.tensor([0.3, 0.7], dtype=torch.float64)))


@pytest.fixture(scope="module")
def mixed(line):
    """Designs on the line with their budgets."""
    information = Quadrature(line)
    wrong = {
        "bent": lambda x, sigma: line.denoise(x, sigma) + 0.2 * sigma * torch.sin(x / (1 + sigma)),
        "shrunk": lambda x, sigma: 0.9 * line.denoise(x, sigma),
        "linear": lambda x, sigma: x / (1 + sigma**2),
    }
    found = []
    for network, sigmas, sampler in itertools.product(wrong.values(), GRIDS.values(), SAMPLERS):
        variances = sampler.variances(sigmas, None, None)
        terms = budget(sigmas, variances, information, information.error_of(network))
        found.append((experiment(line, sampler, sigmas, network), terms.total.item()))
    return found


def test_differences_on_a_mixture_with_wrong_denoisers_by_quadrature(line, mixed):
    nodes, weights = hermite()
    z, noise = (grid.reshape(-1, 1) for grid in torch.meshgrid(nodes, nodes, indexing="ij"))
    weight = torch.outer(weights, weights).reshape(-1)
    bounds = []
    for at, _ in mixed:
        parts = [held_out.path_bound(at, mean + 0.5 * z, lambda sigma: noise) @ weight for mean in components(line)]
        bounds.append((torch.stack(parts) @ line.mixture.weights).item())
    divergences = np.array([total for _, total in mixed])
    assert np.ptp(divergences) > 0.5
    np.testing.assert_allclose(np.array(bounds) - bounds[0], divergences - divergences[0], atol=1e-6, rtol=0)
    np.testing.assert_allclose(np.array(bounds) - divergences, Quadrature(line).entropy(0.05**2), atol=1e-6)


def test_differences_on_a_mixture_within_their_error(mixed):
    base, divergence = mixed[0]
    reference = held_out.point_bounds(base, 2048, 8192)
    for at, other in mixed[1:]:
        found = held_out.mean_over_points(held_out.point_bounds(at, 2048, 8192) - reference)
        assert abs(found.value - (other - divergence)) < 4 * found.standard_error


# Data


@pytest.fixture(scope="module")
def digits():
    return Digits().distribution()


@pytest.fixture(scope="module")
def trained(digits):
    """A small network, a second of training."""
    torch.manual_seed(0)
    module = Mlp(width=64, depth=2).module(digits.data)
    optimiser = torch.optim.Adam(module.parameters(), lr=3e-3)
    generator = torch.Generator().manual_seed(0)
    for _ in range(300):
        clean = digits.sample(128, generator).float()
        sigma = (1.2 * torch.randn(128, generator=generator) - 1).exp()
        noised = clean + sigma[:, None] * torch.randn(clean.shape, generator=generator)
        weight = (sigma**2 + digits.sigma_data**2) / (sigma * digits.sigma_data) ** 2
        loss = (weight[:, None] * (module(noised, sigma) - clean).square()).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return denoiser_from_module(module)


def test_on_digits_the_memorising_denoiser_is_far_worse_than_a_trained_network(digits, trained):
    for sampler in SAMPLERS:
        learned = NLLBound().measure(experiment(digits, sampler, GRIDS["geometric"], trained))
        copied = NLLBound().measure(experiment(digits, sampler, GRIDS["geometric"], digits.denoise))
        assert copied.value - learned.value > 100
        assert copied.value - learned.value > 10 * math.hypot(copied.standard_error, learned.standard_error)


def test_the_exact_denoiser_remembers_and_a_network_after_a_second_of_training_hardly(digits, trained):
    copied, learned = (
        MemorisationGap(points=128, noised=128).measure(experiment(digits, SAMPLERS[0], GRIDS["geometric"], network))
        for network in (digits.denoise, trained)
    )
    assert copied.value > 100
    assert copied.value > 10 * copied.standard_error
    assert abs(learned.value) < 0.1 * copied.value


def test_gaps_of_ranges_of_levels_add_up_to_that_of_all(digits, trained):
    at = experiment(digits, SAMPLERS[0], GRIDS["geometric"], trained)
    edge = float(at.sigmas[5])
    parts = [
        MemorisationGap(points=64, noised=64, low=low, high=high).measure(at).value
        for low, high in ((0, edge), (edge, 1e9))
    ]
    whole = MemorisationGap(points=64, noised=64).measure(at)
    assert sum(parts) == pytest.approx(whole.value, abs=1e-8)
    assert abs(parts[0]) > 1e-3


def test_it_is_the_difference_of_the_bound_on_two_sets(digits, trained):
    """The training points' own part, by `nll-bound` of a law that holds them out; only the noise is another."""
    at = experiment(digits, SAMPLERS[0], GRIDS["geometric"], trained)
    found = MemorisationGap(noised=512).measure(at)
    swapped = EmpiricalDistribution(digits.parts[0], (digits.train, digits.train), "train")
    means, errors = [], []
    for law in (digits, swapped):
        place = dataclasses.replace(at, target=law, kernel=lambda j, x: at.kernel(j, x))
        clean = law.held_out(2048, torch.Generator().manual_seed(held_out.SEED + law.stream))
        terms = held_out.point_bounds(place, 2048, 512) - held_out._ends(at, clean)
        means.append(terms.mean().item())
        errors.append(terms.std().item() / len(terms) ** 0.5)
    # Of the training points as many are drawn as are held out: a third, with an error of their own.
    assert abs(found.value - (means[0] - means[1])) < 4 * math.hypot(found.standard_error, errors[1])


def test_where_there_is_no_gap_to_speak_of_it_says_why(digits, trained):
    at = experiment(digits, SAMPLERS[0], GRIDS["geometric"], trained)
    assert "no step leaves a level from 500 to 1000" in str(MemorisationGap(low=500, high=1000).measure(at))
    assert "no Gaussian kernel" in str(MemorisationGap().measure(dataclasses.replace(at, kernel=None)))
    gaussian = dataclasses.replace(at, target=Gaussian(dim=2).distribution())
    assert "no finite data set" in str(MemorisationGap().measure(gaussian))


def noised(points, delta=0.05, seed=0):
    return points + delta * torch.randn(points.shape, generator=torch.Generator().manual_seed(seed)).double()


def memorised(law, samples, **changes):
    at = experiment(law, Euler(), GRIDS["cubic"], law.denoise, samples=samples, reference=noised(law.parts[0]))
    return Memorisation().measure(dataclasses.replace(at, **changes))


def test_copies_of_training_points_lie_near_them_and_new_data_do_not(digits):
    copies = memorised(digits, noised(digits.train, seed=1))
    new = memorised(digits, noised(digits.parts[1], seed=1))
    far = memorised(digits, noised(2 * digits.parts[1], seed=1))
    assert copies.value < 0.25
    assert copies.standard_error < 0.02
    assert abs(new.value - 1) < 3 * new.standard_error
    assert far.value > 1.5
    assert memorised(digits, digits.train).value == 0


def test_memorisation_does_not_depend_on_the_unit_or_the_origin(digits):
    def moved(points):
        return 1000 * (points + 50)

    large = EmpiricalDistribution(moved(digits.train), tuple(moved(part) for part in digits.parts), "digits")
    samples, reference = noised(digits.parts[1]), noised(digits.parts[0])
    ours = memorised(digits, samples, reference=reference)
    theirs = memorised(large, moved(samples), reference=moved(reference))
    assert theirs.value == pytest.approx(ours.value, rel=1e-9)


def test_only_a_whole_held_out_part_is_shared_by_seeds(digits):
    samples = noised(digits.parts[1])
    assert memorised(digits, samples).shared
    assert not memorised(digits, samples, reference=noised(digits.parts[0])[:100]).shared


def test_nearest_distances_are_the_smallest_of_all_in_any_chunks(digits, monkeypatch):
    samples = noised(digits.parts[1], 0.3)
    exact = torch.cdist(samples, digits.train).amin(1)
    monkeypatch.setattr(memorisation, "CELLS", 5000)
    torch.testing.assert_close(memorisation.nearest_distances(samples, digits.train), exact, atol=1e-9, rtol=0)


def test_memorisation_needs_training_points(law, digits):
    at = experiment(law, Euler(), GRIDS["cubic"], law.denoise)
    assert "no finite data set" in Memorisation().measure(at).reason
    assert isinstance(memorised(digits, digits.train[:1]), NotApplicable)
    copies = EmpiricalDistribution(digits.train, (digits.train[:9], digits.train[:9]), "copies")
    assert "training points themselves" in memorised(copies, digits.train, reference=digits.train[:9]).reason


@pytest.mark.parametrize("n", [100, 1000])
def test_the_error_of_a_median_is_its_scatter(n):
    values = torch.randn(2000, n, generator=torch.Generator().manual_seed(0)).double().exp()
    stated = torch.tensor([memorisation._median_error(row) for row in values]).square().mean().sqrt().item()
    assert stated == pytest.approx(values.quantile(0.5, 1).std().item(), rel=0.1)


@pytest.mark.parametrize("n", [2, 20, 40, 64, 359])
def test_groups_average_to_the_value_and_scatter_as_the_points_do(n):
    values = torch.randn(400, n, generator=torch.Generator().manual_seed(1)).double() + 1000
    measured = [held_out.mean_over_points(row) for row in values]
    assert {len(m.groups) for m in measured} == {min(n, 32)}
    assert all(np.mean(m.groups) == pytest.approx(m.value, rel=1e-12) for m in measured)
    variance = np.mean([np.var(m.groups, ddof=1) / len(m.groups) for m in measured])
    assert variance == pytest.approx(1 / n, rel=0.1)
    few, constant = held_out.mean_over_points(values[0]), held_out.mean_over_points(values[0] + 3)
    assert np.subtract(constant.groups, few.groups) == pytest.approx(3, abs=1e-9)


def test_values_are_measurements_with_an_error(digits, trained):
    measured = BitsPerDimension().measure(experiment(digits, SAMPLERS[0], GRIDS["geometric"], trained))
    assert isinstance(measured, Measurement)
    assert measured.shared
    assert 10 < measured.freedom < math.inf
