"""The one claim of the paper."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from harness_claims.claim import Claim, Decision, Evidence, Experiments, Panel, Series
from harness_claims.verdicts import decision, t_test

SUITE = {
    "targets": ["gaussian:dim=2", "gaussian:dim=4", "ring"],
    "noise_schedules": ["edm"],
    "time_discretizations": ["exponential"],
    "networks": ["exact"],
    "samplers": ["exponential-integrator"],
    "metrics": ["path-kl"],
    "rank_by": "path-kl",
    "steps": [8, 32],
    "seeds": 2,
    "sampling": {"samples": 16},
}


class Halving(Claim):
    """Null: with the exact score E_D with 8 steps is at most twice that with 32. Arithmetic, on each target."""

    name: ClassVar[str] = "halving"
    paper: ClassVar[str] = "second-2025"
    number: ClassVar[int] = 1
    title: ClassVar[str] = "four times the steps more than halve the error"
    statement: ClassVar[str] = "Four times the steps have less than half the discretization error."
    source: ClassVar[str] = "Second et al. 2025, equation 3"

    def experiments(self, quick: bool) -> Experiments:
        """Two numbers of steps, whether quick or not."""
        return Experiments(suites={"steps": SUITE})

    def decide(self, evidence: Evidence) -> Decision:
        """Test the ratio of the errors against two."""
        errors = self._errors(evidence)
        tests = {t: t_test(np.log(e[8] / e[32]), np.log(2), arithmetic=True) for t, e in errors.items()}
        return decision(tests, "ln E_D, 8 over 32 steps", alpha=evidence.alpha, rounding=0.0)

    def figure(self, evidence: Evidence, decision: Decision) -> tuple[Panel, ...]:
        """A line a target."""
        lines = [Series(t, list(e), [v.mean() for v in e.values()]) for t, e in self._errors(evidence).items()]
        return (Panel("the exact score", "steps", "E_D in nats", tuple(lines), log_x=True, log_y=True),)

    def _errors(self, evidence: Evidence) -> dict[str, dict[int, np.ndarray]]:
        found: dict[str, dict[int, np.ndarray]] = {}
        for result in evidence.results["steps"]:
            found.setdefault(result.target, {})[result.steps] = result.budget["discretization"]
        return found
