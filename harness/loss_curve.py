"""Loss curves: what held-out losses alone tell of every grid, for a network trained anywhere.

With ℓ(u) = E‖X_0 − D_θ(X_u, √u)‖² over held-out points, u = σ², D* = E[X_0 | X_u] gives ℓ = M + u²e: the network's
score error e adds to the least loss M. So J_θ := d/u − ℓ/u² = J − e, and no choice of a design meets J and e but in
this difference (`harness.budget`):

    KL(P ‖ Q) = E_I + Σ_j ½[d ln(v_j/Δ_j) + (dΔ_j − Δ_j² J_θ(u_j))/v_j − d] + ½ ∫ J du

With J_θ in place of J and no score error the budget differs from this by ½ ∫ e du over the range, which no grid
changes. So differences of path divergences between grids and kernel variances of one network on one range of σ are
exact, in nats, of the law that the held-out points come from: neither its score nor its density need be known. They are
as well differences of the variational bound on −E ln q(x) of held-out points.

Between the levels of the curve ℓ/u is interpolated by a cubic spline in ln σ, so that ∫ J_θ du is the spline's own
antiderivative. A step's term is linear in the losses, and so is the error of a difference in theirs.
References: Kingma et al., arXiv 2107.00630, section 4; Guo, Shamai, Verdú, arXiv cs/0412108.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from harness.budget import step_divergences
from harness.errors import HarnessError, did_you_mean
from harness.information import Information, NoScoreError

FEWEST = 5
"""Fewest levels of a curve: what interpolation costs is seen where every second one is left out."""

NEAREST = 1e-9
"""Least distance of neighbouring levels in ln σ: nearer, a spline is made of rounding."""

LARGEST = 1e100
"""Largest level, and largest loss in units of σ²: what follows from them stays finite."""

SLACK = 1e-6
"""Relative distance by which a level may lie outside the curve, for rounding."""

COLUMNS = ("sigma", "loss", "error")


class LossCurveError(HarnessError):
    """A loss curve that is malformed, or that is asked about levels that it does not cover."""


def check_range(sigma_min: float, sigma_max: float) -> None:
    """Refuse ends of a grid that are no range of levels.

    Raises:
        HarnessError: unless 0 < sigma_min < sigma_max < ∞.
    """
    if not 0 < sigma_min < sigma_max < math.inf:
        raise HarnessError(
            f"sigma_min={sigma_min:g} and sigma_max={sigma_max:g} are no range; give 0 < sigma_min < sigma_max"
        )


@dataclass(frozen=True)
class LossCurve:
    """Held-out losses ℓ(σ) = E‖x − D(x + σξ, σ)‖² of one network, summed over the d coordinates.

    Attributes:
        dim: the dimension d.
        sigma: the levels, shape (K,), K ≥ 5, increasing, positive; x, D and σ have one unit.
        loss: ℓ at each level, shape (K,), ≥ 0, in the square of that unit.
        error: standard error of each loss, shape (K,), ≥ 0; None where it is not known.

    Raises:
        LossCurveError: at construction, what breaks these rules.
    """

    dim: int
    sigma: np.ndarray
    loss: np.ndarray
    error: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.dim < 1:
            raise LossCurveError(f"dim={self.dim} is no dimension; give the number of coordinates of a point")
        if len(self.sigma) < FEWEST:
            raise LossCurveError(f"a loss curve of {len(self.sigma)} levels is too coarse; give at least {FEWEST}")
        if not ((np.diff(self.sigma) > 0).all() and self.sigma[0] >= 1 / LARGEST and self.sigma[-1] <= LARGEST):
            rule = f"increasing, each given once, between {1 / LARGEST:g} and {LARGEST:g}"
            raise LossCurveError(f"the levels of a loss curve must be {rule}")
        if (near := np.diff(np.log(self.sigma))).min() < NEAREST:
            level = self.sigma[near.argmin()]
            raise LossCurveError(
                f"two levels of the loss curve at sigma {level:g} are the same but for rounding; keep one"
            )
        for name, values in (("loss", self.loss), ("error", self.error)):
            if values is not None and (len(values) != len(self.sigma) or not (values >= 0).all()):
                raise LossCurveError(f"a loss curve needs one {name} ≥ 0 for each of its {len(self.sigma)} levels")
            if values is not None and not (values / self.sigma**2 <= LARGEST).all():
                raise LossCurveError(f"a loss curve needs each {name} below {LARGEST:g} sigma²; is sigma in its unit?")

    @classmethod
    def read(cls, path: Path | str, dim: int, *, per_coordinate: bool = False) -> LossCurve:
        """Read a CSV file with the columns `sigma`, `loss` and, where it is known, `error`, in any order of rows.

        Arguments:
            path: of the file; its first line names the columns, and others than these are not read.
            dim: the dimension d.
            per_coordinate: whether losses and errors are means over the d coordinates, not sums.

        Raises:
            LossCurveError: what is wrong, with file and line.
        """
        rows = _read_rows(Path(path))
        rows.sort(key=lambda row: row.values[0])
        for before, row in pairwise(rows):
            if before.values[0] == row.values[0]:
                second = max(before.line, row.line)
                raise LossCurveError(f"{path}, line {second}: sigma {row.values[0]:g} stands twice; give each once")
        sigma, loss, *error = np.array([row.values for row in rows]).reshape(len(rows), -1).T if rows else ([], [])
        factor = dim if per_coordinate else 1
        try:
            return cls(dim, np.asarray(sigma), factor * np.asarray(loss), factor * error[0] if error else None)
        except LossCurveError as wrong:
            raise LossCurveError(f"{path}: {wrong}") from wrong

    def information(self) -> HeldOutInformation:
        """Return J_θ, in the form that budgets and grids read J in."""
        return HeldOutInformation(self.dim, self.sigma, self.loss[None])

    def raised(self, by: np.ndarray) -> HeldOutInformation:
        """Return J_θ with K + 1 replicates: of the curve, then with each of its losses in turn raised.

        Differences from the first are, since all is linear in the losses, what each of them does to a result.

        Arguments:
            by: how far each loss is raised, shape (K,).
        """
        return HeldOutInformation(self.dim, self.sigma, self.loss + np.vstack([0 * by, np.diag(by)]))

    def misses(self) -> np.ndarray:
        """Return how far each loss is from what its neighbours tell of it, shape (K,); of the ends nothing is told.

        The neighbours are every second level. What is interpolated between all of them is nearer: by a factor of 16
        where the curve is smooth.
        """
        missed = np.zeros(len(self.sigma))
        for first in (0, 1):
            kept = np.unique([0, *range(first, len(self.sigma), 2), len(self.sigma) - 1])
            told = HeldOutInformation(self.dim, self.sigma[kept], self.loss[None, kept])
            u = self.sigma**2
            missed += self.loss - (self.dim * u - u**2 * told.fisher(u)[0])
        return missed


class HeldOutInformation(Information):
    """J_θ(u) = d/u − ℓ(u)/u² = J − e of one network, by its held-out losses; negative where it does harm.

    Arguments:
        dim: the dimension d.
        sigma: the levels, shape (K,), increasing.
        losses: ℓ at each, of each replicate, shape (R, K).
    """

    def __init__(self, dim: int, sigma: np.ndarray, losses: np.ndarray) -> None:
        from scipy.interpolate import CubicSpline

        self.dim = dim
        self.second_moment = math.nan  # losses do not tell it
        self.replicates = len(losses)
        self.sigma, self.losses = sigma, losses
        self._spline = CubicSpline(2 * np.log(sigma), dim - losses / sigma**2, axis=1)
        self._primitive = self._spline.antiderivative()

    def fisher(self, u: np.ndarray) -> np.ndarray:
        """J_θ(u), shape (R, len(u)).

        Raises:
            LossCurveError: a level outside the curve.
        """
        values: np.ndarray = self._spline(self._log(u)) / np.asarray(u)
        return values

    def fisher_integral(self, u: np.ndarray) -> np.ndarray:
        """∫ J_θ du over each interval of a decreasing grid; shape (R, len(u) − 1)."""
        values: np.ndarray = -np.diff(self._primitive(self._log(u)), axis=1)
        return values

    def initialization(self, u: float) -> np.ndarray:
        """Held-out losses do not tell where sampling starts.

        Raises:
            LossCurveError: always.
        """
        raise LossCurveError("a loss curve does not tell E_I: differences between grids from one sigma_max lack it")

    def _log(self, u: np.ndarray) -> np.ndarray:
        low, high = self.sigma[[0, -1]] ** 2
        outside = (u < low * (1 - SLACK)) | (u > high * (1 + SLACK))
        if outside.any():
            level = float(np.asarray(u)[outside][0]) ** 0.5
            raise LossCurveError(
                f"sigma {level:g} is outside the loss curve, which covers {low**0.5:g} to {high**0.5:g}"
            )
        logs: np.ndarray = np.log(np.clip(u, low, high))
        return logs


def grid_divergence(sigmas: np.ndarray, variances: np.ndarray, information: Information) -> np.ndarray:
    """Return the path divergence of a grid less what no grid changes, shape (R,), in nats: for differences alone.

    Arguments:
        sigmas: the levels, shape (N+1,), decreasing.
        variances: the kernel's variance of each step, shape (N,).
        information: J_θ of the network.
    """
    steps = step_divergences(sigmas[:-1], sigmas[1:], variances, information, NoScoreError())
    total: np.ndarray = steps.sum(1)
    return total


@dataclass(frozen=True)
class _Row:
    """A row of a file: its line, and σ, ℓ and, where there is such a column, the error."""

    line: int
    values: tuple[float, ...]


def _read_rows(path: Path) -> list[_Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            places = _places(path, next(reader, []))
            return [_row(path, reader.line_num, cells, places) for cells in reader if any(map(str.strip, cells))]
    except OSError as error:
        raise LossCurveError(f"{path}: cannot be read ({error.strerror or error}); give the path of a CSV") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise LossCurveError(f"{path}: is no CSV in UTF-8; give lines of sigma,loss") from error


def _places(path: Path, heads: Sequence[str]) -> dict[str, int]:
    """Return where the columns stand."""
    names = [head.strip().lower() for head in heads]
    for name in COLUMNS:
        if names.count(name) > 1:
            raise LossCurveError(f"{path}, line 1: names column {name!r} twice; leave one out")
        if name not in names and name != "error":
            hint = "write sigma,loss above the numbers" if not any(names) else did_you_mean(name, names)
            raise LossCurveError(f"{path}, line 1: names no column {name!r}; {hint}")
    return {name: names.index(name) for name in COLUMNS if name in names}


def _row(path: Path, line: int, cells: Sequence[str], places: dict[str, int]) -> _Row:
    values = []
    for name, place in places.items():
        cell = cells[place].strip() if place < len(cells) else ""
        try:
            value = float(cell)
        except ValueError:
            raise LossCurveError(f"{path}, line {line}: {name} {cell[:40]!r} is no number") from None
        if not math.isfinite(value) or value < 0 or (name == "sigma" and value == 0):
            rule = "positive" if name == "sigma" else "at least 0"
            raise LossCurveError(f"{path}, line {line}: {name} {cell[:40]} must be finite and {rule}")
        values.append(value)
    return _Row(line, tuple(values))
