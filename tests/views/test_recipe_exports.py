"""Exports of a recipe, read by the rules of those that they are for."""

import json
import math
import shlex
import statistics
import subprocess
import sys
from itertools import pairwise

import click
import numpy as np
import pytest
from click.testing import CliRunner

from harness.errors import HarnessError
from harness.results.document import DocumentError
from harness.results.edm_terms import edm_levels
from harness.results.leaderboard import Estimate
from harness.results.recipes import Recipe, RecipeTraining
from harness.views.recipe_exports import FORMATS, export_recipe

LEVELS = edm_levels(40.0, 0.1, 19, 5.0).tolist()


def training(**given):
    content = {
        "steps": 100,
        "method": "adam",
        "settings": {"learning_rate": 1e-3},
        "sigma_min": 0.1,
        "sigma_max": 40.0,
        "p_mean": -0.5,
        "p_std": 1.1,
        "weight_sigma_data": 2.0,
        "learned": False,
        "network_sigma_data": 2.0,
    }
    return RecipeTraining(**content | given)


def recipe(registry, sampler="ancestral", levels=LEVELS, **given):
    [made] = registry.parse("sampler", sampler)
    u = np.array(levels) ** 2
    content = {
        "suite": "made-up",
        "target": 'file:path="a\\b.npy"',
        "rank": 1,
        "rank_low": 1,
        "rank_high": 4,
        "metric": "kl",
        "value": Estimate(value=0.5, low=0.4, high=0.6, n_seeds=3),
        "components": {"weighting": "edm", "sampler": sampler},
        "unit": "the unit of the data",
        "scale": 2.0,
        "sigma_data": 2.0,
        "dim": 2,
        "shape": [2],
        "nfe": 18,
        "levels": list(levels),
        "variances": (u[1:] * (u[:-1] - u[1:]) / u[:-1]).tolist(),
        "formula": made.formula,
        "plain_step": made.plain_step(),
        "training": training(),
        "notes": ['A note with \\ and """ in it.'],
    }
    return Recipe(**content | given)


# The options of EDM's scripts that exports give, with their types, as the scripts declare them: names are as they are
# written (click would write `--S_churn` in small letters if it were not named), numbers in open ranges.

POSITIVE = click.FloatRange(min=0, min_open=True)
SCRIPTS = {
    "generate.py": {
        "--steps": click.IntRange(min=1),
        "--sigma_min": POSITIVE,
        "--sigma_max": POSITIVE,
        "--rho": POSITIVE,
    },
    "train.py": {"--precond": click.Choice(["vp", "ve", "edm"])},
    "train_edm2.py": {"--P_mean": click.FLOAT, "--P_std": POSITIVE},
}


def parsed(text):
    """What each script's command line makes of its line: the first script that the comment above it names."""
    found, script = {}, None
    for line in text.splitlines():
        if line.startswith("#"):
            script = next((name for name in SCRIPTS if line.startswith(f"# {name}")), script)
            continue
        options = [click.Option([name, name.lstrip("-")], type=kind) for name, kind in SCRIPTS[script].items()]
        given = {}
        command = click.Command(script, params=options, callback=lambda into=given, **values: into.update(values))
        done = CliRunner().invoke(command, shlex.split(line), standalone_mode=False)
        assert done.exception is None, (line, done.exception)
        found[script] = {name: value for name, value in given.items() if value is not None}
    return found


def edms_levels(options):
    """`t_steps` of edm_sampler: equation (5), then 0."""
    made = edm_levels(options["sigma_max"], options["sigma_min"], options["steps"], options["rho"])
    return np.append(made, 0)


def test_edms_command_lines_take_what_is_written(registry):
    found = parsed(export_recipe(recipe(registry), "edm"))
    assert set(found) == set(SCRIPTS)
    np.testing.assert_allclose(edms_levels(found["generate.py"]), [*(np.array(LEVELS) / 4), 0], rtol=1e-6)
    assert found["generate.py"]["rho"] == 5
    assert found["train_edm2.py"]["P_mean"] == pytest.approx(-0.5 - math.log(4))
    assert found["train_edm2.py"]["P_std"] == 1.1
    assert found["train.py"] == {"precond": "edm"}


def test_another_deviation_is_heeded(registry):
    text = export_recipe(recipe(registry), "edm", 2.0)
    found = parsed(text)
    np.testing.assert_allclose(edms_levels(found["generate.py"]), [*LEVELS, 0], rtol=1e-6)
    assert found["train_edm2.py"]["P_mean"] == -0.5
    assert "EDMLoss(sigma_data=2)" in text
    assert json.loads(export_recipe(recipe(registry), "k-diffusion", 1.0)) == pytest.approx([*np.divide(LEVELS, 2), 0])


