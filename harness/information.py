"""The two curves that everything exact follows from: J(u) of the target and e(σ) of the network.

With u = σ², J(u) = E‖∇log p_u‖² = d/u − M(u)/u², M(u) = E‖X_0 − E[X_0|X_u]‖². Both are kept as R independent
replicates, so that any function of them has a standard error; R = 1 means exact.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np


class Information(ABC):
    """Fisher information of the noised target over a range of noise levels.

    Attributes:
        dim: the dimension d.
        second_moment: m₂² = E‖X_0‖².
        replicates: R; 1 where the values are exact.
    """

    dim: int
    second_moment: float
    replicates: int

    @abstractmethod
    def fisher(self, u: np.ndarray) -> np.ndarray:
        """J(u) at each noise variance; shape (R, len(u))."""

    @abstractmethod
    def fisher_integral(self, u: np.ndarray) -> np.ndarray:
        """∫ J du over each interval [u[j+1], u[j]] of a decreasing grid; shape (R, len(u) − 1)."""

    @abstractmethod
    def initialization(self, u: float) -> np.ndarray:
        """KL(p_u ‖ N(0, uI)); shape (R,)."""

    def coarser(self) -> Information | None:
        """Return the same curve interpolated between every second level; None where nothing is interpolated."""
        return None

    def mmse(self, u: np.ndarray) -> np.ndarray:
        """M(u) = du − u²J(u); shape (R, len(u))."""
        mmse: np.ndarray = self.dim * u - u**2 * self.fisher(u)
        return mmse


class ScoreError(ABC):
    """Score error e(σ) = E_{p_σ}‖S − ∇log p_σ‖² of one network on one target.

    Attributes:
        replicates: R; 1 where the values are exact.
    """

    replicates: int

    @abstractmethod
    def __call__(self, sigma: np.ndarray) -> np.ndarray:
        """e at each level; shape (R, len(sigma)), non-negative."""


class NoScoreError(ScoreError):
    """The score error of the exact score: 0 everywhere."""

    replicates = 1

    def __call__(self, sigma: np.ndarray) -> np.ndarray:
        """Return zeros, shape (1, len(sigma))."""
        return np.zeros((1, len(sigma)))
