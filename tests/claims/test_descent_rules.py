"""What claims 1 to 5 read off a descent, against closed forms."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import synthetic
from harness_claims import verdicts
from harness_claims.claim import ClaimError
from harness_claims.plan import descents
from harness_wang.claims import constants, convergence, gradient, paths, residual, sizes, smoothness
from made_descents import LEVELS, MAKERS, STEPS, perturbed, trajectory
from paper_level import evidence
from scipy.stats import binom

from harness.registry.discovery import load
from harness.results.statistics.intervals import CONFIDENCE
from harness.trajectories import Probes, Trajectory

TARGET = "ring"
RNG = partial(np.random.default_rng, 0)


def test_limits_have_the_level_of_all_intervals():
    assert verdicts.LEVEL == CONFIDENCE


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


def probed(seed: int, excess, steps=(0, 30, 70, 100)) -> Trajectory:
    """A run perturbed at three radii at each of four steps; `excess` of loss and radius."""
    rows = []
    loss = 1e4 / (1.0 + STEPS) ** 1.5
    for k in steps:
        rows += [(STEPS[k], False, w, loss[k], loss[k] + w + excess(loss[k], w), w) for w in (0.01, 0.1, 1.0)]
    return trajectory(TARGET, seed, loss, probes=Probes(*map(np.array, zip(*rows, strict=True))))


def attained(loss, w):
    return np.sqrt(loss) * (3 * w ** (4 / 3) + 7 * w**2)


def test_the_constants_of_a_loss_that_attains_the_inequality_are_recovered():
    runs = [probed(seed, attained) for seed in range(4)]
    fitted = smoothness.constants(runs)
    np.testing.assert_allclose(fitted, [3, 7], rtol=1e-5)
    ratios = smoothness.late_ratios(runs, fitted)
    assert [len(ratio) for ratio in ratios] == [9, 9]
    np.testing.assert_allclose(np.concatenate(ratios), 1, rtol=1e-5)


def test_a_second_order_term_that_does_not_fall_with_the_loss_outgrows_the_fitted_side():
    runs = [probed(seed, lambda loss, w: 7 * w**2) for seed in range(4)]
    # The constants are those of the start, and L falls as (1 + k)^−1.5.
    most = np.concatenate(smoothness.late_ratios(runs, smoothness.constants(runs))).max()
    assert most == pytest.approx(301**0.75, rel=1e-5)
    plain = smoothness.late_ratios(runs, smoothness.constants(runs, root=False), root=False)
    np.testing.assert_allclose(np.concatenate(plain), 1, rtol=1e-5)


def test_a_loss_below_its_linearisation_never_violates():
    runs = [probed(seed, lambda loss, w: -(w**2)) for seed in range(4)]
    assert np.concatenate(smoothness.late_ratios(runs, smoothness.constants(runs))).max() <= 0


def test_constants_are_fitted_above_a_tenth_and_tested_below_a_hundredth_of_the_start():
    # Between the two, where L is 0.02 of its start, anything may be.
    runs = [probed(s, lambda loss, w: attained(loss, w) * (100 if 1e2 < loss < 1e3 else 1), (0, 4, 70)) for s in (0, 1)]
    np.testing.assert_allclose(smoothness.constants(runs), [3, 7], rtol=1e-5)
    assert np.concatenate(smoothness.late_ratios(runs, np.array([3.0, 7.0]))) == pytest.approx([1, 1, 1])


def test_a_run_whose_loss_stays_large_leaves_its_target_undecided():
    made = MAKERS[3]("true", np.random.default_rng(0))
    claim = smoothness.SemiSmooth()
    assert claim.decide(made).verdict == "supported"
    runs = list(made.trajectories["base ring"])
    # As if the start had been lower: no probe of this run is at a hundredth of it.
    runs[1] = replace(runs[1], loss=1e-3 * runs[1].loss)
    decision = claim.decide(evidence(trajectories={**made.trajectories, "base ring": runs}))
    assert decision.verdict == "undecided"
    assert [f.verdict for f in decision.findings] == ["supported", "undecided", "supported"]
    finding = decision.findings[1]
    assert finding.statistic == "19 of 20 seeds reach 0.01 of their loss"
    assert finding.effect <= finding.high <= 1
    # Where no run gets there it is the same, and no error.
    late = {"base ring": [replace(run, loss=1e-3 * run.loss) for run in made.trajectories["base ring"]]}
    decision = claim.decide(evidence(trajectories={**made.trajectories, **late}))
    assert decision.findings[1].verdict == "undecided"
    assert (decision.findings[1].low, decision.findings[1].high) == (0, 1)
    assert "no seed's loss falls to 0.01" in decision.findings[1].note


@pytest.mark.parametrize(
    ("power", "verdicts"), [(0.5, {"supported"}), (0.0, {"contradicted"}), (-0.5, {"contradicted"})]
)
def test_only_an_excess_that_falls_as_the_root_of_the_loss_supports_the_inequality(power, verdicts):
    claim = smoothness.SemiSmooth()
    assert {claim.decide(perturbed(np.random.default_rng(i), power)).verdict for i in range(3)} == verdicts


def test_the_plot_of_the_excess_has_one_point_a_seed_and_probed_step():
    made = perturbed(np.random.default_rng(0))
    claim = smoothness.SemiSmooth()
    for panel in claim.figure(made, claim.decide(made)):
        fitted, tested, guide = panel.series
        assert len(tested.x) <= 20 * 6
        assert min(fitted.x) > max(tested.x)
        assert max(fitted.y) == pytest.approx(1)
        assert list(guide.y) == [smoothness.SLACK] * 2


@pytest.mark.parametrize("name", synthetic.THEOREM)
@pytest.mark.parametrize("number", synthetic.BOUND)
def test_what_obeys_the_theorem_is_never_contradicted(number, name):
    """Least squares, condition number 1000 and more: ‖∇L‖² ≥ 2λ_min L holds (`made_descents`), and no one rate does."""
    assert "contradicted" not in synthetic.verdicts_on_theorem(number, name, 5)


@pytest.mark.parametrize("number", synthetic.BOUND)
def test_least_squares_is_supported_where_its_least_eigenvalue_is_seen_and_its_plain_interpretation_is_not(number):
    claim = synthetic.claims()[number]
    short, long = (claim.decide(synthetic.THEOREM[f"condition number 1000, {k} steps"](RNG())) for k in (300, 6000))
    assert (short.verdict, long.verdict) == ("undecided", "supported")
    assert [interpretation.decision.verdict for interpretation in short.interpretations] == ["contradicted"]


K = np.arange(0, 1501, 15)


@pytest.mark.parametrize(
    ("constant", "pace", "wanted"),
    [
        (np.full(101, 3.0), 0.1, "lasts"),
        (1 / (1.0 + K), 1 / 1501, "falls"),
        ((1.0 + K) ** -0.4, 0.1, "lasts"),
        ((1.0 + K) ** -0.6, 0.1, "falls"),
        # C ∝ k^−2 leaves a fall of PK/1 = ln 2 where P is ln 2/K.
        ((1.0 + K) ** -2.0, 0.95 * np.log(2) / 1500, "rests"),
        ((1.0 + K) ** -2.0, 1.05 * np.log(2) / 1500, "falls"),
        # No C > 0 is allowed where a loss rises, and none is left where a gradient is 0.
        (np.r_[np.full(100, 3.0), -1e-9], 0.1, "rests"),
        (np.r_[np.full(100, 3.0), 0.0], 0.0, "rests"),
        # It fell steeply and has come to last: a gap between eigenvalues, and the smaller one seen.
        (np.where(K < 1000, 1.0, 1e-4), 1e-7, "falls"),
        (np.where(K < 700, 1.0, 1e-4), 1e-7, "lasts"),
    ],
)
def test_what_becomes_of_a_constant(constant, pace, wanted):
    assert constants.course(K, constant, pace) == wanted


def test_a_constant_of_stretches_is_that_of_their_ends():
    # The first record has no stretch before it: the same exponent from 100 constants as from 101.
    constant = (1.0 + K) ** -0.49
    assert constants.course(K, constant[1:], 0.1) == constants.course(K, constant, 0.1) == "lasts"


def test_a_level_that_takes_over_with_a_lower_rate_is_no_fall_of_the_constant():
    """The theorem slows down with r_{j*}: a pace that falls as r_{j*} does leaves its constant as it was."""
    rate = np.where(K < 900, 10.0, 0.1)
    loss = np.exp(-np.r_[0, np.cumsum(1e-3 * rate[:-1] * np.diff(K))])
    run = replace(trajectory(TARGET, 0, loss, gradient=rate * loss, rate=rate, step=K), learning_rate=1e-3)
    assert convergence.constant_course(run) == gradient.constant_course(run) == "lasts"
    assert convergence.constant_course(replace(run, rate=np.ones(101))) == "falls"


def test_a_descent_that_ends_above_nothing_rests_and_a_rise_rests():
    loss = 1e-3 + np.exp(-0.02 * K)
    run = trajectory(TARGET, 0, loss, gradient=np.exp(-0.02 * K), step=K)
    assert convergence.constant_course(run) == gradient.constant_course(run) == "rests"
    risen = np.exp(-1e-3 * K) * np.where(K == 750, 1.1, 1.0)
    assert convergence.constant_course(trajectory(TARGET, 0, risen, step=K)) == "rests"


def test_both_sides_of_a_sign_test_count_all_descents():
    test = constants.lasting(["lasts"] * 30 + ["falls"] * 6 + ["rests"] * 4)
    assert test.value == 0.75
    assert (test.p_for, test.p_against) == (binom.sf(29, 40, 0.5), binom.sf(3, 40, 0.5))
    assert test.statistic == "of 40 descents 30 last, 6 fall, 4 rest"


@pytest.mark.parametrize("quick", [True, False])
def test_over_parameterised_networks_have_ten_parameters_an_equation(quick):
    descents = {n: claim.experiments(quick).descents for n, claim in synthetic.claims().items() if n in (1, 2, 4)}
    asked = [each for found in descents.values() for name, each in found.items() if name.startswith("over")]
    assert len(asked) > 20
    dims = {target: load().parse("target", target)[0].distribution().data.dim for target in paths.TARGETS}
    for each in asked:
        (net,) = load().parse("network", each.network)
        equations = each.trainer.points * each.trainer.levels * dims[each.target]
        assert net.depth * net.width**2 >= paths.SURPLUS * equations, each
    # Of the shared runs on digits there is one an equation.
    base = descents[1]["base digits"]
    assert base.trainer.points * base.trainer.levels * dims["digits"] == 64**2 * 2


def test_notes_say_what_a_verdict_means():
    for number, make in MAKERS.items():
        claim = next(c() for c in load().classes("claim").values() if c.number == number)
        note = claim.decide(make("neither", np.random.default_rng(0))).note
        assert note.endswith(".")
        assert len(note) <= 200, number  # it stands in one line of the table
        assert "\n" not in note


def test_slopes_in_width_and_depth_are_those_of_a_power():
    runs = {
        size: [trajectory(TARGET, s, (5.0 + s) * size**-0.5 / (1.0 + STEPS)) for s in range(3)] for size in (1, 2, 4)
    }
    test = sizes.slopes(runs)
    assert test.value == pytest.approx(-0.5)
    # Relative to its start every loss falls alike.
    assert sizes.slopes(runs, relative=True).value == pytest.approx(0, abs=1e-12)


def test_at_equal_time_a_step_size_that_shrinks_with_size_costs_nothing():
    """ln L = −hk for all sizes, h ∝ 1/m: after K steps the slope is above 0, at equal h·k it is 0."""
    runs = {
        m: [
            replace(trajectory(TARGET, s, np.exp(-0.01 * (1 + s) / m * STEPS)), learning_rate=0.01 * (1 + s) / m)
            for s in range(3)
        ]
        for m in (1, 2, 4)
    }
    assert sizes.slopes(runs).value > 0.5
    assert sizes.slopes(runs, equal=True).value == pytest.approx(0, abs=1e-12)


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
        paths.of(evidence(), "base")


@pytest.mark.parametrize("quick", [True, False])
def test_every_descent_can_be_planned_and_is_shared(quick, tmp_path):
    registry = load()
    claims = [c() for c in registry.classes("claim").values() if c.number <= 5]
    keys = {}
    for claim in claims:
        requests = claim.experiments(quick).descents
        assert {r.target for r in requests.values()} == set(paths.TARGETS)
        asked = [each for request in requests.values() for each in descents(request, registry).learners]
        keys[claim.number] = {each.trajectories for each in asked}
    # All look at the runs of claim 5; 1, 2 and 4 at over-parameterised ones as well, 1 at all of 2's.
    assert all(keys[5] < keys[number] for number in (1, 2, 3, 4))
    assert keys[2] < keys[1]


def test_quick_and_full_runs_share_no_seed():
    drawn = [{s for r in paths.shared(quick).values() for s in r.seeds} for quick in (True, False)]
    assert not drawn[0] & drawn[1]
    # Nor any with the seeds on which the rules were tried out and revised.
    assert min(drawn[0] | drawn[1]) >= 600


def test_the_opening_is_the_beginning_of_the_shared_runs_of_even_seeds():
    for quick in (True, False):
        for target in paths.TARGETS:
            whole, first = paths.shared(quick)[f"base {target}"], paths.opening(quick)[f"opening {target}"]
            assert set(first.seeds) == {s for s in whole.seeds if s % 2 == 0}
            assert first.trainer == whole.trainer
            assert replace(first.recording, every=whole.recording.every, probes=6) == whole.recording
            assert (first.network, first.weighting) == (whole.network, whole.weighting)