def test_levels_that_no_options_give_are_written_out(registry):
    levels = [40.0, 30.0, 2.0, 1.9, 0.1]
    text = export_recipe(recipe(registry, levels=levels), "edm", 2.0)
    [line] = [line for line in text.splitlines() if "t_steps" in line]
    assert json.loads(line[line.index("[") : line.index("]") + 1]) == [*levels, 0]
    options = parsed(text)["generate.py"]
    missed = np.abs(np.log(edms_levels(options)[:-1] / levels)).max()
    assert f"miss them by up to {missed:.1%}" in " ".join(text.replace("\n# ", " ").split())


@pytest.mark.parametrize(
    ("given", "said", "lacks"),
    [
        ({"p_mean": None, "p_std": None}, "not log-normal", "--P_mean"),
        ({"weight_sigma_data": None}, "EDMLoss has no option for it", "EDMLoss(sigma_data="),
        ({"weight_sigma_data": None, "learned": True}, "The weight was learned", "EDMLoss(sigma_data="),
        ({"network_sigma_data": None}, "--precond=edm would be another one", "EDMPrecond(sigma_data="),
    ],
)
def test_what_edm_has_no_words_for_is_told(registry, given, said, lacks):
    text = export_recipe(recipe(registry, training=training(**given)), "edm")
    assert said in text.replace("\n# ", " ")
    assert lacks not in text
    parsed(text)
    nothing = export_recipe(recipe(registry, training=None), "edm")
    assert "Nothing was trained" in nothing
    assert set(parsed(nothing)) == {"generate.py"}


SCRIPT = """
import json, random, runpy, sys
made = runpy.run_path(sys.argv[1])
rng = random.Random(0)
normal = lambda: rng.gauss(0, 1)
denoise = lambda x, sigma: x * 4 / (4 + sigma**2)
draws = [made["sample"](denoise, made["SIGMAS"][0] * normal(), normal) for _ in range(4000)]
print(json.dumps([made["SIGMAS"], draws, made["sample"](denoise, 1.0, normal, True), sorted(sys.modules)]))
"""


@pytest.mark.parametrize("sampler", ["ancestral", "heun", "dpmpp-2m", "edm-stochastic:s_churn=5,s_noise=1"])
def test_the_python_file_stands_alone(registry, tmp_path, sampler):
    """Where nothing is installed it samples N(0, 4 + σ_N²), with the exact denoiser of N(0, 4)."""
    path = tmp_path / "design.py"
    path.write_text(export_recipe(recipe(registry, sampler), "python"), encoding="utf-8")
    done = subprocess.run([sys.executable, "-I", "-S", "-c", SCRIPT, str(path)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    levels, draws, last, imported = json.loads(done.stdout)
    assert levels == LEVELS
    assert isinstance(last, float)
    assert not {"harness", "numpy", "torch"} & set(imported)
    expected = ancestral_variance() if sampler == "ancestral" else 4 + 0.1**2
    assert statistics.variance(draws) == pytest.approx(expected, rel=0.1)


def ancestral_variance():
    """Of what 18 ancestral steps make, which are few, on N(0, 4): in closed form."""
    variance = LEVELS[0] ** 2
    for sigma, after in pairwise(LEVELS):
        kept = after**2 / sigma**2
        factor = kept + (1 - kept) * 4 / (4 + sigma**2)
        variance = factor**2 * variance + after**2 * (sigma**2 - after**2) / sigma**2
    return variance


def test_a_sampler_that_does_not_say_its_step_has_no_python_file(registry):
    with pytest.raises(DocumentError, match=r"has no plain_step\(\)"):
        export_recipe(recipe(registry, plain_step=""), "python")


def test_diffusers_and_k_diffusion_have_the_levels(registry):
    made = json.loads(export_recipe(recipe(registry), "diffusers"))
    assert made["set_timesteps"]["sigmas"] == [*LEVELS, 0]
    kept = np.cumprod(1 - np.array(made["config"]["trained_betas"]))
    np.testing.assert_allclose(np.sqrt(1 / kept - 1)[::-1], LEVELS, rtol=1e-8)
    assert any(note.startswith("Sampler: ancestral") for note in made["notes"])
    assert made["config"]["_class_name"] == "EulerDiscreteScheduler"
    assert made["notes"][0].endswith(
        "this design's sampler is ancestral: give config to from_config of the class of that method."
    )
    assert json.loads(export_recipe(recipe(registry), "k-diffusion")) == [*LEVELS, 0]


def test_json_is_the_recipe(registry):
    assert Recipe.validate(json.loads(export_recipe(recipe(registry), "json"))) == recipe(registry)


def test_unknown_formats_and_deviations_are_refused(registry):
    with pytest.raises(DocumentError, match="no format 'onnx'; known: edm, diffusers, k-diffusion, json, python"):
        export_recipe(recipe(registry), "onnx")
    for form in FORMATS:
        with pytest.raises(HarnessError, match="give a positive number"):
            export_recipe(recipe(registry), form, -1.0)
