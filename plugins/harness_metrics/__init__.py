"""Metrics: divergences of laws and paths, the likelihood of held-out points, and distances of samples.

- `kl`: docs/theory.md §3; change of variables, Chen et al. arXiv 1806.07366; jackknife of a plug-in entropy.
- `w2`: Gelbrich, Math. Nachr. 147, 1990.
- `path-kl`: Wang, He, Tao, arXiv 2406.12839, Theorem 2, with its constants made exact (`harness.budget`).
- `nll-bound`, `bits-per-dim`, `discrete-bits-per-dim`: Ho, Jain, Abbeel, arXiv 2006.11239;
  Kingma et al., arXiv 2107.00630;
  docs/theory.md §9.
- `memorisation-gap`: the difference of `nll-bound` between held-out and training points; docs/theory.md §9.
- `memorisation`: docs/theory.md §9; Meehan, Chaudhuri, Dasgupta, arXiv 2004.05675.
- `sliced-wasserstein`: Bonneel, Rabin, Peyré, Pfister, Sliced and Radon Wasserstein barycenters of measures,
  J. Math. Imaging Vision 51, 2015.
- `energy`: Székely, Rizzo, Energy statistics, J. Stat. Planning Inference 143, 2013.
- `mmd`: Gretton et al., A kernel two-sample test, JMLR 13, 2012.
- `classifier-frechet`: Heusel et al., arXiv 1706.08500, with the features of a classifier of the target's own; its
  bias: Chong, Forsyth, arXiv 1911.07023.
- `classifier-mmd`, `classifier-kid`: Bińkowski et al., arXiv 1801.01401, likewise.
- `precision`, `recall`: Kynkäänniemi et al., arXiv 1904.06991; `density`, `coverage`: Naeem et al., arXiv 2002.09797.
- `label-error`: Shmelkov, Schmid, Alahari, arXiv 1807.09499 (GAN-test).

- `unbiased-energy`, `unbiased-mmd`: the same, as U-statistics.

The other distances of samples are plug-in (V) statistics, never negative; between two samples of the same law they do
not vanish, and the score of a held-out sample of the same size says where zero is.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from harness import hookimpl
from harness.errors import NotApplicable
from harness.metrics import (
    KnownResult,
    Measurement,
    Metric,
    SampleMetric,
    mean_and_error,
)
from harness.quantities import Comparison, Quantity
from harness_metrics.by_classifier import (
    ClassifierFrechet,
    ClassifierKID,
    ClassifierMMD,
    Coverage,
    Density,
    LabelError,
    Precision,
    Recall,
)
from harness_metrics.counts import COMPARED

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from torch import Tensor

    from harness.metrics import Experiment
    from harness.properties import Property
    from harness.targets import Distribution


class KL(Metric):
    """Marginal divergence KL(p_δ ‖ q_N), where an honest estimator is known.

    A Gaussian target with an affine sampler: closed form. A Gaussian-kernel sampler: q_N is a mixture over
    its particles. A deterministic sampler: change of variables. Else it says why it does not apply.
    """

    name: ClassVar[str] = "kl"
    unit: ClassVar[str] = "nats"
    quantity: ClassVar[Quantity] = "marginal-kl"
    formula: ClassVar[str] = "KL(p_δ ‖ q_N) = E_{p_δ}[ln p_δ − ln q_N]"
    source: ClassVar[str] = "docs/theory.md §3"

    points: int = Field(256, ge=64, le=100_000, description="points at which densities are compared")
    particles: int = Field(
        1024, ge=64, le=1_000_000, description="particles whose mixture is a stochastic sampler's density"
    )
    max_dim: int = Field(4, ge=1, le=1_000, description="largest dimension in which densities are estimated")

    def measure(self, experiment: Experiment) -> Measurement | NotApplicable:
        """Measure by the first estimator that applies."""
        from harness_metrics import affine, change_of_variables, particles

        gaussian = experiment.target.gaussian()
        if gaussian is not None:
            law = affine.output_law(experiment)
            if law is not None:
                return affine.divergence(gaussian, experiment.sigma_min, law)
        if experiment.target.dim > self.max_dim:
            return NotApplicable(f"dimension {experiment.target.dim} is above max_dim {self.max_dim}")
        if experiment.kernel is not None or experiment.last_kernel is not None:
            return particles.divergence(experiment, self.points, self.particles)
        if experiment.sampler.deterministic:
            return change_of_variables.divergence(experiment, self.points)
        return NotApplicable(f"the law of sampler {experiment.sampler.name} has no known density")


class W2(Metric):
    """2-Wasserstein distance of p_δ and the generated law, exact: a Gaussian target, an affine sampler."""

    name: ClassVar[str] = "w2"
    unit: ClassVar[str] = "data units"
    quantity: ClassVar[Quantity] = "w2"
    formula: ClassVar[str] = "W_2² = ‖m − n‖² + tr(A + B − 2(A^½ B A^½)^½),  p_δ = N(m, A), q_N = N(n, B)"
    source: ClassVar[str] = "Gelbrich, Math. Nachr. 147 (1990); Pierret, Galerne, arXiv 2405.14250"

    def measure(self, experiment: Experiment) -> Measurement | NotApplicable:
        """Measure it where both laws are Gaussian."""
        from harness_metrics import affine

        gaussian = experiment.target.gaussian()
        if gaussian is None:
            return NotApplicable("the target is no Gaussian; sliced-wasserstein compares samples")
        law = affine.output_law(experiment)
        if law is None:
            return NotApplicable("the sampler with this network is not affine, so its law is no Gaussian")
        return affine.wasserstein(gaussian, experiment.sigma_min, law)


class PathKL(Metric):
    """Path divergence KL(P ‖ Q) of a Gaussian-kernel sampler: the exact budget, an upper bound on `kl`."""

    name: ClassVar[str] = "path-kl"
    unit: ClassVar[str] = "nats"
    quantity: ClassVar[Quantity] = "path-kl"
    formula: ClassVar[str] = "KL(P ‖ Q) = E_I + E_S + E_D + E_V"
    source: ClassVar[str] = "docs/theory.md §2; Wang, He, Tao, arXiv 2406.12839, Theorem 2"

    def measure(self, experiment: Experiment) -> Measurement | NotApplicable:
        """Return the total of the experiment's budget; the error of the curves behind it is common to all seeds."""
        if experiment.budget is None:
            return NotApplicable(f"sampler {experiment.sampler.name} has no Gaussian kernel, so no path divergence")
        total = experiment.budget.total
        value, error = mean_and_error(total)
        bias = experiment.budget.interpolation
        return Measurement(value, error, bias, freedom=max(total.size - 1, 1), shared=True)


