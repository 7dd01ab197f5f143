"""Metrics: how far the generated law is from the target, and the sampled combination that they are measured on.

The reference everywhere is p_δ, the data noised at the last level δ = σ_min, which is what a sampler stopping there
aims for. Smaller is better.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from harness.components import Component
from harness.errors import ContractError, NotApplicable, did_you_mean
from harness.quantities import COMPARISONS, DATA, QUANTITIES, Comparison, Measured, Quantity, least_of

if TYPE_CHECKING:
    import numpy as np
    from torch import Generator, Tensor

    from harness.budget import Budget
    from harness.initial_laws import Start
    from harness.samplers import Sampler
    from harness.targets import Distribution
    from harness.trajectories import Trajectory


Simulate = Callable[["Tensor", Callable[[], "Tensor"]], "Tensor"]
"""Runs a sampler from given points with given noise (`Experiment.simulate`)."""


@dataclass(frozen=True)
class LastKernel:
    """The last step of a Gaussian-kernel sampler, before its noise was drawn: sample i came from N(mean_i, v I)."""

    mean: Tensor
    variance: float


@dataclass(frozen=True)
class Experiment:
    """One combination, sampled with one seed.

    Attributes:
        target: the distribution to be learned.
        sampler: the sampler.
        sigmas: the grid, N+1 numbers, decreasing; the last is δ.
        samples: what was generated, shape (n, d), float64.
        reference: a held-out sample of p_δ, shape (m, d), float64.
        simulate: runs the sampler in float64 from given points with given noise: `simulate(x, noise)` takes x of shape
            (n, d) at σ_0 and a function that returns the noise of each draw, shape (n, d).
        exact_network: whether the denoiser is the target's own.
        last_kernel: the last step's kernel, for Gaussian-kernel samplers.
        budget: the exact path divergence, where there is one.
        generator: source of randomness for the metrics, seeded for this combination alone.
        kernel: any step of a Gaussian-kernel sampler: `kernel(j, x)` is the law, in float64, of the points after step
            j from points x of shape (n, d) at σ_j. The network computes in the precision that it samples in.
        training: how the network was trained, where gradient descent recorded it.
        initial: the law of the points at σ_0; None: N(0, σ_0² I).
        labels: of the samples, shape (n,), int64, where the network is given any; then `kernel` is None, and `simulate`
            raises `NotApplicable`: neither knows the label of another point.
        fitted: what a `FittedMetric` was given by its `fit` to this target; None for any other metric.
        simulate_as_run: `simulate` with the network in the precision that it samples in, which is faster; its
            derivative is right, differences of it over small steps are not. None: the same as `simulate`.
    """

    target: Distribution
    sampler: Sampler
    sigmas: Sequence[float]
    samples: Tensor
    reference: Tensor
    simulate: Simulate
    exact_network: bool
    last_kernel: LastKernel | None
    budget: Budget | None
    generator: Generator
    kernel: Callable[[int, Tensor], LastKernel] | None = None
    training: Trajectory | None = None
    initial: Start | None = None
    labels: Tensor | None = None
    fitted: Mapping[str, Tensor] | None = None
    simulate_as_run: Simulate | None = None

    @property
    def start(self) -> Start:
        """The law of the points at σ_0."""
        from harness.initial_laws import Start

        return self.initial or Start.centered(self.sigmas[0], self.target.dim)

    @property
    def sigma_min(self) -> float:
        """The last level δ, at which the sampler stops."""
        return self.sigmas[-1]

    def fresh(self, n: int) -> Tensor:
        """Draw n points of p_δ itself (for data: the noised training part); shape (n, d), float64."""
        import torch

        clean = self.target.sample(n, self.generator)
        return clean + self.sigma_min * torch.randn(clean.shape, generator=self.generator, dtype=clean.dtype)


def mean_and_error(replicates: np.ndarray) -> tuple[float, float]:
    """Return the mean of R independent replicates and its standard error (0 where R = 1, which means exact)."""
    if replicates.size == 1:
        return float(replicates[0]), 0.0
    return float(replicates.mean()), float(replicates.std(ddof=1) / replicates.size**0.5)


GROUPS = 32
"""Groups of points whose means tell the error of a difference of two designs: its t test has 31 degrees of freedom."""


def group_means(values: np.ndarray) -> tuple[float, ...]:
    """Return the means of a metric over `GROUPS` groups of points, as `Measurement.groups` takes them.

    The groups are runs of the points, in their order, of sizes as equal as can be; fewer points are a group each. Of
    groups of unequal size the deviation from the mean of all counts by the size, so that they average to that mean and
    their scatter is that of the points.

    Arguments:
        values: of the metric at n ≥ 2 independent points, for all designs the same in the same order; shape (n,).
    """
    import numpy as np

    runs = np.array_split(np.asarray(values, dtype=float), min(GROUPS, len(values)))
    mean = float(np.mean(values))
    share = len(runs) / len(values)
    return tuple(mean + share * len(run) * (float(run.mean()) - mean) for run in runs)


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
        groups: means over G ≥ 2 groups of the points that the metric averages over (`group_means`), whose mean is
            `value`; empty where it does not average over points that all designs and seeds of a target share. From
            them ranks know the error of a difference, over the points, of two designs.
    """

    value: float
    standard_error: float
    bias: float = 0.0
    freedom: float = math.inf
    shared: bool = False
    groups: tuple[float, ...] = ()


