"""Sampling and measuring: what components may not do, and how those are named that do it."""

import math

import numpy as np
import pytest

from harness.bounds import Bound
from harness.engine import worker
from harness.engine.jobs import EvaluateSamplesJob, MeasureTargetJob
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
