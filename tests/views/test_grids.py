"""The answer of `harness grid` as text and as files, and its exports read by those that they are for."""

import csv
import io
import json
import shlex
import statistics
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from harness.results.document import DocumentError
from harness.results.grids import Gain, GridAnswer, LaidOutGrid
from harness.views.grid_exports import EXPORTS, diffusers_config, edm_options, k_diffusion_sigmas
from harness.views.grids import grid_csv, grid_python, grid_text

LEVELS = [20.0, 6.0, 2.0, 0.7, 0.2, 0.05]


def gain(than="EDM's", nats=0.4, half=0.1, exponent=None):
    return Gain(
        than=than,
        grid=f"polynomial:rho={exponent or 7}",
        exponent=exponent,
        nats=nats,
        low=nats - half,
        high=nats + half,
        sampling=None,
        interpolation=half,
    )


def laid_out(levels=LEVELS, gains=()):
    variances = [a**2 - b**2 for a, b in pairwise(levels)]
    return LaidOutGrid(steps=len(levels) - 1, levels=levels, variances=variances, gains=list(gains))


def answer(*grids, **given):
    content = {
        "law": "that of made-up points",
        "sampler": "exponential-integrator",
        "dim": 2,
        "sigma_max": 20.0,
        "sigma_min": 0.05,
        "curve_levels": 24,
        "curve_max": 20.0,
        "curve_min": 0.05,
        "dependence": None,
        "notes": ["A note."],
        "grids": list(grids) or [laid_out()],
    }
    return GridAnswer(**content | given)


def test_text_says_what_is_settled():
    gains = [gain("one"), gain("two", 0.05), gain("three", -0.4)]
    text = grid_text(answer(laid_out(gains=gains)), None)
    rows = {line.split()[0]: line for line in text.splitlines() if line[:1].isalpha()}
    assert "better" in rows["one"]
    assert "0.3 to 0.5" in rows["one"]
    assert "not settled" in rows["two"]
    assert "worse" in rows["three"]
    assert "5 steps: 20, 6, 2, 0.7, 0.2, 0.05" in text
    assert "Law: that of made-up points" in text
    assert text.endswith("A note.")


def test_text_fits_a_terminal():
    assert max(map(len, grid_text(answer(laid_out(gains=[gain()])), 80).splitlines())) <= 80


def test_csv_has_every_level():
    found = list(csv.DictReader(io.StringIO(grid_csv(answer(laid_out(), laid_out([20.0, 1.0, 0.05]))))))
    assert [float(row["sigma"]) for row in found if row["steps"] == "5"] == LEVELS
    assert [row["variance"] for row in found if row["steps"] == "2"] == ["399.0", "0.9975", ""]


SCRIPT = """
import json, random, runpy, sys
made = runpy.run_path(sys.argv[1])
rng = random.Random(0)
normal = lambda: rng.gauss(0, 1)
denoise = lambda x, sigma: x * 0.25 / (0.25 + sigma**2)
draws = [made["sample"](denoise, 20 * normal(), normal, to_zero=False) for _ in range(4000)]
print(json.dumps([made["SIGMAS"][5], draws, "harness" in sys.modules]))
"""


