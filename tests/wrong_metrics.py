"""Wrong metrics: each is one that ships with a slip in it."""

import math
from dataclasses import replace

import torch
from harness_metrics import (
    KL,
    MMD,
    W2,
    BitsPerDimension,
    Energy,
    LabelError,
    Memorisation,
    NLLBound,
    PathKL,
    SlicedWasserstein,
    TrainingLoss,
)
from harness_metrics.gaussians import mean_length

from harness.errors import NotApplicable
from harness.metrics import Measurement, SampleMetric


def with_value(measurement, change, error=lambda e: e):
    if isinstance(measurement, NotApplicable):
        return measurement
    return replace(measurement, value=change(measurement.value), standard_error=error(measurement.standard_error))


class Squared(SlicedWasserstein):
    """The square is returned."""

    name = "squared-sliced"

    def compare(self, generated, reference):
        return with_value(super().compare(generated, reference), lambda v: v**2)


class SumOverCoordinates(SlicedWasserstein):
    """‖m‖² for ‖m‖²/d."""

    name = "sum-over-coordinates"

    def compare(self, generated, reference):
        return with_value(super().compare(generated, reference), lambda v: v * math.sqrt(generated.shape[1]))


class Unsorted(SlicedWasserstein):
    """The distance of pairs, in the order in which they come."""

    name = "unsorted"

    def compare(self, generated, reference):
        squares = (generated - reference).square().mean(1)
        return Measurement(float(squares.mean().sqrt()), float(squares.std() / len(squares) ** 0.5))


class MeansAlone(SlicedWasserstein):
    """The distance of the means, which does not see how wide laws are."""

    name = "means-alone"

    def compare(self, generated, reference):
        away = (generated.mean(0) - reference.mean(0)).norm() / generated.shape[1] ** 0.5
        return Measurement(float(away), (2 / len(generated) / generated.shape[1]) ** 0.5)


class ErrorOfOne(SlicedWasserstein):
    """The deviation of a point for that of the mean."""

    name = "error-of-one"

    def compare(self, generated, reference):
        found = super().compare(generated, reference)
        return replace(found, standard_error=found.standard_error * len(generated) ** 0.5)


class NoError(SlicedWasserstein):
    """Sold as exact."""

    name = "no-error"

    def compare(self, generated, reference):
        return replace(super().compare(generated, reference), standard_error=0.0)


class HalfTheMean(Energy):
    """E‖X − Y‖ once."""

    name = "half-the-mean"

    def compare(self, generated, reference):
        across = torch.cdist(generated, reference).mean()
        within = (torch.cdist(generated, generated).mean() + torch.cdist(reference, reference).mean()) / 2
        return Measurement(float((across - within).clamp(min=0).sqrt()), 0.01)


class SaysItIsUnbiased(Energy):
    """The V-statistic, whose pairs of a point and itself are counted."""

    name = "says-it-is-unbiased"
    unbiased = True


class Clipped(Energy):
    """Data are clipped to one, as pictures are."""

    name = "clipped"

    def compare(self, generated, reference):
        return super().compare(generated.clamp(-1, 1), reference.clamp(-1, 1))


class OtherUnit(Energy):
    """The square of its unit is told."""

    name = "other-unit"
    unit = "data units"


class WrongClaim(Energy):
    """A closed form without the root of two."""

    name = "wrong-claim"

    def claimed_between(self, mean, generated, reference):
        dim = len(mean)
        across = mean_length(float(mean @ mean) ** 0.5, math.hypot(generated, reference), dim)
        within = (mean_length(0.0, each, dim) for each in (generated, reference))
        return math.sqrt(2 * across - sum(within))


class OfWhatWasMade(MMD):
    """Widths by the generated sample, sold as symmetric."""

    name = "of-what-was-made"
    symmetric = True

    def compare(self, generated, reference):
        return super().compare(reference, generated)


