"""Exports of a recipe: a design of a leaderboard as the code of other projects takes it.

What a format has no words for is told: in comments, or as `notes` in JSON.
References: NVlabs/edm, generate.py, train.py and training/loss.py; NVlabs/edm2, train_edm2.py; huggingface/diffusers;
crowsonkb/k-diffusion, sampling.py.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping

import numpy as np

from harness.results.document import DocumentError
from harness.results.edm_terms import exponent
from harness.results.recipes import Recipe, RecipeTraining
from harness.views.digits import number, with_interval
from harness.views.grid_exports import EDM_DEVIATION, edm_levels_line, scheduler, to_zero

WIDTH = 100
"""Columns of a comment."""


def edm(recipe: Recipe) -> str:
    """Return options of EDM's scripts, a line each, and comments on what they leave out.

    The first line is for generate.py, in data of deviation 0.5 unless the recipe was scaled to another one.
    """
    grid = exponent(np.array(recipe.levels))
    lines = [
        *_comments([f"generate.py. Levels in {recipe.unit}; sigma_data is {_figures(recipe.sigma_data)}."]),
        f"--steps={len(recipe.levels)} --sigma_min={_figures(recipe.levels[-1])} "
        f"--sigma_max={_figures(recipe.levels[0])} --rho={_figures(grid.rho)}",
        *_comments(["--steps counts levels; EDM takes one more step, to 0."]),
    ]
    if not grid.exact:
        lines += _comments(
            [
                f"No options of EDM's give the levels of this design: these miss them by up to {grid.miss:.1%}. "
                "For the very levels, in edm_sampler:"
            ]
        )
        lines.append(edm_levels_line(recipe.levels))
    lines += _comments([f"Sampler of this design: {_sampler(recipe)} EDM's own is Heun's method."])
    lines += _edm_training(recipe.training) if recipe.training is not None else _comments(["Nothing was trained."])
    return "\n".join([*lines, *_comments(recipe.notes)])


def _edm_training(training: RecipeTraining) -> Iterator[str]:
    """Yield the options of training, each where EDM has it, and what it has no option for."""
    if training.p_mean is not None and training.p_std is not None:
        yield from _comments(["train_edm2.py; in train.py they are arguments of EDMLoss (training/loss.py):"])
        yield f"--P_mean={_figures(training.p_mean)} --P_std={_figures(training.p_std)}"
        ends = f"{number(training.sigma_min)} and {number(training.sigma_max)}"
        yield from _comments([f"Levels were drawn between {ends} alone; EDM draws all of them."])
    else:
        yield from _comments(
            ["Noise levels of training are not log-normal: no P_mean and P_std say how they are drawn."]
        )
    if training.learned:
        yield from _comments(["The weight was learned beside the network: EDMLoss has a fixed one; EDM2's is learned."])
    elif training.weight_sigma_data is None:
        yield from _comments(["The weight of a level is not 1 + (sigma/sigma_data)^2: EDMLoss has no option for it."])
    else:
        yield f"# EDMLoss(sigma_data={_figures(training.weight_sigma_data)})  # its weight"
    if training.network_sigma_data is None:
        yield from _comments(["The network is not in EDM's preconditioning: --precond=edm would be another one."])
        return
    yield from _comments([f"train.py, with EDMPrecond(sigma_data={_figures(training.network_sigma_data)}):"])
    yield "--precond=edm"


def diffusers(recipe: Recipe) -> str:
    """Return JSON with a scheduler's configuration, and what `set_timesteps` takes, as `grid_exports` says."""
    held = scheduler(recipe.levels)
    used = (
        "config is of a scheduler of Euler's method, which holds the levels; this design's sampler is "
        f"{recipe.components['sampler']}: give config to from_config of the class of that method."
    )
    return json.dumps({**held, "notes": [used, *_notes(recipe)]}, indent=1, ensure_ascii=False)


def k_diffusion(recipe: Recipe) -> str:
    """Return the list that samplers of k-diffusion take as `sigmas`, in JSON; comments have no place in it."""
    return json.dumps(to_zero(recipe.levels))