class NLLBound(Metric):
    """Variational bound on −E ln q_δ over held-out points: entropy of p_δ plus path divergence, of the population.

    It has a value where each step is Gaussian. Points and noise are the same for all designs and seeds of a target.
    Between designs that stop at one σ_min its differences are those of their path divergences, and neither the score
    nor a density of the data need be known.
    """

    name: ClassVar[str] = "nll-bound"
    unit: ClassVar[str] = "nats"
    compared_by: ClassVar[Comparison] = "difference"
    formula: ClassVar[str] = (
        "(d/2) ln(2πeδ²) + E KL(p(x_0|X_0) ‖ start) + Σ_j E KL(p(x_{j+1}|x_j, X_0) ‖ q(x_{j+1}|x_j)) ≥ −E ln q_δ"
    )
    source: ClassVar[str] = "Ho et al., arXiv 2006.11239, eq. (5); Kingma et al., arXiv 2107.00630, section 4"

    points: int = Field(2048, ge=2, le=100_000, description="most held-out points")
    noised: int = Field(
        4096, ge=1, le=10_000_000, description="points times draws of noise at each: fewer points are noised more often"
    )

    def measure(self, experiment: Experiment) -> Measurement | NotApplicable:
        """Return the mean over held-out points; its error is common to all seeds, which meet the same points."""
        from harness_metrics.held_out import mean_over_points, point_bounds, why_not

        if experiment.labels is not None:
            return NotApplicable("the network is given labels: what it bounds is the density of points given theirs")
        if (reason := why_not(experiment)) is not None:
            return reason
        bounds = point_bounds(experiment, self.points, self.noised)
        if len(bounds) < 2:
            return NotApplicable("one held-out point shows no error; 2 are needed")
        return mean_over_points(bounds / self._scale(experiment))

    def claimed_value(self, known: KnownResult) -> float | None:
        """Return the entropy of p_δ plus the path divergence, over the scale."""
        divergence = known.values.get("path-kl")
        return None if divergence is None else (known.entropy + divergence) / self._nats(known.dim)

    def _scale(self, experiment: Experiment) -> float:
        """By what values in nats are divided."""
        return self._nats(experiment.target.dim)

    def _nats(self, dim: int) -> float:
        """Nats in its unit, in a dimension."""
        return 1.0


