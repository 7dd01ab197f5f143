import json
import math

import numpy as np
import pytest
import torch
from harness_claims.plan import descents
from harness_karras.networks import Mlp
from harness_wang.networks import Relu
from harness_wang.weightings import BellShaped
from torch import nn

from harness import trajectories
from harness.engine.adam import train
from harness.engine.adam_recording import train_recorded
from harness.engine.courses import Course, Labels, Learner
from harness.engine.gradient_descent import automatic_rate, curvature, descend
from harness.engine.levels import table_levels
from harness.engine.objective import Objective, cell_masses, draw_objective
from harness.engine.snapshots import initial_module
from harness.engine.tabulate import comb
from harness.errors import HarnessError
from harness.networks import TrainableNetwork
from harness.trainers import Adam, GradientDescent, Recording, TrajectoryRequest
from harness.trajectories import TIE, slowest_level
from harness.weightings import Weighting

LOW, HIGH = 0.5, 4.0
TABLE = table_levels(LOW, HIGH)
LABELS = Labels("target", "network")


class Power(Weighting):
    name = "power"
    power: float = -1.0

    def omega(self, sigma, sigma_data):
        return sigma**self.power


class LinearScore(TrainableNetwork):
    """S = Ax: the objective is a quadratic in A."""

    name = "linear-score"

    def module(self, dim, sigma_data):
        return LinearModule(dim)


