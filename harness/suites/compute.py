"""Compute: evaluations of the network, in training and in sampling, and their division between the two.

A training step takes a forward and a backward pass over a batch; the backward pass costs about two forward passes, so a
step of batch size B counts 3B evaluations. Sampling n points with a sampler that evaluates the network E(N) times on a
grid of N steps takes n·E(N). With a share s of a total T for training,

    train steps = ⌊sT/3B⌋,    N = the most steps with n·E(N) ≤ T − 3B·(train steps)

Reference for the factor 3: Kaplan et al., Scaling laws for neural language models, arXiv 2001.08361, section 2.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.engine.checks import check_evaluations
from harness.errors import HarnessError

if TYPE_CHECKING:
    from harness.samplers import Sampler

PASSES = 3
"""Evaluations that one point of a training step counts: forward, and backward as two."""

MOST_STEPS, MOST_TRAIN_STEPS = 10_000, 10**7
"""The largest numbers of steps that a suite may have."""


@dataclass(frozen=True)
class Spent:
    """Evaluations of the network: in training, and in sampling."""

    training: int
    sampling: int

    @property
    def total(self) -> int:
        """Their sum."""
        return self.training + self.sampling

    @property
    def share(self) -> float:
        """The share of training in it."""
        return self.training / self.total


def spent(train_steps: int, batch_size: int, sampler: Sampler, steps: int, samples: int) -> Spent:
    """Return what training and sampling a network took.

    Raises:
        ContractError: the sampler does not say its evaluations.
    """
    return Spent(PASSES * batch_size * train_steps, samples * check_evaluations(sampler, steps))


def split(total: int, share: float, batch_size: int, sampler: Sampler, samples: int) -> tuple[int, int]:
    """Return the steps of training and of sampling that a total of evaluations allows.

    Arguments:
        total: evaluations of the network.
        share: the share for training, in [0, 1); 0 where nothing is trained.
        batch_size: points a training step.
        sampler: the sampler.
        samples: points to sample.

    Raises:
        HarnessError: no training step, fewer than 2 sampling steps, or more of either than a suite may have.
    """
    train_steps = int(share * total / (PASSES * batch_size) * (1 + 1e-12))
    steps = most_steps(sampler, (total - PASSES * batch_size * train_steps) // samples)
    where = f"evaluations = {total} with share {share:g} for training"
    if share > 0 and train_steps < 1:
        raise HarnessError(f"{where}: a training step takes {PASSES * batch_size}, more than {share * total:g}")
    if train_steps > MOST_TRAIN_STEPS:
        raise HarnessError(f"{where}: {train_steps} training steps; {MOST_TRAIN_STEPS} is the most")
    if steps < 2:
        left = total - PASSES * batch_size * train_steps
        rule = f"2 steps of {sampler.name} for {samples} samples take {samples * check_evaluations(sampler, 2)}"
        raise HarnessError(f"{where}: {left} are left for sampling; {rule}")
    if steps > MOST_STEPS:
        raise HarnessError(f"{where}: {steps} steps of {sampler.name}; {MOST_STEPS} is the most")
    return train_steps, steps


def most_steps(sampler: Sampler, evaluations: int) -> int:
    """Return the largest N, at most one more than a suite may have, whose E(N) ≤ evaluations a sample; 0 for none."""
    low, high = 0, MOST_STEPS + 1
    while low < high:
        middle = (low + high + 1) // 2
        if check_evaluations(sampler, middle) <= evaluations:
            low = middle
        else:
            high = middle - 1
    return low
