"""Exports of a grid to the samplers of other projects, with what their conventions make of it.

All of them step on from the last level to 0, where the network's denoised mean is the sample: one evaluation more than
the harness's N steps, which end at σ_min. All take σ as the standard deviation of the noise on data of scale one.
References: NVlabs/edm, generate.py; huggingface/diffusers, EulerDiscreteScheduler; crowsonkb/k-diffusion, sampling.py.
"""

from __future__ import annotations

import json
import math
from itertools import pairwise

from harness.results.document import DocumentError
from harness.results.grids import GridAnswer, LaidOutGrid

NEGLIGIBLE = 1e-3
"""Nats that a grid of another family may be behind and still be called the same."""

EDM_DEVIATION = 0.5
"""Deviation to which EDM's code expects data to be scaled."""


def in_edms_unit(answer: GridAnswer) -> GridAnswer:
    """Return an answer with its levels for data scaled to EDM's deviation; as it is where theirs is not known."""
    return answer if answer.sigma_data is None else answer.scaled(EDM_DEVIATION / answer.sigma_data)


def edm_options(answer: GridAnswer) -> str:
    """Return options of EDM's generate.py, and the levels for its sampler's `t_steps` where no options give them.

    Raises:
        DocumentError: several grids, or none of EDM's family was compared.
    """
    grid = _only(answer)
    own = next((gain for gain in grid.gains if gain.exponent is not None), None)
    if own is None:
        raise DocumentError("the answer compares no family of an exponent, as EDM's grids are; ask for one")
    count = grid.steps + 1
    options = (
        f"--steps={count} --sigma_min={answer.sigma_min!r} --sigma_max={answer.sigma_max!r} --rho={own.exponent:g}"
    )
    lines = [options, f"# --steps counts levels, {count}; EDM adds the step to 0.", *_unit_lines(answer)]
    if own.nats > NEGLIGIBLE:
        lines += [
            f"# No options of EDM's give the best levels: these are {own.nats:.3g} nats behind"
            f" ({own.low:.3g} to {own.high:.3g}). For the best, in edm_sampler:",
            edm_levels_line(grid.levels),
        ]
    return "\n".join(
        [*lines, f"# The nats are of {answer.sampler}; of Heun's method, EDM's own, theory promises none."]
    )


def _unit_lines(answer: GridAnswer) -> list[str]:
    """Return which unit levels are in, and what to do where EDM's networks have another."""
    if answer.sigma_data is None:
        rule = "if your data deviate by s, give harness grid --scale 0.5/s, unless done"
        return [f"# Its networks have sigma_data {EDM_DEVIATION}: {rule}."]
    told = f"# Levels are those of the data as they stand times {answer.scale:.6g}"
    if math.isclose(answer.sigma_data, EDM_DEVIATION):
        scaled = f"for data scaled to a deviation of {EDM_DEVIATION}, the sigma_data of its networks"
        return [f"{told}, {scaled}.", "# If your code scales data by another factor, give that: --scale."]
    return [f"{told} (--scale), which deviate by {answer.sigma_data:.4g} then; its networks have {EDM_DEVIATION}."]


def diffusers_config(answer: GridAnswer) -> str:
    """Return JSON with a scheduler's configuration, and what `set_timesteps` takes.

    `config` makes, by `EulerDiscreteScheduler.from_config` or that of another class which reads betas (Heun's, Euler
    ancestral), a scheduler whose training levels are the grid: with `num_inference_steps` it visits just these. It
    keeps 1/(1 + σ²) in float32, and so σ to about 1e-7/σ; `sigmas` are exact in float32, for classes whose
    `set_timesteps` takes them, also with a configuration of one's own. With `config` the time steps only count: call
    the network with `scheduler.sigmas`.

    Raises:
        DocumentError: several grids.
    """
    return json.dumps(scheduler(_only(answer).levels), indent=1)


def k_diffusion_sigmas(answer: GridAnswer) -> str:
    """Return the list that samplers of k-diffusion take as `sigmas`, as JSON.

    Raises:
        DocumentError: several grids.
    """
    return json.dumps(to_zero(_only(answer).levels))


EXPORTS = {"edm": edm_options, "diffusers": diffusers_config, "k-diffusion": k_diffusion_sigmas}
"""The projects that a grid can be exported to."""


def _only(answer: GridAnswer) -> LaidOutGrid:
    if len(answer.grids) != 1:
        raise DocumentError(f"an export is of one grid, and there are {len(answer.grids)}; give one number of steps")
    return answer.grids[0]


def scheduler(levels: list[float]) -> dict[str, object]:
    """Return what `diffusers_config` writes, of decreasing levels."""
    return {
        "config": {
            "_class_name": "EulerDiscreteScheduler",
            "num_train_timesteps": len(levels),
            "trained_betas": _betas(levels),
            "timestep_spacing": "linspace",
            "final_sigmas_type": "zero",
        },
        "num_inference_steps": len(levels),
        "set_timesteps": {"sigmas": to_zero(levels)},
    }


def edm_levels_line(levels: list[float]) -> str:
    """Return the line of EDM's edm_sampler that gives it these levels, as a comment."""
    return f"# t_steps = torch.tensor({to_zero(levels)!r}, dtype=torch.float64, device=latents.device)"


def to_zero(levels: list[float]) -> list[float]:
    """Return levels with the last step that other projects take, to 0."""
    return [*levels, 0.0]


def _betas(levels: list[float]) -> list[float]:
    """Return β_i, from the least level on, with Π_{k≤i} (1 − β_k) = 1/(1 + σ_i²)."""
    kept = [1.0, *(1 / (1 + level**2) for level in reversed(levels))]
    return [1 - after / before for before, after in pairwise(kept)]
