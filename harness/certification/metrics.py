"""Metrics: nothing between equal samples, more the further laws are apart, what is claimed on Gaussians, honest errors.

A metric of samples is measured on samples of Gaussians; a fitted one on three labelled clouds; any other on known
designs (`harness.certification.known_designs`), sampled as the engine samples them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from harness.certification.cases import labelled_clouds, stream
from harness.certification.known_designs import KnownDesign
from harness.certification.measurements import PropertyGroup
from harness.certification.ways_down import ways_down
from harness.engine.checks import check_fit
from harness.engine.metric_values import reference_sample
from harness.engine.sampler_orders import geometric
from harness.engine.sampling import generate, kernel_function, simulate_function
from harness.errors import NotApplicable
from harness.metrics import Experiment, FittedMetric, KnownResult, LabelledMetric, Measurement, Metric, SampleMetric
from harness.mixtures import EmpiricalDistribution
from harness.properties import Property

POINTS, REPEATED = 800, 200
"""Points of a sample, and of those that are drawn again and again."""

FEW = 20
"""Points of which the order is changed."""

TIMES = 50
"""Pairs of samples by which a standard error is known to a tenth."""

HONEST = 0.5
"""How far a standard error over the spread may be from one."""

ROUNDING = 1e-4
"""What roots leave of rounding, in units of the metric on laws one deviation apart."""

ERRORS = 6.0
"""Standard errors within which a value is to be as claimed."""

FACTOR = 3.0
"""Factor on the data by which units are told."""

POWERS = {"data units": 1.0, "data units^½": 0.5, "1": 0.0}
"""How a value grows with the data, by its unit."""

SHIFTS = (0.0, 0.5, 1.0, 2.0)
"""Distances of two laws, in deviations, which values follow."""


NEARBY = 0.5
"""The distance that counts as one of labelled clouds, in their deviations: further, one lies on another."""

RELATIVE = "over that of laws a distance of one apart"

AXIS = torch.tensor([1.0, 0.0], dtype=torch.float64)

Fit = Mapping[str, Tensor]

Compare = Callable[[Tensor, Tensor], Measurement]


def _normal(seed: int, count: int, *what: int, dim: int = 2) -> Tensor:
    return torch.from_numpy(stream(seed, 40, *what).standard_normal((count, dim)))


def of_samples(metric: Metric, seed: int) -> list[Property]:
    """Measure a metric of two samples."""
    if not isinstance(metric, SampleMetric):
        return []
    x, y = _normal(seed, POINTS, 0) + AXIS, _normal(seed, POINTS, 1)
    compare = metric.compare
    unit = compare(x, y).value
    return [
        *_shared(metric, compare, lambda shift: _normal(seed, POINTS, 0) + shift * AXIS, y),
        _symmetry(metric, x, y, unit),
        *_units(metric, x, y, unit),
        *_on_gaussians(metric, seed),
        _error(compare, seed),
        _bias(metric, seed),
    ]


def _shared(metric: Metric, compare: Compare, at: Callable[[float], Tensor], y: Tensor) -> list[Property]:
    """What holds of any comparison of samples.

    Arguments:
        metric: whose it is.
        compare: the comparison.
        at: samples of laws, by their distance from that of y.
        y: the reference.
    """
    x = at(1.0)
    copies, state = (x.clone(), y.clone()), torch.get_rng_state()
    unit, again = compare(x, y).value, compare(x, y)
    scale = abs(unit) or 1.0
    pure = [torch.equal(x, copies[0]), torch.equal(y, copies[1]), torch.equal(state, torch.get_rng_state())]
    exempt = metric.compared_by == "nothing" or (isinstance(metric, SampleMetric) and metric.unbiased)
    least = None if exempt else metric.measured().least
    rises = float((np.diff([compare(at(shift), y).value for shift in SHIFTS]) > 0).mean())
    finite = float(0 <= again.standard_error < math.inf)
    return [
        Property(f"of a sample and itself, {RELATIVE}", _over(least, scale), compare(y, y).value / scale, ROUNDING),
        Property(f"points in another order, {RELATIVE}", 0.0, _reordered(compare, x, y) / scale, ROUNDING),
        Property(f"a second time, {RELATIVE}", 0.0, (again.value - unit) / scale, 0.0),
        Property("samples and random state left alone", 1.0, sum(pure) / 3, 0.0),
        Property("share of steps in which it rises with the distance of laws", _ranks(metric), rises, 0.0),
        Property("standard error is a finite number from 0 on", 1.0, finite, 0.0),
    ]


def _over(value: float | None, scale: float) -> float | None:
    return None if value is None else value / scale


def _ranks(metric: Metric) -> float | None:
    """What is claimed of the share of rises: all, unless smaller is not better."""
    return None if metric.compared_by == "nothing" else 1.0


def _reordered(compare: Compare, x: Tensor, y: Tensor) -> float:
    """Return what another order of points changes; of few points, as the first of many may stand for all."""
    x, y = x[:FEW], y[:FEW]
    turn = torch.arange(len(x)).flip(0)
    return compare(x[turn], y[turn]).value - compare(x, y).value


def _symmetry(metric: SampleMetric, x: Tensor, y: Tensor, unit: float) -> Property:
    apart = (metric.compare(y, x).value - unit) / (unit or 1.0)
    return Property("samples changed places, relatively", 0.0 if metric.symmetric else None, apart, 1e-9)


def _units(metric: SampleMetric, x: Tensor, y: Tensor, unit: float) -> list[Property]:
    """Whether a value grows with the data as its unit says; and does not look at where they lie."""
    power = POWERS.get(metric.unit)
    found = math.log(metric.compare(FACTOR * x, FACTOR * y).value / unit) / math.log(FACTOR)
    moved = metric.compare(x + 10, y + 10).value / unit - 1
    return [
        Property("power of the data's unit by which it grows", power, found, 1e-6),
        Property("data moved, relatively", None if power is None else 0.0, moved, 1e-6),
    ]


def _on_gaussians(metric: SampleMetric, seed: int) -> list[Property]:
    """Compare values on isotropic Gaussians with those claimed; that of equal laws is what a sample's size takes."""
    found = []
    for place, (shift, deviation) in enumerate(((1.0, 1.0), (0.0, 2.0), (1.5, 0.5))):
        mean = np.array([shift, -0.5 * shift])
        claimed = metric.claimed_between(mean, deviation, 1.0)
        x = deviation * _normal(seed, 2 * POINTS, 2, place) + torch.from_numpy(mean)
        y = _normal(seed, 2 * POINTS, 3, place)
        value = metric.compare(x, y)
        floor = metric.compare(_normal(seed, 2 * POINTS, 4, place), y).value
        allowed = ERRORS * value.standard_error + floor**2 / (claimed or 1.0)
        name = f"between N({shift:g}(1, −½), {deviation:g}²I) and N(0, I)"
        found.append(Property(name, claimed, value.value, allowed))
    return found


