"""The Fisher information of a noised Gaussian, in closed form.

For p_0 = N(m, C) with eigenvalues λ_i of C:

    J(u) = Σ_i 1/(λ_i + u),    ∫_a^b J du = Σ_i ln((λ_i + b)/(λ_i + a))
    KL(p_u ‖ N(0, uI)) = ½ Σ_i [λ_i/u − ln(1 + λ_i/u)] + ‖m‖²/(2u)

Source: Wang, He, Tao, arXiv 2406.12839, Lemma 13 with its mean term corrected.
"""

from __future__ import annotations

import numpy as np

from harness.information import Information


class GaussianInformation(Information):
    """J(u) of N(m, C) + noise; exact, so one replicate.

    Arguments:
        eigenvalues: λ_i of C, shape (d,).
        mean: m, shape (d,).
    """

    def __init__(self, eigenvalues: np.ndarray, mean: np.ndarray) -> None:
        self.eigenvalues = np.asarray(eigenvalues, dtype=np.float64)
        self.mean_square = float((np.asarray(mean, dtype=np.float64) ** 2).sum())
        self.dim = len(self.eigenvalues)
        self.second_moment = float(self.eigenvalues.sum()) + self.mean_square
        self.replicates = 1

    def fisher(self, u: np.ndarray) -> np.ndarray:
        """J(u); shape (1, len(u))."""
        values: np.ndarray = (1.0 / (np.asarray(u)[:, None] + self.eigenvalues)).sum(1)[None, :]
        return values

    def fisher_integral(self, u: np.ndarray) -> np.ndarray:
        """∫ J du over each interval of a decreasing grid; shape (1, len(u) − 1)."""
        step = (u[:-1] - u[1:])[:, None]
        values: np.ndarray = np.log1p(step / (u[1:, None] + self.eigenvalues)).sum(1)[None, :]
        return values

    def initialization(self, u: float) -> np.ndarray:
        """KL(p_u ‖ N(0, uI)); shape (1,)."""
        ratio = self.eigenvalues / u
        return np.array([0.5 * float((ratio - np.log1p(ratio)).sum()) + 0.5 * self.mean_square / u])
