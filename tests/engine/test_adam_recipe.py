"""What a suite may add to Adam: a rate that rises and falls, clipping, microbatches, flips, mixed precision."""

import math

import pytest
import torch
from bar_images import LEVELS, Flat, bar_images, trained
from harness_karras.networks import Mlp
from harness_ronneberger.networks import Unet

from harness.engine.adam import Batches, Stack, train
from harness.engine.courses import Learner, LevelTable
from harness.errors import NotApplicable
from harness.mixtures import EmpiricalDistribution
from harness.trainers import Adam

MLP = Mlp(width=16, depth=2)

RECIPES = [
    {"warmup_steps": 7, "decay_steps": 9},
    {"clip_norm": 0.05},
    {"microbatch": 32},
    {"augmentation": "flip"},
    {"autocast": "bfloat16"},
    {"warmup_steps": 3, "clip_norm": 0.1, "microbatch": 64, "augmentation": "flip", "autocast": "bfloat16"},
]


@pytest.fixture(scope="module")
def law():
    return bar_images()


def stack(law, seeds=(0,), network=MLP, **changes):
    made = Stack(network, law.data, seeds, Adam(**{"batch_size": 96, **changes}))
    made.roughen(seeds)
    return made


def batch(law, networks=1, size=96):
    """A batch whose points have all kinds of weights, the last of them none, as those that fill up have."""
    generator = torch.Generator().manual_seed(5)
    clean = law.sample(networks * size, generator).float().view(networks, size, -1)
    noise = torch.randn(clean.shape, generator=generator)
    sigma, weight = 0.1 + 3 * torch.rand(2, networks, size, generator=generator)
    weight[:, -5:] = 0
    return clean, noise, sigma, weight


def same(one, other):
    return all(torch.equal(one.state[name], value) for name, value in other.state.items()) and one.loss == other.loss


class TestEach:
    @pytest.mark.parametrize("recipe", RECIPES, ids=str)
    @pytest.mark.parametrize(
        "network", [MLP, pytest.param(Unet(channels=8), marks=pytest.mark.slow)], ids=["mlp", "unet"]
    )
    def test_a_network_does_not_depend_on_its_stack(self, law, network, recipe):
        together = trained(law, network, 12, (0, 1, 1, 2), batch_size=80, **recipe)
        for place, seed in enumerate((0, 1, 1, 2)):
            assert same(trained(law, network, 12, (seed,), batch_size=80, **recipe)[0], together[place])

    @pytest.mark.parametrize("recipe", RECIPES, ids=str)
    def test_it_changes_what_is_learned_and_a_short_training_begins_a_long_one(self, law, recipe):
        plain, short = (trained(law, MLP, 12, batch_size=96, **given)[0] for given in ({}, recipe))
        assert not same(plain, short)
        learner = Learner(Flat(), LevelTable(1 / LEVELS, torch.ones_like(LEVELS)), 0)
        trainer = Adam(batch_size=96, learning_rate=2e-3, ema_decay=0.9, sigma_max=10.0, **recipe)
        ((begun,), (_,)) = train(MLP, law, [learner], trainer, (12, 20))
        assert same(begun, short)


class TestRate:
    def test_it_rises_in_a_line_and_falls_as_the_inverse_square_root(self):
        trainer = Adam(learning_rate=0.5, warmup_steps=4, decay_steps=100)
        assert [trainer.rate(step) for step in range(5)] == [0.125, 0.25, 0.375, 0.5, 0.5]
        assert trainer.rate(99) == 0.5
        assert trainer.rate(399) == pytest.approx(0.25)
        assert trainer.rate(9_999) == pytest.approx(0.05)
        # The rise is a factor: it goes on where the fall has begun.
        assert Adam(learning_rate=1.0, warmup_steps=64, decay_steps=4).rate(15) == pytest.approx(16 / 64 / 2)
        assert {Adam().rate(step) for step in (0, 10, 10**6)} == {1e-3}

    def test_the_first_steps_of_adam_are_as_long_as_it_says(self, law):
        # At its first step Adam moves every parameter that has a gradient by the rate.
        for changes, rate in (({}, 1e-2), ({"warmup_steps": 5}, 2e-3)):
            made = stack(law, learning_rate=1e-2, **changes)
            made.differentiate(*batch(law))
            before = made.parameters().clone()
            made.descend()
            moved = (made.parameters() - before)[made.gradient().abs() > 1e-4].abs()
            assert len(moved) > 50
            assert torch.allclose(moved, torch.tensor(rate), rtol=1e-3)


class TestClipping:
    def test_a_long_gradient_is_shortened_to_the_norm_and_a_short_one_stays(self, law):
        made = stack(law, (0, 1))
        clean, noise, sigma, weight = batch(law, 2)
        # The second network's loss weighs a thousandth.
        made.differentiate(clean, noise, sigma, weight * torch.tensor([[1.0], [1e-3]]))
        free = made.gradient().clone()
        long, short = free.double().norm(dim=1).tolist()
        assert long > 4 * short
        most = math.sqrt(long * short)
        clipped = stack(law, (0, 1), clip_norm=most)
        clipped.differentiate(clean, noise, sigma, weight * torch.tensor([[1.0], [1e-3]]))
        clipped.descend()
        assert float(clipped.gradient()[0].double().norm()) == pytest.approx(most, rel=1e-6)
        assert torch.allclose(clipped.gradient()[0], free[0] * (most / long), rtol=1e-5)
        assert torch.equal(clipped.gradient()[1], free[1])

    def test_no_gradient_is_no_division_by_zero(self, law):
        made = stack(law, clip_norm=1.0)
        clean, noise, sigma, weight = batch(law)
        made.differentiate(clean, noise, sigma, 0 * weight)
        made.descend()
        assert not made.gradient().any()
        assert bool(made.parameters().isfinite().all())


