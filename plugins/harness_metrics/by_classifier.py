"""Metrics by a classifier of the target's labels: distances of features, where features lie, labels taken for others.

Features are those of `harness_metrics.classifier`, of one network for all metrics that have the same parameters of it.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from harness.metrics import FittedMetric, LabelledMetric, Measurement
from harness_metrics.counts import COMPARED, NEIGHBOURS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Generator, Tensor

    from harness.properties import Property
    from harness.quantities import Comparison
    from harness.targets import Distribution


class _ByClassifier(FittedMetric):
    """A metric by a classifier of the target's labels; with the same parameters all have the same classifier."""

    unit: ClassVar[str] = "1"
    least: ClassVar[float | None] = 0.0

    classifier: Literal["perceptron", "convolution"] = Field(
        "perceptron", description="what it is made of; `convolution`, of images alone, knows them better"
    )
    features: int = Field(16, ge=2, le=1_000, description="features: outputs of the layer before the last")
    train_steps: int = Field(1_000, ge=1, le=100_000, description="steps of training, on 128 labelled points each")

    def fit(self, law: Distribution, generator: Generator) -> Mapping[str, Tensor]:
        """Train the classifier on labelled training points."""
        from harness_metrics import classifier

        return classifier.fit(law, generator, self.classifier, self.features, self.train_steps)

    def notes(self, fitted: Mapping[str, Tensor]) -> tuple[str, ...]:
        """Return how good the classifier is."""
        from harness_metrics import classifier

        return classifier.notes(fitted)


class _OfFeatures(_ByClassifier):
    """A comparison of the features of two samples."""

    space: ClassVar[str] = "features"

    def compare(self, generated: Tensor, reference: Tensor, fitted: Mapping[str, Tensor]) -> Measurement:
        """Compare the features of two samples of any sizes."""
        from harness_metrics.classifier import features_of

        return self._compare_features(features_of(generated, fitted), features_of(reference, fitted))

    @abstractmethod
    def _compare_features(self, generated: Tensor, reference: Tensor) -> Measurement:
        """Compare features of shapes (n, k) and (m, k)."""


class _OfFirstFeatures(_OfFeatures):
    """A comparison of the features of the first points of two samples."""

    points: int = Field(2_000, ge=2, le=1_000_000, description=COMPARED)

    def compare(self, generated: Tensor, reference: Tensor, fitted: Mapping[str, Tensor]) -> Measurement:
        """Compare the features of the first points of two samples of any sizes."""
        return super().compare(generated[: self.points], reference[: self.points], fitted)


class ClassifierFrechet(_OfFeatures):
    """Fréchet distance of the features of a small classifier, trained on the target's labelled training part.

    FID is its square with features of another classifier. Over n samples d² is too large by about c/n, whatever
    the law: compare samples of one size, beside the held-out one, which has the same bias.
    """

    name: ClassVar[str] = "classifier-frechet"
    formula: ClassVar[str] = "(‖m − n‖² + tr(A + B − 2(A^½ B A^½)^½))^½, means m, n and covariances A, B of features"
    source: ClassVar[str] = "Dowson, Landau, J. Multivariate Analysis 12 (1982); Heusel et al., arXiv 1706.08500"

    def _compare_features(self, generated: Tensor, reference: Tensor) -> Measurement:
        from harness_metrics.frechet import frechet

        return frechet(generated, reference)


class ClassifierMMD(_OfFirstFeatures):
    """`mmd` of the features of a small classifier, trained on the target's labelled training part."""

    name: ClassVar[str] = "classifier-mmd"
    formula: ClassVar[str] = "(E k(X,X') + E k(Y,Y') − 2E k(X,Y))^½ of features, k as in mmd"
    source: ClassVar[str] = "Bińkowski et al., arXiv 1801.01401; Gretton et al., JMLR 13 (2012)"

    def _compare_features(self, generated: Tensor, reference: Tensor) -> Measurement:
        from harness_metrics.samples import mmd

        return mmd(generated, reference)


class ClassifierKID(_OfFirstFeatures):
    """Kernel distance (KID) of the features of a small classifier: the unbiased estimate of MMD², cubic kernel.

    A perfect generator has 0 on average at any number of samples, so that a value is the excess over it; that of a
    good one may be negative. Published values are of other features: only those of one classifier compare.
    """

    name: ClassVar[str] = "classifier-kid"
    least: ClassVar[float | None] = None
    compared_by: ClassVar[Comparison] = "difference"
    formula: ClassVar[str] = "E k(X,X') + E k(Y,Y') − 2E k(X,Y), over pairs of different points, k = (x·y/d + 1)³"
    source: ClassVar[str] = "Bińkowski et al., arXiv 1801.01401, section 3"

    points: int = Field(2_000, ge=3, le=1_000_000, description=COMPARED)

    def _compare_features(self, generated: Tensor, reference: Tensor) -> Measurement:
        from harness_metrics.kernel_distance import kernel_distance

        return kernel_distance(generated, reference)

    def own_properties(self, seed: int) -> Sequence[Property]:
        """Measure that it is unbiased, and what it is between Gaussians."""
        from harness_metrics.kernel_certificate import properties

        return properties(seed)


