"""Held-out losses: measures ℓ(σ) = E‖X_0 − D_θ(X_σ, σ)‖² of trained networks on points that nothing else is judged by.

They are of held-out part 1: part 0 serves metrics. As many noised points as a score error is measured at, the same at
every level and for every network, so that the curve is smooth in σ: each held-out point is noised as often as these
allow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from harness.engine.labels import given
from harness.engine.measurement import REPLICATES, SCORE_LEVELS, noised_points
from harness.errors import HarnessError, NotApplicable
from harness.loss_curve import LossCurve

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from harness.engine.labels import LabelledDenoiser
    from harness.targets import Distribution

PART = 1
"""The held-out part: the one that no metric compares generated samples with."""


def losses_at(
    target: Distribution,
    denoisers: Sequence[LabelledDenoiser],
    sigma_min: float,
    sigma_max: float,
    *,
    seed: int = 0,
    level_count: int = SCORE_LEVELS,
    dtype: torch.dtype | None = None,
    labelled: bool = False,
) -> np.ndarray:
    """Return the losses of each network, summed over coordinates, shape (networks, `level_count`).

    They are at log-spaced levels (`loss_levels`), and not finite where the output of a network is not.

    Arguments:
        target: a data set.
        denoisers: each maps points (n, d) and a level to denoised points (n, d).
        sigma_min: the lowest level, > 0.
        sigma_max: the highest level.
        seed: of the points and their noise.
        level_count: number of levels.
        dtype: of the points that the networks are given; float32 by default.
        labelled: whether the networks are given the labels of points.

    Raises:
        NotApplicable: the target is no data set, or the labels of its held-out points are not known.
        HarnessError: no point is held out.
    """
    import torch

    if not target.finite:
        raise NotApplicable("law=population is of data: this target is itself the law that law=training reads")
    generator = torch.Generator().manual_seed(int(np.random.SeedSequence((seed, PART)).generate_state(1)[0]))
    clean, labels = _points(target, REPLICATES * noised_points(target), generator, labelled=labelled)
    noise = torch.randn(clean.shape, generator=generator, dtype=torch.float64)
    columns = []
    with torch.no_grad():
        for sigma in loss_levels(sigma_min, sigma_max, level_count).tolist():
            points = (clean + sigma * noise).to(dtype or torch.float32)
            denoised = (given(denoiser, labels)(points, sigma).double() for denoiser in denoisers)
            columns.append([float((clean - each).square().sum(1).mean()) for each in denoised])
    return np.array(columns).T


def loss_levels(sigma_min: float, sigma_max: float, count: int = SCORE_LEVELS) -> np.ndarray:
    """Return the levels at which losses are measured, increasing, shape (count,)."""
    return np.geomspace(sigma_min, sigma_max, count)


def loss_curve(dim: int, sigma: np.ndarray, loss: np.ndarray) -> LossCurve:
    """Return a network's curve.

    Raises:
        HarnessError: the output of the network was not finite at some level.
    """
    if not (finite := np.isfinite(loss)).all():
        where = f"the network's output is not finite at sigma={sigma[~finite][0]:g}"
        raise HarnessError(f"{where}, so it has no held-out losses")
    return LossCurve(dim, sigma, loss)


def _points(
    target: Distribution, count: int, generator: torch.Generator, *, labelled: bool
) -> tuple[Tensor, Tensor | None]:
    """Return held-out points, each as often, about `count` in all, shape (n, d), and their labels where asked for."""
    labels = None
    if labelled:
        clean, labels = target.held_out_labelled(count, generator, PART)
    else:
        clean = target.held_out(count, generator, PART)
    times = max(1, count // len(clean))
    return clean.repeat(times, 1), None if labels is None else labels.repeat(times)
