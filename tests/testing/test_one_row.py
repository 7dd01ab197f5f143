"""One row: what it measures is known in closed form; components are given as names, as objects, as classes."""

import itertools
import tempfile
import warnings
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from pydantic import Field

from harness.axes import AXES
from harness.bounds import Bound
from harness.components import ComponentError
from harness.errors import HarnessError, NotApplicable
from harness.metrics import Measurement, SampleMetric
from harness.mixtures import IsotropicMixture, MixtureDistribution
from harness.noise_distributions import NoiseDistribution
from harness.noise_schedules import NoiseSchedule
from harness.preconditionings import Coefficients, Preconditioning
from harness.quantities import DIVERGENCES
from harness.registry.discovery import PluginError, load
from harness.samplers import Sampler
from harness.suites.model import SuiteError
from harness.targets import Target
from harness.testing import ComponentFailed, run_one
from harness.time_discretizations import TimeDiscretization


class Quadratic(TimeDiscretization):
    """σ is quadratic in the step."""

    name: ClassVar[str] = "quadratic"
    power: float = Field(2.0, gt=0)

    def levels(self, request):
        first, last = request.sigma_range()
        return last + (first - last) * (1 - request.fractions()) ** self.power


class Halving(Sampler):
    """Euler's method, in two halves."""

    name: ClassVar[str] = "heun"  # as one of the harness's own

    def evaluations(self, steps):
        return 2 * steps

    def step(self, run, x):
        h = (run.sigma_next - run.sigma) / 2
        y = x + h * (x - run.denoiser(x, run.sigma)) / run.sigma
        return y + h * (y - run.denoiser(y, run.sigma + h)) / (run.sigma + h)


class Broken(Halving):
    """Fails in its step."""

    name: ClassVar[str] = "broken"

    def step(self, run, x):
        raise ValueError("this one is wrong")


class Noisy(Halving):
    """Draws noise that nobody gave it."""

    name: ClassVar[str] = "noisy"

    def step(self, run, x):
        return super().step(run, x) + 0.1 * torch.randn_like(x)


class Settings(Halving):
    """Changes a setting of the process."""

    name: ClassVar[str] = "settings"

    def step(self, run, x):
        torch.set_default_dtype(torch.float64)
        return super().step(run, x)


class Refusing(Halving):
    """Takes nothing."""

    name: ClassVar[str] = "refusing"

    def step(self, run, x):
        raise NotApplicable("for images alone")


class Pair(Target):
    """Two points, blurred."""

    name: ClassVar[str] = "pair"

    def distribution(self):
        return MixtureDistribution(IsotropicMixture(torch.tensor([[-1.0], [1.0]], dtype=torch.float64), 0.04))


class Slope(NoiseSchedule):
    """σ = t."""

    name: ClassVar[str] = "slope"

    def sigma(self, t):
        return 1 * t

    def time(self, sigma):
        return 1 * sigma

    def rate(self, t):
        return t * 0 + 1


class Plain(Preconditioning):
    """F predicts the clean point."""

    name: ClassVar[str] = "plain"

    def coefficients(self, sigma, sigma_data):
        one = sigma * 0 + 1
        return Coefficients(skip=0 * one, out=one, inner=1 / (1 + sigma), noise=sigma.log())


class Flat(NoiseDistribution):
    """Uniform in σ."""

    name: ClassVar[str] = "flat"

    def density(self, sigma, sigma_data):
        return sigma * 0 + 1


class Gap(SampleMetric):
    """Distance between the means."""

    name: ClassVar[str] = "gap"
    unit: ClassVar[str] = "data units"

    def compare(self, generated, reference):
        return Measurement(float((generated.mean(0) - reference.mean(0)).norm()), 0.01)


class Double(Bound):
    """Twice the budget, or half of it."""

    name: ClassVar[str] = "double"
    limits: ClassVar[tuple[str, ...]] = DIVERGENCES
    factor: float = 2.0

    def value(self, design):
        return self.factor * float(design.budget.total.mean())


class Failing(Double):
    """Raises."""

    name: ClassVar[str] = "failing"

    def value(self, design):
        raise ZeroDivisionError("nothing to divide by")


