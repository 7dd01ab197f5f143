"""Samplers: orders of convergence, laws, levels, and the contract (docs/samplers.md)."""

from __future__ import annotations

from harness.certification.measurements import Measurement
from harness.engine.sampler_orders import orders
from harness.engine.sampler_properties import contract, laws, levels

MEASUREMENTS = {
    "sampler": (
        Measurement("orders of convergence", orders),
        Measurement("laws after many steps", lambda sampler, seed: laws(sampler)),
        Measurement("levels", lambda sampler, seed: levels(sampler)),
        Measurement("contract", contract),
    )
}
