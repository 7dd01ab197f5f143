"""Promises of `harness grid` against what other held-out points show: a network trained elsewhere, on digits.

    python benchmarks/grid_promises.py                    # three minutes of one core
    python benchmarks/grid_promises.py --curve curve.csv  # also writes the loss curve of the longest training

A small network is trained in plain torch on 60 % of scikit-learn's digits. Its losses at 24 levels on one held-out part
give the grids and the promises. The other part, with fresh noise, gives what becomes of them: its losses at the very
levels of both grids, with no interpolation between.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from tabulate import tabulate
from torch import Tensor, nn

from harness.information import NoScoreError
from harness.loss_curve import LossCurve, grid_divergence
from harness.registry.discovery import load
from harness.results.grids import ComparedGrid, GridQuestion, best_grids
from harness.samplers import GaussianKernelSampler

DIM, SIGMA_DATA = 64, 0.6
SIGMA_MIN, SIGMA_MAX, LEVELS = 0.05, 20.0, 24
DRAWS = 40
"""Draws of noise at each held-out point."""

LENGTHS, STEPS, SAMPLERS = (500, 3000), (10, 18), ("exponential-integrator", "ancestral")
FORMS = ("polynomial:rho=7,variable=sigma", "exponential:variable=sigma")


class Denoiser(nn.Module):
    """D(x, σ) = c_skip x + c_out F(c_in x, ln σ), as of Karras et al., F three layers."""

    def __init__(self, width: int = 256) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(DIM + 1, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, DIM)
        )

    def forward(self, x: Tensor, sigma: Tensor) -> Tensor:
        """Return denoised points, shape (n, d); sigma of shape (n, 1)."""
        total = sigma.square() + SIGMA_DATA**2
        inside = self.layers(torch.cat([x / total.sqrt(), sigma.log() / 4], 1))
        return SIGMA_DATA**2 / total * x + sigma * SIGMA_DATA / total.sqrt() * inside


def parts() -> list[Tensor]:
    """The points to train on, and two parts held out."""
    points = torch.from_numpy(load_digits().data.astype("float32")) / 8 - 1
    points = points[torch.randperm(len(points), generator=torch.Generator().manual_seed(0))]
    return list(points.split([1079, 359, 359]))


def train(points: Tensor, steps: int) -> Denoiser:
    """Train with EDM's weighting and levels."""
    torch.manual_seed(1)
    network = Denoiser()
    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(steps):
        clean = points[torch.randint(len(points), (256,))]
        sigma = (-1.2 + 1.2 * torch.randn(256, 1)).exp()
        weight = (sigma.square() + SIGMA_DATA**2) / (sigma * SIGMA_DATA).square()
        loss = (weight * (network(clean + sigma * torch.randn_like(clean), sigma) - clean).square()).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network


@torch.no_grad()
def losses(network: Denoiser, points: Tensor, level: float, generator: torch.Generator) -> np.ndarray:
    """‖x − D(x + σξ, σ)‖² of each point, the mean over draws of noise; shape (n,)."""
    clean = points.repeat(DRAWS, 1)
    noisy = clean + level * torch.randn(clean.shape, generator=generator)
    square = (network(noisy, torch.full((len(clean), 1), level)) - clean).double().square().sum(1)
    mean: np.ndarray = square.reshape(DRAWS, -1).mean(0).numpy()
    return mean


def measured_curve(network: Denoiser, points: Tensor) -> LossCurve:
    """The losses at levels even in ln σ, with their errors over points."""
    generator, sigma = torch.Generator().manual_seed(2), np.geomspace(SIGMA_MIN, SIGMA_MAX, LEVELS)
    found = np.array([losses(network, points, float(level), generator) for level in sigma])
    return LossCurve(DIM, sigma, found.mean(1), found.std(1, ddof=1) / len(points) ** 0.5)


def shown(
    network: Denoiser, points: Tensor, grids: Sequence[np.ndarray], sampler: GaussianKernelSampler
) -> tuple[float, float]:
    """How far the first grid is ahead of the second on points, and twice its standard error over them: no curve."""
    levels = np.unique(np.concatenate(grids))
    generator = torch.Generator().manual_seed(3)
    found = np.array([losses(network, points, float(level), generator) for level in levels])
    curve = LossCurve(DIM, levels, found.mean(1))
    information, raised = curve.information(), curve.raised(np.ones(len(levels)))
    best, other = (
        grid_divergence(grid, sampler.variances(grid, information, NoScoreError()), raised) for grid in grids
    )
    # Linear in the losses: each point's own difference has the weight of each level's loss.
    nats, *moved = other - best
    error = ((np.array(moved) - nats) @ found).std(ddof=1) / found.shape[1] ** 0.5
    return float(nats), 2 * float(error)


def laid_out(form: str, steps: int) -> np.ndarray:
    """EDM's or geometric levels."""
    ramp, root = np.linspace(0, 1, steps + 1), 1 / 7
    if form != FORMS[0]:
        levels = SIGMA_MAX * (SIGMA_MIN / SIGMA_MAX) ** ramp
    else:
        levels = (SIGMA_MAX**root + ramp * (SIGMA_MIN**root - SIGMA_MAX**root)) ** 7
    levels[[0, -1]] = SIGMA_MAX, SIGMA_MIN
    return levels


def main() -> None:
    """Train, lay out, and hold promises against other points."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--curve", type=Path, help="Where to write the curve of the longest training.")
    chosen = parser.parse_args()
    registry, rows, held = load(), [], 0
    clean, first, second = parts()
    rule = registry.parse("time_discretization", "fisher")[0]
    compared = [ComparedGrid(form, registry.parse("time_discretization", form)[0]) for form in FORMS]
    for length in LENGTHS:
        network = train(clean, length)
        curve = measured_curve(network, first)
        for name in SAMPLERS:
            sampler = registry.parse("sampler", name)[0]
            schedule = registry.parse("noise_schedule", "edm")[0]
            answer = best_grids(GridQuestion(curve, "digits", sampler, STEPS, rule, compared, schedule))
            for grid in answer.grids:
                for gain in grid.gains:
                    other = laid_out(gain.than, grid.steps)
                    nats, error = shown(network, second, [np.array(grid.levels), other], sampler)
                    held += gain.low <= nats + error and nats - error <= gain.high
                    promise = f"{gain.nats:.2f} ({gain.low:.2f} to {gain.high:.2f})"
                    rows.append([length, name, grid.steps, gain.than, promise, f"{nats:.2f} ± {error:.2f}"])
    heads = ["training steps", "sampler", "steps", "ahead of", "promised, nats", "on other points"]
    print(tabulate(rows, heads, tablefmt="github", disable_numparse=True))
    print(f"\nwithin one another's intervals: {held} of {len(rows)}")
    if chosen.curve:
        table = np.stack([curve.sigma, curve.loss, curve.error], 1)
        np.savetxt(chosen.curve, table, delimiter=",", header="sigma,loss,error", comments="", fmt="%.8g")


if __name__ == "__main__":
    main()
