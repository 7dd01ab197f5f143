"""Guidance: what it is for exact denoisers, what a network learns of both, and where it does not apply."""

import numpy as np
import pytest
import torch
from harness_guidance.networks import LabelledMlp
from harness_guidance.samplers import Guided
from harness_guidance.targets import LabelledRing
from harness_karras.samplers import EdmStochastic, Heun
from harness_karras.weightings import EdmWeighting
from harness_lu.samplers import DPMpp2M
from harness_song.samplers import Ancestral, Euler

from harness.components import ComponentError
from harness.engine.adam import Batches, train
from harness.engine.checks import check_distribution, check_label_dropout
from harness.engine.courses import Learner, LevelTable
from harness.engine.denoisers import denoiser_from_module
from harness.engine.levels import table_levels
from harness.engine.sampler_orders import polynomial
from harness.engine.sampling import generate, kernel_variances
from harness.errors import ContractError, NotApplicable
from harness.information import NoScoreError
from harness.samplers import SamplerRun
from harness.trainers import Adam

RING = LabelledRing(std=0.2)
LAW = RING.distribution()
LEVELS = polynomial(12, 10.0, 0.05).tolist()
NONE = LAW.classes


def exact(x, sigma, labels=None):
    """The denoiser of the label of each point, and without labels where it is `NONE`."""
    if labels is None or bool((labels == NONE).all()):
        return LAW.denoise(x, sigma)
    return LAW.moments_given(x, sigma, labels)[0]


LABELS = torch.arange(64) % LAW.classes


def sampled(sampler, labels=LABELS, withheld=NONE, denoiser=exact, **options):
    variances = kernel_variances(sampler, np.array(LEVELS), LAW, NoScoreError())
    return generate(
        *(sampler, denoiser, LEVELS, variances),
        seed=0,
        count=len(LABELS),
        dim=2,
        dtype=torch.float64,
        labels=labels,
        withheld=withheld,
        **options,
    )


SAMPLERS = [Heun(), Euler(), DPMpp2M(), Ancestral(), EdmStochastic()]


@pytest.mark.parametrize("inner", SAMPLERS, ids=lambda each: each.name)
def test_weight_one_is_the_sampler_with_labels_and_weight_zero_the_one_without(inner):
    with_labels, without = sampled(inner), sampled(inner, labels=LABELS * 0 + NONE)
    one, zero = sampled(Guided(sampler=inner, weight=1)), sampled(Guided(sampler=inner, weight=0))
    assert torch.equal(one.samples, with_labels.samples)
    torch.testing.assert_close(zero.samples, without.samples, rtol=0, atol=1e-12)
    assert (one.nfe, zero.nfe) == (inner.evaluations(12), 2 * inner.evaluations(12))
    assert (with_labels.samples - without.samples).abs().max() > 0.1


def test_the_guided_score_is_that_of_a_product_of_powers():
    """(D − x)/σ² is the gradient of w log p_y + (1 − w) log p, in closed form of one Gaussian in a mixture."""
    weight, sigma = 2.5, 0.7
    single = LabelledRing(modes=3, classes=3, std=0.2).distribution()
    x = torch.randn(32, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64, requires_grad=True)
    labels = torch.full((32,), 1)
    mean, spread = single._means[1], 0.2**2 + sigma**2
    log_class = -0.5 * (x - mean).square().sum(1) / spread
    log_all = torch.logsumexp(torch.stack([-0.5 * (x - m).square().sum(1) / spread for m in single._means]), 0)
    (score,) = torch.autograd.grad((weight * log_class + (1 - weight) * log_all).sum(), x)
    run = SamplerRun(
        lambda points, level: single.moments_given(points, level, labels)[0],
        [sigma, 0.1],
        pytest.fail,
        without_labels=single.denoise,
    )
    points = x.detach()
    moved = Guided(sampler=Euler(), weight=weight).step(run, points)
    torch.testing.assert_close(moved, points - (0.1 - sigma) * sigma * score, rtol=1e-10, atol=1e-12)


