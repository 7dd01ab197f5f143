"""Stored curves: read those that a unit builds on, J(u), e(σ) and held-out losses, from what its job carries.

All samplings of a network go by the same: a process makes each once, and keeps it by what it was made of.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

from harness.engine.checks import blamed, check_score_error
from harness.engine.curves import ExactScoreError, score_error_from_json
from harness.engine.laws import distribution
from harness.engine.payloads import losses
from harness.engine.payloads.target import curve_from_json, information_name

if TYPE_CHECKING:
    import numpy as np

    from harness.engine.jobs import Payload
    from harness.information import Information, ScoreError
    from harness.networks import OracleNetwork
    from harness.targets import Target

KEPT = 256
"""Curves of either kind that a process keeps: units of many networks come in turns."""


def stored_information(target: Target, payload: Payload, *, labelled: bool = False) -> Information:
    """Return J(u) from the payload of the target's record, or that of points given their labels."""
    name = information_name(labelled=labelled)
    return _information(target, json.dumps({name: payload[name]}), labelled)


@lru_cache(KEPT)
def _information(target: Target, text: str, labelled: bool) -> Information:
    return curve_from_json(json.loads(text), distribution(target), labelled=labelled)


def stored_score_error(oracle: OracleNetwork | None, payload: Payload | None, dim: int) -> ScoreError:
    """Return e(σ): measured, from the payload of its record; or an oracle's own, checked at each call.

    The curve of an oracle raises ContractError where the oracle breaks its contract; where there is neither, whoever
    asks for it gets a TypeError.
    """
    if payload is not None:
        return _score_error(json.dumps(payload))

    def error(sigma: np.ndarray) -> np.ndarray:
        if oracle is None:
            raise TypeError("a trained network needs its measured score error")
        with blamed(oracle, "score_error"):
            return check_score_error(oracle.score_error(sigma.copy(), dim), oracle, len(sigma))

    return ExactScoreError(error)


@lru_cache(KEPT)
def _score_error(text: str) -> ScoreError:
    return score_error_from_json(json.loads(text))


def stored_population(payload: Payload | None) -> Information | None:
    """Return J_θ of a network from the payload of its held-out losses; None where it is not asked for."""
    return None if payload is None else _population(json.dumps(payload))


@lru_cache(KEPT)
def _population(text: str) -> Information:
    return losses.from_json(json.loads(text)).information()
