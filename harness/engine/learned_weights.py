"""Learned weights: let a weighting learn from the training of one network, checked, and blamed on it."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from harness.engine.checks import blamed, check_learned, check_learner, check_omega
from harness.engine.random_streams import seed_from
from harness.engine.snapshots import State
from harness.weight_learners import WeightRequest
from harness.weightings import LearnedWeighting, Weighting


class LearnedWeight:
    """The weight of one network's training, which its weighting learns.

    Raises:
        ContractError: what the weighting returned as its learner is none; or from `after`.
        NotApplicable: the weighting says that it is not made for such a training.
    """

    def __init__(self, weighting: LearnedWeighting, request: WeightRequest, seed: int) -> None:
        self._weighting = weighting
        self._levels = len(request.sigma)
        self._steps = 0
        self._diverged = False
        with torch.random.fork_rng(devices=[]), blamed(weighting, "learner"):
            torch.manual_seed(seed_from("weighting", seed))
            # Its own levels: the request may be that of a whole stack, and its levels those that the training draws.
            learner = weighting.learner(replace(request, sigma=request.sigma.clone()))
        self._learner = check_learner(weighting, learner)

    def kept(self) -> State | None:
        """Return what the weighting has learned, as tensors; None where it cannot tell.

        Raises:
            ContractError: it raised, or returned something else than tensors by name.
        """
        with blamed(self._weighting, "state"):
            state = self._learner.state()
        if state is None:
            return None
        learned = check_learned(self._weighting, state)
        return {"diverged": torch.tensor(self._diverged), **{f"of.{name}": value for name, value in learned.items()}}

    def restore(self, step: int, kept: State) -> None:
        """Go on after so many steps from what `kept` returned; raises ContractError where the weighting raises."""
        self._steps, self._diverged = step, bool(kept["diverged"])
        learned = {name.removeprefix("of."): value for name, value in kept.items() if name != "diverged"}
        with blamed(self._weighting, "restore"):
            self._learner.restore(learned)

    def after(self, sigma: Tensor, squared: Tensor) -> Tensor | None:
        """Let the weighting learn from a batch; return the weight at the levels of the request, where it is renewed.

        Nothing is learned once the network has diverged: what is told of it then is that.

        Arguments:
            sigma: levels of the batch, shape (B,), float64.
            squared: ‖σS + ξ‖² of its samples, shape (B,).

        Returns:
            Shape (K,), float64, positive; None where the weight stays.

        Raises:
            ContractError: the weighting raised, or returned weights that its contract forbids.
        """
        self._steps += 1
        self._diverged = self._diverged or not bool(squared.isfinite().all())
        if self._diverged:
            return None
        with blamed(self._weighting, "learn"):
            self._learner.learn(sigma.clone(), squared.double())
        if self._steps % self._weighting.every:
            return None
        with blamed(self._weighting, "omega"):
            omega = self._learner.omega()
        return check_omega(self._weighting, omega, self._levels)


def learned_weight(weighting: Weighting, request: WeightRequest, seed: int) -> LearnedWeight | None:
    """Return what renews the weight of a training; None of a weighting that stays as it is. Raises as it does."""
    return LearnedWeight(weighting, request, seed) if isinstance(weighting, LearnedWeighting) else None
