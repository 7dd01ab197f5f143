"""Metrics: how far the generated law is from the target.

The reference everywhere is p_δ, the data noised at the last level δ = σ_min, which is what a sampler stopping there
aims for. Smaller is better.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.components import Component

if TYPE_CHECKING:
    from torch import Tensor

    from harness.evaluation import Experiment


@dataclass(frozen=True)
class Measurement:
    """A measured value with the uncertainty of this one measurement.

    Attributes:
        value: the estimate.
        standard_error: of the estimate, over the randomness within the run; 0 for an exact value.
        freedom: degrees of freedom of `standard_error`; infinite where it comes from a large sample.
        shared: whether the error is the same for all seeds (of a curve that they share), so that their spread does not
            show it.
        bias: estimated bias that remains in `value`, same unit; 0 where there is none.
    """

    value: float
    standard_error: float
    bias: float = 0.0
    freedom: float = math.inf
    shared: bool = False


@dataclass(frozen=True)
class NotApplicable:
    """Says why a metric or a bound has no value here."""

    reason: str


class Metric(Component):
    """A distance or divergence between the generated law and p_δ."""

    axis: ClassVar[str] = "metric"
    unit: ClassVar[str] = ""

    @abstractmethod
    def measure(self, experiment: Experiment) -> Measurement | NotApplicable:
        """Measure one sampled combination."""


class SampleMetric(Metric):
    """A metric of two samples. A held-out sample of the same size, measured likewise, calibrates it."""

    @abstractmethod
    def compare(self, generated: Tensor, reference: Tensor) -> Measurement:
        """Compare two samples of shapes (n, d) and (m, d), float64."""

    def measure(self, experiment: Experiment) -> Measurement | NotApplicable:
        """Compare what was generated with the reference."""
        return self.compare(experiment.samples, experiment.reference)