def test_a_guided_step_of_one_gaussian_class_against_another_is_a_known_affine_map():
    """Two classes, far apart or not: near one mean the flow is linear; here at the middle it vanishes by symmetry."""
    pair = LabelledRing(modes=2, classes=2, std=0.3).distribution()
    x = torch.zeros(1, 2, dtype=torch.float64)
    sigma, weight = 1.5, 3.0
    shift = sigma**2 / (0.3**2 + sigma**2)
    run = SamplerRun(
        lambda points, level: pair.moments_given(points, level, torch.zeros(1, dtype=torch.int64))[0],
        [sigma, 0.5],
        pytest.fail,
        without_labels=pair.denoise,
    )
    moved = Guided(sampler=Euler(), weight=weight).step(run, x)
    # D_∅ = 0 at the middle and D_y = (shift, 0): the point is drawn w times as far.
    known = torch.tensor([[weight * shift * (1 - 0.5 / sigma), 0.0]], dtype=torch.float64)
    torch.testing.assert_close(moved, known, rtol=1e-12, atol=1e-12)


def test_only_levels_of_the_interval_are_guided():
    seen = []

    def watched(x, sigma, labels=None):
        seen.append((sigma, bool((labels == NONE).all())))
        return exact(x, sigma, labels)

    limited = sampled(Guided(sampler=Euler(), weight=3, low=0.3, high=2.0), denoiser=watched)
    assert limited.nfe == 24 == len(seen)
    whole = sampled(Guided(sampler=Euler(), weight=3))
    nowhere = sampled(Guided(sampler=Euler(), weight=3, low=50.0))
    plain = sampled(Euler())
    assert torch.equal(nowhere.samples, plain.samples)
    assert (limited.samples - plain.samples).abs().max() > 1e-2
    assert (limited.samples - whole.samples).abs().max() > 1e-2


def test_the_ends_of_the_interval_are_those_that_are_written():
    run = SamplerRun(lambda x, sigma: x * 0 + 1, [2.0, 1.0, 0.5, 0.25], pytest.fail, without_labels=lambda x, s: x * 0)
    sampler, x, guided = Guided(sampler=Euler(), weight=2, low=0.5, high=1.0), torch.zeros(1, 1), []
    for index in range(3):
        run.index = index
        kept = run.sigma_next / run.sigma
        guided.append(float((sampler.step(run, x) - kept * x) / (1 - kept)))
    assert guided == pytest.approx([1.0, 2.0, 1.0])


def test_guidance_pushes_away_from_the_other_classes():
    """The more so the heavier: samples of a class lie further out, and fewer between its modes and others'."""
    two = LabelledRing(modes=2, classes=2, std=0.5).distribution()

    def denoiser(x, sigma, labels):
        none = bool((labels == 2).all())
        return two.denoise(x, sigma) if none else two.moments_given(x, sigma, labels)[0]

    labels = torch.zeros(500, dtype=torch.int64)
    means = [
        float(
            generate(
                *(Guided(weight=weight), denoiser, LEVELS, None),
                seed=1,
                count=500,
                dim=2,
                dtype=torch.float64,
                labels=labels,
                withheld=2,
            )
            .samples[:, 0]
            .mean()
        )
        for weight in (1.0, 2.0, 4.0)
    ]
    assert means[0] == pytest.approx(1.0, abs=0.1)
    assert means[0] + 0.1 < means[1] < means[2]


@pytest.mark.parametrize(
    ("form", "rule"),
    [
        ('guided:sampler="guided:weight=2",weight=2', "sampler is guided itself; weights multiply"),
        ("guided:low=2,high=1", "high=1 is not above low=2"),
        ("guided:weight=-1", "greater than or equal to 0"),
        ("guided:sampler=nope", "unknown sampler 'nope'"),
    ],
)
def test_what_cannot_be_guided_is_refused_in_one_line(registry, form, rule):
    with pytest.raises(ComponentError, match=rule):
        registry.parse("sampler", form)


