"""What claims 1 to 5 read off a descent, against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from harness_wang.claims import convergence, gradient, paths, residual, sizes, smoothness
from made_descents import LEVELS, STEPS, trajectory

from harness import statistics, verdicts
from harness.claims import ClaimError, Evidence
from harness.descents import descent_jobs
from harness.plugins import load
from harness.trajectories import Probes

TARGET = "ring"


def test_limits_have_the_level_of_all_intervals():
    assert verdicts.LEVEL == statistics.LEVEL


def test_an_exact_exponential_and_an_exact_power_are_told_apart():
    exponential = trajectory(TARGET, 0, np.exp(5 - 0.02 * STEPS))
    power = trajectory(TARGET, 0, 50.0 / (1 + STEPS) ** 1.3)
    assert convergence.advantage(exponential) > 20
    assert convergence.advantage(power) < -20
    # ln(L_0/L_K)/(hK) is the rate of the exponential over the step size.
    assert convergence.rate(exponential) == pytest.approx(0.02 / exponential.learning_rate)


def test_the_exponent_is_one_under_the_inequality_and_a_half_under_convexity():
    loss = 100 / (1.0 + STEPS)
    for q in (1.0, 0.75, 0.5):
        run = trajectory(TARGET, 0, loss, gradient=3 * loss ** (1 / q))
        assert gradient.exponent(run) == pytest.approx(q)
    with pytest.raises(ClaimError, match="the gradient is 0"):
        gradient.exponent(trajectory(TARGET, 0, loss, gradient=0 * loss))


def probed(seed: int, excess) -> object:
    """A run perturbed at three radii at each of four steps; `excess` of step, loss and radius."""
    rows = []
    loss = 100 / (1.0 + STEPS)
    for k in (0, 30, 70, 100):
        rows += [(STEPS[k], False, w, loss[k], loss[k] + w + excess(STEPS[k], loss[k], w), w) for w in (0.01, 0.1, 1.0)]
    return trajectory(TARGET, seed, loss, probes=Probes(*map(np.array, zip(*rows, strict=True))))


def test_the_constants_of_a_loss_that_attains_the_inequality_are_recovered():
    def attained(step, loss, w):
        return np.sqrt(loss) * (3 * w ** (4 / 3) + 7 * w**2)

    runs = [probed(seed, attained) for seed in range(4)]
    np.testing.assert_allclose(smoothness.constants(runs), [3, 7], rtol=1e-5)
    ratios = smoothness.later_ratios(runs)
    assert len(ratios) == 2
    np.testing.assert_allclose(np.concatenate(ratios), 1, rtol=1e-5)


def test_a_second_order_term_that_does_not_fall_with_the_loss_outgrows_the_fitted_side():
    runs = [probed(seed, lambda step, loss, w: 7 * w**2) for seed in range(4)]
    # The constants are those of step 90, and √L falls by a factor of √(301/91) from there to the end.
    assert np.concatenate(smoothness.later_ratios(runs)).max() == pytest.approx(np.sqrt(301 / 91), rel=1e-5)
    np.testing.assert_allclose(np.concatenate(smoothness.later_ratios(runs, factor=False)), 1, rtol=1e-5)


def test_a_loss_below_its_linearisation_never_violates():
    runs = [probed(seed, lambda step, loss, w: -(w**2)) for seed in range(4)]
    assert np.concatenate(smoothness.later_ratios(runs)).max() <= 0


def test_slopes_in_width_and_depth_are_those_of_a_power():
    runs = {
        size: [trajectory(TARGET, s, (5.0 + s) * size**-0.5 / (1.0 + STEPS)) for s in range(3)] for size in (1, 2, 4)
    }
    test = sizes.slopes(runs)
    assert test.value == pytest.approx(-0.5)
    # Relative to its start every loss falls alike.
    assert sizes.slopes(runs, relative=True).value == pytest.approx(0, abs=1e-12)


def test_the_ends_of_a_bowl_are_above_its_middle_and_of_a_slope_only_one_is():
    x = np.log(LEVELS / LEVELS[0])
    rng = np.random.default_rng(0)

    def runs(curve):
        noise = rng.normal(0, 0.01, (12, len(STEPS), len(LEVELS)))
        return [trajectory(TARGET, s, 1.0 + 0.0 * STEPS, residual=np.exp(curve + noise[s])) for s in range(12)]

    bowl = residual.ends(runs(0.1 * (x - x.mean()) ** 2))
    assert set(bowl) == {"before, low σ", "before, high σ", "during, low σ", "during, high σ"}
    assert all(test.p_for < 1e-4 for test in bowl.values())
    rising = residual.ends(runs(0.1 * x))
    assert rising["before, low σ"].p_against < 1e-4
    assert rising["before, high σ"].p_for < 1e-4


def test_missing_runs_are_told():
    with pytest.raises(ClaimError, match="no descent is named 'base'"):
        paths.of(Evidence(), "base")


@pytest.mark.parametrize("quick", [True, False])
def test_every_descent_can_be_planned_and_is_shared(quick, tmp_path):
    registry = load()
    claims = [c() for c in registry.classes("claim").values() if c.number <= 5]
    keys = {}
    for claim in claims:
        requests = claim.experiments(quick).descents
        assert {r.target for r in requests.values()} == set(paths.TARGETS)
        keys[claim.number] = {job.key for r in requests.values() for job in descent_jobs(r, registry, tmp_path)}
    # Claims 2, 3 and 5 look at the same runs, and 1 and 4 at these and others.
    assert keys[2] == keys[3] == keys[5]
    assert keys[2] < keys[1]
    assert keys[2] < keys[4]
