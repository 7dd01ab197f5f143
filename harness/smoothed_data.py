"""Smoothed data: denoisers that need no training, and their losses on points that they have not seen.

The exact denoiser of a training set copies it: on its own points its loss falls to 0 with the level, and a grid made of
that speaks of copying. Of the law that the points come from speaks the loss, on held-out points, of any denoiser. Two
kinds are made of the training points alone:

    the exact denoiser of the training points smoothed by N(0, h²I), for several h; a large h denoises nothing
    the linear one, exact for the normal law of their mean and covariance

At each level one with little loss on one held-out part is taken, and its loss is measured on the other. The losses
are those of a denoiser that exists, so that what follows from them (`harness.loss_curve`) is exact for it; a trained
network's are others, where it is better mostly lower.
References: Karras et al., arXiv 2206.00364, appendix B.3 (finite data); Rosenblatt 1956, Parzen 1962 (smoothing).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harness.loss_curve import LossCurve, check_range

if TYPE_CHECKING:
    from torch import Generator, Tensor

    from harness.mixtures import EmpiricalDistribution, GaussianMixture

WIDTHS = np.geomspace(0.01, 3.0, 12)
"""Widths h of the smoothing, in units of σ_data."""

POINTS, CHOOSING, MEASURED = 4096, 256, 512
"""Most training points that are smoothed, and most of each held-out part: a loss takes the product of both."""

NOISED = 1024
"""Noised points at each level on which a loss is measured: a small part is noised several times."""

SPACING = 0.5
"""Distance of neighbouring levels in ln σ²; uJ varies over distances of about 1."""

SEED = 20_593


def smoothed_losses(law: EmpiricalDistribution, sigma_min: float, sigma_max: float) -> LossCurve:
    """Return the held-out losses of the best untrained denoiser, with their standard errors over points.

    All levels share the points: errors are dependent.

    Arguments:
        law: a finite data set, with its held-out parts.
        sigma_min: the least level, > 0.
        sigma_max: the largest.

    Raises:
        HarnessError: a part without a point, or levels that are no range.
    """
    import torch

    check_range(sigma_min, sigma_max)

    generator = torch.Generator().manual_seed(SEED)
    chosen_by = _noised(law.held_out(CHOOSING, generator, 0), 1, generator)
    points = law.held_out(MEASURED, generator, 1)
    measured_on = _noised(points, max(1, NOISED // len(points)), generator)
    smoothed, linear = _denoisers(law, generator)
    count = max(8, int(np.ceil(2 * np.log(sigma_max / sigma_min) / SPACING)) + 1)
    sigma, rows, place = np.geomspace(sigma_min, sigma_max, count), [], len(WIDTHS) // 2
    for level in map(float, sigma):
        trial = _Trial(level, chosen_by)
        # The best width moves little from one level to the next.
        place, least = trial.descend(smoothed, place)
        best = linear if trial.loss(linear) < least else smoothed[place]
        losses = _losses(best, level, *measured_on)
        rows.append((float(losses.mean()), float(losses.std()) / len(losses) ** 0.5))
    loss, error = np.array(rows).T
    return LossCurve(law.dim, sigma, loss, error)


@dataclass(frozen=True)
class _Trial:
    """What denoisers lose at a level on some noised points."""

    level: float
    points: tuple[Tensor, Tensor]

    def loss(self, denoiser: GaussianMixture) -> float:
        return float(_losses(denoiser, self.level, *self.points).mean())

    def descend(self, denoisers: Sequence[GaussianMixture], place: int) -> tuple[int, float]:
        """Return the place of a denoiser that loses no more than its neighbours, walking from another's; its loss."""
        known = {place: self.loss(denoisers[place])}
        while True:
            for near in (place - 1, place + 1):
                if 0 <= near < len(denoisers) and near not in known:
                    known[near] = self.loss(denoisers[near])
            best = min(known, key=lambda each: (known[each], each))
            if best == place:
                return place, known[place]
            place = best


def _noised(points: Tensor, draws: int, generator: Generator) -> tuple[Tensor, Tensor]:
    """Return points (n, d) and standard normal noise for each of their draws, (draws, n, d)."""
    import torch

    points = points.to(torch.float64)
    return points, torch.randn((draws, *points.shape), generator=generator, dtype=torch.float64)


def _denoisers(law: EmpiricalDistribution, generator: Generator) -> tuple[list[GaussianMixture], GaussianMixture]:
    """Return the exact denoisers of the smoothed points, by increasing width, and the linear one."""
    import torch

    from harness.mixtures import EigenMixture, IsotropicMixture

    kept = torch.randperm(len(law.train), generator=generator)[:POINTS]
    mean, covariance = law.mean_and_covariance()
    smoothed = [IsotropicMixture(law.train[kept], float(width * law.sigma_data) ** 2) for width in WIDTHS]
    return [*smoothed], EigenMixture.from_covariances(mean[None], covariance[None])


def _losses(denoiser: GaussianMixture, sigma: float, points: Tensor, noise: Tensor) -> Tensor:
    """Return ‖x − D(x + σξ)‖² of each point, the mean over its draws, shape (n,)."""
    shifted = (points + sigma * noise).flatten(0, 1)
    errors = denoiser.denoise(shifted, sigma).reshape(noise.shape) - points
    mean: Tensor = errors.square().sum(-1).mean(0)
    return mean