@dataclass(frozen=True)
class KnownResult:
    """A sampling whose result is known in closed form, on which metrics are certified.

    Attributes:
        values: of each quantity that is known, its value.
        entropy: of p_δ, in nats.
        dim: the dimension d.
    """

    values: Mapping[Quantity, float]
    entropy: float
    dim: int


class Metric(Component):
    """A distance or divergence between the generated law and p_δ.

    Attributes:
        unit: what a value is measured in: `nats`, `data units`, `1` for a pure number; empty where it is not told.
        quantity: what it measures (`harness.quantities`). Bounds on that are compared with it; with `other`, none.
        space: where the laws are compared: `data`, or a word for the map that takes points elsewhere (features).
        compared_by: how two designs are compared: by the `ratio` of their values; by their `difference`, where a
            constant is arbitrary or values may be negative; or by `nothing`, where smaller is not better: such a
            metric stands beside a rank and makes none.
        least: the least possible value, at which intervals end; None: 0 for a known `quantity`, else not known.
        copies_below: the value below which samples are nearer to training points than new data are; None: it does not
            tell. A row that is as good as a perfect generator, and below this with its whole interval, is marked.
    """

    axis: ClassVar[str] = "metric"
    unit: ClassVar[str] = ""
    quantity: ClassVar[Quantity] = "other"
    space: ClassVar[str] = DATA
    compared_by: ClassVar[Comparison] = "ratio"
    least: ClassVar[float | None] = None
    copies_below: ClassVar[float | None] = None

    @classmethod
    def check_class(cls) -> None:
        """Refuse a metric whose declarations mean nothing.

        Raises:
            ContractError: which, as the end of a sentence that begins with the metric's name.
        """
        if cls.quantity not in QUANTITIES:
            raise ContractError(f"measures {cls.quantity!r}; {did_you_mean(str(cls.quantity), QUANTITIES)}")
        if not isinstance(cls.space, str) or not cls.space:
            raise ContractError(f"has space {cls.space!r}; it must be a word: {DATA!r}, or another for another space")
        if cls.compared_by not in COMPARISONS:
            raise ContractError(
                f"is compared by {cls.compared_by!r}; {did_you_mean(str(cls.compared_by), COMPARISONS)}"
            )
        for what, number in (("least value", cls.least), ("copies_below", cls.copies_below)):
            if number is not None and not (isinstance(number, (int, float)) and math.isfinite(number)):
                raise ContractError(f"has {what} {number!r}; it must be a finite number, or None where there is none")

    @classmethod
    def measured(cls) -> Measured:
        """Return what it declares, as a document holds it."""
        least = cls.least if cls.least is not None else least_of(cls.quantity)
        quantity, by, copies = cls.quantity, cls.compared_by, cls.copies_below
        return Measured(quantity=quantity, space=cls.space, compared_by=by, least=least, copies_below=copies)

    def claimed_value(self, known: KnownResult) -> float | None:
        """Return the value that it claims to have of a known result; None: it claims none. By default its quantity's.

        Its measurement may err by its own standard error.
        """
        return known.values.get(self.quantity)

    @abstractmethod
    def measure(self, experiment: Experiment) -> Measurement | NotApplicable:
        """Measure one sampled combination."""


