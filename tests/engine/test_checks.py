"""Border checks: every broken return is told by component and rule; a sound one comes back as promised."""

import math
import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.engine import checks
from harness.engine.measurement import measure_information
from harness.errors import ContractError, DiskError, HarnessError
from harness.information import Information
from harness.mixtures import IsotropicMixture, MixtureDistribution
from harness.networks import OracleNetwork
from harness.noise_schedules import NoiseSchedule
from harness.samplers import Sampler
from harness.targets import Target
from harness.time_discretizations import TimeDiscretization
from harness.weightings import Weighting


class Grid(TimeDiscretization):
    name = "grid"
    rho: float = 7.0

    def levels(self, request):
        raise NotImplementedError


class Weight(Weighting):
    name = "weight"

    def density(self, sigma, sigma_data):
        return self._density

    def omega(self, sigma, sigma_data):
        return self._omega

    _density: object = None
    _omega: object = None


class Step(Sampler):
    name = "step"

    def step(self, run, x):
        raise NotImplementedError


class Oracle(OracleNetwork):
    name = "oracle"

    def denoise(self, target, x, sigma):
        raise NotImplementedError

    def score_error(self, sigma, dim):
        raise NotImplementedError


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


def weighting(density, omega):
    made = Weight()
    object.__setattr__(made, "_density", density)
    object.__setattr__(made, "_omega", omega)
    return made


@given(
    st.floats(1e-4, 1.0),
    st.floats(1.5, 1e5),
    st.integers(2, 60),
    st.floats(-4e-7, 4e-7),
    st.floats(-4e-7, 4e-7),
)
def test_a_sound_grid_keeps_twelve_digits_and_exact_end_points(low, ratio, steps, off_first, off_last):
    high = low * ratio
    levels = torch.logspace(math.log10(high), math.log10(low), steps + 1, dtype=torch.float64)
    levels[0], levels[-1] = high * (1 + off_first), low * (1 + off_last)
    grid = checks.check_grid(levels, Grid(), steps, low, high)
    assert grid.dtype == np.float64
    assert grid[0] == high
    assert grid[-1] == low
    assert np.all(np.diff(grid) < 0)
    inner = levels.numpy()[1:-1]
    assert np.all(np.abs(grid[1:-1] / inner - 1) <= 5e-12)
    assert all(float(f"{level:.11e}") == level for level in grid[1:-1])


def test_grids_that_differ_by_rounding_become_equal():
    t = torch.linspace(0, 1, 21, dtype=torch.float64)
    one = 20.0 * (0.05 / 20.0) ** t
    other = (400.0 * (0.0025 / 400.0) ** t).sqrt()  # the same geometric grid, laid out in the variance
    assert not torch.equal(one, other)
    grids = [checks.check_grid(levels, Grid(), 20, 0.05, 20.0) for levels in (one, other)]
    assert np.array_equal(*grids)


@pytest.mark.parametrize(
    ("levels", "rule"),
    [
        (tensor(20, 5, 0.05), "shape (3,); it must be (4,)"),
        (tensor(20, 5, 1, 0.05).reshape(2, 2), "shape (2, 2)"),
        (tensor(0.05, 1, 5, 20), "0.05 at the start; it must be 20"),
        (tensor(20, 1, 5, 0.05), "1 then 5 at step 2; they must strictly decrease"),
        (tensor(20, 5, 5, 0.05), "5 then 5 at step 2"),
        (tensor(20, 5, 5 * (1 - 1e-14), 0.05), "5 then 5 at step 2"),
        (tensor(20, 21, 1, 0.05), "20 then 21 at step 1"),
        (tensor(20, 5, 0.01, 0.05), "0.01 then 0.05 at step 3"),
        (tensor(20, 5, 1, 0.0), "0 at the end; it must be 0.05"),
        (tensor(20.001, 5, 1, 0.05), "20.001 at the start"),
        (tensor(20, math.nan, 1, 0.05), "nan at index 1; it must be finite"),
        (tensor(math.inf, 5, 1, 0.05), "inf at index 0"),
        ([20, "five", 1, 0.05], "type list; it must be a tensor of numbers"),
        (None, "it must be (4,)"),
    ],
)
def test_a_broken_grid_is_refused(levels, rule):
    with pytest.raises(ContractError, match=re.escape(rule)) as raised:
        checks.check_grid(levels, Grid(rho=3), 3, 0.05, 20.0)
    assert str(raised.value).startswith("time discretization grid:rho=3: levels: ")
    assert "\n" not in str(raised.value)


