"""The axes: every kind of component that a plugin may offer, and the contract of each."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from harness_claims.claim import Claim

from harness.bounds import Bound
from harness.components import Component
from harness.initial_laws import InitialLaw
from harness.metrics import Metric
from harness.networks import Network
from harness.noise_schedules import NoiseSchedule
from harness.samplers import Sampler
from harness.targets import Target
from harness.time_discretizations import TimeDiscretization
from harness.weightings import Weighting

AXES: Mapping[str, type[Component]] = MappingProxyType(
    {
        contract.axis: contract
        for contract in (
            Target,
            Weighting,
            NoiseSchedule,
            TimeDiscretization,
            Network,
            Sampler,
            InitialLaw,
            Metric,
            Bound,
            Claim,
        )
    }
)
"""The contract of each axis."""
