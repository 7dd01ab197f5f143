"""Diffusers' schedulers as samplers: that they are what the library runs, and what they are beside our own."""

import inspect
import sys
import textwrap

import numpy as np
import pytest
import torch
from harness_diffusers.discrete import DiffusersIpndm
from harness_diffusers.levels import DiffusersLevels
from harness_diffusers.schedulers import DIFFUSERS, SchedulerSampler
from harness_karras.noise_schedules import EdmSchedule
from harness_karras.time_discretizations import Polynomial
from variants import failed, variants

from harness.engine.known_laws import MixtureLaw
from harness.engine.sampler_orders import FAR, gaussian_error, geometric, polynomial
from harness.engine.sampler_properties import properties
from harness.engine.sampling import SamplingError, kernel_variances
from harness.information import NoScoreError
from harness.registry.discovery import load
from harness.samplers import SamplerRun
from harness.time_discretizations import GridRequest

diffusers = pytest.importorskip("diffusers", reason=f"it {DIFFUSERS.absence}", exc_type=ImportError)
pytestmark = pytest.mark.filterwarnings("ignore:__array_:DeprecationWarning")

REGISTRY = load()
CLASSES = [cls for cls in REGISTRY.classes("sampler").values() if issubclass(cls, SchedulerSampler)]
LEVELS = polynomial(18, 20.0, 0.05).tolist()
LAW = MixtureLaw([0.3, 0.7], [-0.6, 0.5], [0.7, 0.35])


def sampler(form):
    (made,) = REGISTRY.parse("sampler", form)
    return made


def walked(made):
    """The points of each level, on a mixture, from the same start with the same noise."""
    generator = torch.Generator().manual_seed(1)
    x = LEVELS[0] * torch.randn(32, 1, generator=generator, dtype=torch.float64)
    kernel = kernel_variances(made, np.array(LEVELS), LAW, NoScoreError())
    noise = lambda: torch.randn(x.shape, generator=generator, dtype=torch.float64)  # noqa: E731
    run = SamplerRun(LAW.denoise, LEVELS, noise, None if kernel is None else kernel.tolist())
    found = []
    for index in range(len(LEVELS) - 1):
        run.index = index
        x = made.step(run, x)
        found.append(x)
    return torch.stack(found)


def test_all_its_samplers_are_offered():
    assert len(CLASSES) == 18
    assert all(cls.name.startswith("diffusers-") and cls.library is DIFFUSERS for cls in CLASSES)


# That the table in double precision is the library's own: of the schedulers whose training levels may be the grid's.

N = len(LEVELS) - 1
READ = {
    "diffusers-heun": {"sigmas": range(2 * N)},
    "diffusers-kdpm2": {"sigmas": range(2 * N), "sigmas_interpol": range(1, 2 * N, 2)},
    "diffusers-kdpm2-ancestral": {
        "sigmas": range(2 * N),
        **{f"sigmas_{name}": range(0, 2 * N, 2) for name in ("interpol", "up", "down")},
    },
}
"""Places of its tables that a scheduler reads in N steps, where there are more than the levels of the grid."""


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if "flow" not in cls.name and cls is not DiffusersIpndm])
def test_levels_in_place_are_those_that_the_library_lays_out(cls):
    made = cls()
    ours = made.made(LEVELS)
    theirs = type(ours)(**made.training(LEVELS), **made.options(N))
    if hasattr(ours, "sigmas"):
        # Those that end at the last training level have one step less than those that go on to 0.
        theirs.set_timesteps(N if made.coordinates == "preserving" else N + 1)
        for name, places in READ.get(cls.name, {"sigmas": range(N + 1)}).items():
            mine, other = (torch.stack([getattr(each, name)[k] for k in places]) for each in (ours, theirs))
            assert (mine.dtype, other.dtype) == (torch.float64, torch.float32)
            torch.testing.assert_close(mine, other.double(), rtol=2e-4, atol=0)
    else:
        torch.testing.assert_close(ours.alphas_cumprod, theirs.alphas_cumprod.double(), rtol=1e-5, atol=0)
        theirs.set_timesteps(N + 1)
        assert ours.timesteps.tolist() == theirs.timesteps.tolist()


def test_ipndm_has_its_own_two_scales():
    """Whose squares add up to one, as in the table that it makes itself."""
    theirs = diffusers.IPNDMScheduler()
    theirs.set_timesteps(10)
    torch.testing.assert_close(theirs.alphas**2 + theirs.betas**2, torch.ones(11))
    ours = DiffusersIpndm().made(LEVELS)
    torch.testing.assert_close(ours.betas / ours.alphas, torch.tensor(LEVELS, dtype=torch.float64))


# What is the same map as one of ours, to rounding where the library steps in double precision.

