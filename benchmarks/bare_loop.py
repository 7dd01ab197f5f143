"""Training one network as a script would: the yardstick of the other benchmarks.

The same data, noise, levels and weights as `harness.engine.adam`, without stacking.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from harness.engine.adam import Batches
from harness.engine.courses import Learner, LevelTable
from harness.engine.levels import LevelSampler, table_levels
from harness.engine.modules import initial_module
from harness.networks import TrainableNetwork
from harness.targets import Distribution
from harness.trainers import Adam


def train_alone(
    network: TrainableNetwork,
    target: Distribution,
    learner: Learner[LevelTable],
    trainer: Adam,
    lengths: Sequence[int],
    *,
    fused: bool = True,
) -> dict[int, dict[str, torch.Tensor]]:
    """Train one network by a bare loop; return its averaged parameters at each length of trainer."""
    module = initial_module(network, target.data, learner.seed)
    average = {name: p.detach().clone() for name, p in module.named_parameters()}
    learned = [p for p in module.parameters() if p.requires_grad]
    optimiser = torch.optim.Adam(learned, lr=trainer.learning_rate, fused=fused)
    batches = Batches(target, [learner.seed], trainer.batch_size)
    levels = table_levels(trainer.sigma_min, trainer.sigma_max)
    draw = LevelSampler(levels, learner.table.density[None], learner.table.omega[None])
    kept = {}
    for step in range(lengths[-1]):
        clean, noise, quantile = (each[0] for each in batches()[:3])
        sigma, omega = (each[0].float() for each in draw(quantile[None]))
        noised = clean + sigma[:, None] * noise
        residual = (noised - module(noised, sigma)) / sigma[:, None] - noise
        loss = (omega * residual.square().sum(-1)).mean() / target.dim
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        decay = min(trainer.ema_decay, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, p in module.named_parameters():
                average[name].lerp_(p, 1 - decay)
        if step + 1 in lengths:
            kept[step + 1] = {**module.state_dict(), **{name: value.clone() for name, value in average.items()}}
    return kept


def median(values: Sequence[float]) -> float:
    """Return the middle value."""
    return sorted(values)[len(values) // 2]
