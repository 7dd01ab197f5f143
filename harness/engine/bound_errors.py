"""Bound errors: the value of a bound with the error that it has from the measured curves, J(u) and e(σ).

A bound is a function of curves that are means over R replicates. Its standard error is that of the jackknife: it is
asked R times more, each time for curves without one replicate. What interpolation of J costs is its bias: what it
changes when every second level is left out. Where both curves are exact there is neither.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from harness.bounds import Bound, Design
from harness.engine.payloads.measured import check_bound, said
from harness.errors import NotApplicable
from harness.information import Information, ScoreError
from harness.metrics import Measurement

if TYPE_CHECKING:
    from harness.budget import Budget


def measured_bound(bound: Bound, design: Design) -> Measurement | NotApplicable:
    """Return what a bound says of a design, with its own error, which all seeds of a target and a network share.

    Raises:
        ContractError: it returned no finite number.
    """
    found = said(lambda: bound.value(design))
    if isinstance(found, NotApplicable):
        return found
    value = check_bound(found)
    count = max(design.information.replicates, design.score_error.replicates)
    if count == 1:
        return Measurement(value, 0.0, shared=True)
    others = np.array([_value(bound, without(design, r, count), value) for r in range(count)])
    error = float(np.sqrt((count - 1) / count * ((others - others.mean()) ** 2).sum()))
    coarse = _coarser(design)
    bias = 0.0 if coarse is None else value - _value(bound, coarse, value)
    return Measurement(value, error, bias, freedom=count - 1, shared=True)


def _value(bound: Bound, design: Design, otherwise: float) -> float:
    """Return what a bound says of a variant of a design; where it does not apply to that one, what it said before."""
    found = said(lambda: bound.value(design))
    return otherwise if isinstance(found, NotApplicable) else check_bound(found)


def _coarser(design: Design) -> Design | None:
    """Return the design with J interpolated between every second level; None where nothing is interpolated."""
    information = design.information.coarser()
    if information is None:
        return None
    terms = design.budget
    if terms is not None:
        terms = replace(terms, discretization=terms.discretization - terms.interpolation)
    return replace(design, information=information, budget=terms)


def without(design: Design, r: int, count: int) -> Design:
    """Return the design with curves that lack one of their replicates.

    Arguments:
        design: the design.
        r: which.
        count: how many there are; a curve that is exact has one, and keeps it.
    """
    return replace(
        design,
        information=InformationPart(design.information, _others(r, count)),
        score_error=ScoreErrorPart(design.score_error, _others(r, count)),
        budget=None if design.budget is None else _part(design.budget, _others(r, count)),
    )


def _others(r: int, count: int) -> np.ndarray:
    return np.delete(np.arange(count), r)


def _part(terms: Budget, chosen: np.ndarray) -> Budget:
    return replace(
        terms,
        initialization=_chosen(terms.initialization, chosen),
        score=_chosen(terms.score, chosen),
        discretization=_chosen(terms.discretization, chosen),
        variance=_chosen(terms.variance, chosen),
    )


def _chosen(replicates: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return some of the replicates; what is exact has one alone, which stands for each."""
    return replicates if len(replicates) == 1 else replicates[chosen]


class InformationPart(Information):
    """J(u) of some of the replicates of a curve.

    Arguments:
        whole: the curve.
        chosen: the places of the replicates, shape (K,).
    """

    def __init__(self, whole: Information, chosen: np.ndarray) -> None:
        self._whole, self._places = whole, chosen
        self.dim = whole.dim
        self.second_moment = whole.second_moment
        self.replicates = 1 if whole.replicates == 1 else len(chosen)

    def fisher(self, u: np.ndarray) -> np.ndarray:
        """J(u) at each noise variance; shape (K, len(u))."""
        return _chosen(self._whole.fisher(u), self._places)

    def fisher_integral(self, u: np.ndarray) -> np.ndarray:
        """∫ J du over each interval of a decreasing grid; shape (K, len(u) − 1)."""
        return _chosen(self._whole.fisher_integral(u), self._places)

    def initialization(self, u: float) -> np.ndarray:
        """KL(p_u ‖ N(0, uI)); shape (K,)."""
        return _chosen(self._whole.initialization(u), self._places)


class ScoreErrorPart(ScoreError):
    """e(σ) of some of the replicates of a curve; arguments as of `InformationPart`."""

    def __init__(self, whole: ScoreError, chosen: np.ndarray) -> None:
        self._whole, self._places = whole, chosen
        self.replicates = 1 if whole.replicates == 1 else len(chosen)

    def __call__(self, sigma: np.ndarray) -> np.ndarray:
        """Return e at each level; shape (K, len(sigma))."""
        return _chosen(self._whole(sigma), self._places)