def as_json(recipe: Recipe) -> str:
    """Return the whole recipe."""
    return recipe.to_json().rstrip("\n")


def python(recipe: Recipe) -> str:
    """Return a Python file that needs nothing installed: levels, and the loop that samples.

    Raises:
        DocumentError: the sampler does not say its step in plain Python.
    """
    if not recipe.plain_step:
        sampler = recipe.components["sampler"]
        raise DocumentError(
            f"sampler {sampler} has no plain_step(), its step as plain Python; take json or k-diffusion"
        )
    said = [
        line.replace("\\", "\\\\").replace('"""', "'''") for line in _filled([f"{_title(recipe)}.", *_notes(recipe)])
    ]
    constants = [
        f"SIGMAS = {recipe.levels!r}",
        f"VARIANCES = {recipe.variances!r}",
        f"SIGMA_DATA = {recipe.sigma_data!r}",
        f"UNIT = {recipe.scale!r}",
    ]
    first, *further = said
    head = [f'"""{first}', *further, '"""', "", *constants, "", ""]
    return "\n".join(head) + recipe.plain_step.rstrip("\n") + LOOP


LOOP = '''


def sample(denoise, x, normal, to_zero=False):
    """Return x at the last level, as it was measured, or its denoised mean.

    denoise(x, sigma): the network's estimate of the clean point; x: a draw of N(0, sigma_0^2); normal(): fresh
    standard normal noise of x's shape; to_zero: whether denoise has the last word, one evaluation more.
    """
    memory = {}
    for j in range(len(SIGMAS) - 1):
        x = step(denoise, x, SIGMAS, j, normal, memory)
    return denoise(x, SIGMAS[-1]) if to_zero else x
'''

FORMATS: Mapping[str, Callable[[Recipe], str]] = {
    "edm": edm,
    "diffusers": diffusers,
    "k-diffusion": k_diffusion,
    "json": as_json,
    "python": python,
}
"""Every format, by the word that chooses it."""


def export_recipe(recipe: Recipe, form: str, sigma_data: float | None = None) -> str:
    """Return a recipe in a format.

    Arguments:
        recipe: the recipe, in any unit.
        form: one of `FORMATS`.
        sigma_data: the deviation that data have in the code it is for; None: the recipe's own unit, and 0.5 for EDM.

    Raises:
        DocumentError: the format is unknown, or cannot hold the recipe.
        HarnessError: a deviation that is none.
    """
    if form not in FORMATS:
        raise DocumentError(f"no format {form!r}; known: {', '.join(FORMATS)}")
    wanted = EDM_DEVIATION if sigma_data is None and FORMATS[form] is edm else sigma_data
    return FORMATS[form](recipe if wanted is None else recipe.for_deviation(wanted))


def _title(recipe: Recipe) -> str:
    measured = recipe.value
    told = "" if measured is None else f", {recipe.metric} {with_interval(measured.value, measured.low, measured.high)}"
    return f"Rank {recipe.rank} ({recipe.rank_low} to {recipe.rank_high}) on {recipe.target}{told}"


def _sampler(recipe: Recipe) -> str:
    return ", ".join(filter(None, (recipe.components["sampler"], recipe.formula))) + "."


def _notes(recipe: Recipe) -> Iterator[str]:
    """Yield what a reader of any format must know."""
    yield f"Levels in {recipe.unit}; sigma_data, the deviation of a coordinate, is {number(recipe.sigma_data)}."
    yield f"Sampler: {_sampler(recipe)}"
    yield "Design: " + ", ".join(f"{axis.replace('_', ' ')} {name}" for axis, name in recipe.components.items()) + "."
    yield from recipe.notes


def _figures(value: float) -> str:
    """Return a number to the twelve digits that the levels of grids have: what is beyond is rounding."""
    return f"{value:.12g}"


def _filled(paragraphs: Iterable[str]) -> Iterator[str]:
    for each in paragraphs:
        yield from textwrap.wrap(each, WIDTH, break_long_words=False, break_on_hyphens=False)


def _comments(sentences: Iterable[str]) -> list[str]:
    return [f"# {line}" for line in _filled(sentences)]