def test_an_error_names_the_distribution_where_there_is_one(registry):
    [component] = registry.parse("time_discretization", "polynomial:rho=3")
    with pytest.raises(ContractError, match="time discretization diffusion-harness/polynomial:rho=3: levels"):
        checks.check_grid(tensor(1, 2), component, 1, 0.05, 20.0)


SIGMA = tensor(0.1, 1, 10)
ONES = torch.ones(3, dtype=torch.float64)


@pytest.mark.parametrize(
    ("density", "omega", "rule"),
    [
        (-ONES, ONES, "density: -1 at sigma = 0.1; it must not be negative"),
        (tensor(1, 1, -1e-300), ONES, "density: -1e-300 at sigma = 10"),
        (0 * ONES, ONES, "density: 0 at every level"),
        (tensor(1, math.nan, 1), ONES, "density: nan at index 1"),
        (ONES[:2], ONES, "density: shape (2,); it must be (3,)"),
        (ONES[None], ONES, "density: shape (1, 3)"),
        (ONES, -ONES, "omega: -1 at sigma = 0.1; it must be positive"),
        (ONES, tensor(1, 0, 1), "omega: 0 at sigma = 1; it must be positive"),
        (ONES, tensor(1, 1, math.inf), "omega: inf at index 2"),
        (ONES, torch.tensor(1.0), "omega: shape (); it must be (3,)"),
        (ONES, "heavy", "omega: type str"),
    ],
)
def test_a_broken_weighting_is_refused(density, omega, rule):
    with pytest.raises(ContractError, match=re.escape(f"weighting weight: {rule}")):
        checks.check_weighting_table(weighting(density, omega), SIGMA, 0.5)


def test_a_sound_weighting_is_tabulated():
    density, omega = checks.check_weighting_table(weighting(tensor(0, 1, 2), 2 * ONES.float()), SIGMA, 0.5)
    assert density.tolist() == [0, 1, 2]
    assert omega.tolist() == [2, 2, 2]
    assert density.dtype == omega.dtype == np.float64


def test_a_weighting_cannot_change_the_levels_it_is_asked_about():
    class Greedy(Weighting):
        name = "greedy"

        def omega(self, sigma, sigma_data):
            return sigma.mul_(2)

    levels = SIGMA.clone()
    _, omega = checks.check_weighting_table(Greedy(), levels, 1.0)
    assert levels.equal(SIGMA)
    assert omega.tolist() == (2 * SIGMA).tolist()


@pytest.mark.parametrize("omega", [tensor(1, 2), tensor(1, 0, 1), tensor(1, math.nan, 1), -ONES])
def test_a_broken_adaptation_is_refused(omega):
    with pytest.raises(ContractError, match="weighting weight: omega"):
        checks.check_omega(Weight(), omega, 3)


def test_a_sound_adaptation_is_float64():
    checked = checks.check_omega(Weight(), torch.tensor([1.0, 2.0, 3.0]), 3)
    assert checked.dtype == torch.float64
    assert checked.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("variances", "rule"),
    [
        (np.array([1.0, 2.0]), "shape (2,); it must be (3,)"),
        (np.array([1.0, 0.0, 1.0]), "0 at step 2; it must be positive"),
        (np.array([1.0, 1.0, np.nan]), "nan at index 2"),
    ],
)
def test_broken_variances_are_refused(variances, rule):
    with pytest.raises(ContractError, match=re.escape(f"sampler step: variances: {rule}")):
        checks.check_variances(variances, Step(), 3)


class Counting(Sampler):
    """A sampler that says what it is told to say of its evaluations."""

    name = "counting"
    _said: object = None

    def evaluations(self, steps):
        if isinstance(self._said, Exception):
            raise self._said
        return self._said

    def step(self, run, x):
        raise NotImplementedError


def counting(said):
    sampler = Counting()
    object.__setattr__(sampler, "_said", said)
    return sampler


@pytest.mark.parametrize(
    ("said", "rule"),
    [
        (RuntimeError("no\ncount"), "RuntimeError: no count"),
        (None, "None; it must be a whole number above 0"),
        ("x", "'x'; it must be"),
        (2.5, "2.5; it must be"),
        (math.nan, "nan; it must be"),
        (True, "True; it must be"),
        (0, "0; it must be"),
        (-4, "-4; it must be"),
    ],
)
def test_evaluations_that_are_no_count_are_refused(said, rule):
    with pytest.raises(ContractError, match=re.escape(f"sampler counting: evaluations(5): {rule}")):
        checks.check_evaluations(counting(said), 5)