class FixedWidths(SampleMetric):
    """Widths in units of the file."""

    name = "fixed-widths"
    unit = "1"

    def compare(self, generated, reference):
        def mean(x, y):
            return (-0.5 * torch.cdist(x, y) ** 2).exp().mean()

        square = mean(generated, generated) + mean(reference, reference) - 2 * mean(generated, reference)
        return Measurement(float(square.clamp(min=0).sqrt()), 0.03)


class Sorting(SlicedWasserstein):
    """Sorts what it is given."""

    name = "sorting"

    def compare(self, generated, reference):
        generated.copy_(generated[generated[:, 0].argsort()])
        return super().compare(generated, reference)


class RandomDirections(SlicedWasserstein):
    """Other directions each time."""

    name = "random-directions"

    def compare(self, generated, reference):
        turn = torch.linalg.qr(torch.randn(generated.shape[1], generated.shape[1], dtype=generated.dtype))[0]
        return super().compare(generated @ turn, reference)


class Likeness(Energy):
    """Larger is nearer."""

    name = "likeness"

    def compare(self, generated, reference):
        return with_value(super().compare(generated, reference), lambda v: 1 / (1 + v))


class Reversed(KL):
    """Sold as the other direction."""

    name = "reversed"
    quantity = "reverse-kl"


class InBits(KL):
    """Bits for nats."""

    name = "in-bits"

    def measure(self, experiment):
        return with_value(super().measure(experiment), lambda v: v / math.log(2))


class SquareOfTheDistance(W2):
    name = "square-of-the-distance"

    def measure(self, experiment):
        return with_value(super().measure(experiment), lambda v: v**2)


class WithoutStart(PathKL):
    """Without the initialisation."""

    name = "without-start"

    def measure(self, experiment):
        if experiment.budget is None:
            return NotApplicable("no budget")
        return Measurement(float((experiment.budget.total - experiment.budget.initialization).mean()), 0.0)


class MarginalForPath(PathKL):
    """The marginal divergence, sold as that of paths."""

    name = "marginal-for-path"

    def measure(self, experiment):
        return NotApplicable("no budget") if experiment.budget is None else KL().measure(experiment)


class WithoutEntropy(NLLBound):
    """The path divergence alone."""

    name = "without-entropy"

    def measure(self, experiment):
        return PathKL().measure(experiment)


class BitsOfAll(BitsPerDimension):
    """Bits of all coordinates."""

    name = "bits-of-all"

    def measure(self, experiment):
        return with_value(super().measure(experiment), lambda v: v * experiment.target.dim)


class FirstLoss(TrainingLoss):
    """The loss at the start."""

    name = "first-loss"

    def measure(self, experiment):
        return (
            NotApplicable("none") if experiment.training is None else Measurement(float(experiment.training.loss[0]), 0)
        )


class Inverted(Memorisation):
    """Held-out points over samples."""

    name = "inverted"

    def measure(self, experiment):
        return with_value(super().measure(experiment), lambda v: 1 / v)


class CountsRight(LabelError):
    """The share of right labels."""

    name = "counts-right"

    def compare_labelled(self, generated, labels, fitted):
        return with_value(super().compare_labelled(generated, labels, fitted), lambda v: 1 - v)


WRONG = [
    Squared(),
    SumOverCoordinates(),
    Unsorted(),
    MeansAlone(),
    ErrorOfOne(),
    NoError(),
    HalfTheMean(),
    SaysItIsUnbiased(),
    Clipped(),
    OtherUnit(),
    WrongClaim(),
    OfWhatWasMade(),
    FixedWidths(),
    Sorting(),
    RandomDirections(),
    Likeness(),
    Reversed(),
    InBits(),
    SquareOfTheDistance(),
    WithoutStart(),
    MarginalForPath(),
    WithoutEntropy(),
    BitsOfAll(),
    FirstLoss(),
    Inverted(),
    CountsRight(train_steps=200),
]