SAME = {
    "diffusers-heun": "heun",
    "diffusers-kdpm2": "dpm-solver-2",
    "diffusers-lms": "lms",
    "diffusers-lms:order=2": "lms:order=2",
    "diffusers-ddim": "euler",
    "diffusers-ddim:eta=0.5": "ddim:eta=0.5",
    "diffusers-ddpm": "ancestral",
    "diffusers-ddpm:variance=fixed_small_log": "ancestral",
    "diffusers-ipndm": "ipndm",
    "diffusers-deis:order=1": "euler",
    "diffusers-edm-dpm-multistep": "dpmpp-2m",
    "diffusers-edm-dpm-multistep:order=3": "dpmpp-3m",
    "diffusers-edm-dpm-multistep:algorithm=sde-dpmsolver++": "dpmpp-2m-sde",
    "diffusers-unipc:order=3,lower_order_final=false": "unipc",
    "diffusers-unipc:order=2,lower_order_final=false": "unipc:order=2",
    "diffusers-unipc:order=1": "unipc:order=1",
}
SAME_IN_SINGLE_PRECISION = {
    "diffusers-euler": "euler",
    "diffusers-edm-euler": "euler",
    "diffusers-euler-ancestral": "ancestral",
    "diffusers-dpm-multistep": "dpmpp-2m",
    "diffusers-dpm-multistep:order=3": "dpmpp-3m",
    "diffusers-dpm-multistep:algorithm=sde-dpmsolver++": "dpmpp-2m-sde",
    "diffusers-dpm-multistep:algorithm=sde-dpmsolver++,form=heun": "dpmpp-2m-sde:form=heun",
}


@pytest.mark.parametrize(("theirs", "ours"), SAME.items())
def test_it_is_the_same_map_as_ours(theirs, ours):
    torch.testing.assert_close(walked(sampler(theirs)), walked(sampler(ours)), rtol=0, atol=1e-10)


@pytest.mark.parametrize(("theirs", "ours"), SAME_IN_SINGLE_PRECISION.items())
def test_it_is_the_same_map_in_single_precision(theirs, ours):
    gap = (walked(sampler(theirs)) - walked(sampler(ours))).abs().max()
    assert 1e-9 < gap < 1e-4


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if "prediction" in cls.model_fields])
def test_what_the_network_predicts_does_not_matter(cls):
    forms = [each for each in variants(cls) if each.changed() in ([], ["prediction"])]
    assert len(forms) > 1
    whole = walked(forms[0])
    gaps = [float((walked(each) - whole).abs().max()) for each in forms[1:]]
    if cls.name == "diffusers-pndm":  # docs/implementations.md: it averages v of several levels as if it were ε
        assert gaps[0] > 0.01
    else:
        assert max(gaps) < 1e-4


def test_what_is_wrong_with_the_stochastic_solver_of_order_three_is_a_sign(monkeypatch):
    """With + ½ in place of − ½ in the weight of the second difference the order is 2, as without noise."""
    made = sampler("diffusers-dpm-multistep:order=3,algorithm=sde-dpmsolver++")
    cls = diffusers.DPMSolverMultistepScheduler
    method = cls.multistep_dpm_solver_third_order_update
    source = textwrap.dedent(inspect.getsource(method))
    wrong = "(2.0 * h) ** 2 - 0.5)) * D2"
    assert source.count(wrong) == 1
    names = dict(vars(sys.modules[cls.__module__]))
    exec(source.replace(wrong, wrong.replace("- 0.5", "+ 0.5")), names)

    def errors():
        return [gaussian_error(made, geometric(steps, *FAR)) for steps in (30, 60)]

    before = errors()
    monkeypatch.setattr(cls, method.__name__, names[method.__name__])
    after = errors()
    assert np.log2(before[0] / before[1]) < 1.3
    assert np.log2(after[0] / after[1]) > 1.7


# Not DEIS: it takes logarithms by NumPy in a step, which no forward derivative passes.
SMOOTH = [cls for cls in CLASSES if cls().deterministic and cls.name != "diffusers-deis"]


@pytest.mark.parametrize("cls", SMOOTH)
def test_its_map_is_differentiated_as_ours_are(cls):
    """Forwards: divergences are measured by change of variables."""
    x = torch.tensor([[0.3], [-2.0]], dtype=torch.float64)
    run = lambda points: cls().sample(SamplerRun(LAW.denoise, LEVELS, pytest.fail), points)  # noqa: E731
    _, slope = torch.func.jvp(run, (x,), (torch.ones_like(x),))
    step = 0.01
    known = (run(x + step) - run(x - step)) / (2 * step)
    torch.testing.assert_close(slope, known, rtol=2e-2, atol=1e-3)


@pytest.mark.parametrize(
    "form",
    [
        "diffusers-dpm-multistep:order=3,algorithm=sde-dpmsolver",
        "diffusers-edm-dpm-multistep:order=3,algorithm=sde-dpmsolver++",
    ],
)
def test_a_form_that_the_library_forgot_is_named(form):
    with pytest.raises(UnboundLocalError):
        walked(sampler(form))


