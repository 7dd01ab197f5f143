"""Sampling jobs: read what sampling builds on from what an `EvaluateSamplesJob` carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.engine.checks import blamed, check_label_dropout, check_start
from harness.engine.laws import distribution
from harness.engine.stored_curves import stored_information, stored_score_error
from harness.networks import OracleNetwork

if TYPE_CHECKING:
    from harness.engine.jobs import EvaluateSamplesJob
    from harness.information import Information, ScoreError
    from harness.initial_laws import Start


def conditional(job: EvaluateSamplesJob) -> bool:
    """Tell whether the network of a job is given labels."""
    return not isinstance(job.network, OracleNetwork) and job.network.network.conditional


def withheld_label(job: EvaluateSamplesJob) -> int | None:
    """Return the label that means none to the network of a job; None where it never learned without labels."""
    if isinstance(job.network, OracleNetwork) or not check_label_dropout(job.network.network):
        return None
    return distribution(job.target).classes


def curves_of(job: EvaluateSamplesJob) -> tuple[Information, ScoreError]:
    """Return J(u) of the target, of points given their labels where the network is given them, and its e(σ).

    Both are as in `harness.engine.stored_curves`.
    """
    oracle = job.network if isinstance(job.network, OracleNetwork) else None
    information = stored_information(job.target, job.information, labelled=conditional(job))
    return information, stored_score_error(oracle, job.score_error, distribution(job.target).dim)


def start_of(job: EvaluateSamplesJob) -> Start:
    """Return the law of the points at the first level.

    Raises:
        ContractError: it is not what its contract asks for.
    """
    law = distribution(job.target)
    with blamed(job.initial_law, "start"):
        return check_start(job.initial_law.start(law, job.sigmas[0]), job.initial_law, law.dim)