class _ByNeighbours(_OfFirstFeatures):
    """A share, or a density, of features in balls around features; it is for reading and makes no rank.

    What a perfect generator has stands beside it, from a held-out sample of the same size: compare with that.
    """

    compared_by: ClassVar[Comparison] = "nothing"

    points: int = Field(2_000, ge=20, le=10_000, description=COMPARED)
    neighbours: int = Field(3, ge=1, le=NEIGHBOURS, description="the neighbour k at which a ball ends")

    def notes(self, fitted: Mapping[str, Tensor]) -> tuple[str, ...]:
        """Return how good the classifier is, and whether many held-out points have as many others like them."""
        from harness_metrics import classifier

        return (*super().notes(fitted), *classifier.ties(fitted, self.neighbours))


class Precision(_ByNeighbours):
    """Share of samples whose features lie where the data are: low where samples are unlike any data.

    Data are where a ball around a held-out point reaches, up to its k-th neighbour.
    """

    name: ClassVar[str] = "precision"
    formula: ClassVar[str] = "1/n Σ_i [x_i in a ball B(y_j, k-th neighbour of y_j among y)], x generated, y held out"
    source: ClassVar[str] = "Kynkäänniemi et al., arXiv 1904.06991, eq. (1)-(2)"

    def _compare_features(self, generated: Tensor, reference: Tensor) -> Measurement:
        from harness_metrics.neighbourhoods import share_inside

        return share_inside(generated, reference, self.neighbours)


class Recall(_ByNeighbours):
    """Share of held-out points whose features lie where the samples are: low where kinds of data are missing.

    Samples are where a ball around one reaches, up to its k-th neighbour.
    """

    name: ClassVar[str] = "recall"
    formula: ClassVar[str] = "1/m Σ_j [y_j in a ball B(x_i, k-th neighbour of x_i among x)], x generated, y held out"
    source: ClassVar[str] = "Kynkäänniemi et al., arXiv 1904.06991, eq. (1)-(2)"

    def _compare_features(self, generated: Tensor, reference: Tensor) -> Measurement:
        from harness_metrics.neighbourhoods import share_inside

        return share_inside(reference, generated, self.neighbours)


class Density(_ByNeighbours):
    """Mean number of balls of held-out points that a sample lies in, over k: `precision` that counts how often.

    A perfect generator has 1 on average, at any number of points that have no ties, as noise of σ_min leaves none; of
    one discrete law it has more, and precision and coverage are 1. One that makes typical points alone has more, too.
    """

    name: ClassVar[str] = "density"
    formula: ClassVar[str] = "1/(kn) Σ_i Σ_j [x_i in the ball B(y_j, k-th neighbour of y_j among y)]"
    source: ClassVar[str] = "Naeem et al., arXiv 2002.09797, eq. (3)-(4)"

    neighbours: int = Field(5, ge=1, le=NEIGHBOURS, description="the neighbour k at which a ball ends")

    def _compare_features(self, generated: Tensor, reference: Tensor) -> Measurement:
        from harness_metrics.neighbourhoods import density

        return density(generated, reference, self.neighbours)


class Coverage(_ByNeighbours):
    """Share of held-out points whose ball holds a sample: `recall` by balls that samples far off cannot widen.

    A perfect generator has 1 − (m−1)…(m−k)/((n+m−1)…(n+m−k)) on average, near 1 − 2^−k of as many points.
    """

    name: ClassVar[str] = "coverage"
    formula: ClassVar[str] = "1/m Σ_j [some x_i in the ball B(y_j, k-th neighbour of y_j among y)]"
    source: ClassVar[str] = "Naeem et al., arXiv 2002.09797, eq. (5)-(6)"

    neighbours: int = Field(5, ge=1, le=NEIGHBOURS, description="the neighbour k at which a ball ends")

    def _compare_features(self, generated: Tensor, reference: Tensor) -> Measurement:
        from harness_metrics.neighbourhoods import coverage

        return coverage(generated, reference, self.neighbours)


class LabelError(_ByClassifier, LabelledMetric):
    """Share of samples that a classifier gives another label than the one that they were made for.

    Of a class-conditional network alone. What a perfect generator has is the classifier's own error on held-out
    points.
    """

    name: ClassVar[str] = "label-error"
    space: ClassVar[str] = "labels"
    compared_by: ClassVar[Comparison] = "difference"
    formula: ClassVar[str] = "1/n Σ_i [c(x_i) ≠ y_i], c the classifier, y_i the label that x_i was made for"
    source: ClassVar[str] = "Shmelkov, Schmid, Alahari, arXiv 1807.09499"

    def compare_labelled(self, generated: Tensor, labels: Tensor, fitted: Mapping[str, Tensor]) -> Measurement:
        """Count what is taken for another; half a count to either side keeps the error of a share of 0 from 0."""
        from harness_metrics.classifier import labels_of

        n = len(labels)
        wrong = int((labels_of(generated, fitted) != labels).sum())
        share = (wrong + 0.5) / (n + 1)
        return Measurement(wrong / n, (share * (1 - share) / n) ** 0.5)
