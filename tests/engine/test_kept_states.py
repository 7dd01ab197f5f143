"""Trainings that are cut off: what goes on from a state ends with the bits of what was never cut off."""

from pathlib import Path

import pytest
import torch
from bar_images import LEVELS, Flat, bar_images
from harness_guidance.networks import LabelledMlp
from harness_karras.networks import Mlp
from harness_karras.weightings import Edm2Uncertainty
from harness_peebles.networks import Dit
from harness_ronneberger.networks import Unet

from harness.engine.adam import Stack, train
from harness.engine.courses import Learner, LevelTable
from harness.errors import ContractError
from harness.trainers import Adam
from harness.unfinished import Reached, UnfinishedFolder
from harness.weight_learners import WeightLearner
from harness.weightings import AdaptiveWeighting, LearnedWeighting

MLP = Mlp(width=21, depth=1)
IMAGES = [Unet(channels=4), Dit(width=8, depth=1, heads=2, labels=True)]
LENGTHS = (5, 12, 20)
RECIPE = {"warmup_steps": 3, "decay_steps": 8, "clip_norm": 0.5, "microbatch": 32, "augmentation": "flip"}


class Equalising(AdaptiveWeighting):
    name = "equalising"
    every = 3

    def omega(self, sigma, sigma_data):
        return torch.ones_like(sigma)

    def adapt(self, sigma, residual, sigma_data):
        return 1 / residual


class Secretive(LearnedWeighting):
    """Learns, and cannot tell what."""

    name = "secretive"

    def omega(self, sigma, sigma_data):
        return torch.ones_like(sigma)

    def learner(self, request):
        class Counting(WeightLearner):
            power = 0.0

            def learn(self, sigma, squared):
                self.power += 0.05

            def omega(self):
                return request.sigma**self.power

        return Counting()


class Lying(Secretive):
    name = "lying"

    def learner(self, request):
        made = super().learner(request)
        made.state = lambda: {"power": made.power}
        return made


