"""Curves: interpolate and store what was measured, J(u) of a target and e(σ) of a network.

Each curve is R replicates over a few levels. The Fisher information is kept as g = uJ(u), a bounded and
smooth function of ln u, and interpolated by a cubic spline, so that ∫ J du = ∫ g d ln u is the spline's own
antiderivative. The score error is kept as σ²e(σ) = E‖ε̂ − ε*‖² and interpolated by a monotone (PCHIP)
interpolant of its logarithm over ln σ: between two levels it stays between their values. Measuring is the
subject of `harness.engine.measurement`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import HarnessError
from harness.information import Information, ScoreError

if TYPE_CHECKING:
    from harness.targets import Distribution

SLACK = 1e-6
"""Relative distance by which a level may lie outside the measured range, for rounding."""

LEAST_LOSS_LEVELS = 129
"""Number of levels at which the least loss c(σ) of a target is kept."""


class MeasuredInformation(Information):
    """J(u) interpolated between the levels at which it was measured.

    Arguments:
        dim: the dimension d.
        second_moment: m₂².
        u: the levels, increasing, shape (K,), K ≥ 2.
        values: uJ(u) of each replicate, shape (R, K).
        initial: KL(p_u ‖ N(0, uI)) at the largest level, shape (R,).
    """

    def __init__(self, dim: int, second_moment: float, u: np.ndarray, values: np.ndarray, initial: np.ndarray) -> None:
        from scipy.interpolate import CubicSpline

        self.dim = dim
        self.second_moment = second_moment
        self.u, self.values, self.initial = map(_fixed, (u, values, initial))
        self.replicates = len(self.values)
        self._spline = CubicSpline(np.log(self.u), self.values, axis=1)
        self._primitive = self._spline.antiderivative()

    def fisher(self, u: np.ndarray) -> np.ndarray:
        """J(u), in [0, d/u]; shape (R, len(u)).

        Raises:
            HarnessError: a level outside the measured range.
        """
        values: np.ndarray = np.clip(self._spline(self._log(u)), 0.0, self.dim) / np.asarray(u)
        return values

    def fisher_integral(self, u: np.ndarray) -> np.ndarray:
        """∫ J du over each interval of a decreasing grid; shape (R, len(u) − 1)."""
        values: np.ndarray = -np.diff(self._primitive(self._log(u)), axis=1)
        return values

    def initialization(self, u: float) -> np.ndarray:
        """KL(p_u ‖ N(0, uI)); shape (R,).

        It is stored at the largest level U; its derivative in u is −½(m₂² − M(u))/u², which integrates to
        ½[m₂²(1/u − 1/U) − d ln(U/u) + ∫_u^U J].
        """
        top = float(self.u[-1])
        if abs(u - top) <= SLACK * top:
            return self.initial
        area = self.fisher_integral(np.array([top, u]))[:, 0]
        closed = self.second_moment * (1 / u - 1 / top) - self.dim * math.log(top / u)
        initial: np.ndarray = self.initial + 0.5 * (closed + area)
        return initial

    def coarser(self) -> Information | None:
        """Return the interpolant of every second level and the last; None of fewer than 5 levels."""
        return self._coarser

    @cached_property
    def _coarser(self) -> Information | None:
        if len(self.u) < 5:
            return None
        chosen = np.union1d(np.arange(0, len(self.u), 2), [len(self.u) - 1])
        return MeasuredInformation(self.dim, self.second_moment, self.u[chosen], self.values[:, chosen], self.initial)

    def _log(self, u: np.ndarray) -> np.ndarray:
        return _within(np.asarray(u, dtype=np.float64), self.u, "noise variance")


class MeasuredScoreError(ScoreError):
    """e(σ) interpolated between the levels at which it was measured.

    Arguments:
        sigma: the levels, increasing, shape (K,), K ≥ 2.
        values: σ²e(σ) of each replicate, shape (R, K); not finite where the network's output was not.
    """

    def __init__(self, sigma: np.ndarray, values: np.ndarray) -> None:
        self.sigma, self.values = _fixed(sigma), _fixed(values)
        self.replicates = len(self.values)
        self._curves = _monotone_rows(np.log(self.sigma), self.values) if self.finite else None

    @property
    def finite(self) -> bool:
        """Whether the network's output was finite at every level."""
        return bool(np.isfinite(self.values).all())

    def __call__(self, sigma: np.ndarray) -> np.ndarray:
        """Return e at each level; shape (R, len(sigma)).

        Raises:
            HarnessError: a level outside the measured range, or a network whose output was not finite.
        """
        if self._curves is None:
            bad = self.sigma[~np.isfinite(self.values).all(0)]
            raise HarnessError(f"the network's output is not finite at sigma={bad[0]:g}, so it has no score error")
        sigma = np.asarray(sigma, dtype=np.float64)
        at = _within(sigma, self.sigma, "noise level")
        error: np.ndarray = self._curves(at) / sigma**2
        return error