@pytest.fixture(autouse=True)
def strict(tmp_path, monkeypatch):
    """No warning of ours, and no file left."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield
    assert list(tmp_path.glob("harness-*")) == []


def path_divergence(sigmas, variance, dim):
    """E_I + E_D of the exponential integrator on N(0, variance·I): theory.md, section 2, with J = d/(u + variance)."""
    u = np.asarray(sigmas) ** 2
    ratio = (u[0] + variance) / u[0]
    start = dim / 2 * (ratio - 1 - np.log(ratio))
    integrals = dim * np.log((u[:-1] + variance) / (u[1:] + variance))
    return start, (integrals - dim * (u[:-1] - u[1:]) / (u[:-1] + variance)).sum() / 2


def test_the_budget_of_a_grid_is_the_one_in_closed_form():
    for grid, power in ((Quadratic, 2.0), (Quadratic(power=3.0), 3.0)):
        row = run_one(time_discretization=grid, steps=6, sigma_min=0.1, sigma_max=10.0)
        sigmas = 0.1 + 9.9 * (1 - np.arange(7) / 6) ** power
        start, discretization = path_divergence(sigmas, 0.8**2, 2)
        assert row.budget.initialization == pytest.approx(start, rel=1e-6)
        assert row.budget.discretization == pytest.approx(discretization, rel=1e-6)
        assert row.budget.score == row.budget.variance == 0
        assert row.bounds["budget"] == pytest.approx(row.budget.total)
        assert row.metrics["path-kl"].value == pytest.approx(start + discretization, rel=1e-6)
        assert (row.status, row.nfe, row.steps) == ("ok", 6, 6)


def test_the_metrics_of_a_deterministic_sampler_are_those_of_its_gaussian():
    """Each half step multiplies x by a number, so that samples are Gaussian of a variance that is known."""
    row = run_one(sampler=Halving, target="gaussian:dim=1,std=0.5", steps=5, time_discretization="exponential")
    sigmas = np.geomspace(20.0, 0.05, 6)
    factor = 1.0
    for first, last in itertools.pairwise(sigmas):
        h = (last - first) / 2
        for level in (first, first + h):
            factor *= 1 + h * level / (level**2 + 0.25)
    ratio = (20 * factor) ** 2 / (0.05**2 + 0.25)
    # KL(p_δ ‖ q), as metric `kl` has it.
    assert row.metrics["kl"].value == pytest.approx((1 / ratio - 1 + np.log(ratio)) / 2, rel=0.15)
    assert row.nfe == 10
    assert row.sampler.distribution == "local"


def test_a_name_means_the_installed_one_and_a_class_of_that_name_itself():
    ours, theirs = run_one(sampler="heun", steps=4), run_one(sampler=Halving, steps=4)
    assert (ours.sampler.distribution, theirs.sampler.distribution) == ("diffusion-harness", "local")
    assert ours.metrics["kl"].value != theirs.metrics["kl"].value
    offered = load().find("sampler", "heun")
    for given in (offered, offered()):
        assert run_one(sampler=given, steps=4).model_copy(update={"seconds": ours.seconds}) == ours


def test_the_same_row_each_time_and_another_for_another_seed():
    state = torch.get_rng_state()
    rows = [run_one(sampler="ancestral", steps=4, seed=seed).metrics["energy"].value for seed in (0, 0, 1)]
    assert rows[0] == rows[1] != rows[2]
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("axis", "given"),
    [
        ("target", Pair),
        ("noise_schedule", Slope()),
        ("preconditioning", Plain),
        ("noise_distribution", Flat()),
        ("metric", Gap),
        ("weighting", "edm"),
        ("network", "mlp:width=8,depth=1"),
        ("initial_law", "moment-matched"),
    ],
)
def test_every_axis_can_be_under_test(axis, given):
    row = run_one(**{axis: given}, train_steps=5, steps=3, samples=64)
    assert row.status == "ok"
    name = given.partition(":")[0] if isinstance(given, str) else given.name
    known = [row.component(each).name for each in ("target", "weighting", "noise_schedule", "network", "initial_law")]
    parts = [row.network.params.get("precondition"), row.weighting.params.get("levels")]
    assert name in [*known, *parts, *row.metrics]
    assert (row.train_steps > 0) == (axis in ("preconditioning", "noise_distribution", "weighting", "network"))


def test_every_axis_of_the_table_is_tried_in_this_module():
    tried = {"target", "noise_schedule", "preconditioning", "noise_distribution", "metric", "weighting", "network"}
    assert set(AXES) == tried | {"initial_law", "sampler", "time_discretization", "bound"}


def test_a_part_goes_into_the_component_that_is_given():
    row = run_one(preconditioning=Plain, network="mlp:width=8,depth=1,precondition=v", train_steps=2, steps=2)
    assert (row.network.params["precondition"], row.network.params["width"]) == ("plain", 8)
    with pytest.raises(HarnessError, match="preconditioning is a parameter of another component, and neither of"):
        run_one(preconditioning=Plain, network="exact")


def test_a_bound_that_is_below_the_truth_is_a_violation():
    row = run_one(bound=Double)
    assert row.bounds["double"] == pytest.approx(2 * row.budget.total)
    assert row.violations == []
    row = run_one(bound=Double(factor=0.5))
    assert {each.bound for each in row.violations} == {"double:factor=0.5"}


def test_a_component_that_fails_is_raised_with_its_traceback():
    with pytest.raises(ComponentFailed, match=r"ValueError: this one is wrong \(.*test_one_row.py, line \d+\)") as told:
        run_one(sampler=Broken)
    assert 'raise ValueError("this one is wrong")' in told.value.__notes__[0]
    with pytest.raises(ComponentFailed, match=r"bound failing.*ZeroDivisionError: nothing to divide by"):
        run_one(bound=Failing)


def test_a_sampler_with_noise_of_its_own_is_told_and_refused():
    deterministic = pytest.raises(
        ComponentFailed, match="says that it is deterministic, and twice from the same points"
    )
    with pytest.warns(UserWarning, match="a component changed torch's random state while it was used"), deterministic:
        run_one(sampler=Noisy)


def test_a_setting_of_the_process_that_is_changed_is_put_back_and_told():
    with pytest.warns(UserWarning, match="a component changed torch's default dtype while it was used"):
        run_one(sampler=Settings, steps=2)
    assert torch.get_default_dtype() == torch.float32


def test_what_does_not_apply_is_a_row_that_says_why():
    row = run_one(sampler=Refusing)
    assert (row.status, row.reason) == ("not applicable", "for images alone")


@pytest.mark.parametrize(
    ("chosen", "error", "message"),
    [
        ({"smapler": "heun"}, HarnessError, "run_one() has no axis 'smapler'; did you mean sampler"),
        ({"claim": "x"}, HarnessError, "run_one() has no axis 'claim'; known: bound, "),
        ({"sampler": "hoin"}, ComponentError, "unknown sampler 'hoin'"),
        ({"sampler": Quadratic}, PluginError, "no subclass of harness.samplers.Sampler"),
        ({"sampler": 3}, PluginError, "harness_samplers returned 3, no subclass of harness.samplers.Sampler"),
        ({"time_discretization": "polynomial:rho=3,7"}, HarnessError, "means 2 components; give one"),
        (
            {"weighting": "edm", "network": "exact"},
            HarnessError,
            "a weighting is given, and network exact trains nothing; leave out the network",
        ),
        ({"noise_distribution": Flat, "network": "inexact"}, HarnessError, "a noise distribution is given"),
        ({"steps": 1}, SuiteError, "run_one: steps[0]: 1 is not valid"),
        ({"sigma_min": 30.0}, SuiteError, "sigma_min = 30 is not below sigma_max = 20"),
        ({"seed": -1}, SuiteError, "run_one: seeds[0]: -1 is not valid"),
    ],
)
def test_a_mistake_is_told_in_one_line(chosen, error, message):
    with pytest.raises(error) as told:
        run_one(**chosen)
    text = str(told.value)
    assert message in text
    assert "\n" not in text
    assert len(text) <= 300


def test_a_relative_file_is_found_where_the_test_runs(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("data")
    np.save(folder / "points.npy", np.random.default_rng(0).normal(size=(200, 2)))
    monkeypatch.chdir(folder)
    row = run_one(target="file:path=points.npy", samples=100, steps=3)
    assert row.status == "ok"
    assert [each.name for each in Path(folder).iterdir()] == ["points.npy"]