def test_one_whose_deviation_is_the_root_of_a_logarithm_is_told():
    with pytest.raises(SamplingError, match="are not finite"):
        properties(sampler("diffusers-ddpm:variance=fixed_large_log"))


# What is claimed and does not hold, in so many words; docs/implementations.md says why.

SINGLE = "end: deviation"
CLAIMS = {
    "diffusers-heun": [],
    "diffusers-kdpm2-ancestral": [],
    "diffusers-ddim": [],
    "diffusers-ddpm:variance=fixed_large": [],
    "diffusers-deis": [],
    "diffusers-edm-dpm-multistep": [],
    "diffusers-edm-dpm-multistep:order=3": ["strong order"],
    "diffusers-dpm-singlestep": [],
    "diffusers-dpm-singlestep:order=3": ["strong order, Gaussians, uneven grid"],
    "diffusers-dpm-singlestep:algorithm=sde-dpmsolver++": ["weak order"],
    "diffusers-dpm-multistep:order=3,algorithm=sde-dpmsolver++": ["weak order"],
    "diffusers-unipc": ["strong order"],
    "diffusers-unipc:lower_order_final=false": [],
    "diffusers-ipndm": ["strong order"],
    "diffusers-pndm": ["strong order"],
    "diffusers-euler": [SINGLE],
    "diffusers-flow-euler": [SINGLE],
    "diffusers-edm-euler": [SINGLE],
}


QUICK = ("unipc", "pndm", "euler", "flow-euler", "edm-euler", "dpm-singlestep:order=3")
"""Of one kind each; the others are among the slow tests."""


@pytest.mark.parametrize(
    ("form", "broken"),
    [
        pytest.param(form, broken, marks=() if form.removeprefix("diffusers-") in QUICK else pytest.mark.slow)
        for form, broken in CLAIMS.items()
    ],
)
def test_claims_hold_but_for_what_is_known(form, broken):
    found = failed(properties(sampler(form)))
    assert [text for text in found if not any(text.startswith(known) for known in broken)] == []
    assert all(any(text.startswith(known) for text in found) for known in broken)


@pytest.mark.parametrize("table", ["use_karras_sigmas", "use_exponential_sigmas"])
def test_levels_between_the_times_of_the_cosine_schedule_end_in_an_error(table):
    """Several levels share a whole time, by which the library finds its place in the table: it begins too late."""
    scheduler = diffusers.DPMSolverMultistepScheduler(beta_schedule="squaredcos_cap_v2", **{table: True})
    scheduler.set_timesteps(20)
    assert len(set(scheduler.timesteps.tolist())) < 20
    x = torch.ones(1, 2)
    for time in scheduler.timesteps[:-1]:
        x = scheduler.step(x, time, x).prev_sample
    with pytest.raises(IndexError):
        scheduler.step(x, scheduler.timesteps[-1], x)


def test_the_level_that_a_network_is_told_is_not_that_of_its_points():
    """`use_karras_sigmas` of the schedule of Stable Diffusion: exact where the time is no whole number."""
    stable = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "use_karras_sigmas": True}
    errors = {}
    for cls in (diffusers.EulerDiscreteScheduler, diffusers.DPMSolverMultistepScheduler):
        scheduler = cls(**stable)
        scheduler.set_timesteps(20)
        known = ((1 - scheduler.alphas_cumprod) / scheduler.alphas_cumprod).sqrt().log().numpy()
        told = np.exp(np.interp(scheduler.timesteps.numpy(), np.arange(1000), known))
        errors[cls.__name__] = np.abs(told / scheduler.sigmas[:20].numpy() - 1).max()
    assert errors["EulerDiscreteScheduler"] < 1e-4
    assert errors["DPMSolverMultistepScheduler"] > 0.04


@pytest.mark.parametrize(("form", "of_edm"), [("karras", True), ("exponential", False), ("lu", False)])
def test_tables_of_levels_are_those_of_ours(form, of_edm):
    request = GridRequest(12, 0.05, 20.0, EdmSchedule())
    found = DiffusersLevels(form=form).levels(request).numpy()
    known = Polynomial(rho=7).levels(request).numpy() if of_edm else np.geomspace(20.0, 0.05, 13)
    np.testing.assert_allclose(found, known, rtol=1e-12)


def test_quantiles_of_beta_are_dense_at_both_ends():
    found = DiffusersLevels(form="beta").levels(GridRequest(12, 0.05, 20.0, EdmSchedule())).numpy()
    steps = -np.diff(found)
    np.testing.assert_allclose(found[[0, -1]], [20.0, 0.05])
    np.testing.assert_allclose(steps, steps[::-1], rtol=1e-9)
    assert steps[0] < steps[6] / 2