def test_a_count_may_be_any_kind_of_whole_number():
    count = checks.check_evaluations(counting(np.int64(7)), 5)
    assert (count, type(count)) == (7, int)


def test_evaluations_are_those_that_were_made():
    checks.check_evaluations_made(counting(200), 200, 200)
    with pytest.raises(ContractError, match=re.escape("evaluations(200): 200; it made 400, which it must say")):
        checks.check_evaluations_made(counting(200), 200, 400)


def test_what_a_component_raises_names_it():
    with (
        pytest.raises(ContractError, match=r"^sampler step: variances: ZeroDivisionError: "),
        checks.blamed(Step(), "variances"),
    ):
        _ = 1 / 0
    # What names a component, or ends the run, stays as it is.
    for error in (ContractError("grid x: levels: bad"), DiskError("no disk")):
        with pytest.raises(type(error), match=str(error)), checks.blamed(Step(), "variances"):
            raise error


def test_a_negative_score_error_is_refused():
    with pytest.raises(ContractError, match="network oracle: score_error: -1 at level 1"):
        checks.check_score_error(np.array([0.0, -1.0]), Oracle(), 2)
    assert checks.check_score_error([0, 1], Oracle(), 2).tolist() == [0.0, 1.0]


def law(**changes):
    """A sound distribution but for the attributes and methods given."""
    made = MixtureDistribution(IsotropicMixture(torch.tensor([[-1.0, 0.0], [1.0, 0.0]]), 0.01))
    for name, value in changes.items():
        setattr(made, name, value)
    return made


class Place(Target):
    name = "place"

    def distribution(self):
        return law()


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"dim": 2.0}, "dim: 2.0; it must be"),
        ({"sigma_data": 0.0}, "sigma_data: 0.0; it must be finite and positive"),
        ({"second_moment": math.nan}, "second_moment: nan"),
        ({"sample": lambda n, g: torch.zeros(n)}, "sample: shape (3,), torch.float32; it must be (3, 2), torch."),
        ({"sample": lambda n, g: torch.zeros(n, 2)}, "sample: shape (3, 2), torch.float32"),
        ({"sample": lambda n, g: [[0.0, 0.0]] * n}, "sample: type list; it must be a tensor"),
        ({"sample": lambda n, g: torch.full((n, 2), math.inf).double()}, "sample: row 0 is not finite"),
        ({"moments": lambda x, s: (x[:, :1], x[:, 0])}, "denoise: shape (3, 1)"),
        ({"moments": lambda x, s: (x, -x.square().sum(1))}, "posterior_variance: below 0"),
        ({"log_density": lambda x, s: x}, "log_density: shape (3, 2); it must be (3,)"),
        ({"held_out": lambda n, g, part: torch.zeros(n + part, 2).double()}, "held_out: shape (4, 2)"),
    ],
)
def test_a_broken_distribution_is_refused(changes, rule):
    with pytest.raises(ContractError, match=re.escape(f"target place: {rule}")):
        checks.check_distribution(law(**changes), Place())


class Labelled(MixtureDistribution):
    """A law of one class, sound but for the attributes and methods given."""

    classes = 1

    def __init__(self, **changes):
        super().__init__(IsotropicMixture(torch.zeros(1, 2), 1.0))
        for name, value in changes.items():
            setattr(self, name, value)

    def class_weights(self):
        return ONES[:1]

    def labelled(self, n, generator):
        return self.sample(n, generator), torch.zeros(n, dtype=torch.int64)

    def moments_given(self, x, sigma, labels):
        return self.moments(x, sigma)


