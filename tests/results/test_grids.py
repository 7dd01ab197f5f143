"""The best grids by a loss curve: promises kept, exactly and within their errors; what is refused and said."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
from loss_curves import exact_curve, measured_curve, path_divergence, trained_denoiser

from harness.errors import HarnessError
from harness.information import NoScoreError
from harness.loss_curve import LossCurve, LossCurveError
from harness.registry.discovery import load
from harness.results.grids import ComparedGrid, GridAnswer, GridQuestion, best_grids

REGISTRY = load()
KERNELS = ["exponential-integrator", "ancestral", "analytic"]
EDM, GEOMETRIC, UNIFORM = "polynomial:variable=sigma", "exponential:variable=sigma", "polynomial:rho=1,variable=sigma"


def part(axis, form):
    return REGISTRY.parse(axis, form)[0]


def family(exponent):
    return part("time_discretization", f"polynomial:rho={exponent:.6g},variable=sigma")


def question(curve, sampler=KERNELS[0], steps=(9,), references=(EDM, GEOMETRIC, UNIFORM), **given):
    found = [ComparedGrid(form, part("time_discretization", form)) for form in references]
    rule, schedule = part("time_discretization", "fisher"), part("noise_schedule", "edm")
    return GridQuestion(curve, "made up", part("sampler", sampler), steps, rule, found, schedule, **given)


def levels_of(gain, steps=9, sigma_min=0.05, sigma_max=20.0):
    if "polynomial" in gain.grid:
        root = 1 / (part("time_discretization", gain.grid).rho)
        return np.linspace(sigma_max**root, sigma_min**root, steps + 1) ** (1 / root)
    return np.geomspace(sigma_max, sigma_min, steps + 1)


@pytest.fixture(scope="module")
def exact():
    return exact_curve(321)


@pytest.fixture(scope="module")
def trained():
    """The denoiser of a trained network, and its losses."""
    denoise = trained_denoiser()
    return denoise, exact_curve(241, denoise=denoise)


@pytest.mark.parametrize("name", KERNELS)
def test_the_promise_is_the_exact_difference_of_path_divergences(exact, name):
    """Of a wrong denoiser on a Gaussian mixture: by losses alone, against the divergence by its definition."""
    [grid] = best_grids(question(exact, name)).grids
    sampler, information = part("sampler", name), exact.information()
    best = path_divergence(grid.levels, grid.variances)
    assert len(grid.gains) == 3
    for gain in grid.gains:
        other = levels_of(gain)
        # `analytic` takes its variances from the same curve.
        promised = path_divergence(other, sampler.variances(other, information, NoScoreError())) - best
        assert gain.nats == pytest.approx(promised, abs=1e-6)
        assert gain.nats > 0.02
        assert gain.sampling is None
        assert gain.interpolation < 1e-4


@pytest.mark.parametrize("name", ["exponential-integrator", "ancestral"])
def test_so_it_is_of_a_network_that_was_trained(trained, name):
    """On the same mixture: exact losses of the network, against the divergence of its sampler by definition."""
    denoise, curve = trained
    variance = 0.5**2 + 0.24 * 2.4**2
    linear = curve.sigma**2 * variance / (curve.sigma**2 + variance)
    assert (curve.loss / linear).min() < 0.9  # it learned more than the best linear denoiser does
    [grid] = best_grids(question(curve, name)).grids
    sampler, information = part("sampler", name), curve.information()
    best = path_divergence(grid.levels, grid.variances, denoise)
    for gain in grid.gains:
        variances = sampler.variances(levels_of(gain), information, NoScoreError())
        promised = path_divergence(levels_of(gain), variances, denoise) - best
        assert gain.nats == pytest.approx(promised, abs=1e-6, rel=1e-8)  # uniform levels are 246 nats behind
        assert gain.nats > 0.01


@pytest.mark.parametrize("count", [8, 12, 16, 24])
def test_interpolation_errs_less_than_it_says(exact, count):
    """On a curve so coarse that it matters."""
    few = exact_curve(count)
    [grid] = best_grids(question(few)).grids
    best = path_divergence(grid.levels, grid.variances)
    for gain in grid.gains:
        other = levels_of(gain)
        assert gain.low <= path_divergence(other, other[:-1] ** 2 - other[1:] ** 2) - best <= gain.high


@pytest.mark.parametrize(
    ("dependence", "shared"), [pytest.param("independent", False, marks=pytest.mark.slow), ("any", True)]
)
def test_measured_losses_promise_within_their_intervals(dependence, shared):
    """In at least 90 % of 60 repetitions: of 95 % intervals fewer than that would be a chance of 2 %."""
    rng, held, repetitions = np.random.default_rng(7), 0, 60
    for _ in range(repetitions):
        curve = measured_curve(rng, 400, shared)
        [grid] = best_grids(question(curve, steps=(4,), references=(EDM,), dependence=dependence)).grids
        [gain] = grid.gains
        other = levels_of(gain, 4)
        true = path_divergence(other, other[:-1] ** 2 - other[1:] ** 2) - path_divergence(grid.levels, grid.variances)
        held += gain.low <= true <= gain.high
    assert held >= 0.9 * repetitions


def test_errors_of_any_dependence_make_the_longest_intervals(exact):
    curve = dataclasses.replace(exact, error=0.02 * exact.loss)
    halves = {}
    for dependence in ("any", "independent"):
        [grid] = best_grids(question(curve, dependence=dependence)).grids
        halves[dependence] = np.array([gain.sampling for gain in grid.gains])
    assert (halves["any"] > 2 * halves["independent"]).all()
    # Raised together, by one and the same chance, losses move the difference no further.
    raised = dataclasses.replace(curve, loss=curve.loss + 1.959964 * curve.error)
    moved = best_grids(dataclasses.replace(question(raised), rule=Fixed(tuple(grid.levels)))).grids[0].gains
    for gain, after, half in zip(grid.gains, moved, halves["any"], strict=True):
        assert abs(after.nats - gain.nats) <= half * (1 + 1e-6)


class Fixed(type(part("time_discretization", "fisher"))):
    """Given levels."""

    name = "fixed"
    given: tuple[float, ...]

    def __init__(self, given):
        super().__init__(given=given)

    def levels(self, request):
        import torch

        return torch.tensor(self.given, dtype=torch.float64)


def test_the_best_of_a_family_is_its_best(exact):
    asked = dataclasses.replace(question(exact), references=[ComparedGrid("family", family)])
    [gain] = best_grids(asked).grids[0].gains
    others = [ComparedGrid(str(rho), family(rho)) for rho in (0.97 * gain.exponent, 1.03 * gain.exponent, 1, 3, 7)]
    near = best_grids(dataclasses.replace(asked, references=others)).grids[0].gains
    assert all(other.nats >= gain.nats - 1e-6 for other in near)
    assert gain.grid == family(gain.exponent).label()


def test_a_part_of_the_curve_and_several_numbers_of_steps(exact):
    answer = best_grids(question(exact, steps=(4, 8), sigma_max=10.0, sigma_min=0.1))
    assert [grid.steps for grid in answer.grids] == [4, 8]
    for grid in answer.grids:
        assert (grid.levels[0], grid.levels[-1], len(grid.levels)) == (10.0, 0.1, grid.steps + 1)
        assert all(np.diff(grid.levels) < 0)
        np.testing.assert_allclose(grid.variances, -np.diff(np.square(grid.levels)))
    assert GridAnswer.validate(json.loads(answer.to_json())) == answer


def test_another_unit_of_sigma_changes_nothing_but_the_levels(exact):
    answer = best_grids(question(exact))
    in_halves = LossCurve(1, exact.sigma / 2, exact.loss / 4)
    again = best_grids(question(in_halves)).scaled(2.0)
    for grid, other in zip(answer.grids, again.grids, strict=True):
        np.testing.assert_allclose(other.levels, grid.levels, rtol=1e-4)
        np.testing.assert_allclose(other.variances, grid.variances, rtol=1e-3)
        np.testing.assert_allclose([g.nats for g in other.gains], [g.nats for g in grid.gains], atol=1e-6)
    assert (again.sigma_max, again.curve_min, again.scale) == (pytest.approx(20.0), pytest.approx(0.05), 2.0)


def test_losses_above_those_of_no_denoising_are_told(exact):
    strange = dataclasses.replace(exact, loss=exact.loss + 2 * exact.sigma**2)
    assert "no denoising" in best_grids(question(strange)).notes[0]
    assert not any("no denoising" in note for note in best_grids(question(exact)).notes)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sampler": part("sampler", "heun")}, "'heun' has no Gaussian kernel"),
        ({"sigma_max": 30.0}, "sigma 30 is outside the loss curve, which covers 0.05 to 20"),
        ({"sigma_min": 0.01}, "sigma 0.01 is outside"),
        ({"sigma_min": 3.0, "sigma_max": 3.0}, "are no range"),
        ({"steps": (1,)}, "at least 2 steps"),
        ({"steps": ()}, "at least 2 steps"),
    ],
)
def test_what_is_refused(exact, change, message):
    with pytest.raises(HarnessError, match=message):
        best_grids(dataclasses.replace(question(exact), **change))


def test_the_example_of_the_page_runs(tmp_path, monkeypatch, capsys):
    """docs/grid.md, "In Python"."""
    page = (Path(__file__).parents[2] / "docs" / "grid.md").read_text(encoding="utf-8")
    [code] = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    sigma = np.geomspace(0.05, 20, 24)
    table = np.stack([sigma, 64 * sigma**2 / (1 + sigma**2)], 1)
    np.savetxt(tmp_path / "curve.csv", table, delimiter=",", header="sigma,loss", comments="")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs/grid.md", "exec"), {})
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("10 [20.0, ")
    assert second.startswith("18 [20.0, ")


def test_outside_the_curve_is_its_own_error(exact):
    with pytest.raises(LossCurveError):
        best_grids(question(exact, sigma_max=21.0))
