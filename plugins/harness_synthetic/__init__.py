"""Targets whose score and density are exact: a Gaussian, a ring of Gaussians, a general mixture.

Sources: Wang, He, Tao, arXiv 2406.12839 (Gaussian, Lemma 13); Metz et al., arXiv 1611.02163 (ring); Efron
2011 (posterior mean of a mixture).
"""

from __future__ import annotations

from harness import hookimpl
from harness.targets import Target


@hookimpl
def harness_targets() -> list[type[Target]]:
    """Return the analytic targets."""
    from harness_synthetic.targets import Gaussian, Mixture, Ring

    return [Gaussian, Ring, Mixture]