class SampleMetric(Metric):
    """A metric of two samples. A held-out sample of the same size, measured likewise, calibrates it.

    Attributes:
        symmetric: whether the two samples may change places.
        unbiased: whether its mean over samples of any number of points is its value for their laws. It may be negative
            then, and is not 0 of a sample and itself.
    """

    symmetric: ClassVar[bool] = False
    unbiased: ClassVar[bool] = False

    def claimed_between(self, mean: np.ndarray, generated: float, reference: float) -> float | None:
        """Return the value of ever larger samples of N(m, a²I) and N(0, b²I); None: it claims none.

        Arguments:
            mean: m, shape (d,).
            generated: a.
            reference: b.
        """
        return None

    @abstractmethod
    def compare(self, generated: Tensor, reference: Tensor) -> Measurement:
        """Compare two samples of shapes (n, d) and (m, d), float64."""

    def measure(self, experiment: Experiment) -> Measurement | NotApplicable:
        """Compare what was generated with the reference."""
        return self.compare(experiment.samples, experiment.reference)


class FittedMetric(Metric):
    """A metric of two samples by something that is fitted to the target first: features, a classifier.

    It is fitted once for a target, in a unit of work of its own: all designs, seeds and suites of a result directory
    use the same fit. A held-out sample of the same size, measured likewise, calibrates it.
    """

    @abstractmethod
    def fit(self, law: Distribution, generator: Generator) -> Mapping[str, Tensor]:
        """Return what is kept of the fit: finite tensors by name, which `compare` is given in turn.

        Nothing that is held out may enter what `compare` uses: only what `notes` tells may, as how well a classifier
        does on held-out points. It must be the same bits each time: randomness comes from the generator, or from
        torch's own, which is seeded alike.

        Arguments:
            law: the target; `law.labelled` draws training points with their labels, where it has any.
            generator: source of randomness, the same for every target.

        Raises:
            NotApplicable: there is nothing to fit to this target: no value of the metric applies to it.
        """

    @abstractmethod
    def compare(self, generated: Tensor, reference: Tensor, fitted: Mapping[str, Tensor]) -> Measurement:
        """Compare two samples of shapes (n, d) and (m, d), float64, by what was fitted."""

    def notes(self, fitted: Mapping[str, Tensor]) -> tuple[str, ...]:
        """Return what a reader of results must know of a fit, a sentence each, beside the notes of the target."""
        return ()

    def measure(self, experiment: Experiment) -> Measurement | NotApplicable:
        """Compare what was generated with the reference."""
        return self.compare(experiment.samples, experiment.reference, _fitted(experiment))


class LabelledMetric(FittedMetric):
    """A fitted metric of samples beside the labels that they were made for; of no network that is given none.

    A held-out sample with its own labels calibrates it.
    """

    @abstractmethod
    def compare_labelled(self, generated: Tensor, labels: Tensor, fitted: Mapping[str, Tensor]) -> Measurement:
        """Compare a sample of shape (n, d), float64, with its labels of shape (n,), int64, by what was fitted."""

    def compare(self, generated: Tensor, reference: Tensor, fitted: Mapping[str, Tensor]) -> Measurement:
        """Raise `NotApplicable`: points without labels cannot be compared with theirs."""
        raise NotApplicable("the network is given no labels, so that no sample was made for one")

    def measure(self, experiment: Experiment) -> Measurement | NotApplicable:
        """Compare what was generated with the labels that it was generated for."""
        if experiment.labels is None:
            return super().measure(experiment)
        return self.compare_labelled(experiment.samples, experiment.labels, _fitted(experiment))


def _fitted(experiment: Experiment) -> Mapping[str, Tensor]:
    if experiment.fitted is None:
        raise ValueError("the experiment of a fitted metric needs what its fit() gave: fitted")
    return experiment.fitted
