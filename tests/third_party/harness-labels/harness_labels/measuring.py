"""Metrics that know the classes, one that does not, and a bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.bounds import Bound, Design
from harness.errors import NotApplicable
from harness.metrics import FittedMetric, LabelledMetric, Measurement, SampleMetric
from harness.targets import Distribution

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Generator, Tensor


def class_means(law: Distribution, generator: Generator) -> dict[str, Tensor]:
    """The mean of the training points of each class, of shape (K, d), as `means`."""
    import torch

    if not law.classes:
        raise NotApplicable("the points have no classes")
    points, labels = law.labelled(4096, generator)
    return {"means": torch.stack([points[labels == k].mean(0) for k in range(law.classes)])}


def nearest(points: Tensor, fitted: Mapping[str, Tensor]) -> Tensor:
    """The class whose mean is nearest to each point: shape (n,)."""
    import torch

    return torch.cdist(points, fitted["means"]).argmin(1)


class ClassShares(FittedMetric):
    """How far the shares of the classes are from those of held-out points; a class is that of the nearest mean."""

    name = "class-shares"
    unit = "1"
    least = 0.0
    space = "classes"
    quantity = "total-variation"
    formula = "½ Σ_k |share of class k in X − its share in Y|"

    def fit(self, law: Distribution, generator: Generator) -> dict[str, Tensor]:
        return class_means(law, generator)

    def compare(self, generated: Tensor, reference: Tensor, fitted: Mapping[str, Tensor]) -> Measurement:
        classes = len(fitted["means"])
        shares = [
            nearest(points, fitted).bincount(minlength=classes).double() / len(points)
            for points in (generated, reference)
        ]
        variance = sum(
            float((share * (1 - share)).sum()) / len(points)
            for share, points in zip(shares, (generated, reference), strict=True)
        )
        return Measurement(float((shares[0] - shares[1]).abs().sum()) / 2, variance**0.5 / 2)


class ClassError(LabelledMetric):
    """Part of the samples that are nearer to the mean of another class than to that of their own."""

    name = "class-error"
    unit = "1"
    least = 0.0
    formula = "part of samples whose nearest class mean is not that of their label"

    def fit(self, law: Distribution, generator: Generator) -> dict[str, Tensor]:
        return class_means(law, generator)

    def compare_labelled(self, generated: Tensor, labels: Tensor, fitted: Mapping[str, Tensor]) -> Measurement:
        part = float((nearest(generated, fitted) != labels).double().mean())
        return Measurement(part, (part * (1 - part) / len(labels)) ** 0.5)


class SpreadGap(SampleMetric):
    """How far the total variances of two samples are apart, as a logarithm."""

    name = "spread-gap"
    unit = "1"
    least = 0.0
    formula = "|ln tr cov X − ln tr cov Y|"

    def compare(self, generated: Tensor, reference: Tensor) -> Measurement:
        logs, variance = [], 0.0
        for sample in (generated, reference):
            squared = (sample - sample.mean(0)).square().sum(1)
            logs.append(float(squared.mean().log()))
            variance += float(squared.var() / squared.mean() ** 2) / len(sample)
        return Measurement(abs(logs[0] - logs[1]), variance**0.5)


class BretagnolleHuber(Bound):
    """Total variation from the budget; never above 1."""

    name = "bretagnolle-huber"
    limits = ("total-variation",)
    formula = "√(1 − e^−B), B the budget"
    source = "Bretagnolle and Huber 1979"

    def value(self, design: Design) -> float | NotApplicable:
        import math

        if design.budget is None:
            return NotApplicable("only for samplers with Gaussian steps")
        total = design.budget.initialization + design.budget.score + design.budget.discretization
        return math.sqrt(-math.expm1(-float(total.mean())))
