"""Where memory runs out: with how much less at once a training and an evaluation go on, and with which bits."""

import os
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
from bar_images import LEVELS, Flat, bar_images
from harness_guidance.networks import LabelledMlp
from harness_karras.networks import Mlp
from harness_karras.samplers import EdmStochastic
from harness_karras.weightings import Edm2Uncertainty
from harness_synthetic.targets import Gaussian
from torch import nn

from harness.data_spec import DataSpec
from harness.engine import adam, shortage
from harness.engine.adam import Stack, train
from harness.engine.courses import Learner, LevelTable
from harness.engine.denoisers import denoiser_from_module
from harness.engine.measurement import measure_score_error
from harness.engine.sampling import generate
from harness.engine.shortage import Parts, Together, out_of_memory, with_less
from harness.engine.traced import Traced
from harness.trainers import Adam
from harness.unfinished import UnfinishedFolder

MLP = Mlp(width=21, depth=1)
LENGTHS = (5, 12)
GRID = np.geomspace(5.0, 0.1, 9)


@pytest.fixture(scope="module")
def law():
    return bar_images()


@pytest.fixture(autouse=True)
def nothing_told():
    shortage.told()


def learner(seed, weighting=None):
    table = LevelTable(1 / LEVELS, torch.ones_like(LEVELS))
    return Learner(weighting or Flat(), table, seed, (f"first{seed}", f"last{seed}"))


def trained(law, seeds=(0,), *, network=MLP, weighting=None, unfinished=None, lengths=LENGTHS, **changes):
    trainer = Adam(**{"batch_size": 96, "learning_rate": 2e-3, "ema_decay": 0.9, "sigma_max": 10.0, **changes})
    learners = [learner(seed, weighting) for seed in seeds]
    return [
        each for snapshots in train(network, law, learners, trainer, lengths, None, unfinished) for each in snapshots
    ]


def same(one, other):
    """Whether two trainings yielded the same, to the last bit."""
    pairs = zip(one, other, strict=True)
    return all(a.loss == b.loss and all(torch.equal(a.state[k], b.state[k]) for k in b.state) for a, b in pairs)


@pytest.fixture
def limit(monkeypatch):
    """Sets how many points a step may compute at once, over all networks, before memory runs out; from some call on."""
    known, real = {"points": 10**9, "after": 0}, Traced.__call__

    def set_to(points, after=0):
        known.update(points=points, after=after)

    def scarce(traced, *tensors):
        known["after"] -= 1
        if known["after"] < 0 and tensors[-1].numel() > known["points"]:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return real(traced, *tensors)

    monkeypatch.setattr(Traced, "__call__", scarce)
    monkeypatch.setattr(shortage, "free", lambda: None)  # takes its time, and nothing is held
    monkeypatch.setattr(adam, "separable", lambda *given: True)
    return set_to


class TestTraining:
    @pytest.mark.parametrize(
        "options",
        [
            {},
            {"network": LabelledMlp(width=16, depth=1)},
            {"weighting": Edm2Uncertainty(features=8)},
            {"clip_norm": 0.1},
        ],
        ids=["plain", "labels", "learned", "clipped"],
    )
    def test_one_network_after_the_other_has_the_bits_of_the_stack(self, law, limit, options):
        whole = trained(law, (0, 1, 1), **options)
        limit(96, after=7)
        assert same(trained(law, (0, 1, 1), **options), whole)
        line = "memory ran out with 3 networks of 96 points at once; it goes on with 1 network of 96 points"
        assert shortage.told() == ((line,), False)

    def test_points_in_parts_are_those_of_that_microbatch_and_told_so(self, law, limit):
        parts, whole = trained(law, (0, 1), microbatch=32), trained(law, (0, 1))
        limit(40)
        found = trained(law, (0, 1))
        assert same(found, parts)
        assert not same(found, whole)
        line = "memory ran out with 2 networks of 96 points at once; it goes on with 1 network of 32 points"
        assert shortage.told() == ((line,), True)

    def test_a_step_in_which_it_runs_out_is_taken_whole_from_the_same_batch(self, law, limit):
        whole = trained(law, precision="float64")
        limit(5, after=8)
        for found, wanted in zip(trained(law, precision="float64"), whole, strict=True):
            for name, value in wanted.state.items():
                torch.testing.assert_close(found.state[name], value, rtol=1e-9, atol=1e-12)
        assert shortage.told().lines[0].endswith("goes on with 1 network of 4 points")

    def test_where_one_point_is_too_much_it_says_what_was_tried(self, law, limit):
        limit(0)
        with pytest.raises(
            torch.OutOfMemoryError, match=r"2 networks of 96 points.*down to 1 network of 1 point: CUDA"
        ):
            trained(law, (0, 1))
        assert shortage.told() == ((), False)

    def test_one_that_was_cut_off_goes_on_with_as_little_to_the_same_bits(self, law, limit, tmp_path, monkeypatch):
        limit(40, after=3)
        whole, folder = trained(law), UnfinishedFolder(tmp_path / "unfinished", "code", every=0.0)
        monkeypatch.setattr("harness.engine.kept_states.SHARE", 0)
        limit(40, after=3)
        with monkeypatch.context() as patch:
            patch.setattr(adam._Training, "arrive", raising_this(KeyboardInterrupt()))
            with pytest.raises(KeyboardInterrupt):
                trained(law, unfinished=folder)
        assert folder.reached("last0").step == 4
        limit(10**9)
        shortage.told()
        assert same(trained(law, unfinished=folder), whole)
        assert shortage.told().in_parts

    def test_a_stack_that_cannot_even_be_tried_trains_one_by_one(self, law, monkeypatch):
        whole, real = trained(law, (0, 1, 2)), Stack.__init__

        def scarce(made, network, data, seeds, trainer):
            if len(seeds) > 1:
                raise MemoryError
            real(made, network, data, seeds, trainer)

        monkeypatch.setattr(adam, "_SEPARABLE", {})
        monkeypatch.setattr(Stack, "__init__", scarce)
        assert same(trained(law, (0, 1, 2)), whole)
        assert adam._SEPARABLE == {}
        assert shortage.told() == (
            ("memory ran out with 3 networks at once; it goes on with one after the other",),
            False,
        )


