"""The designs on which the bound is held against what is measured (claims 10 and 11)."""

from __future__ import annotations

from typing import Any

from harness_wang.claims import setting

BOUND = "theorem-2"

SAMPLES = "sliced-wasserstein"
"""The measured error where the marginal divergence is not: a distance of samples."""

WEIGHTINGS = ("edm", "likelihood", "min-snr")

GRIDS = ("polynomial:rho=1,2,3,5,7", "exponential")
"""EDM's schedules, from even steps in σ to its own ρ = 7, and their limit ρ → ∞."""

LENGTHS = (100, 1000)


def designs(quick: bool) -> dict[str, dict[str, Any]]:
    """Return the suite of trained designs, and that of the exact score on the same grids."""
    common = {
        "time_discretizations": list(GRIDS),
        "metrics": ["path-kl", "kl", SAMPLES],
        "bounds": [BOUND],
        "sampling": {"samples": 1000 if quick else 2000},
    }
    trained = setting.suite(
        **common,
        networks=[setting.MLP],
        weightings=list(WEIGHTINGS),
        seeds=setting.seeds(quick),
        training=setting.training(LENGTHS if quick else (*LENGTHS, 3000)),
    )
    return {"designs": trained, "exact": setting.suite(**common, seeds=setting.seeds(quick, 3 if quick else 5))}
