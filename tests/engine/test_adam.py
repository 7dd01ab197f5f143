"""Adam on fresh noise: what is learned, and that no network depends on its stack."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from harness_karras.networks import Mlp
from harness_synthetic import harness_targets

from harness.arithmetic import mkl_mode
from harness.engine import adam
from harness.engine.adam import Stack, separable, train
from harness.engine.courses import Learner, LevelTable
from harness.engine.levels import table_levels
from harness.engine.modules import initial_module
from harness.engine.snapshots import Snapshot
from harness.trainers import Adam
from harness.weightings import AdaptiveWeighting, Weighting

GAUSSIAN = next(cls for cls in harness_targets() if cls.name == "gaussian")


LOW, HIGH = 0.05, 20.0


LEVELS = table_levels(LOW, HIGH)


class Flat(Weighting):
    name = "flat"

    def omega(self, sigma, sigma_data):
        return torch.ones_like(sigma)


class Equalising(AdaptiveWeighting):
    name = "equalising"
    every = 10

    def omega(self, sigma, sigma_data):
        return torch.ones_like(sigma)

    def adapt(self, sigma, residual, sigma_data):
        return 1 / residual


def member(seed, power=0.0, weighting=None):
    return Learner(weighting or Flat(), LevelTable(1 / LEVELS, LEVELS**power), seed)


def trainer(**changes):
    given = {"batch_size": 64, "learning_rate": 2e-3, "ema_decay": 0.99, "sigma_min": LOW, "sigma_max": HIGH}
    return Adam(**(given | changes))


@pytest.fixture(scope="module")
def law():
    return GAUSSIAN(dim=3).distribution()


SIZES = [(16, 64), (37, 50), (21, 16), (100, 100), (16, 1), (37, 3), (21, 17), (37, 1)]
"""Widths and batch sizes: even, odd, and the least."""


def same(one, other) -> bool:
    """Whether two snapshots are equal to the last bit."""
    return all(torch.equal(one.state[name], value) for name, value in other.state.items())


def trained(law, members, *lengths, network=None, **changes) -> list[list[Snapshot]]:
    return list(train(network or Mlp(width=16, depth=2), law, members, trainer(**changes), lengths))


def forget(monkeypatch):
    """Let this process know nothing of the shapes that it has trained."""
    for kept in ("_SEPARABLE", "_TRACED"):
        monkeypatch.setattr(f"harness.engine.adam.{kept}", {})


def test_the_operations_of_few_shapes_are_kept_those_that_were_asked_for_last(law, monkeypatch):
    forget(monkeypatch)
    monkeypatch.setattr("harness.engine.adam.MOST_TRACED", 2)
    kept = adam._TRACED

    def shapes(*batch_sizes):
        for batch_size in batch_sizes:
            trained(law, [member(0)], 2, batch_size=batch_size)
        return {key[2] for key in kept}

    assert shapes(11, 12) == {11, 12}
    older = next(key for key in kept if key[2] == 11)
    operations = kept[older]
    assert shapes(11, 13) == {11, 13}
    assert kept[older] is operations


class TestTrain:
    @pytest.mark.parametrize(("width", "batch_size"), SIZES)
    def test_a_network_does_not_depend_on_its_stack(self, law, width, batch_size):
        # To the last bit, wherever it stands: a run that was cut off stacks what is missing, and no more.
        options = {"network": Mlp(width=width, depth=2), "batch_size": batch_size}
        members = [member(0, 1.0), member(1, 0.5), member(1), member(2), member(3), member(3, 1.0), member(4)]
        stacked = trained(law, members, 30, **options)[0]
        for part in ([2], [3], [0, 2], [1, 2, 3], [6, 0, 1, 2, 5]):
            found = trained(law, [members[i] for i in part], 30, **options)[0]
            for i, snapshot in zip(part, found, strict=True):
                assert same(snapshot, stacked[i]), (part, i)

    @pytest.mark.skipif(mkl_mode() in ("none", "unset", "unknown"), reason="no setting makes kernels reproducible here")
    @pytest.mark.parametrize(("width", "batch_size"), SIZES)
    def test_no_network_has_to_train_alone_under_the_products_settings(self, law, width, batch_size):
        network = Mlp(width=width, depth=2)
        assert separable(network, law, [0, 1, 1, 2, 3], trainer(batch_size=batch_size))

    def test_where_a_stack_rounds_otherwise_each_network_trains_alone(self, law, monkeypatch):
        # As on a machine whose library has another kernel for a stack of this shape.
        members = [member(0), member(1, 1.0), member(1)]
        alone = [trained(law, [each], 10, 20, batch_size=33) for each in members]
        denoise = Stack.denoise

        def elsewhere(stack, state, x, sigma):
            return denoise(stack, state, x, sigma) * (1 + 1e-6 * (len(x) > 1))

        monkeypatch.setattr(Stack, "denoise", elsewhere)
        forget(monkeypatch)
        together = trained(law, members, 10, 20, batch_size=33)
        for level in range(2):
            assert all(same(together[level][i], alone[i][level][0]) for i in range(3))
        monkeypatch.setattr("harness.engine.adam.separable", lambda *given: True)
        assert not same(trained(law, members, 10, 20, batch_size=33)[1][0], alone[0][1][0])

    @pytest.mark.parametrize(
        "place",
        [
            {"precision": "float64"},
            pytest.param({"device": "cuda"}, marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")),
        ],
        ids=str,
    )
    def test_what_holds_in_one_precision_on_one_device_is_tried_in_another(self, law, monkeypatch, place):
        forget(monkeypatch)
        network, denoise = Mlp(width=16, depth=2), Stack.denoise
        assert separable(network, law, [0, 1], trainer(batch_size=32))

        def elsewhere(stack, state, x, sigma):
            return denoise(stack, state, x, sigma) * (1 + 1e-6 * (len(x) > 1))

        monkeypatch.setattr(Stack, "denoise", elsewhere)
        assert not separable(network, law, [0, 1], trainer(batch_size=32, **place))

    def test_a_stack_that_takes_too_much_memory_is_divided_and_changes_no_bit(self, law, monkeypatch):
        members = [member(0), member(1, 1.0), member(1), member(2), member(3, 0.5)]
        whole = trained(law, members, 10, 20)
        sizes, differentiate = [], Stack.differentiate

        def counted(stack, clean, *given):
            sizes.append(len(clean))
            return differentiate(stack, clean, *given)

        monkeypatch.setattr(Stack, "differentiate", counted)
        each = trainer().step_bytes(Mlp(width=16, depth=2).layer_outputs(law.data))
        monkeypatch.setattr("harness.trainers.STACK_BYTES", 2.5 * each)
        divided = trained(law, members, 10, 20)
        assert max(sizes) == 2
        assert all(
            same(a, b) for one, other in zip(whole, divided, strict=True) for a, b in zip(one, other, strict=True)
        )
        monkeypatch.setattr("harness.trainers.STACK_BYTES", each // 2)
        sizes.clear()
        trained(law, members, 10)
        assert set(sizes) == {1}

    def test_a_process_that_computed_before_it_was_told_how(self):
        # MKL has chosen by then; networks do not depend on their stack all the same.
        code = (
            "import torch; torch.set_num_threads(1); torch.bmm(torch.ones(2, 40, 40), torch.ones(2, 40, 40))\n"
            "import sys; sys.path.insert(0, sys.argv[1])\n"
            "import test_adam as t\n"
            "law = t.GAUSSIAN(dim=3).distribution()\n"
            "members = [t.member(0), t.member(1), t.member(2), t.member(3)]\n"
            "for width, size in ((37, 50), (21, 16)):\n"
            "    options = {'network': t.Mlp(width=width, depth=2), 'batch_size': size}\n"
            "    stacked = t.trained(law, members, 20, **options)[0]\n"
            "    for one, found in zip(members, stacked):\n"
            "        assert t.same(t.trained(law, [one], 20, **options)[0][0], found)\n"
        )
        environment = {k: v for k, v in os.environ.items() if k != "MKL_CBWR"}
        here = str(Path(__file__).parent)
        done = subprocess.run([sys.executable, "-c", code, here], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    def test_points_that_fill_a_batch_up_count_for_nothing(self, law, monkeypatch):
        filled = trained(law, [member(0)], 20, batch_size=50)[0][0]
        monkeypatch.setattr("harness.engine.adam.POINTS_MULTIPLE", 1)
        bare = trained(law, [member(0)], 20, batch_size=50)[0][0]
        assert filled.loss == pytest.approx(bare.loss, rel=1e-5)
        assert all(torch.allclose(filled.state[k], bare.state[k], atol=1e-5) for k in bare.state)

    def test_a_short_training_is_a_prefix_of_a_long_one(self, law):
        short = trained(law, [member(0)], 12)
        long = trained(law, [member(0)], 12, 40)
        assert [len(snapshots) for snapshots in long] == [1, 1]
        assert all(torch.equal(short[0][0].state[k], long[0][0].state[k]) for k in short[0][0].state)
        assert not torch.equal(long[0][0].state["function.last.weight"], long[1][0].state["function.last.weight"])

    def test_a_gaussian_is_learned(self, law):
        # The best denoiser of N(0, c²I) is c²x/(c² + σ²); EDM's preconditioning starts near it, ours must end there.
        network = Mlp(width=32, depth=2, sigma_data=2.0)
        snapshot = trained(law, [member(0)], 1500, network=network, batch_size=256)[0][0]
        module = initial_module(network, law.data, 0)
        start = gaussian_error(module, law)
        module.load_state_dict(snapshot.state)
        assert gaussian_error(module, law) < 0.02 * start

    def test_the_loss_of_a_snapshot_is_the_expected_one(self, law):
        # At the optimum E‖σS + ξ‖²/d = M(u)/(u d) = c²/(c² + u), averaged over ln u.
        snapshot = trained(law, [member(0)], 1500, network=Mlp(width=32, depth=2), batch_size=256)[0][0]
        c2 = law.sigma_data**2
        expected = float((c2 / (c2 + LEVELS**2)).mean())
        assert snapshot.loss == pytest.approx(expected, rel=0.03)

    def test_a_ring_is_learned(self):
        # The linear denoiser, where the network starts, has σ²e = 0.60 at σ = 0.2: modes are all that is to be learned.
        ring = next(cls for cls in harness_targets() if cls.name == "ring")().distribution()
        network = Mlp(width=64)
        snapshot = trained(ring, [member(0)], 1000, network=network, batch_size=256)[0][0]
        module = initial_module(network, ring.data, 0)
        start = score_error(module, ring, 0.2)
        assert start == pytest.approx(0.60, abs=0.03)
        module.load_state_dict(snapshot.state)
        assert score_error(module, ring, 0.2) < 0.25 * start

    def test_divergence_is_told_and_harms_no_neighbour(self, law):
        broken = Learner(Flat(), LevelTable(1 / LEVELS, torch.full_like(LEVELS, 1.0)), 0)
        good = trained(law, [member(1)], 20)[0][0]
        nan = Learner(Flat(), LevelTable(1 / LEVELS, torch.where(LEVELS > 1, torch.nan, 1.0)), 0)
        snapshots = trained(law, [nan, member(1), broken], 20)[0]
        assert snapshots[0].diverged == 0
        assert snapshots[1].diverged is None
        assert all(torch.equal(good.state[name], snapshots[1].state[name]) for name in good.state)

    def test_an_adaptive_weighting_equalises_the_weighted_residual(self, law):
        seen = []

        class Recording(Equalising):
            def adapt(self, sigma, residual, sigma_data):
                seen.append((sigma, residual))
                return super().adapt(sigma, residual, sigma_data)

        trained(law, [member(0, weighting=Recording())], 400, batch_size=128)
        assert len(seen) >= 30
        sigma, residual = seen[-1]
        expected = np.sqrt(law.dim) / np.sqrt(1 + (sigma.numpy() / law.sigma_data) ** 2)
        middle = (sigma > 0.1) & (sigma < 3)
        assert np.allclose(residual[middle], expected[middle], rtol=0.35)

    def test_the_average_follows_the_parameters(self, law):
        quick = trained(law, [member(0)], 50, ema_decay=0.0)[0][0].state
        slow = trained(law, [member(0)], 50, ema_decay=0.9999)[0][0].state
        assert any(not torch.equal(quick[name], slow[name]) for name in quick)


def score_error(module, law, sigma):
    generator = torch.Generator().manual_seed(3)
    clean = law.sample(4000, generator).float()
    noised = clean + sigma * torch.randn(clean.shape, generator=generator)
    denoised = module(noised, torch.full((4000,), sigma)).detach()
    return float(((denoised - law.denoise(noised, sigma)) / sigma).square().sum(-1).mean())


def gaussian_error(module, law):
    x = torch.randn(2000, 3, generator=torch.Generator().manual_seed(3))
    total = 0.0
    for sigma in (0.1, 0.5, 1.0, 3.0, 10.0):
        noised = x * (law.sigma_data**2 + sigma**2) ** 0.5
        exact = noised * law.sigma_data**2 / (law.sigma_data**2 + sigma**2)
        denoised = module(noised, torch.full((2000,), sigma)).detach()
        total += float(((denoised - exact) / sigma).square().sum(-1).mean())
    return total


class TestSeveralAverages:
    DECAYS = (0.5, 0.9999, 0.0, 0.9)

    @pytest.mark.parametrize("network", [Mlp(width=16, depth=2), Mlp(width=21, depth=1)])
    def test_each_has_the_bits_that_it_has_alone(self, law, network):
        members = [member(0), member(1, 0.5), member(2, weighting=Equalising())]
        together = trained(law, members, 7, 40, network=network, ema_decay=self.DECAYS)
        for place, decay in enumerate(self.DECAYS):
            alone = trained(law, members, 7, 40, network=network, ema_decay=decay)
            for found, wanted in zip(together, alone, strict=True):
                own = found[place :: len(self.DECAYS)]
                assert all(same(a, b) for a, b in zip(own, wanted, strict=True))
                assert [each.loss for each in own] == [each.loss for each in wanted]

    def test_decays_that_the_first_steps_do_not_reach_are_one_average(self, law):
        """min(decay, (1 + k)/(10 + k)) of 0.8 and 0.9 is the same for k up to (10 · 0.8 − 1)/(1 − 0.8) = 35."""
        ((early, other), (late, changed)) = trained(law, [member(0)], 36, 37, ema_decay=(0.8, 0.9))
        assert same(early, other)
        assert not same(late, changed)

    def test_where_there_is_none_the_network_is_the_last_one(self, law):
        """An average of decay 0 is the parameters themselves: what one step of decay (1 + 0)/(10 + 0) is not."""
        stack = Stack(Mlp(width=16, depth=2), law.data, [0], trainer(ema_decay=(0.9, 0.0)))
        stack.roughen([0])
        stack.gradient().copy_(torch.ones_like(stack.parameters()))
        stack.descend()
        assert torch.equal(stack.average(1), stack.parameters())
        assert not torch.equal(stack.average(0), stack.parameters())
