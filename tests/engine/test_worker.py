"""What workers do, job by job, where the engine as a whole (test_run) does not show it."""

import functools
import math

import numpy as np
import pytest
import torch

from harness.bounds import Bound
from harness.engine import worker
from harness.engine.adam import train
from harness.engine.checkpoints import write_checkpoint
from harness.engine.courses import Learner
from harness.engine.denoisers import denoiser_from_checkpoint
from harness.engine.jobs import EvaluateJob, InformationJob, TrainedNetwork
from harness.engine.levels import table_levels
from harness.errors import ContractError, DiskError
from harness.information import Information
from harness.initial_laws import InitialLaw
from harness.metrics import Measurement, SampleMetric
from harness.networks import TrainableNetwork
from harness.records import Record
from harness.samplers import Sampler
from harness.targets import Target
from harness.trainers import Adam
from harness.weightings import Weighting


class Flat(Weighting):
    name = "flat"

    def omega(self, sigma, sigma_data):
        return torch.ones_like(sigma)


class Hidden(TrainableNetwork):
    """A network with random frequencies that are no part of its state, and a number of no dimension."""

    name = "hidden"

    def module(self, dim, sigma_data):
        return HiddenModule(dim)


class HiddenModule(torch.nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.linear = torch.nn.Linear(dim + 3, dim)
        self.scale = torch.nn.Parameter(torch.tensor(0.5))
        self.register_buffer("frequencies", torch.randn(3), persistent=False)

    def forward(self, x, sigma):
        waves = (sigma.log()[:, None] * self.frequencies).cos()
        return self.scale * self.linear(torch.cat([x, waves], 1))


@pytest.fixture
def trained(registry, tmp_path):
    """A trained network with seed 1, its snapshot, and where it lies."""
    law = registry.parse("target", "ring")[0].distribution()
    levels = table_levels(0.05, 20.0)
    learner = Learner(Flat(), 1 / levels, torch.ones_like(levels), 1)
    ((snapshot,),) = train(Hidden(), law, [learner], Adam(batch_size=32, learning_rate=1e-2, ema_decay=0.5), (10,))
    path = tmp_path / "k.safetensors"
    return snapshot, TrainedNetwork(Hidden(), path, write_checkpoint(path, snapshot.state))


def test_a_checkpoint_brings_back_every_parameter_and_buffer(trained):
    snapshot, network = trained
    x, sigma = torch.randn(5, 2), 0.7
    state = snapshot.state
    waves = (torch.full((5, 1), sigma).log() * state["frequencies"]).cos()
    expected = torch.cat([x, waves], 1) @ state["linear.weight"].T + state["linear.bias"]
    assert torch.allclose(denoiser_from_checkpoint(network, 2, 1.0)(x, sigma), state["scale"] * expected, rtol=1e-5)


def test_a_checkpoint_that_changed_ends_the_run(trained):
    # Not the rows: they would stay failed when the next run has trained the network again.
    _, network = trained
    network.path.write_bytes(network.path.read_bytes()[:-1])
    with pytest.raises(DiskError, match="damaged: run the command again"):
        denoiser_from_checkpoint(network, 2, 1.0)


class Undefined(Information):
    dim, second_moment, replicates = 2, 1.0, 1

    def fisher(self, u):
        return math.nan * u[None]

    def fisher_integral(self, u):
        return u[None, 1:]

    def initialization(self, u):
        return [0.0]


class Vague(Target):
    """A ring whose Fisher information is no number."""

    name = "vague"

    def distribution(self):
        return vague()


@functools.cache
def vague():
    from harness.mixtures import IsotropicMixture, MixtureDistribution

    law = MixtureDistribution(IsotropicMixture(torch.eye(2), 0.1))
    law.closed_information = Undefined
    return law


def test_a_target_is_checked_before_anything_builds_on_it():
    with pytest.raises(ContractError, match="target vague: fisher: nan at index 0"):
        worker.work(InformationJob("k", Vague(), 0.05, 20.0))


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
    (information,) = worker.work(InformationJob("i", target, 0.05, 20.0))

    def records(metrics, bounds, sampler=ancestral, law=centered):
        job = EvaluateJob(
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
    with pytest.raises(ContractError, match=r"^initial law refusing: start: RuntimeError: law says no$"):
        evaluated({}, {}, law=Refusing())


@pytest.mark.parametrize("value", [None, "5", np.ones(3), True, math.nan])
def test_a_bound_that_is_no_number_is_told(evaluated, value):
    bound = Given()
    object.__setattr__(bound, "_value", value)
    reason = evaluated({}, {"b": bound})["b"].reason
    assert reason == f"bound given: returned {value!r}; a bound must be a finite number"


@pytest.mark.parametrize("value", [math.nan, math.inf, object()])
def test_a_result_that_cannot_be_kept_has_failed(value):
    # The parent would end on it, and with it every other row.
    told = worker.keepable(Record("k", "metric", {"x": value}))
    assert not told.ok
    assert "cannot be kept" in told.reason
    sound = Record("k", "metric", {"x": 1.0})
    assert worker.keepable(sound) is sound
