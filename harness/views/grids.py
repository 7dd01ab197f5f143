"""Grids for eyes and programs: the answer of `harness grid` as text, CSV, and a Python file that stands alone."""

from __future__ import annotations

from collections.abc import Iterator

from harness.results.grids import Gain, GridAnswer, LaidOutGrid
from harness.views.column import Column
from harness.views.terminal import break_lines, text_table

SHOWN = 4
"""Digits of a level in a text."""


def grid_text(answer: GridAnswer, width: int | None) -> str:
    """Return the answer for a terminal of so many columns; None is no limit."""
    reached = f"{answer.curve_levels} levels, sigma {answer.curve_min:.4g} to {answer.curve_max:.4g}"
    lines = [
        f"Levels for {answer.sampler}, d = {answer.dim}, sigma from {answer.sigma_max:.4g} to {answer.sigma_min:.4g}",
        f"Loss curve: {reached}; {_scale(answer)}",
        f"Law: {answer.law}",
    ]
    for grid in answer.grids:
        levels = ", ".join(f"{level:.{SHOWN}g}" for level in grid.levels)
        lines += ["", f"{grid.steps} steps: {levels}", "", *text_table(_columns(grid))]
    lines += [
        "",
        "Nats: how much lower the divergence between the true reverse path and the sampler's is, with 95 % intervals; "
        "as much lower is the bound on the negative log-likelihood of held-out points. It is not sample quality.",
        *answer.notes,
    ]
    return "\n".join(break_lines(lines, width))


def _scale(answer: GridAnswer) -> str:
    return "sigma in its units" if answer.scale == 1 else f"sigma in its units times {answer.scale:g}"


def _columns(grid: LaidOutGrid) -> list[Column]:
    gains = grid.gains
    return [
        Column("ahead of", tuple(gain.than for gain in gains), naming=True),
        Column("nats", tuple(f"{gain.nats:.3g}" for gain in gains)),
        Column("interval", tuple(f"{gain.low:.3g} to {gain.high:.3g}" for gain in gains)),
        Column("verdict", tuple(_verdict(gain) for gain in gains), naming=True),
        Column("grid", tuple(gain.grid for gain in gains), naming=True),
    ]


def _verdict(gain: Gain) -> str:
    return "better" if gain.low > 0 else "worse" if gain.high < 0 else "not settled"


def grid_csv(answer: GridAnswer) -> str:
    """Return a row for each level of each grid, with the variance of the step that starts there."""
    lines = ["steps,index,sigma,variance"]
    for grid in answer.grids:
        variances = [*map(repr, grid.variances), ""]
        rows = enumerate(zip(grid.levels, variances, strict=True))
        lines += [f"{grid.steps},{index},{level!r},{variance}" for index, (level, variance) in rows]
    return "\n".join(lines) + "\n"


def grid_python(answer: GridAnswer) -> str:
    """Return a Python file that needs nothing installed: levels, variances, and the loop that samples with them."""
    lines = [f'"""Noise levels for {answer.sampler}: {_scale(answer)}.', "", *_gain_lines(answer), '"""', ""]
    for name, part in (("SIGMAS", "levels"), ("VARIANCES", "variances")):
        rows = [f"    {grid.steps}: {getattr(grid, part)!r}," for grid in answer.grids]
        lines += [f"{name} = {{", *rows, "}"]
    return "\n".join(lines) + LOOP.format(sigma_max=repr(answer.sigma_max), steps=answer.grids[0].steps)


def _gain_lines(answer: GridAnswer) -> Iterator[str]:
    yield f"Law: {answer.law}"
    for grid in answer.grids:
        for gain in grid.gains:
            yield f"{grid.steps} steps: {gain.nats:.3g} nats ({gain.low:.3g} to {gain.high:.3g}) ahead of {gain.than}"


LOOP = '''
"""By number of steps: sigma_0 > ... > sigma_N > 0, and the variance of the noise that each step adds."""


def sample(denoise, x, normal, steps={steps}, to_zero=True):
    """Return x at noise level sigma_N, or its denoised mean.

    denoise(x, sigma): the network's estimate of the clean point; x: a draw of N(0, sigma_0^2); normal(): fresh
    standard normal noise of x's shape; to_zero: whether denoise has the last word, one evaluation more.
    """
    levels, variances = SIGMAS[steps], VARIANCES[steps]
    for sigma, following, variance in zip(levels, levels[1:], variances):
        kept = (following / sigma) ** 2
        x = kept * x + (1 - kept) * denoise(x, sigma) + variance**0.5 * normal()
    return denoise(x, levels[-1]) if to_zero else x
'''