@pytest.mark.parametrize("withheld", [None, NONE])
def test_it_does_not_apply_where_nothing_is_known_without_labels(withheld):
    with pytest.raises(NotApplicable, match="network that is given labels, and learned without them too"):
        sampled(Guided(weight=2), labels=None if withheld else LABELS, withheld=withheld)
    sampled(Guided(weight=1), labels=None, withheld=withheld)


def test_nor_for_a_sampler_that_reads_the_target(registry):
    (analytic,) = registry.parse("sampler", "analytic")
    with pytest.raises(NotApplicable, match="analytic reads curves of the target"):
        sampled(Guided(sampler=analytic, weight=2))


def test_the_law_of_the_labelled_ring_keeps_its_contract():
    check_distribution(LAW, RING)


def test_its_denoisers_are_means_over_the_classes():
    """E[X_0 | x] = Σ_y P(y | x) E[X_0 | x, y], by Bayes' rule from the classes' densities."""
    x, sigma = torch.randn(20, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64), 0.4
    each = torch.stack([LAW.moments_given(x, sigma, torch.full((20,), y))[0] for y in range(NONE)])
    log = torch.stack([part.log_density(x, sigma) for part in LAW._parts]) + LAW.class_weights().log()[:, None]
    torch.testing.assert_close((log.softmax(0)[..., None] * each).sum(0), LAW.denoise(x, sigma))


def test_labels_are_withheld_as_often_as_is_said_and_nothing_else_changes():
    plain, dropped = (Batches(LAW, [0, 5], 4096, labelled=True, withheld=share) for share in (0.0, 0.3))
    first, second = plain(), dropped()
    for name in ("clean", "noise", "quantile"):
        assert torch.equal(getattr(first, name), getattr(second, name))
    none = second.labels[0] == NONE
    assert abs(none.double().mean() - 0.3) < 0.02
    assert torch.equal(second.labels[0][~none], first.labels[0][~none])
    assert not torch.equal(none[0], none[1])


@pytest.mark.parametrize("share", [1.0, -0.1, "some", float("nan")])
def test_a_share_that_is_none_is_refused(share):
    class Odd(LabelledMlp):
        @property
        def label_dropout(self):
            return share

    with pytest.raises(ContractError, match=r"label_dropout.*must be a number from 0 to below 1"):
        check_label_dropout(Odd())


def test_a_share_of_no_labels_is_refused():
    class Unlabelled(LabelledMlp):
        @property
        def conditional(self):
            return False

    with pytest.raises(ContractError, match="it is given no labels"):
        check_label_dropout(Unlabelled())
    assert check_label_dropout(LabelledMlp()) == 0.1


def test_one_network_learns_both_denoisers():
    """Each is nearer to its own exact one than the two are to each other, by far."""
    levels = table_levels(0.05, 10.0)
    table = LevelTable(1 / levels, torch.ones_like(levels))
    trainer = Adam(batch_size=256, learning_rate=3e-3, ema_decay=0.99, sigma_min=0.05, sigma_max=10.0)
    network = LabelledMlp(width=64, depth=2, dropout=0.2)
    ((snapshot,),) = train(network, LAW, [Learner(EdmWeighting(), table, 0)], trainer, [1500])
    module = network.module(LAW.data)
    module.load_state_dict(snapshot.state)
    denoiser = denoiser_from_module(module)
    clean, labels = LAW.labelled(2000, torch.Generator().manual_seed(1))
    sigma, none = 0.7, torch.full((2000,), NONE)
    x = clean + sigma * torch.randn(clean.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    told, untold = exact(x, sigma, labels), exact(x, sigma)
    apart = (told - untold).square().sum(1).mean()
    assert (denoiser(x, sigma, labels) - told).square().sum(1).mean() < 0.1 * apart
    assert (denoiser(x, sigma, none) - untold).square().sum(1).mean() < 0.1 * apart
