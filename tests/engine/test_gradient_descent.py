"""Gradient descent on the fixed objective: against closed forms on a quadratic; probes, and divergence."""

import math

import numpy as np
import pytest
import torch
from harness_karras.networks import Mlp
from harness_wang.networks import Relu
from harness_wang.weightings import BellShaped
from made_trainings import TABLE, TARGET, LinearScore, descended, descent, learner, objective_of

from harness import trajectories
from harness.data_spec import DataSpec
from harness.engine.gradient_descent import automatic_rate, curvature
from harness.engine.modules import initial_module
from harness.engine.objective import cell_masses
from harness.trainers import Recording


@pytest.fixture(scope="module")
def law():
    return TARGET.distribution()


class TestDescent:
    def test_a_step_goes_down_the_gradient(self, law):
        ((snapshot,), how) = descended(lengths=(1,), learning_rate=1e-4), descent()
        objective, module = (
            objective_of(law, learner(), how),
            initial_module(Relu(width=16, depth=2), DataSpec((3,), 1.0), 0).double(),
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
        (snapshot,) = descended(LinearScore(), lengths=(40,), points=16, learning_rate=0.02)
        objective = objective_of(law, who, how)
        weights = (objective.beta.repeat_interleave(16) / 16)[:, None]
        x, s, xi = objective._noised, objective._sigma[:, None], objective._noise
        hessian = (weights * s**2 * x).T @ x
        best = -((weights * s * xi).T @ x) @ torch.linalg.inv(hessian)
        start = initial_module(LinearScore(), DataSpec((3,), 1.0), 0).double().matrix.detach()
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
        module = initial_module(LinearScore(), DataSpec((3,), 1.0), 0).double()
        largest = float(torch.linalg.eigvalsh(hessian)[-1])
        learned = [p for p in module.parameters() if p.requires_grad]
        assert curvature(objective, module, learned, 0) == pytest.approx(largest, rel=1e-2)
        assert automatic_rate(objective, module, learned, 0) == pytest.approx(1 / largest, rel=1e-2)

    @pytest.mark.parametrize("network", [Relu(width=32, depth=3), Mlp(width=16, depth=2)])
    def test_levels_sum_to_the_loss_and_the_automatic_step_descends(self, network):
        (snapshot,) = descended(network, lengths=(60,))
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
        small = descended(network, lengths=(1,), learning_rate=t.learning_rate * 1e-3)[0].trajectory
        assert (small.loss[0] - small.loss[1]) / small.learning_rate == pytest.approx(small.gradient[0], rel=5e-3)

    def test_shorter_trainings_are_prefixes_to_the_last_bit(self):
        both = descended(lengths=(7, 20), recording=Recording(every=5))
        (short,) = descended(lengths=(7,), recording=Recording(every=5))
        assert both[0].trajectory.step.tolist() == [0, 5, 7]
        assert both[1].trajectory.step.tolist() == [0, 5, 10, 15, 20]
        assert trajectories.to_json(both[0].trajectory) == trajectories.to_json(short.trajectory)
        assert all(torch.equal(v, both[0].state[k]) for k, v in short.state.items())
        assert short.loss == short.trajectory.loss[-1]

    def test_float32_follows_float64(self):
        (single,), (double,) = descended(precision="float32"), descended()
        assert single.trajectory.loss == pytest.approx(double.trajectory.loss, rel=1e-4)
        assert not np.array_equal(single.trajectory.loss, double.trajectory.loss)

    def test_divergence_is_told(self):
        found = descended(LinearScore(), learning_rate=10.0, lengths=(1, 400))
        assert found[0].diverged is None
        assert found[1].diverged is not None
        assert found[1].trajectory is None
        assert math.isnan(found[1].loss)

    def test_an_adaptive_weighting_equalises_the_levels(self):
        (snapshot,) = descended(who=learner(BellShaped()), lengths=(60,), points=8)
        t = snapshot.trajectory
        assert t.renewed == (50,)
        assert not t.fixed
        # β_j = ω_j·m_j with ω = σ/residual: β·residual/(σm) is level.
        mass = cell_masses(torch.from_numpy(t.sigma), TABLE, 1 / TABLE).numpy()
        assert np.ptp(np.log(t.beta * t.residual[50] / (t.sigma * mass))) < 1e-12

    def test_probes_on_a_quadratic_have_no_third_order(self):
        (snapshot,) = descended(
            LinearScore(), lengths=(9,), points=16, recording=Recording(every=1, probes=3, directions=2)
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
        start = initial_module(LinearScore(), DataSpec((3,), 1.0), 0).matrix.detach().norm()
        assert sorted(set(np.round(p.distance / float(start), 9))) == pytest.approx([1e-3, 1e-2, 1e-1], rel=1e-6)

    def test_probing_changes_nothing(self):
        (plain,), (probed,) = descended(), descended(recording=Recording(every=1, probes=4))
        assert np.array_equal(plain.trajectory.loss, probed.trajectory.loss)
        assert all(torch.equal(v, plain.state[k]) for k, v in probed.state.items())