def test_the_python_file_stands_alone(tmp_path):
    """Without anything that is installed it samples N(0, ¼ + σ_N²) with the exact denoiser, but for what steps cost."""
    path = tmp_path / "levels.py"
    levels = np.geomspace(20, 0.05, 6).tolist()
    path.write_text(grid_python(answer(laid_out(levels))), encoding="utf-8")
    done = subprocess.run([sys.executable, "-I", "-S", "-c", SCRIPT, str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found, draws, imported = json.loads(done.stdout)
    assert found == levels
    assert not imported
    variance = 20.0**2
    for sigma, after in pairwise(levels):
        kept = after**2 / sigma**2
        factor = kept + (1 - kept) * 0.25 / (0.25 + sigma**2)
        variance = factor**2 * variance + sigma**2 - after**2
    assert statistics.variance(draws) == pytest.approx(variance, rel=0.1)


def edm_levels(options):
    """Read options as EDM's generate.py does, and lay out `t_steps` as its edm_sampler does: equation 5, then 0."""
    given = dict(word.removeprefix("--").split("=") for word in shlex.split(options))
    assert set(given) == {"steps", "sigma_min", "sigma_max", "rho"}
    count, low, high, rho = int(given["steps"]), *(float(given[key]) for key in ("sigma_min", "sigma_max", "rho"))
    assert low > 0
    ramp = np.arange(count) / (count - 1)
    return np.append((high ** (1 / rho) + ramp * (low ** (1 / rho) - high ** (1 / rho))) ** rho, 0)


def test_edms_options_give_edms_grid():
    exponent = 3.41
    levels = (np.linspace(20 ** (1 / exponent), 0.05 ** (1 / exponent), 6) ** exponent).tolist()
    same = laid_out(levels, [gain(), gain("family", 0.0, 1e-5, exponent)])
    options, *comments = edm_options(answer(same)).splitlines()
    np.testing.assert_allclose(edm_levels(options), [*levels, 0], rtol=1e-12)
    assert not any("behind" in line for line in comments)
    assert all(line.startswith("# ") for line in comments)


def test_edms_options_say_what_they_cost_where_they_cannot_be_the_best():
    options, *comments = edm_options(answer(laid_out(gains=[gain("family", 0.12, 0.02, 3.0)]))).splitlines()
    assert "--rho=3" in options
    [line] = [line for line in comments if "behind" in line]
    assert "0.12 nats behind (0.1 to 0.14)" in line
    [tensor] = [line for line in comments if "torch.tensor" in line]
    assert json.loads(tensor[tensor.index("[") : tensor.index("]") + 1]) == [*LEVELS, 0.0]


def test_edms_options_need_a_family():
    with pytest.raises(DocumentError, match="no family"):
        edm_options(answer(laid_out(gains=[gain()])))


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_of_one_grid(name):
    with pytest.raises(DocumentError, match="give one number of steps"):
        EXPORTS[name](answer(laid_out(), laid_out([20.0, 1.0, 0.05])))


def test_k_diffusions_list_ends_in_zero():
    assert json.loads(k_diffusion_sigmas(answer())) == [*LEVELS, 0.0]


def test_betas_are_the_levels():
    config = json.loads(diffusers_config(answer()))["config"]
    kept = np.cumprod(1 - np.array(config["trained_betas"]))
    np.testing.assert_allclose(np.sqrt(1 / kept - 1)[::-1], LEVELS, rtol=1e-9)


# diffusers itself

THEIRS = pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")


def mixture(x, sigma):
    """Denoiser of two equal Gaussians of variance 0.09 at ±1, per coordinate."""
    u, c2 = sigma**2, 0.09
    return (c2 * x + u * (x / (c2 + u)).tanh()) / (c2 + u)


@pytest.fixture(scope="module")
def diffusers():
    reason = "needs diffusers: pip install 'diffusion-harness[diffusers]'"
    return pytest.importorskip("diffusers", reason=reason, exc_type=ImportError)


@pytest.fixture(scope="module")
def export():
    """What is exported of a grid of 18 steps, after a way through a file."""
    levels = np.geomspace(20, 0.05, 19)
    return json.loads(diffusers_config(answer(laid_out((levels * (1 + 0.02 * np.sin(np.arange(19)))).tolist()))))


def scheduler(diffusers, name, export, tmp_path, explicit):
    """Make it as a pipeline does: from the configuration's file; with its own levels, or those that are handed over."""
    (tmp_path / "scheduler_config.json").write_text(json.dumps(export["config"]), encoding="utf-8")
    made = getattr(diffusers, name).from_pretrained(tmp_path)
    if explicit:
        made.set_timesteps(**export["set_timesteps"])
    else:
        made.set_timesteps(export["num_inference_steps"])
    return made


def ours(sampler, levels):
    """Go down the levels; the denoiser has the last word."""
    import torch

    from harness.samplers import SamplerRun

    run = SamplerRun(mixture, levels, lambda: pytest.fail("drew noise"))
    return mixture(sampler.sample(run, start(torch, levels[0])), levels[-1])


def start(torch, sigma):
    return sigma * torch.randn(64, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def theirs(made, sigma):
    """Run a scheduler whose network predicts the noise; its time steps only count, so it is called with σ."""
    import torch

    x = start(torch, sigma)
    made.is_scale_input_called = True
    for time, level in zip(made.timesteps, made.sigmas.tolist(), strict=False):
        x = made.step((x - mixture(x, level)) / level, time, x).prev_sample
    return x


@THEIRS
@pytest.mark.parametrize("explicit", [False, True], ids=["config", "set_timesteps"])
def test_diffusers_visits_the_same_levels_and_euler_goes_the_same_way(diffusers, export, tmp_path, explicit):
    import torch
    from harness_song.samplers import Euler

    levels = export["set_timesteps"]["sigmas"]
    made = scheduler(diffusers, "EulerDiscreteScheduler", export, tmp_path, explicit)
    np.testing.assert_allclose(made.sigmas.numpy(), levels, rtol=1e-6, atol=1e-5)
    assert float(made.init_noise_sigma) == pytest.approx(levels[0], rel=1e-5)
    found = theirs(made, levels[0])
    torch.testing.assert_close(found.double(), ours(Euler(), levels[:-1]), rtol=0, atol=1e-5)


@THEIRS
def test_heuns_scheduler_reads_the_same_configuration(diffusers, export, tmp_path):
    import torch
    from harness_karras.samplers import Heun

    levels = export["set_timesteps"]["sigmas"]
    made = scheduler(diffusers, "HeunDiscreteScheduler", export, tmp_path, False)
    np.testing.assert_allclose(made.sigmas.numpy()[[0, *range(1, 37, 2)]], levels[:-1], rtol=1e-6, atol=1e-5)
    x, ended = start(torch, levels[0]), []
    made.is_scale_input_called = True
    for time, level in zip(made.timesteps, made.sigmas.tolist(), strict=False):
        x = made.step((x - mixture(x, level)) / level, time, x).prev_sample
        ended.append(x)
    torch.testing.assert_close(ended[-1].double(), ours(Heun(), levels[:-1]), rtol=0, atol=1e-5)


@THEIRS
def test_ancestral_steps_are_those_of_the_harness(diffusers, export, tmp_path):
    """By mean and variance of one step: their noise is drawn in another type."""
    import torch
    from harness_song.samplers import Ancestral

    levels = np.array(export["set_timesteps"]["sigmas"])
    made = scheduler(diffusers, "EulerAncestralDiscreteScheduler", export, tmp_path, False)
    made.is_scale_input_called = True
    x = torch.full((200_000,), float(levels[0]), dtype=torch.float64)
    generator = torch.Generator().manual_seed(1)
    noise = (x - mixture(x, levels[0])) / levels[0]
    found = made.step(noise, made.timesteps[0], x, generator=generator).prev_sample.double()
    kept = levels[1] ** 2 / levels[0] ** 2
    variance = Ancestral().step_variances(levels[:1], levels[1:2], None, None)[0]
    assert float(found.var()) == pytest.approx(variance, rel=0.02)
    mean = kept * levels[0] + (1 - kept) * float(mixture(x[:1], levels[0])[0])
    assert float(found.mean()) == pytest.approx(mean, abs=5 * (variance / len(x)) ** 0.5)