class ScarceModule(nn.Module):
    def __init__(self, most, dim):
        """See no more than so many points at once."""
        super().__init__()
        self.most, self.inner = most, Mlp(width=16, depth=1).module(DataSpec((dim,), 0.7))

    def forward(self, x, sigma):
        if len(x) > self.most:
            raise RuntimeError(
                "[enforce fail at alloc_cpu.cpp:123] DefaultCPUAllocator: can't allocate memory: you tried"
            )
        return self.inner(x, sigma)


class TestEvaluation:
    def test_samples_in_parts_have_the_bits_of_all_at_once(self):
        whole, parts = (denoiser_from_module(self.module(most)) for most in (1000, 40))
        options = {"seed": 3, "count": 300, "dim": 3, "dtype": torch.float32}
        first, second = (generate(EdmStochastic(), each, GRID, None, **options) for each in (whole, parts))
        assert torch.equal(first.samples, second.samples)
        assert first.nfe == second.nfe
        line = "memory ran out with 1 network of 300 points at once; it goes on with 1 network of 32 points"
        assert shortage.told() == ((line,), True)

    def module(self, most):
        torch.manual_seed(0)
        module = ScarceModule(most, 3)
        for parameter in module.parameters():
            nn.init.normal_(parameter, std=0.3)
        return module

    def test_a_score_error_too(self):
        law = Gaussian(dim=3).distribution()
        found = [
            measure_score_error(law, [denoiser_from_module(self.module(most))], 0.1, 5.0, level_count=4)[0]
            for most in (10**6, 100)
        ]
        one, other = (each(np.geomspace(0.1, 5.0, 4)) for each in found)
        assert (one == other).all()
        assert shortage.told().in_parts

    def test_labels_go_with_their_points(self):
        parts = Parts()

        def compute(x, labels):
            if len(x) > 3:
                raise MemoryError
            return x + labels

        x, labels = torch.arange(10.0), torch.arange(10)
        assert torch.equal(parts(compute, x, labels), 2 * x)
        assert torch.equal(parts(compute, x[:2], labels[:2]), 2 * x[:2])

    def test_gradients_pass(self):
        x = torch.randn(70, 3, requires_grad=True)
        whole, parts = (
            torch.autograd.grad(denoiser_from_module(self.module(most))(x, 0.5).square().sum(), x)[0]
            for most in (1000, 64)
        )
        torch.testing.assert_close(whole, parts)


class TestWithLess:
    def test_points_are_halved_to_multiples_and_then_to_one(self):
        seen, size = [], Together(3, 200)
        while size is not None:
            seen.append(size)
            size = size.less()
        points = [200, 200, 128, 64, 32, 16, 8, 4, 2, 1]
        assert seen == [Together(3, 200), *(Together(1, each) for each in points[1:])]

    @pytest.mark.parametrize(
        "error",
        [
            torch.OutOfMemoryError("CUDA out of memory."),
            MemoryError(),
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."),
            RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        ],
        ids=["device", "python", "torch", "cublas"],
    )
    def test_what_says_that_memory_ran_out_is_of_its_kind_in_the_end(self, error, monkeypatch):
        sizes = []
        monkeypatch.setattr(shortage, "free", lambda: None)

        def attempt(size):
            sizes.append(size)
            raise error

        with pytest.raises(type(error), match="down to 1 network of 1 point") as raised:
            with_less(attempt, Together(2, 64))
        assert str(error) in str(raised.value)
        assert len(sizes) == 8

    @pytest.mark.parametrize("error", [RuntimeError("shapes do not fit"), ValueError("out of memory"), KeyError("x")])
    def test_any_other_error_is_raised_as_it_is(self, error):
        assert not out_of_memory(error)
        with pytest.raises(type(error)) as raised:
            with_less(raising_this(error), Together(2, 64))
        assert raised.value is error

    def test_what_an_attempt_held_is_free_before_the_next(self):
        held = []

        def attempt(size):
            large = nn.Linear(2, 2)
            assert all(each() is None for each in held)
            held.append(weakref.ref(large))
            if size.points > 1:
                raise MemoryError
            return size

        assert with_less(attempt, Together(1, 8))[0] == Together(1, 1)
        assert len(held) == 4


def raising_this(error):
    def attempt(given):
        raise error

    return attempt


STARVED = """
import resource
from test_shortage import Together, law_and_trained, shortage

law_and_trained(batch_size=64)  # libraries are loaded
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 60 * 2**20,) * 2)
found = law_and_trained(batch_size=16384)
print(shortage.told().lines, bool(found.loss > 0), found.diverged)
"""


def law_and_trained(batch_size):
    found = trained(
        Gaussian(dim=2).distribution(), network=Mlp(width=256, depth=2), lengths=(2,), batch_size=batch_size
    )
    return found[0]


@pytest.mark.slow
def test_under_a_limit_of_the_system_a_training_comes_to_its_end():
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    done = subprocess.run(
        [sys.executable, "-c", STARVED],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("('memory ran out with 1 network of 16,384 points at once; it goes on with"), done
    assert done.stdout.endswith("True None\n")