class TestMicrobatch:
    @pytest.mark.parametrize("microbatch", [32, 64, 96, 128])
    def test_the_sum_over_its_parts_is_the_gradient_of_the_batch(self, law, microbatch):
        whole, parts = (stack(law, (0, 1), precision="float64", microbatch=each) for each in (None, microbatch))
        given = [each.double() for each in batch(law, 2)]
        results = [made.differentiate(*given) for made in (whole, parts)]
        assert torch.allclose(parts.gradient(), whole.gradient(), rtol=1e-10, atol=1e-14)
        assert float(whole.gradient().norm()) > 0.01
        for one, other in zip(*results, strict=True):
            assert one.shape == other.shape
            assert torch.allclose(one, other, rtol=1e-12)

    def test_no_more_points_than_that_are_computed_together_and_memory_is_counted_so(self, law, monkeypatch):
        seen, real = set(), Stack.denoise

        def watched(made, state, x, *rest):
            seen.add(x.shape[1])
            return real(made, state, x, *rest)

        monkeypatch.setattr(Stack, "denoise", watched)
        monkeypatch.setattr("harness.engine.adam._TRACED", {})
        stack(law, microbatch=64).differentiate(*batch(law))
        assert seen == {64, 32}
        assert Adam(batch_size=256, microbatch=64).step_bytes(100) == Adam(batch_size=64).step_bytes(100)
        assert Adam(batch_size=32, microbatch=64).step_bytes(100) == Adam(batch_size=32).step_bytes(100)
        assert Adam(batch_size=256, microbatch=64).step_points == 256


class TestFlips:
    def test_half_of_the_images_are_mirrored_and_nothing_else_is_drawn_otherwise(self, law):
        plain, flipped = (Batches(law, [3], 4096, flipped=flips)() for flips in (False, True))
        assert torch.equal(plain.noise, flipped.noise)
        assert torch.equal(plain.quantile, flipped.quantile)
        one, other = (each.clean[0].view(-1, 1, 4, 4) for each in (plain, flipped))
        kept = (one == other).flatten(1).all(1)
        mirrored = (one[..., [3, 2, 1, 0]] == other).flatten(1).all(1)
        assert bool((kept ^ mirrored).all())
        # Five standard deviations of a fair coin.
        assert abs(float(mirrored.double().mean()) - 0.5) < 5 * 0.5 / math.sqrt(4096)

    def test_a_seed_has_flips_of_its_own_whatever_stack_it_is_in(self, law):
        alone, others = (Batches(law, seeds, 64, flipped=True) for seeds in ([5], [4, 5]))
        for _ in range(3):
            both = others().clean
            assert torch.equal(alone().clean[0], both[1])
        assert not torch.equal(both[0], both[1])

    def test_points_that_are_no_images_are_refused_with_the_reason(self):
        points = torch.randn(40, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        vectors = EmpiricalDistribution.split(points, "vectors")
        with pytest.raises(NotApplicable, match="mirrors images; a point of this target is of shape 6"):
            trained(vectors, MLP, 2, augmentation="flip")


class TestAutocast:
    def test_the_gradient_is_that_of_single_precision_within_the_rounding_of_products(self, law):
        single, mixed = (stack(law, autocast=word) for word in (None, "bfloat16"))
        results = [made.differentiate(*batch(law)) for made in (single, mixed)]
        apart = float((mixed.gradient() - single.gradient()).norm() / single.gradient().norm())
        # A number of bfloat16 has 8 bits: each is rounded by 2^-9 at most, and the few layers add up.
        assert 2**-13 < apart < 2**-5
        assert torch.allclose(results[1][1], results[0][1], rtol=2**-6)

    def test_parameters_average_and_what_is_kept_stay_in_single_precision(self, law):
        made = stack(law, autocast="bfloat16")
        squared, loss = made.differentiate(*batch(law))
        made.descend()
        tensors = [made.parameters(), made.average(), made.gradient(), squared, loss, *made.state(0).values()]
        assert {tensor.dtype for tensor in tensors} == {torch.float32}

    def test_matrix_products_are_in_bfloat16(self, law, monkeypatch):
        monkeypatch.setattr("harness.engine.adam._TRACED", {})
        made = stack(law, autocast="bfloat16")
        made.differentiate(*batch(law))
        (traced,) = made._traced.values()
        casts = [node for node in traced.operations.graph.nodes if node.kwargs.get("dtype") is torch.bfloat16]
        products = [node for node in traced.operations.graph.nodes if "bmm" in str(node.target)]
        assert len(products) >= 6
        assert len(casts) >= len(products)

    def test_it_learns_as_well_as_single_precision(self, law):
        single, mixed = (trained(law, MLP, 400, autocast=word)[0].loss for word in (None, "bfloat16"))
        start = trained(law, MLP, 1)[0].loss
        assert single < 0.95 * start
        assert mixed == pytest.approx(single, rel=0.003)
