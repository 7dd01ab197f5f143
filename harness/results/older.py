"""What older documents do not say of their metrics, bounds and suites: what those that shipped then declare now.

A statement about documents that exist, by the names in them. Of a name that did not ship, nothing is known.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness import DISTRIBUTION
from harness.quantities import DIVERGENCES, Declarations, Limited, Measured
from harness.suites.model import load_suite, shipped_suites

_METRICS: dict[str, Measured] = {
    "kl": Measured(quantity="marginal-kl", least=0.0),
    "path-kl": Measured(quantity="path-kl", least=0.0),
    "w2": Measured(quantity="w2", least=0.0),
    "training-loss": Measured(quantity="training-loss", least=0.0),
    **{name: Measured(least=0.0) for name in ("sliced-wasserstein", "energy", "mmd")},
    **{name: Measured(compared_by="difference") for name in ("nll-bound", "bits-per-dim")},
    "memorisation": Measured(compared_by="nothing", least=0.0, copies_below=1.0),
}

_ON_PATHS = (
    *("ancestral-telescope", "benton", "budget", "chen-lee-lu", "conforti"),
    *("corollary-1", "theorem-2", "theorem-3"),
)

_BOUNDS: dict[str, Limited] = {
    **{name: Limited(limits=list(DIVERGENCES)) for name in _ON_PATHS},
    "budget": Limited(limits=list(DIVERGENCES), equals="path-kl"),
    "affine-gaussian-kl": Limited(limits=["marginal-kl"]),
    "gao-zhu-w2": Limited(limits=["w2"]),
    "theorem-1-loss": Limited(limits=["training-loss"]),
}


def title(suite: object) -> str | None:
    """Return what a suite that ships asks, by its name; of any other, None."""
    return load_suite(suite).title or None if isinstance(suite, str) and suite in shipped_suites() else None


def declarations(metrics: Iterable[str], bounds: Iterable[str]) -> Declarations:
    """Return what metrics and bounds, by the labels of an older document, declare today."""
    return Declarations(
        metrics={label: _METRICS.get(_name(label), Measured()) for label in metrics},
        bounds={label: _BOUNDS.get(_name(label), Limited()) for label in bounds},
    )


def _name(label: str) -> str:
    """Return the name of the component that a label of `harness` itself stands for."""
    return label.partition(":")[0].removeprefix(f"{DISTRIBUTION}/")