class LinearModule(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.matrix = nn.Parameter(0.1 * torch.randn(dim, dim))
        self.shift = nn.Parameter(torch.randn(dim), requires_grad=False)

    def forward(self, x, sigma):
        return x + sigma[:, None] ** 2 * (x @ self.matrix.T + 0 * self.shift)


RELU = Relu(width=16, depth=2)


def learner(weighting=None, seed=0):
    made = weighting or Power()
    return Learner(made, made.density(TABLE, 1.0), made.omega(TABLE, 1.0), seed)


def descent(**changes):
    return GradientDescent(**({"points": 4, "levels": 3, "sigma_min": LOW, "sigma_max": HIGH} | changes))


def adam(**changes):
    return Adam(**({"sigma_min": LOW, "sigma_max": HIGH} | changes))


def objective_of(law, who, how):
    return draw_objective(
        law,
        (who.density, who.omega),
        seed=who.seed,
        points=how.points,
        levels=how.levels,
        sigma_min=how.sigma_min,
        sigma_max=how.sigma_max,
    )


def descended(law, network=RELU, who=None, lengths=(20,), recording=None, **changes):
    course = Course(network, law, lengths, recording or Recording(every=1), LABELS)
    return list(descend(who or learner(), descent(**changes), course))


def watched(law, network, trainer, steps, **recording):
    course = Course(network, law, (steps,), Recording(**recording), LABELS)
    ((snapshot,),) = train_recorded([learner()], trainer, course)
    return snapshot


@pytest.mark.parametrize("together", [True, False])
def test_networks_recorded_in_one_unit_have_the_trajectories_that_they_have_alone(law, monkeypatch, together):
    # Also where a stack would change them, so that each trains, and is recorded, by itself.
    trainer, learners = adam(batch_size=33), [learner(seed=0), learner(seed=1), learner(seed=2)]
    course = Course(RELU, law, (10, 20), Recording(every=5), LABELS)
    alone = [list(train_recorded([each], trainer, course)) for each in learners]
    monkeypatch.setattr("harness.engine.adam.separable", lambda *given: together)
    for length, snapshots in enumerate(train_recorded(learners, trainer, course)):
        for place, snapshot in enumerate(snapshots):
            expected = trajectories.to_json(alone[place][length][0].trajectory)
            assert trajectories.to_json(snapshot.trajectory) == expected, (length, place)


@pytest.fixture(scope="module")
def law(registry):
    return registry.parse("target", "gaussian:dim=3")[0].distribution()


class TestObjective:
    def test_it_is_the_double_sum_of_the_paper(self, law):
        clean = law.sample(4, torch.Generator().manual_seed(1)).double()
        noise = torch.randn(3, 4, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
        sigma = torch.tensor([0.5, 1.0, 4.0], dtype=torch.float64)
        mass, omega = torch.tensor([0.3, 1.2, 0.7], dtype=torch.float64), sigma**2
        module = initial_module(Relu(width=8, depth=2), 3, 1.0, 0).double()
        loss, parts = Objective(sigma, mass, omega, clean, noise)(module)
        beta = (mass * sigma**2).tolist()
        total, lengths = 0.0, []
        for j, s in enumerate(sigma):
            norms = []
            for i in range(4):
                x = clean[i] + s * noise[j, i]
                v = s * module.score(x[None], s[None])[0] + noise[j, i]
                norms.append(float(v.detach() @ v.detach()))
                total += beta[j] / sum(beta) * norms[-1] / (2 * 4)
            lengths.append(np.mean(np.sqrt(norms)))
        assert float(loss.detach()) == pytest.approx(total, rel=1e-12)
        assert parts.total == pytest.approx(total, rel=1e-12)
        assert parts.residual.tolist() == pytest.approx(lengths, rel=1e-12)

    def test_cells_cover_the_range(self):
        for count in (2, 3, 17):
            sigma = table_levels(LOW, HIGH, count)
            edges = [LOW, *(sigma[1:] * sigma[:-1]).sqrt().tolist(), HIGH]
            mass = cell_masses(sigma, TABLE, 1 / TABLE)
            assert mass.tolist() == pytest.approx(np.diff(np.log(edges)), rel=1e-12)

    def test_a_comb_falls_to_the_cells_that_its_teeth_are_in(self):
        sigma = table_levels(LOW, HIGH, 4)
        teeth, masses = np.array([HIGH, 3.9, 1.1, 0.9, LOW]), np.array([0.1, 0.2, 0.3, 0.15, 0.25])
        found = cell_masses(sigma, TABLE, torch.from_numpy(comb(TABLE.numpy(), teeth, masses)))
        assert found.tolist() == pytest.approx([0.25, 0.45, 0.0, 0.3], abs=1e-12)

    @pytest.mark.parametrize("power", [-2.0, 0.0, 1.5])
    def test_many_levels_approach_the_integral(self, law, power):
        who = learner(weighting=Power(power=power))
        objective = objective_of(law, who, descent(levels=801, points=1))
        middle = float((objective.beta * objective.sigma).sum())
        # ∫σ·σ^(p−1) / ∫σ^(p−1), in closed form.
        integral = lambda a: math.log(HIGH / LOW) if a == 0 else (HIGH**a - LOW**a) / a  # noqa: E731
        assert middle == pytest.approx(integral(power + 1) / integral(power), rel=1e-4)
        assert float(objective.beta.sum()) == pytest.approx(1, rel=1e-14)

    def test_the_gradient_of_a_term_is_what_the_rates_say(self, law):
        """‖∇L_j‖² = 2 r_j κ_j L_j / n: the rate is β_jσ_j², not β_jσ_j³."""
        how, module = descent(levels=2), initial_module(Relu(width=8, depth=2), 3, 1.0, 0).double()
        learned = [p for p in module.parameters() if p.requires_grad]
        objective = objective_of(law, learner(), how)
        for j in range(2):
            omega = torch.zeros(2, dtype=torch.float64)
            omega[j] = 1.0
            alone = objective_of(law, learner(), how)
            alone.set_omega(omega)
            loss, _ = alone(module)
            share = float(objective.beta[j])
            gradient = sum(float(g.square().sum()) for g in torch.autograd.grad(share * loss, learned))
            s = float(objective.sigma[j])
            x = alone._noised.view(2, 4, 3)[j]
            v = s * module.score(x, torch.full((4,), s, dtype=torch.float64)) + alone._noise.view(2, 4, 3)[j]
            pulled = torch.autograd.grad(module.score(x, torch.full((4,), s).double()), learned, v.detach())
            kappa = sum(float(g.square().sum()) for g in pulled) / float(v.detach().square().sum())
            rate, term = float(objective.rates[j]), share * float(loss.detach())
            assert gradient == pytest.approx(2 * rate * kappa * term / 4, rel=1e-10)

    def test_points_and_noise_are_those_of_the_seed_alone(self, law):
        a = objective_of(law, learner(), descent())
        b = objective_of(law, learner(Power(power=2.0)), descent())
        c = objective_of(law, learner(seed=1), descent())
        assert torch.equal(a._noised, b._noised)
        assert torch.equal(a._noise, b._noise)
        assert not torch.equal(a._noised, c._noised)

    def test_weights_that_vanish_everywhere_are_refused(self, law):
        objective = objective_of(law, learner(), descent())
        with pytest.raises(HarnessError, match="0 at all 3 levels"):
            objective.set_omega(torch.zeros(3, dtype=torch.float64))


class TestDescent:
    def test_a_step_goes_down_the_gradient(self, law):
        ((snapshot,), how) = descended(law, lengths=(1,), learning_rate=1e-4), descent()
        objective, module = (
            objective_of(law, learner(), how),
            initial_module(Relu(width=16, depth=2), 3, 1.0, 0).double(),
        )
        step = 1e-6
        state = {k: v.double() for k, v in module.state_dict().items()}
        moved = (snapshot.state["hidden.0"].double() - state["hidden.0"]) / -1e-4
        with torch.no_grad():
            for at in ((0, 0), (3, 7), (15, 15)):
                value = float(module.hidden[0][at])
                ends = []
                for sign in (1, -1):
                    module.hidden[0][at] = value + sign * step
                    ends.append(objective(module)[1].total)
                module.hidden[0][at] = value
                # The state is kept in float32.
                assert float(moved[at]) == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-3, abs=1e-2)
        for frozen in ("first", "last"):
            assert torch.equal(snapshot.state[frozen], state[frozen].float())

    def test_on_a_quadratic_it_is_the_closed_form(self, law):
        """S = Ax: L = ½tr(A H Aᵀ) + …, so that A_k − A* = (A_0 − A*)(I − hH)^k."""
        who, how = learner(), descent(points=16)
        (snapshot,) = descended(law, LinearScore(), lengths=(40,), points=16, learning_rate=0.02)
        objective = objective_of(law, who, how)
        weights = (objective.beta.repeat_interleave(16) / 16)[:, None]
        x, s, xi = objective._noised, objective._sigma[:, None], objective._noise
        hessian = (weights * s**2 * x).T @ x
        best = -((weights * s * xi).T @ x) @ torch.linalg.inv(hessian)
        start = initial_module(LinearScore(), 3, 1.0, 0).double().matrix.detach()
        shrink = torch.eye(3, dtype=torch.float64) - 0.02 * hessian
        found, loss = [], []
        for k in range(41):
            a = best + (start - best) @ torch.linalg.matrix_power(shrink, k)
            found.append(float((a - start).norm()))
            loss.append(float(0.5 * (weights * (s * x @ a.T + xi).square()).sum()))
        trajectory = snapshot.trajectory
        assert trajectory.step.tolist() == list(range(41))
        assert trajectory.loss.tolist() == pytest.approx(loss, rel=1e-10)
        assert trajectory.distance.tolist() == pytest.approx(found, rel=1e-9, abs=1e-12)
        assert trajectory.gradient[-1] == pytest.approx(float(((a - best) @ hessian).square().sum()), rel=1e-8)

    def test_curvature_of_a_quadratic_is_its_largest_eigenvalue(self, law):
        who, how = learner(), descent(points=16)
        objective = objective_of(law, who, how)
        weights = (objective.beta.repeat_interleave(16) / 16)[:, None]
        hessian = (weights * objective._sigma[:, None] ** 2 * objective._noised).T @ objective._noised
        module = initial_module(LinearScore(), 3, 1.0, 0).double()
        largest = float(torch.linalg.eigvalsh(hessian)[-1])
        assert curvature(objective, module, 0) == pytest.approx(largest, rel=1e-2)
        assert automatic_rate(objective, module, 0) == pytest.approx(1 / largest, rel=1e-2)

    @pytest.mark.parametrize("network", [Relu(width=32, depth=3), Mlp(width=16, depth=2)])
    def test_levels_sum_to_the_loss_and_the_automatic_step_descends(self, law, network):
        (snapshot,) = descended(law, network, lengths=(60,))
        t = snapshot.trajectory
        assert t.level_loss.sum(-1) == pytest.approx(t.loss, rel=1e-12)
        # A network that starts at zero grows steeper, and then does not fall at each step.
        assert (np.diff(t.loss) < 0).all() if isinstance(network, Relu) else t.loss[-1] < 0.1 * t.loss[0]
        assert t.distance[0] == 0
        assert t.beta.sum() == pytest.approx(1)
        assert t.rates == pytest.approx(t.beta * t.sigma**2)
        assert t.rate == pytest.approx(t.rates[t.slowest])
        # Jensen: the mean norm is at most the root of the mean square.
        assert (t.residual <= np.sqrt(2 * t.level_loss / t.beta) * (1 + 1e-12)).all()
        # Recorded ‖∇L‖² is the decay per unit of h, to first order.
        small = descended(law, network, lengths=(1,), learning_rate=t.learning_rate * 1e-3)[0].trajectory
        assert (small.loss[0] - small.loss[1]) / small.learning_rate == pytest.approx(small.gradient[0], rel=5e-3)

    def test_shorter_trainings_are_prefixes_to_the_last_bit(self, law):
        both = descended(law, lengths=(7, 20), recording=Recording(every=5))
        (short,) = descended(law, lengths=(7,), recording=Recording(every=5))
        assert both[0].trajectory.step.tolist() == [0, 5, 7]
        assert both[1].trajectory.step.tolist() == [0, 5, 10, 15, 20]
        assert trajectories.to_json(both[0].trajectory) == trajectories.to_json(short.trajectory)
        assert all(torch.equal(v, both[0].state[k]) for k, v in short.state.items())
        assert short.loss == short.trajectory.loss[-1]

    def test_float32_follows_float64(self, law):
        (single,), (double,) = descended(law, precision="float32"), descended(law)
        assert single.trajectory.loss == pytest.approx(double.trajectory.loss, rel=1e-4)
        assert not np.array_equal(single.trajectory.loss, double.trajectory.loss)

    def test_divergence_is_told(self, law):
        found = descended(law, LinearScore(), learning_rate=10.0, lengths=(1, 400))
        assert found[0].diverged is None
        assert found[1].diverged is not None
        assert found[1].trajectory is None
        assert math.isnan(found[1].loss)

    def test_an_adaptive_weighting_equalises_the_levels(self, law):
        (snapshot,) = descended(law, who=learner(BellShaped()), lengths=(60,), points=8)
        t = snapshot.trajectory
        assert t.renewed == (50,)
        assert not t.fixed
        # β_j = ω_j·m_j with ω = σ/residual: β·residual/(σm) is level.
        mass = cell_masses(torch.from_numpy(t.sigma), TABLE, 1 / TABLE).numpy()
        assert np.ptp(np.log(t.beta * t.residual[50] / (t.sigma * mass))) < 1e-12

    def test_probes_on_a_quadratic_have_no_third_order(self, law):
        (snapshot,) = descended(
            law, LinearScore(), lengths=(9,), points=16, recording=Recording(every=1, probes=3, directions=2)
        )
        p = snapshot.trajectory.probes
        assert len(p.step) == 3 * 3 * 3
        assert set(p.step.tolist()) == {0, 4, 9}
        curved = 2 * (p.loss_there - p.loss - p.slope) / p.distance**2
        t = snapshot.trajectory
        assert (curved > 0).all()
        assert curved.max() <= 1 / t.learning_rate * 1.01
        # Along −∇L the slope is −‖∇L‖ω.
        down = p.along_gradient & (p.step == 4)
        assert p.slope[down] == pytest.approx(-math.sqrt(t.gradient[4]) * p.distance[down], rel=1e-9)
        start = initial_module(LinearScore(), 3, 1.0, 0).matrix.detach().norm()
        assert sorted(set(np.round(p.distance / float(start), 9))) == pytest.approx([1e-3, 1e-2, 1e-1], rel=1e-6)

    def test_probing_changes_nothing(self, law):
        (plain,), (probed,) = descended(law), descended(law, recording=Recording(every=1, probes=4))
        assert np.array_equal(plain.trajectory.loss, probed.trajectory.loss)
        assert all(torch.equal(v, plain.state[k]) for k, v in probed.state.items())


class TestSlowest:
    def test_it_is_the_largest_rate_among_the_largest_losses(self):
        rates = np.array([1.0, 5.0, 2.0, 9.0])
        assert slowest_level(np.array([3.0, 3.0, 3.0, 1.0]), rates) == 1
        assert slowest_level(np.array([4.0, 3.0, 3.0, 1.0]), rates) == 0
        assert slowest_level(np.array([3.0, 1.0, 3.0 * (1 - TIE / 2), 1.0]), rates) == 2
        assert slowest_level(np.array([3.0, 1.0, 3.0 * (1 - 2 * TIE), 1.0]), rates) == 0
        assert slowest_level(np.array([np.nan, 1.0, 2.0, np.nan]), rates) == 2
        assert slowest_level(np.array([1.0, 1.0]), np.array([2.0, 2.0])) == 0


class TestPractical:
    def test_recording_changes_no_bit(self, law):
        how, network = adam(batch_size=64, learning_rate=2e-3), Mlp(width=16, depth=2)
        recorded = watched(law, network, how, 30, every=4, cells=3)
        ((other,),) = train(network, law, [learner()], how, (30,))
        assert recorded.loss == other.loss
        assert all(torch.equal(v, other.state[k]) for k, v in recorded.state.items())
        t = recorded.trajectory
        assert t.step.tolist() == [0, 4, 8, 12, 16, 20, 24, 28, 29]
        assert t.distance[0] == 0
        assert (np.diff(t.distance) > 0).all()

    def test_it_is_in_the_units_of_the_objective(self, law):
        """At the start both see the same network: ½∫β̂E‖σS + ξ‖², its levels and its gradient."""
        practical = watched(law, RELU, adam(batch_size=20_000, learning_rate=1e-9), 1, cells=3).trajectory
        (paper,) = descended(law, lengths=(1,), points=400, levels=65, learning_rate=1e-12)
        assert practical.loss[0] == pytest.approx(paper.trajectory.loss[0], rel=0.1)
        assert practical.gradient[0] == pytest.approx(paper.trajectory.gradient[0], rel=0.2)
        edges = table_levels(LOW, HIGH, 4).numpy()
        cell = np.clip(np.searchsorted(edges, paper.trajectory.sigma) - 1, 0, 2)
        mass = np.bincount(cell, paper.trajectory.beta)
        assert practical.beta == pytest.approx(mass, abs=0.03)
        assert practical.level_loss[0] == pytest.approx(np.bincount(cell, paper.trajectory.level_loss[0]), rel=0.2)

    def test_a_cell_without_a_point_is_unknown(self, law):
        t = watched(law, RELU, adam(batch_size=1), 2, every=1, cells=8).trajectory
        assert np.isnan(t.residual).sum() == 2 * 7
        told = json.loads(json.dumps(trajectories.to_json(t), allow_nan=False))
        assert np.isnan(trajectories.from_json(told).residual).sum() == 2 * 7


class TestTrajectory:
    def test_json_gives_it_back_bit_for_bit(self, law):
        (snapshot,) = descended(law, recording=Recording(every=1, probes=2))
        told = json.loads(json.dumps(trajectories.to_json(snapshot.trajectory), allow_nan=False))
        back = trajectories.from_json(told)
        for name, value in vars(snapshot.trajectory).items():
            if isinstance(value, np.ndarray):
                assert np.array_equal(value, getattr(back, name)), name
                assert value.dtype == getattr(back, name).dtype, name
            elif name != "probes":
                assert value == getattr(back, name), name
        for name, value in vars(snapshot.trajectory.probes).items():
            assert np.array_equal(value, getattr(back.probes, name)), name

    def test_thinning_keeps_both_ends(self, law):
        (snapshot,) = descended(law)
        thin = snapshot.trajectory.thinned(5)
        assert thin.step.tolist() == [0, 5, 10, 15, 20]
        assert thin.loss.tolist() == snapshot.trajectory.loss[[0, 5, 10, 15, 20]].tolist()
        assert Recording().steps(1000) == list(range(0, 1001, 20))


class TestRequests:
    def request(self, **changes):
        given = {"target": "gaussian", "network": "relu:width=8", "weighting": "edm", "seeds": (0, 3), "steps": 5}
        given |= {"trainer": descent(), "recording": Recording(every=1)}
        return TrajectoryRequest(**(given | changes))

    def test_keys_follow_what_is_asked(self, registry):
        def wanted(**changes):
            return descents(self.request(**changes), registry).wanted[0]

        others = [{"network": "relu:width=9"}, {"steps": 6}, {"seeds": (1,)}, {"trainer": descent(points=5)}]
        assert len({wanted(**changes).keys for changes in ({}, *others)}) == 5
        assert wanted() == wanted()

    def test_a_network_is_the_same_however_it_is_watched(self, registry):
        def wanted(recording, steps=5):
            return descents(self.request(recording=recording, steps=steps), registry).wanted[0]

        plain, probed = wanted(Recording(every=1)), wanted(Recording(every=1, probes=2))
        assert plain.keys == probed.keys
        assert plain.trajectories != probed.trajectories
        # What records the same steps is the same recording, however it is said.
        assert wanted(Recording(), 100) == wanted(Recording(every=2, cells=9, radii=(0.5,)), 100)

    @pytest.mark.parametrize(
        ("changes", "rule"),
        [
            ({"network": "exact"}, "not one that is trained"),
            ({"network": "relu:width=8,16"}, "stands for 2"),
            ({"weighting": "nosuch"}, "nosuch"),
            ({"weighting": "grid-matched"}, "made for a grid"),
        ],
    )
    def test_what_cannot_be_is_told(self, registry, changes, rule):
        with pytest.raises(HarnessError, match=rule):
            descents(self.request(**changes), registry)