@pytest.fixture(scope="module")
def law():
    return bar_images()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where states are kept after every step."""
    monkeypatch.setattr("harness.engine.kept_states.SHARE", 0)
    return UnfinishedFolder(tmp_path / "unfinished", "code", every=0.0)


def learner(seed, weighting=None):
    made = weighting or Flat()
    return Learner(made, LevelTable(1 / LEVELS, torch.ones_like(LEVELS)), seed, (f"first{seed}", f"last{seed}"))


class CutOff(Exception):
    pass


def trained(law, learners, folder=None, *, network=MLP, stop=None, lengths=LENGTHS, **changes):
    """The snapshots of a training, and how many steps it took; cut off after some of them, if it is."""
    taken, real = [0], Stack.descend

    def descend(stack):
        if taken[0] == stop:
            raise CutOff
        taken[0] += 1
        real(stack)

    trainer = Adam(**{"batch_size": 50, "learning_rate": 2e-3, "ema_decay": 0.9, "sigma_max": 10.0, **changes})
    with pytest.MonkeyPatch.context() as patch:
        # What stacks are tried with takes steps too.
        patch.setattr("harness.engine.adam.separable", lambda *given: True)
        patch.setattr(Stack, "descend", descend)
        try:
            found = list(train(network, law, learners, trainer, lengths, unfinished=folder))
        except CutOff:
            found = []
    return found, taken[0]


def same(one, other):
    """Whether two trainings yielded the same, to the last bit."""
    assert [len(each) for each in one] == [len(each) for each in other]
    pairs = [pair for levels in zip(one, other, strict=True) for pair in zip(*levels, strict=True)]
    return all(
        a.loss == b.loss and a.diverged == b.diverged and all(torch.equal(a.state[k], b.state[k]) for k in b.state)
        for a, b in pairs
    )


class TestGoingOn:
    @pytest.mark.parametrize("stop", [1, 5, 11, 19])
    @pytest.mark.parametrize(
        ("weighting", "changes"),
        [
            (None, {}),
            (None, RECIPE),
            (None, {"autocast": "bfloat16", "precision": "float32"}),
            (None, {"precision": "float64"}),
            (None, {"network": LabelledMlp(width=16, depth=1)}),
            (None, {"ema_decay": (0.9, 0.0, 0.5)}),
            (Equalising(), {}),
            (Edm2Uncertainty(features=8), RECIPE),
        ],
        ids=["plain", "recipe", "mixed", "double", "labels", "averages", "adaptive", "learned"],
    )
    def test_it_ends_with_the_bits_of_a_training_that_was_never_cut_off(self, law, folder, weighting, changes, stop):
        learners = [learner(0, weighting), learner(1, weighting)]
        whole, steps = trained(law, learners, **changes)
        assert steps == 20
        assert trained(law, learners, folder, stop=stop, **changes)[1] == stop
        assert folder.reached("last0") == folder.reached("last1") == Reached(stop, 20)
        resumed, rest = trained(law, learners, folder, **changes)
        assert rest == 20 - stop
        assert same(resumed, whole)

    @pytest.mark.parametrize("network", IMAGES, ids=lambda network: network.name)
    def test_a_network_for_images_ends_with_them_too(self, law, folder, network):
        given = {"network": network, "lengths": (2, 5), "batch_size": 32}
        whole, _ = trained(law, [learner(0)], **given)
        assert trained(law, [learner(0)], folder, stop=3, **given)[1] == 3
        resumed, rest = trained(law, [learner(0)], folder, **given)
        assert rest == 2
        assert same(resumed, whole)
        assert not same([whole[0]], [whole[1]])

    def test_a_state_with_other_averages_is_no_beginning(self, law, folder):
        """Averages have the keys that each has alone: what was kept under one may be of a training with others."""
        trained(law, [learner(0)], folder, stop=7, ema_decay=(0.5, 0.9))
        whole, _ = trained(law, [learner(0)], ema_decay=0.9)
        resumed, steps = trained(law, [learner(0)], folder, ema_decay=0.9)
        assert steps == 20
        assert same(resumed, whole)

    def test_a_network_goes_on_in_another_stack_and_beside_one_that_begins(self, law, folder):
        learners = [learner(seed) for seed in range(4)]
        whole, _ = trained(law, learners)
        trained(law, learners[:3], folder, stop=7)
        trained(law, learners[2:3], folder, stop=4)
        assert [folder.reached(f"last{seed}").step for seed in range(3)] == [7, 7, 11]
        # Stacks of [0, 1], [2] and [3], one beside the other.
        resumed, rest = trained(law, learners, folder)
        assert rest == 13 + 9 + 20
        assert same(resumed, whole)

    def test_it_may_be_cut_off_again(self, law, folder):
        whole, _ = trained(law, [learner(0)])
        for stop in (3, 4, 5):
            trained(law, [learner(0)], folder, stop=stop)
        assert folder.reached("last0").step == 12
        resumed, rest = trained(law, [learner(0)], folder)
        assert rest == 8
        assert same(resumed, whole)

    def test_what_diverged_stays_so(self, law, folder):
        table = LevelTable(1 / LEVELS, torch.where(LEVELS > 1, torch.nan, 1.0).double())
        broken = Learner(Flat(), table, 0, ("last0",))
        trained(law, [broken], folder, stop=8)
        ((short, *_), *_) = trained(law, [broken], folder)[0]
        assert short.diverged == 0

    def test_the_seconds_of_both_runs_count(self, law, folder):
        trained(law, [learner(0)], folder, stop=8)
        found, _ = trained(law, [learner(0)], folder)
        early, middle, late = (each.earlier for (each,) in found)
        assert early == 0.0
        assert middle == late > 0


class TestBeginningAnew:
    def test_where_a_weighting_cannot_tell_what_it_learned(self, law, folder):
        trained(law, [learner(0, Secretive())], folder, stop=8)
        assert folder.reached("last0") is None
        assert same(trained(law, [learner(0, Secretive())], folder)[0], trained(law, [learner(0, Secretive())])[0])

    def test_where_it_tells_what_is_no_tensor_it_is_blamed(self, law, folder):
        with pytest.raises(ContractError, match=r"lying.*tensors by name"):
            trained(law, [learner(0, Lying())], folder)

    def test_where_the_state_is_of_other_lengths(self, law, folder):
        trained(law, [learner(0)], folder, stop=8)
        found, steps = trained(law, [learner(0)], folder, lengths=(6, 20))
        assert steps == 20
        assert same(found, trained(law, [learner(0)], lengths=(6, 20))[0])

    def test_where_the_state_is_damaged_or_of_other_code(self, law, folder):
        trained(law, [learner(0)], folder, stop=8)
        whole, _ = trained(law, [learner(0)])
        other = UnfinishedFolder(folder.path, "other", every=1e9)
        found, steps = trained(law, [learner(0)], other)
        assert (steps, same(found, whole)) == (20, True)
        (file,) = Path(folder.path).iterdir()
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
        found, steps = trained(law, [learner(0)], folder)
        assert (steps, same(found, whole)) == (20, True)


def test_states_are_kept_as_often_as_asked_and_take_a_small_part_of_the_time(law, tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr("harness.engine.kept_states.time.monotonic", lambda: now[0])
    written, real = [], UnfinishedFolder.write

    def write(folder, key, reached, content):
        written.append(reached.step)
        now[0] += 1.0
        real(folder, key, reached, content)

    descend = Stack.descend

    def second(stack):
        now[0] += 1.0
        descend(stack)

    monkeypatch.setattr(UnfinishedFolder, "write", write)
    monkeypatch.setattr(Stack, "descend", second)
    trainer = Adam(batch_size=32)
    list(train(MLP, law, [learner(0)], trainer, (60,), unfinished=UnfinishedFolder(tmp_path / "u", "code", every=10.0)))
    # The first after 10 seconds, then 20 times as late as it took.
    assert written == [10, 30, 50]
