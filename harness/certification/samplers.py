"""Samplers: orders of convergence, laws, levels, and the contract (docs/samplers.md)."""

from __future__ import annotations

from harness.certification.measurements import PropertyGroup
from harness.engine.sampler_orders import orders
from harness.engine.sampler_properties import contract, laws, levels

MEASUREMENTS = {
    "sampler": (
        PropertyGroup("orders of convergence", orders),
        PropertyGroup("laws after many steps", lambda sampler, seed: laws(sampler)),
        PropertyGroup("levels", lambda sampler, seed: levels(sampler)),
        PropertyGroup("contract", contract),
    )
}