def _error(compare: Compare, seed: int) -> Property:
    """Compare the standard error with the spread of values, of laws one deviation apart."""
    made = []
    for k in range(TIMES):
        x, y = _normal(seed, REPEATED, 5, k), _normal(seed, REPEATED, 6, k)
        x[:, 0] += 1.0
        made.append(compare(x, y))
    spread = float(np.std([each.value for each in made], ddof=1))
    error = math.sqrt(float(np.mean([each.standard_error**2 for each in made])))
    return Property(f"standard error over the spread of {TIMES} pairs of samples", 1.0, error / spread, HONEST)


def _bias(metric: SampleMetric, seed: int) -> Property:
    """Compare the mean over pairs of samples of one law with 0, by the error of the mean."""
    made = [metric.compare(_normal(seed, FEW, 7, k), _normal(seed, FEW, 8, k)).value for k in range(TIMES)]
    error = float(np.std(made, ddof=1)) / math.sqrt(TIMES)
    told = f"mean over {TIMES} pairs of samples of one law, over its error"
    return Property(told, 0.0 if metric.unbiased else None, float(np.mean(made)) / (error or 1.0), ERRORS)


def fitted(metric: Metric, seed: int) -> list[Property]:
    """Measure a metric that is fitted, to three labelled clouds; to images where it takes nothing else."""
    if not isinstance(metric, FittedMetric):
        return []
    law = labelled_clouds(seed)
    try:
        state = _state(metric, law, seed)
    except NotApplicable:
        # A metric of images: the points as images of two pixels.
        law.shape = (1, 1, 2)
        state = _state(metric, law, seed)
    again = _state(metric, law, seed)
    same = state.keys() == again.keys() and all(torch.equal(state[name], again[name]) for name in state)
    found = [Property("the same bits fitted again", 1.0, float(same), 0.0)]
    if isinstance(metric, LabelledMetric):
        return [*found, *_labelled(metric, law, state, seed)]
    x, y = (law.sample(POINTS, torch.Generator().manual_seed(seed + k)) for k in (1, 2))
    step = NEARBY * law.sigma_data * AXIS
    return [*found, *_shared(metric, lambda a, b: metric.compare(a, b, state), lambda shift: x + shift * step, y)]


