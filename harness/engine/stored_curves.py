"""Stored curves: read the two that a unit builds on, J(u) and e(σ), from what its job carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.engine.checks import blamed, check_score_error
from harness.engine.curves import ExactScoreError, score_error_from_json
from harness.engine.laws import distribution
from harness.engine.payloads.target import curve_from_json

if TYPE_CHECKING:
    import numpy as np

    from harness.engine.jobs import Payload
    from harness.information import Information, ScoreError
    from harness.networks import OracleNetwork
    from harness.targets import Target


def stored_information(target: Target, payload: Payload, *, labelled: bool = False) -> Information:
    """Return J(u) from the payload of the target's record, or that of points given their labels."""
    return curve_from_json(payload, distribution(target), labelled=labelled)


def stored_score_error(oracle: OracleNetwork | None, payload: Payload | None, dim: int) -> ScoreError:
    """Return e(σ): measured, from the payload of its record; or an oracle's own, checked at each call.

    Raises:
        TypeError: there is neither. The curve of an oracle raises ContractError where the oracle breaks its contract.
    """
    if payload is not None:
        return score_error_from_json(payload)
    if oracle is None:
        raise TypeError("a trained network needs its measured score error")

    def error(sigma: np.ndarray) -> np.ndarray:
        with blamed(oracle, "score_error"):
            return check_score_error(oracle.score_error(sigma.copy(), dim), oracle, len(sigma))

    return ExactScoreError(error)
