"""What a bound limits: which metrics are divergences that a bound of the path holds for."""

from __future__ import annotations


def is_divergence(metric: str) -> bool:
    """Tell whether a metric estimates what bounds bound, in nats: `kl`, or a name ending in `-kl`."""
    name = metric.partition(":")[0]
    return name == "kl" or name.endswith("-kl")


_BOUND_ALONE = {"kl": "kl", "w2": "w2", "loss": "training-loss"}
"""The one metric that a bound is on, by the last word of the bound's name."""


def limits(bound: str, metric: str) -> bool:
    """Tell whether a bound, by its label, is an upper bound on what a metric measures.

    A bound whose name ends in `-kl`, `-w2` or `-loss` bounds one metric alone: the marginal divergence, the
    2-Wasserstein distance, the training loss. Any other bounds the path divergence, and with it every divergence.
    """
    alone = _BOUND_ALONE.get(bound.partition(":")[0].rpartition("-")[2])
    return metric.partition(":")[0] == alone if alone else is_divergence(metric)