def _state(metric: FittedMetric, law: EmpiricalDistribution, seed: int) -> dict[str, Tensor]:
    """Fit a metric as the engine does."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return check_fit(metric.fit(law, torch.Generator().manual_seed(seed)), metric)[0]


def _labelled(
    metric: LabelledMetric, law: EmpiricalDistribution, state: dict[str, Tensor], seed: int
) -> list[Property]:
    """Whether labels that are wrong cost more, the more of them are."""
    points, labels = law.labelled(REPEATED, torch.Generator().manual_seed(seed))
    order = torch.from_numpy(stream(seed, 41).permutation(REPEATED))
    values = []
    for share in (0.0, 0.2, 0.5, 1.0):
        wrong = labels.clone()
        chosen = order[: round(share * REPEATED)]
        wrong[chosen] = (wrong[chosen] + 1) % law.classes
        values.append(metric.compare_labelled(points, wrong, state))
    rising = float((np.diff([each.value for each in values]) > 0).mean())
    again = metric.compare_labelled(points, wrong, state).value
    errors = all(0 <= each.standard_error < math.inf for each in values)
    return [
        Property("share of steps in which it rises with the share of wrong labels", 1.0, rising, 0.0),
        Property("a second time", 0.0, again - values[-1].value, 0.0),
        Property("right labels over wrong ones", 0.0, values[0].value / values[-1].value, 0.1),
        Property("standard error is a finite number from 0 on", 1.0, float(errors), 0.0),
    ]


def known_experiments(seed: int) -> list[tuple[str, Experiment, KnownResult]]:
    """Return samplings of Gaussians with what is known of each: by all steps, with the exact score and a wrong one."""
    grid, found = geometric(6, 8.0, 0.3), []
    mean, variances = np.array([0.5, -0.3]), np.array([1.5, 0.3])
    if seed:
        numbers = stream(seed, 42)
        mean, variances = 0.5 * numbers.standard_normal(2), np.exp(numbers.uniform(-1, 1, 2))
    exact = [KnownDesign(mean, variances, grid, step) for step in ("frozen", "reverse", "euler")]
    wrong = [replace(each, factor=0.1, shift=0.2) for each in exact]
    for known, score in [*((each, "exact score") for each in exact), *((each, "wrong score") for each in wrong)]:
        noised = variances + grid[-1] ** 2
        entropy = 0.5 * float(np.log(2 * math.pi * math.e * noised).sum())
        result = KnownResult(known.truth | {"training-loss": float(ways_down(seed)[0].loss[-1])}, entropy, 2)
        found.append((f"{known.step} steps, {score}", experiment_of(known, seed), result))
    return found


def experiment_of(known: KnownDesign, seed: int, target: EmpiricalDistribution | None = None) -> Experiment:
    """Return a known design as metrics see it, sampled as the engine does."""
    design, law = known.design(), target or known.target
    sigmas = known.sigmas.tolist()
    noise = None if design.variances is None else design.variances.tolist()

    def denoiser(x: Tensor, sigma: float, labels: Tensor | None = None) -> Tensor:
        return known.denoise(x, sigma)

    place = {"dim": known.dim, "dtype": torch.float64}
    made = generate(known.sampler, denoiser, sigmas, noise, seed=seed, count=POINTS, start=design.initial, **place)  # type: ignore[arg-type]
    simulate = simulate_function(known.sampler, known.denoise, sigmas, noise)
    return Experiment(
        target=law,
        sampler=known.sampler,
        sigmas=sigmas,
        samples=made.samples,
        reference=reference_sample(law, POINTS, sigmas[-1], seed, part=0),
        simulate=simulate,
        exact_network=known.factor == known.shift == 0,
        last_kernel=made.last_kernel,
        budget=design.budget,
        generator=torch.Generator().manual_seed(seed),
        kernel=kernel_function(known.sampler, known.denoise, sigmas, noise),
        training=ways_down(seed)[0],
        initial=design.initial,
        simulate_as_run=simulate,
    )


def of_results(metric: Metric, seed: int) -> list[Property]:
    """Measure any other metric: its values of known results, in its own standard errors, and that it is repeatable."""
    if isinstance(metric, SampleMetric | FittedMetric):
        return []
    found: list[Property] = []
    for name, experiment, known in known_experiments(seed):
        value = metric.measure(experiment)
        if isinstance(value, NotApplicable):
            found.append(Property.skipped(f"value, {name}", value.reason))
            continue
        found += _of_result(metric, experiment, known, value, name, seed)
    return found


def _of_result(
    metric: Metric, experiment: Experiment, known: KnownResult, value: Measurement, name: str, seed: int
) -> list[Property]:
    claimed = metric.claimed_value(known)
    allowed = ERRORS * value.standard_error + abs(value.bias) + 1e-6 * (1 + abs(claimed or 0.0))
    samples = experiment.samples.clone()
    experiment.generator.manual_seed(seed)
    again = metric.measure(experiment)
    held = [isinstance(again, Measurement) and again.value == value.value, torch.equal(samples, experiment.samples)]
    finite = float(0 <= value.standard_error < math.inf)
    return [
        Property(f"value, {name}", claimed, value.value, allowed),
        Property(f"the same by the same random numbers, samples left alone, {name}", 1.0, sum(held) / 2, 0.0),
        Property(f"standard error is a finite number from 0 on, {name}", 1.0, finite, 0.0),
    ]


def copies(metric: Metric, seed: int) -> list[Property]:
    """Measure whether a metric that says where copies begin tells training points from new ones."""
    border = metric.measured().copies_below
    if border is None:
        return []
    law = labelled_clouds(seed)
    known = KnownDesign(np.zeros(2), np.ones(2), geometric(4, 5.0, 0.05), "euler")
    base = experiment_of(known, seed, law)
    values: list[Measurement] = []
    for points in (law.train, law.parts[1]):
        noised = points + 0.05 * _normal(seed, len(points), 8, len(values))
        value = metric.measure(replace(base, samples=noised))
        if isinstance(value, NotApplicable):
            return [Property.skipped("copies of training points", value.reason)]
        values.append(value)
    copied, new = values
    below = border - copied.value
    return [
        Property("how far training points are below where copies begin", 0.0, below, 0.0, at_least=True),
        Property("value of new points", border, new.value, ERRORS * new.standard_error),
    ]


MEASUREMENTS = {
    "metric": (
        PropertyGroup("of samples", of_samples),
        PropertyGroup("fitted", fitted),
        PropertyGroup("of known results", of_results),
        PropertyGroup("copies of training points", copies),
    )
}
