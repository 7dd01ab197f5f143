"""Sampling and measuring: what components may not do, and how those are named that do it."""

import math

import numpy as np
import pytest
import torch

from harness.bounds import Bound
from harness.engine import worker
from harness.engine.jobs import EvaluateSamplesJob, MeasureTargetJob
from harness.engine.stored_curves import stored_information
from harness.engine.units import evaluate_samples
from harness.errors import ContractError
from harness.initial_laws import InitialLaw
from harness.metrics import Measurement, SampleMetric
from harness.samplers import Sampler


class Rude(SampleMetric):
    """A metric that moves the samples while it measures them."""

    name = "rude"

    def compare(self, generated, reference):
        generated -= generated.mean(0)
        reference.zero_()
        return Measurement(1.0, 0.0)


class RudeBound(Bound):
    """A bound that halves the step variances while it reads them."""

    name = "rude"

    def value(self, design):
        design.variances[:] /= 2
        return 1.0


@pytest.fixture
def evaluated(registry):
    """Sample and measure with some components; return the records by key."""
    (target,), (network,), (ancestral,), (centered,) = (
        registry.parse(axis, form)
        for axis, form in (
            ("target", "gaussian"),
            ("network", "exact"),
            ("sampler", "ancestral"),
            ("initial_law", "centered"),
        )
    )
    (information,) = worker.work(MeasureTargetJob("i", target, 0.05, 20.0))

    def records(metrics, bounds, sampler=ancestral, law=centered):
        job = EvaluateSamplesJob(
            "s",
            target,
            network,
            sampler,
            law,
            (20.0, 1.0, 0.05),
            0,
            50,
            information.payload,
            None,
            None,
            metrics,
            bounds,
        )
        return {record.key: record for record in worker.work(job)}

    return records


def test_no_metric_or_bound_changes_what_others_are_shown(evaluated, registry):
    records, (metric,) = evaluated, registry.parse("metric", "energy")
    among = records({"r": Rude(), "m": metric}, {"b": RudeBound()})
    assert among["r"].ok
    assert "read-only" in among["b"].reason
    assert among["m"].payload == records({"m": metric}, {})["m"].payload


class Level(Bound):
    """The mean over the replicates of J at one level."""

    name = "level"

    def value(self, design):
        return float(design.information.fisher(np.array([1.0])).mean())


def test_a_bound_has_the_error_of_the_curves_that_it_is_made_of(registry):
    """By the jackknife, which for a mean is its standard error; 0 of a bound that no curve enters."""
    (target,), (network,), (sampler,), (law,) = (
        registry.parse(axis, form)
        for axis, form in (
            ("target", "ring"),
            ("network", "exact"),
            ("sampler", "analytic"),
            ("initial_law", "centered"),
        )
    )
    (information,) = worker.work(MeasureTargetJob("i", target, 0.05, 20.0))
    (path, budget) = (registry.parse(*pair)[0] for pair in (("metric", "path-kl"), ("bound", "budget")))
    beside = {"p": path}, {"l": Level(), "b": budget}
    job = EvaluateSamplesJob(
        "s", target, network, sampler, law, (20.0, 1.0, 0.05), 0, 50, information.payload, None, None, *beside
    )
    made = {record.key: record.payload for record in worker.work(job)}
    curve = stored_information(target, information.payload).fisher(np.array([1.0]))[:, 0]
    assert made["l"]["value"] == pytest.approx(curve.mean())
    assert made["l"]["standard_error"] == pytest.approx(curve.std(ddof=1) / len(curve) ** 0.5)
    assert (made["l"]["freedom"], made["l"]["shared"]) == (7.0, True)
    # The budget is what `path-kl` measures, with its error, and its bias: of variances chosen by the same curves.
    for field in ("value", "standard_error", "freedom"):
        assert made["b"][field] == pytest.approx(made["p"][field])
    assert made["b"]["bias"] == pytest.approx(made["p"]["bias"])
    assert made["b"]["bias"] > 0