class BitsPerDimension(NLLBound):
    """`nll-bound` in bits a coordinate. Of a density, in the data's own units: no width of pixels is taken off."""

    name: ClassVar[str] = "bits-per-dim"
    unit: ClassVar[str] = "bits"
    formula: ClassVar[str] = "nll-bound/(d ln 2)"

    def _nats(self, dim: int) -> float:
        """Nats in a bit of each coordinate."""
        return dim * math.log(2)


class DiscreteBitsPerDimension(BitsPerDimension):
    """Bits a coordinate that code held-out data on a lattice, as pixels: comparable with published bits per dimension.

    `bits-per-dim` with what it takes to tell the pixel from the last noised point, in place of that noise's entropy. It
    compares designs that stop at different σ_min, too. Published values are of pixels with 256 levels.
    """

    name: ClassVar[str] = "discrete-bits-per-dim"
    formula: ClassVar[str] = (
        "bits-per-dim + (c(δ/w) − ½ ln(2πeδ²))/ln 2, c(r) = E ln Σ_j exp((ξ² − (ξ + j/r)²)/2), w the step of the data"
    )
    source: ClassVar[str] = "Kingma et al., arXiv 2107.00630, section 3.3 and eq. (11)"

    def measure(self, experiment: Experiment) -> Measurement | NotApplicable:
        """Return the mean over held-out points, where these, and points to train on, lie on a lattice of one step."""
        from harness_metrics.lattices import decoding_cost, step

        density = super().measure(experiment)
        if isinstance(density, NotApplicable):
            return density
        width = step(self._points_of(experiment.target))
        if width is None:
            return NotApplicable("the points lie on no lattice of one step, so that they have no discrete levels")
        delta = experiment.sigma_min
        shift = (decoding_cost(delta / width) - 0.5 * math.log(2 * math.pi * math.e * delta**2)) / math.log(2)
        groups = tuple(each + shift for each in density.groups)
        return replace(density, value=density.value + shift, groups=groups)

    def _points_of(self, law: Distribution) -> Tensor:
        """Return the held-out points; of a finite data set also points to train on, which show more levels."""
        import torch

        from harness.mixtures import EmpiricalDistribution
        from harness_metrics.lattices import CELLS

        held_out = law.held_out(self.points, torch.Generator().manual_seed(0))
        if not isinstance(law, EmpiricalDistribution):
            return held_out
        return torch.cat([held_out, law.train[: max(1, CELLS // law.dim)]])

    def claimed_value(self, known: KnownResult) -> float | None:
        """Return None: no result that is known in closed form is of data on a lattice."""
        return None

    def own_properties(self, seed: int) -> Sequence[Property]:
        """Measure what telling the levels costs, where it is known: beside much noise, and beside none."""
        from harness.properties import Property
        from harness_metrics.lattices import decoding_cost

        large = 0.5 * math.log(2 * math.pi * math.e * 1.9**2)
        return [
            Property("nats to tell levels 20 deviations apart", 0.0, decoding_cost(0.05), 1e-9),
            Property("nats to tell levels 1/1.9 deviations apart", large, decoding_cost(1.9), 1e-9),
        ]


class Memorisation(Metric):
    """Median distance to the nearest training point, of samples over held-out points: near 0, copies; 1, as new data.

    Both carry noise of σ_min, which keeps copies from 0. Above 1 samples lie off the data. It stands beside a rank and
    makes none: smaller is not better.
    """

    name: ClassVar[str] = "memorisation"
    unit: ClassVar[str] = "1"
    compared_by: ClassVar[Comparison] = "nothing"
    least: ClassVar[float] = 0.0
    copies_below: ClassVar[float] = 1.0
    formula: ClassVar[str] = "median_i min_k ‖x_i − t_k‖ / median_i min_k ‖y_i − t_k‖, t_k to train on, y_i held out"
    source: ClassVar[str] = "nearest neighbours as in Meehan, Chaudhuri, Dasgupta, arXiv 2004.05675"

    def measure(self, experiment: Experiment) -> Measurement | NotApplicable:
        """Measure it on a target that is a finite data set."""
        from harness.mixtures import EmpiricalDistribution
        from harness_metrics.memorisation import ratio_of_medians

        if not isinstance(experiment.target, EmpiricalDistribution):
            return NotApplicable("the target is no finite data set, so there are no training points to copy")
        if min(len(experiment.samples), len(experiment.reference)) < 2:
            return NotApplicable("one point shows no error of a median; 2 samples and 2 held-out points are needed")
        found = ratio_of_medians(experiment.samples, experiment.reference, experiment.target)
        return found or NotApplicable("half of the held-out points are training points themselves")


class MemorisationGap(Metric):
    """By how much `nll-bound` is larger over held-out points than over training points: 0, no memory; above, memorised.

    Of the steps whose first level is in a range: several ranges show at which levels a network remembers. The exact
    denoiser of the training points has all of it. It stands beside a rank and makes none: a network that learned
    nothing has no gap.
    """

    name: ClassVar[str] = "memorisation-gap"
    unit: ClassVar[str] = "nats"
    compared_by: ClassVar[Comparison] = "nothing"
    formula: ClassVar[str] = "Σ_j: low ≤ σ_j < high, E_held-out KL_j(X_0) − E_train KL_j(X_0), KL_j as in nll-bound"
    source: ClassVar[str] = "docs/theory.md §9, by the bound of Ho et al., arXiv 2006.11239"

    low: float = Field(0.0, ge=0, description="least level σ whose step counts")
    high: float = Field(1e9, gt=0, le=1e9, description="level σ from which on no step counts")
    points: int = Field(2048, ge=2, le=100_000, description="most held-out points, and as many training points")
    noised: int = Field(
        4096, ge=1, le=10_000_000, description="points times draws of noise at each: fewer points are noised more often"
    )

    def measure(self, experiment: Experiment) -> Measurement | NotApplicable:
        """Measure it on a target that is a finite data set, of a sampler whose steps are Gaussian."""
        from harness.mixtures import EmpiricalDistribution
        from harness_metrics.held_out import Steps, gap, why_not

        target = experiment.target
        if not isinstance(target, EmpiricalDistribution):
            return NotApplicable("the target is no finite data set, so there are no training points to remember")
        if experiment.labels is not None:
            return NotApplicable("the network is given labels: what it remembers is points given theirs")
        if (reason := why_not(experiment)) is not None:
            return reason
        if min(len(target.parts[0]), len(target.train)) < 2:
            return NotApplicable("one point shows no error; 2 held-out and 2 training points are needed")
        if not any(self.low <= sigma < self.high for sigma in experiment.sigmas[:-1]):
            return NotApplicable(f"no step leaves a level from {self.low:g} to {self.high:g}")
        return gap(Steps.of(experiment), self.points, self.noised, self.low, self.high)

    def own_properties(self, seed: int) -> Sequence[Property]:
        """Measure a network that gives 0 whatever it is shown: its terms are (1 − k)²‖X_0‖²/2v, without noise."""
        from itertools import pairwise

        import torch

        from harness.metrics import LastKernel
        from harness.mixtures import EmpiricalDistribution
        from harness.properties import Property
        from harness_metrics.held_out import Steps, gap

        generator = torch.Generator().manual_seed(seed)
        train, unseen = (size * torch.randn(64, 3, generator=generator, dtype=torch.float64) for size in (1.0, 1.5))
        law = EmpiricalDistribution(train, (unseen, unseen), "two deviations")
        sigmas = [4.0, 2.0, 1.0, 0.5]
        kept = [(after / before) ** 2 for before, after in pairwise(sigmas)]
        variances = [after**2 * (1 - k) for k, after in zip(kept, sigmas[1:], strict=True)]
        steps = Steps(lambda j, x: LastKernel(kept[j] * x, variances[j]), sigmas, law)
        squares = (unseen.square().sum(1).mean() - train.square().sum(1).mean()).item()
        claimed = [0.5 * (1 - k) ** 2 / v * squares for k, v in zip(kept, variances, strict=True)]
        ranges = {"all steps": (0.0, 1e9, sum(claimed)), "the step from σ = 2": (1.5, 3.0, claimed[1])}
        return [
            Property(f"gap of a network that gives 0, {name}", value, gap(steps, 64, 64, low, high).value, 1e-9)
            for name, (low, high, value) in ranges.items()
        ]


class TrainingLoss(Metric):
    """The objective that gradient descent minimised, at its end: what `theorem-1-loss` bounds.

    Each weighting has an objective of its own, so that it compares lengths and step sizes, not weightings. A
    learned weighting's is the one that it had renewed last.
    """

    name: ClassVar[str] = "training-loss"
    unit: ClassVar[str] = "1"
    quantity: ClassVar[Quantity] = "training-loss"
    formula: ClassVar[str] = "L = (1/2n) Σ_i Σ_j β_j ‖σ_j S(x_i + σ_jξ_ij, σ_j) + ξ_ij‖²,  Σβ_j = 1"
    source: ClassVar[str] = "Wang, He, Tao, arXiv 2406.12839, eq. (7)"

    def measure(self, experiment: Experiment) -> Measurement | NotApplicable:
        """Return the last loss of the recorded training, which is exact."""
        way = experiment.training
        if way is None or way.method != "gradient-descent":
            return NotApplicable("the network was not trained by gradient descent on a fixed objective")
        return Measurement(float(way.loss[-1]), 0.0)


class SlicedWasserstein(SampleMetric):
    """Sliced 2-Wasserstein distance over fixed random directions."""

    name: ClassVar[str] = "sliced-wasserstein"
    unit: ClassVar[str] = "data units"
    symmetric: ClassVar[bool] = True
    least: ClassVar[float] = 0.0
    formula: ClassVar[str] = "(mean over θ of W_2²(θ·X, θ·Y))^½"
    source: ClassVar[str] = "Bonneel et al., J. Math. Imaging Vision 51 (2015)"

    projections: int = Field(128, ge=1, le=100_000, description="number of directions, the same for every comparison")

    def claimed_between(self, mean: np.ndarray, generated: float, reference: float) -> float:
        """W_2 along a direction θ is ((θ·m)² + (a − b)²)^½."""
        from harness_metrics.samples import directions

        along = directions(self.projections, len(mean)).numpy() @ mean
        return math.sqrt(float((along**2).mean()) + (generated - reference) ** 2)

    def compare(self, generated: Tensor, reference: Tensor) -> Measurement:
        """Compare two samples of any sizes by their quantile functions."""
        from harness_metrics.samples import sliced_wasserstein

        return sliced_wasserstein(generated, reference, self.projections)


class Energy(SampleMetric):
    """Energy distance: the root of the V-statistic."""

    name: ClassVar[str] = "energy"
    unit: ClassVar[str] = "data units^½"
    symmetric: ClassVar[bool] = True
    least: ClassVar[float] = 0.0
    formula: ClassVar[str] = "(2E‖X−Y‖ − E‖X−X'‖ − E‖Y−Y'‖)^½"
    source: ClassVar[str] = "Székely, Rizzo, J. Stat. Planning Inference 143 (2013)"

    points: int = Field(2_000, ge=2, le=1_000_000, description=COMPARED)

    def claimed_between(self, mean: np.ndarray, generated: float, reference: float) -> float:
        """Return it from the mean length of Gaussian vectors."""
        from harness_metrics.gaussians import mean_length

        dim = len(mean)
        across = mean_length(float(mean @ mean) ** 0.5, math.hypot(generated, reference), dim)
        within = (mean_length(0.0, math.sqrt(2) * each, dim) for each in (generated, reference))
        return math.sqrt(2 * across - sum(within))

    def compare(self, generated: Tensor, reference: Tensor) -> Measurement:
        """Compare the first points of two samples of any sizes."""
        from harness_metrics.samples import energy

        return energy(generated[: self.points], reference[: self.points])


class MMD(SampleMetric):
    """Maximum mean discrepancy with Gaussian kernels of four widths: the root of the V-statistic.

    The widths are h/2, h/√2, h and h√2 with h the median distance between points of the reference, so that
    the kernel does not depend on what was generated.
    """

    name: ClassVar[str] = "mmd"
    unit: ClassVar[str] = "1"
    least: ClassVar[float] = 0.0
    formula: ClassVar[str] = "(E k(X,X') + E k(Y,Y') − 2E k(X,Y))^½, k = mean over s of exp(−‖x−y‖²/2s²)"
    source: ClassVar[str] = "Gretton et al., JMLR 13 (2012)"

    points: int = Field(2_000, ge=2, le=1_000_000, description=COMPARED)

    def claimed_between(self, mean: np.ndarray, generated: float, reference: float) -> float:
        """Return it from the means of Gaussian kernels; h is the median distance of two points of N(0, b²I)."""
        from harness_metrics.gaussians import mean_kernel, median_distance

        widths = [median_distance(reference, len(mean)) * 2 ** ((k - 2) / 2) for k in range(4)]
        across = mean_kernel(float(mean @ mean), generated**2 + reference**2, widths, len(mean))
        within = (mean_kernel(0.0, 2 * each**2, widths, len(mean)) for each in (generated, reference))
        return math.sqrt(sum(within) - 2 * across)

    def compare(self, generated: Tensor, reference: Tensor) -> Measurement:
        """Compare the first points of two samples of any sizes."""
        from harness_metrics.samples import mmd

        return mmd(generated[: self.points], reference[: self.points])


class UnbiasedEnergy(SampleMetric):
    """Energy distance without a root: the U-statistic, unbiased.

    A perfect generator has 0 on average at any number of samples, so that a value is the excess over it; that of a
    good one may be negative. Differences of values have a meaning, ratios have none where they are near 0.
    """

    name: ClassVar[str] = "unbiased-energy"
    unbiased: ClassVar[bool] = True
    unit: ClassVar[str] = "data units"
    least: ClassVar[float] = 0.0
    compared_by: ClassVar[Comparison] = "difference"
    formula: ClassVar[str] = "2E‖X−Y‖ − E‖X−X'‖ − E‖Y−Y'‖, over pairs of different points"
    source: ClassVar[str] = "Székely, Rizzo, J. Stat. Planning Inference 143 (2013); Gretton et al., JMLR 13 (2012)"

    points: int = Field(2_000, ge=3, le=1_000_000, description=COMPARED)

    def compare(self, generated: Tensor, reference: Tensor) -> Measurement:
        """Compare the first points of two samples of any sizes."""
        from harness_metrics.samples import unbiased_energy

        return unbiased_energy(generated[: self.points], reference[: self.points])


class UnbiasedMMD(SampleMetric):
    """Squared maximum mean discrepancy, with the kernels of `mmd`: the U-statistic, unbiased.

    As of `unbiased-energy` a value is the excess over a perfect generator, and may be negative. The widths of the
    kernels are those of the reference at hand.
    """

    name: ClassVar[str] = "unbiased-mmd"
    unbiased: ClassVar[bool] = True
    unit: ClassVar[str] = "1"
    least: ClassVar[float] = 0.0
    compared_by: ClassVar[Comparison] = "difference"
    formula: ClassVar[str] = "E k(X,X') + E k(Y,Y') − 2E k(X,Y), over pairs of different points, k as in mmd"
    source: ClassVar[str] = "Gretton et al., JMLR 13 (2012)"

    points: int = Field(2_000, ge=3, le=1_000_000, description=COMPARED)

    def compare(self, generated: Tensor, reference: Tensor) -> Measurement:
        """Compare the first points of two samples of any sizes."""
        from harness_metrics.samples import unbiased_mmd

        return unbiased_mmd(generated[: self.points], reference[: self.points])


@hookimpl
def harness_metrics() -> list[type[Metric]]:
    """The metrics of this plugin."""
    of_laws: list[type[Metric]] = [KL, PathKL, W2, NLLBound, BitsPerDimension, DiscreteBitsPerDimension, TrainingLoss]
    of_samples: list[type[Metric]] = [
        SlicedWasserstein,
        Energy,
        MMD,
        UnbiasedEnergy,
        UnbiasedMMD,
        Memorisation,
        MemorisationGap,
        ClassifierFrechet,
        ClassifierMMD,
        ClassifierKID,
        Precision,
        Recall,
        Density,
        Coverage,
        LabelError,
    ]
    return [*of_laws, *of_samples]