def test_a_sound_labelled_distribution_passes():
    checks.check_distribution(Labelled(), Place())


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"class_weights": lambda: 2 * ONES[:1]}, "class_weights: of sum 2; they must be probabilities"),
        ({"class_weights": lambda: 1 / 0}, "class_weights: ZeroDivisionError: "),
        ({"labelled": lambda n: None}, "labelled: TypeError: "),
        ({"labelled": lambda n, g: torch.zeros(n)}, "labelled: type Tensor; it must be a tuple of two tensors"),
        ({"labelled": lambda n, g: (torch.zeros(n), None)}, "labelled: shape (3,), torch.float32"),
        ({"labelled": lambda n, g: (torch.zeros(n, 2).double(), None)}, "labelled: other points than sample"),
        ({"moments_given": lambda x, s, y: x}, "moments_given: type Tensor; it must be a tuple of two tensors"),
        ({"moments_given": lambda x, s, y: (x, x)}, "moments_given: shape (3, 2); it must be (3,)"),
        ({"held_out_labelled": lambda n, g, part: None}, "held_out_labelled: type NoneType; it must be a tuple of two"),
        ({"held_out_labelled": lambda n, g: None}, "held_out_labelled: TypeError: "),
    ],
)
def test_a_broken_labelled_distribution_is_refused_by_name(changes, rule):
    with pytest.raises(ContractError, match=re.escape(f"target place: {rule}")):
        checks.check_distribution(Labelled(**changes), Place())


def test_labels_outside_the_classes_are_refused():
    broken = Labelled()
    broken.labelled = lambda n, g: (broken.sample(n, g), torch.ones(n, dtype=torch.int64))
    with pytest.raises(ContractError, match=re.escape("target place: labels: 1 … 1; classes are 0 … 0")):
        checks.check_distribution(broken, Place())


@pytest.mark.parametrize("method", ["class_weights", "labelled", "moments_given"])
def test_a_law_with_classes_that_lacks_a_method_is_told_which(method):
    base = getattr(MixtureDistribution, method)
    with pytest.raises(HarnessError, match=rf"has 1 classes and no {method}\(.*\)"):
        checks.check_distribution(Labelled(**{method: base.__get__(Labelled())}), Place())


class Flat(Information):
    """J(u) of N(0, I) in two dimensions, but for what is changed."""

    dim, second_moment, replicates = 2, 2.0, 1

    def __init__(self, **changes):
        for name, value in changes.items():
            setattr(self, name, value)

    def fisher(self, u):
        return 2 / (1 + u)[None]

    def fisher_integral(self, u):
        return 2 * -np.diff(np.log1p(u))[None]

    def initialization(self, u):
        return np.array([1 / u - math.log1p(1 / u)])


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"dim": 3}, "information: dim 3; it must be the target's 2"),
        ({"replicates": 2}, "fisher: shape (1, 33); it must be (2, 33)"),
        ({"fisher": lambda u: 2.1 / u[None]}, "fisher: outside 0"),
        ({"fisher": lambda u: np.nan * u[None]}, "fisher: nan at index 0"),
        ({"fisher_integral": lambda u: np.diff(np.log(u))[None]}, "fisher_integral: below 0"),
        ({"initialization": lambda u: -1.0}, "initialization: shape (); it must be (1,)"),
    ],
)
def test_a_broken_information_is_refused(changes, rule):
    with pytest.raises(ContractError, match=re.escape(f"target place: {rule}")):
        checks.check_information(Flat(**changes), Place(), 2, 0.05, 20.0)


def test_every_target_that_ships_is_sound(registry, tmp_path):
    for name, cls in registry.classes("target").items():
        (tmp_path / name).mkdir()
        target = cls.example(tmp_path / name)
        found = target.distribution()
        checks.check_distribution(found, target)
        # On 3,072 coordinates that takes nine seconds: the slow certificates of all that ships do it.
        if found.dim <= 1_000:
            checks.check_information(measure_information(found, 0.05, 20.0), target, found.dim, 0.05, 20.0)
    checks.check_information(Flat(), Place(), 2, 0.05, 20.0)


class Power(NoiseSchedule):
    name = "power"
    exponent: float = 1.0
    inverse: float = 1.0
    sign: float = 1.0

    def sigma(self, t):
        return t**self.exponent

    def time(self, sigma):
        return self.sign * sigma**self.inverse

    def rate(self, t):
        return self.sign * self.exponent * t ** (self.exponent - 1)


@pytest.mark.parametrize(
    ("schedule", "rule"),
    [
        (Power(exponent=2), "at time"),
        (Power(sign=-1), "time: no increase above sigma = 0.05"),
        (Power(exponent=0, inverse=0), "time: no increase"),
        (Power(inverse=400), "time: inf"),
    ],
)
def test_a_broken_schedule_is_refused(schedule, rule):
    with pytest.raises(ContractError, match=rule):
        checks.check_schedule(schedule, 0.05, 20.0)


def test_every_schedule_that_ships_is_sound(registry):
    for cls in registry.classes("noise_schedule").values():
        checks.check_schedule(cls(), 0.05, 20.0)