def test_an_exact_bound_has_no_error(evaluated):
    bound = Given()
    object.__setattr__(bound, "_value", 2)
    payload = evaluated({}, {"b": bound})["b"].payload
    assert payload == {"value": 2.0, "standard_error": 0.0, "bias": 0.0, "freedom": None, "shared": True}


class Exploding(Sampler):
    """Points far away from the data, at a distance that its grid sets."""

    name = "exploding"

    def step(self, run, x):
        run.denoiser(x, run.sigma)
        return x * 0 + 1e35


def test_how_far_samples_are_from_the_data_is_kept(evaluated):
    """In deviations of p_δ: near 1 for two steps of a sampler."""
    assert 0.3 < evaluated({}, {})["s"].payload["spread"] < 3
    assert evaluated({}, {}, sampler=Exploding())["s"].payload["spread"] > 1e34


class Overspending(Sampler):
    """Two evaluations a step, and not a word of it."""

    name = "overspending"

    def step(self, run, x):
        return run.denoiser(run.denoiser(x, run.sigma), run.sigma_next)


class Refusing(InitialLaw):
    name = "refusing"

    def start(self, target, sigma):
        raise RuntimeError("law says no")


class Given(Bound):
    """A bound that returns what it is given."""

    name = "given"
    _value: object = None

    def value(self, design):
        return self._value


def test_a_sampler_that_hides_evaluations_fails(evaluated):
    with pytest.raises(ContractError, match=r"sampler overspending: evaluations\(2\): 2; it made 4, which it must say"):
        evaluated({}, {}, sampler=Overspending())


def test_an_initial_law_that_raises_is_named(evaluated):
    with pytest.raises(
        ContractError, match=r"^initial law refusing: start: RuntimeError: law says no \(.*, line \d+\)$"
    ):
        evaluated({}, {}, law=Refusing())


@pytest.mark.parametrize("value", [None, "5", np.ones(3), True, math.nan])
def test_a_bound_that_is_no_number_is_told(evaluated, value):
    bound = Given()
    object.__setattr__(bound, "_value", value)
    reason = evaluated({}, {"b": bound})["b"].reason
    assert reason == f"bound given: returned {value!r}; a bound must be a finite number"


class Kept(SampleMetric):
    """A metric that keeps what it is shown."""

    name = "kept"

    def measure(self, experiment):
        object.__setattr__(self, "_shown", experiment)
        return Measurement(1.0, 0.0)

    def compare(self, generated, reference):
        raise NotImplementedError


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_kernels_have_the_network_in_the_precision_of_the_run(evaluated, monkeypatch, dtype):
    """Differences of a simulation over small steps need float64, which only `simulate` has in any case."""
    seen, exact = [], evaluate_samples.denoiser_of

    def spied(job, law):
        denoiser = exact(job, law)

        def denoise(x, sigma, labels=None):
            seen.append(x.dtype)
            return denoiser(x, sigma, labels)

        return denoise

    monkeypatch.setattr(evaluate_samples, "denoiser_of", spied)
    monkeypatch.setattr(evaluate_samples, "place_of", lambda network: {"device": "cpu", "dtype": dtype})
    metric = Kept()
    evaluated({"k": metric}, {})
    shown, x = metric._shown, torch.randn(4, 2, dtype=torch.float64)

    def ran(function, *given):
        seen.clear()
        made = function(*given)
        return made, set(seen)

    kernel, of_kernel = ran(shown.kernel, 1, x)
    assert (kernel.mean.dtype, of_kernel) == (torch.float64, {dtype})
    plain, of_plain = ran(shown.simulate, x, lambda: torch.zeros_like(x))
    assert of_plain == {torch.float64}
    as_run, of_run = ran(shown.simulate_as_run, x, lambda: torch.zeros_like(x))
    assert (as_run.dtype, of_run) == (torch.float64, {dtype})
    torch.testing.assert_close(as_run, plain, rtol=1e-5, atol=1e-6)
