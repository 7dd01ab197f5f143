"""`benchmarks/device.py`: its loops compute what the harness does, and it ends in time, whatever a case meets."""

import importlib.util
import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from harness_karras.networks import Mlp
from harness_karras.samplers import Heun
from harness_ronneberger.networks import Unet
from harness_song.samplers import Ancestral

from harness.engine.adam import Stack
from harness.engine.random_streams import NoiseStream
from harness.trainers import Adam

PATH = Path(__file__).parents[2] / "benchmarks" / "device.py"
SPEC = importlib.util.spec_from_file_location("device", PATH)
device = importlib.util.module_from_spec(SPEC)
sys.modules["device"] = device
SPEC.loader.exec_module(device)

NETWORKS = [(Mlp(width=16), (6,)), (Unet(channels=8), (1, 4, 4))]


def moved(module):
    """Away from its start, where the last layer is 0."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))


@pytest.mark.parametrize(("network", "shape"), NETWORKS)
def test_the_loop_minimises_what_the_harness_does(network, shape):
    law, trainer = device.points_law(shape), Adam(batch_size=32)
    stack = Stack(network, law.data, [0], trainer)
    clean, noise = torch.randn(2, 32, law.dim)
    sigma = torch.logspace(-1, 1, 32)
    squared, loss = stack.differentiate(clean[None], noise[None], sigma[None], torch.ones(1, 32))
    bare = device.BareTraining(network, law, trainer)
    shaped = [each.reshape(32, *shape) for each in (clean, noise)]
    assert bare.loss(*shaped, sigma.log()).item() == pytest.approx(float(loss), rel=1e-5)
    assert float(loss) == pytest.approx(float(squared.mean()) / law.dim, rel=1e-5)


@pytest.mark.parametrize(("network", "shape"), NETWORKS)
def test_in_shorter_numbers_the_loop_computes_nearly_the_same(network, shape):
    law, trainer = device.points_law(shape), Adam(batch_size=32)
    given = (*torch.randn(2, 32, *shape), torch.linspace(-2, 2, 32))
    losses = []
    for shorter in (False, True):
        bare = device.BareTraining(network, law, trainer, shorter=shorter)
        moved(bare.module)
        losses.append(bare.loss(*given).item())
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)


def test_training_descends():
    torch.manual_seed(0)
    law = device.points_law((2,))
    bare = device.BareTraining(Mlp(width=16), law, Adam(batch_size=64, learning_rate=0.01))
    clean, noise, log_sigma = law.train[:200].float(), torch.randn(200, 2), torch.linspace(-3, 3, 200)
    moved(bare.module)
    before = bare.loss(clean, noise, log_sigma).item()
    bare(100)
    assert bare.loss(clean, noise, log_sigma).item() < before - 0.01


def test_operations_of_a_multilayer_perceptron_are_those_of_its_matrices():
    network, dim, batch = Mlp(width=16, depth=3), 6, 32
    bare = device.BareTraining(network, device.points_law((dim,)), Adam(batch_size=batch))
    first, rest = (dim + 2 * network.features) * 16, 2 * 16**2 + 16 * dim
    # Forward; back for weights; back for inputs, which the first layer's do not need.
    assert bare.operations() == 2 * batch * (2 * first + 3 * rest)


@pytest.mark.parametrize("sampler", [Heun(), Ancestral()])
@pytest.mark.parametrize(("network", "shape"), NETWORKS)
def test_the_loop_samples_what_the_harness_does(network, shape, sampler, monkeypatch):
    law = device.points_law(shape)
    each = device.Sampling(network, law, sampler, count=8, steps=5, device="cpu")
    moved(each.module)
    noise = NoiseStream(0, 0, 8, law.dim, torch.float32)
    first = noise().reshape(8, *shape)
    monkeypatch.setattr(device.torch, "randn_like", lambda x: noise().reshape(x.shape))
    assert torch.allclose(each.bare_from(first).flatten(1).double(), each.own(), atol=1e-4)


def test_it_ends_in_time_and_says_what_it_left_out_and_what_failed(tmp_path):
    def fails(end):
        raise ValueError("what a new\ndevice cannot")

    def works(end):
        report.add("Table", {"number": 1234567, "ratio": device.Spread.of([3.0, 1.0, 2.0])})

    report = device.Report({"device": "a"}, tmp_path / "out")
    cases = [("first", fails), ("second", works), ("third", lambda end: time.sleep(60)), ("fourth", works)]
    start = time.monotonic()
    device.carry_out(cases, report, start + 1)
    assert time.monotonic() - start < 30
    assert report.left_out == ["third", "fourth"]
    assert report.failed == ["first: ValueError: what a new device cannot"]
    written = json.loads((tmp_path / "out" / "device.json").read_text())
    row = {"number": 1234567, "ratio": {"median": 2.0, "least": 1.0, "largest": 3.0, "turns": 3}}
    assert written["tables"] == {"Table": [row]}
    assert "| 1,234,567 | 2.00 (1.00–3.00) |" in (tmp_path / "out" / "device.md").read_text()


def test_training_is_measured_in_the_harness_own_mixed_precision_too():
    report = device.Report({}, None)
    bench = device.Bench("cpu", replace(device.SMALL, seconds=0.001, turns=1), report)
    bench._training(Mlp(width=16), 32, 2, time.monotonic() + 5)
    ((row,),) = report.tables.values()
    assert row["bare in bfloat16, a second"] > 0
    assert row["harness in bfloat16, a second"] not in (0, row["harness, a second"])


def test_the_suite_comes_before_the_samplings():
    names = [name for name, _ in device.Bench("cpu", device.SMALL, device.Report({}, None)).cases()]
    place = names.index("the suite images in small")
    assert all(name.startswith("sampling") == (number > place) for number, name in enumerate(names) if number != place)


def test_a_command_that_is_cut_short_leaves_no_process_of_its_own(tmp_path):
    alive = tmp_path / "alive"
    worker = f"import time; time.sleep(3); open({str(alive)!r}, 'w')"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {worker!r}])"
    report = device.Report({}, None)
    cases = [("a command", lambda end: device.finished([sys.executable, "-c", parent]))]
    device.carry_out(cases, report, time.monotonic() + 1)
    assert report.left_out == ["a command"]
    time.sleep(4)
    assert not alive.exists()


def test_what_a_command_told_is_returned():
    assert device.finished([sys.executable, "-c", "import sys; sys.exit('wrong')"]) == (1, "wrong\n")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_told_in_one_line(tmp_path):
    command = [sys.executable, str(PATH), "--device", "cuda", "--out", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("device.py: --device cuda: torch")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