class ExactScoreError(ScoreError):
    """A score error that is known, as for the oracles: one replicate.

    Arguments:
        function: e at each level, for levels of shape (K,).
    """

    replicates = 1

    def __init__(self, function: Callable[[np.ndarray], np.ndarray]) -> None:
        self.function = function

    def __call__(self, sigma: np.ndarray) -> np.ndarray:
        """Return e at each level; shape (1, len(sigma))."""
        return np.asarray(self.function(np.asarray(sigma, dtype=np.float64)), dtype=np.float64)[None, :]


def information_to_json(information: Information) -> dict[str, Any]:
    """Return a measured curve as JSON values; a closed form needs no more than the word."""
    if not isinstance(information, MeasuredInformation):
        return {"kind": "closed"}
    return {
        "kind": "measured",
        "dim": information.dim,
        "second_moment": information.second_moment,
        "u": information.u.tolist(),
        "values": information.values.tolist(),
        "initial": information.initial.tolist(),
    }


def information_from_json(payload: Mapping[str, Any], target: Distribution) -> Information:
    """Rebuild what `information_to_json` gave, bit for bit; a closed form comes from the target.

    Raises:
        HarnessError: the payload is of no known kind, or the target has no closed form.
    """
    if payload.get("kind") == "measured":
        return MeasuredInformation(
            int(payload["dim"]),
            float(payload["second_moment"]),
            np.array(payload["u"]),
            np.array(payload["values"]),
            np.array(payload["initial"]),
        )
    closed = target.closed_information() if payload.get("kind") == "closed" else None
    if closed is None:
        raise HarnessError(f"stored information of kind {payload.get('kind')!r} does not fit this target")
    return closed


def least_loss_to_json(information: Information, sigma_min: float, sigma_max: float) -> dict[str, Any]:
    """Return c(σ) = min E‖σS + ξ‖² = d − uJ(u) at log-spaced levels as JSON values: no target is needed to read it."""
    sigma = np.geomspace(sigma_min, sigma_max, LEAST_LOSS_LEVELS)
    values = information.dim - sigma**2 * information.fisher(sigma**2)
    return {"sigma": sigma.tolist(), "values": values.tolist()}


def least_loss_from_json(payload: Mapping[str, Any]) -> Callable[[np.ndarray], np.ndarray]:
    """Return what maps levels of shape (N,) to c(σ) of each replicate, shape (R, N): a cubic spline in ln σ."""
    from scipy.interpolate import CubicSpline

    sigma = np.array(payload["sigma"])
    spline = CubicSpline(np.log(sigma), np.array(payload["values"]), axis=1)

    def least_loss(levels: np.ndarray) -> np.ndarray:
        return np.asarray(spline(_within(np.asarray(levels, dtype=np.float64), sigma, "noise level")))

    return least_loss


def score_error_to_json(score_error: MeasuredScoreError) -> dict[str, Any]:
    """Return a measured curve as JSON values, null where it is not finite."""
    rows = [[v if math.isfinite(v) else None for v in row] for row in score_error.values.tolist()]
    return {"sigma": score_error.sigma.tolist(), "values": rows}


def score_error_from_json(payload: Mapping[str, Any]) -> MeasuredScoreError:
    """Rebuild what `score_error_to_json` gave, bit for bit."""
    rows = [[math.nan if v is None else v for v in row] for row in payload["values"]]
    return MeasuredScoreError(np.array(payload["sigma"]), np.array(rows))


def _fixed(values: np.ndarray) -> np.ndarray:
    """Return a copy in float64 that nobody can change: many share a curve, some of them plugins."""
    copy = np.array(values, dtype=np.float64)
    copy.flags.writeable = False
    return copy


def _within(points: np.ndarray, levels: np.ndarray, what: str) -> np.ndarray:
    """Return the logarithms of points, refusing those outside the levels by more than rounding."""
    low, high = levels[0], levels[-1]
    outside = points[~((points >= low * (1 - SLACK)) & (points <= high * (1 + SLACK)))]
    if outside.size:
        raise HarnessError(f"{what} {outside[0]:g} is outside the measured range [{low:g}, {high:g}]")
    logarithm: np.ndarray = np.log(np.clip(points, low, high))
    return logarithm


def _monotone_rows(at: np.ndarray, rows: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return the interpolants of rows, shape (R, K), as `_monotone` makes each; of positive rows in one go."""
    from scipy.interpolate import PchipInterpolator

    if (rows > 0).all():
        logarithms = PchipInterpolator(at, np.log(rows), axis=1)
        return lambda x: np.asarray(np.exp(logarithms(x)))
    curves = [_monotone(at, row) for row in rows]
    return lambda x: np.stack([curve(x) for curve in curves])


def _monotone(at: np.ndarray, values: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return a PCHIP interpolant, of the logarithm where every value is positive."""
    from scipy.interpolate import PchipInterpolator

    if (values > 0).all():
        logarithm = PchipInterpolator(at, np.log(values))
        return lambda x: np.asarray(np.exp(logarithm(x)))
    plain = PchipInterpolator(at, values)
    return lambda x: np.asarray(plain(x))
