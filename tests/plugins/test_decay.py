"""Theorem 1: the decay of gradient descent against the rate of its slowest level."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from harness_metrics import TrainingLoss
from harness_wang.decay import Theorem1, decay
from harness_wang.networks import Relu

from harness.bounds import Design
from harness.engine.courses import Course, Learner, LevelTable
from harness.engine.gradient_descent import descend
from harness.engine.levels import table_levels
from harness.engine.objective import Objective
from harness.errors import NotApplicable
from harness.metrics import Measurement
from harness.trainers import GradientDescent, Recording
from harness.trajectories import Trajectory, slowest_level


def trajectory(step, loss, rate, *, learning_rate=0.1, sigma=(1.0,), beta=(1.0,), level_loss=None, slowest=None):
    step, loss = np.array(step), np.array(loss, dtype=float)
    count = len(step)
    return Trajectory(
        target="t",
        network="n",
        weighting="w",
        seed=0,
        method="gradient-descent",
        objective="fixed",
        dim=1,
        points=1,
        learning_rate=learning_rate,
        sigma=np.array(sigma),
        beta=np.array(beta),
        rates=np.array(beta) * np.array(sigma) ** 2,
        renewed=(),
        step=step,
        loss=loss,
        level_loss=loss[:, None] if level_loss is None else level_loss,
        residual=np.ones((count, len(sigma))),
        gradient=np.ones(count),
        slowest=np.zeros(count, dtype=int) if slowest is None else slowest,
        rate=np.array(rate, dtype=float),
        distance=np.zeros(count),
    )


def design(way):
    return Design(None, np.ones(2), None, 1, 1.0, None, None, None, training=way)


class TestDecay:
    def test_a_decay_as_stated_gives_its_constant_back(self):
        """r_{j*} jumps, records are unevenly spaced, and L falls by 1 − C h r_{j*} at each step."""
        rate = np.array([2.0, 2.0, 0.5, 3.0, 1.0])
        step = np.array([0, 1, 5, 6, 16])
        loss = 7.0 * np.concatenate([[1.0], np.cumprod((1 - 0.8 * 0.1 * rate[:-1]) ** np.diff(step))])
        found = decay(trajectory(step, loss, rate))
        assert found.constant == pytest.approx(0.8, rel=1e-12)
        assert found.mean_constant == pytest.approx(0.8, rel=1e-9)
        assert found.predicted == pytest.approx(loss, rel=1e-12)
        assert found.mean_rate == pytest.approx(1 - (loss[-1] / 7) ** (1 / 16), rel=1e-12)

    def test_the_slowest_stretch_decides(self):
        loss = np.array([8.0, 4.0, 3.0, 1.0])
        found = decay(trajectory([0, 1, 2, 3], loss, [1, 1, 1, 1], learning_rate=1.0))
        assert found.constant == pytest.approx(0.25)
        assert found.predicted == pytest.approx(8 * 0.75 ** np.arange(4))
        assert found.mean_constant == pytest.approx(0.5)
        rising = decay(trajectory([0, 1, 2], [2.0, 3.0, 1.0], [1, 1, 1]))
        assert rising.constant == pytest.approx(-5.0)

    def test_on_a_quadratic_that_reaches_zero_it_is_the_known_factor(self):
        """S = ax in one dimension, noise chosen so that a* has no residual: L_k = L_0 (1 − hH)^{2k} exactly."""
        sigma, best, h = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64), -0.7, 0.3
        clean = torch.tensor([[0.5], [1.5], [-1.0]], dtype=torch.float64)
        scale = -best * sigma / (1 + best * sigma**2)
        noise = scale[:, None, None] * clean
        objective = Objective(sigma, torch.tensor([1.0, 2.0, 0.5]).double(), sigma, clean, noise)
        x = (clean + sigma[:, None, None] * noise)[..., 0]
        hessian = float((objective.beta * sigma**2 * x.square().mean(-1)).sum())
        a, loss, rate, level = 0.4, [], [], []
        for _ in range(20):
            _, parts = objective(lambda y, s, a=a: y + s[:, None] ** 2 * a * y)
            level.append(parts.level_loss.numpy())
            slowest = slowest_level(level[-1], objective.rates.numpy())
            loss.append(parts.total)
            rate.append(float(objective.rates[slowest]))
            a -= h * hessian * (a - best)
        assert loss == pytest.approx(loss[0] * (1 - h * hessian) ** (2 * np.arange(20)), rel=1e-9)
        found = decay(trajectory(range(20), loss, rate, learning_rate=h))
        assert found.constant == pytest.approx((1 - (1 - h * hessian) ** 2) / (h * rate[0]), rel=1e-6)
        assert found.predicted == pytest.approx(loss, rel=1e-5)

    @pytest.mark.parametrize("power", [0.0, 2.0])
    def test_the_relu_network_never_exceeds_it(self, registry, power):
        target = registry.parse("target", "ring")[0]
        weighting = registry.parse("weighting", "edm")[0]
        levels = table_levels(0.05, 20.0)
        learner = Learner(weighting, LevelTable(1 / levels, levels**power), 1)
        course = Course(target, Relu(width=64), (150,), Recording(every=1))
        (snapshot,) = descend(learner, GradientDescent(points=8, levels=6), course)
        way = snapshot.trajectory
        found = decay(way)
        assert found.constant > 0
        assert (found.predicted >= way.loss * (1 - 1e-12)).all()
        assert found.constant <= found.mean_constant
        # Fitted to fewer records it is valid at those.
        thin = way.thinned(10)
        assert (decay(thin).predicted >= thin.loss * (1 - 1e-12)).all()
        assert Theorem1().value(design(way)) == pytest.approx(found.predicted[-1])


class TestTheorem1:
    def way(self, **changes):
        return replace(trajectory([0, 1, 2], [4.0, 2.0, 1.5], [1, 1, 1]), **changes)

    def test_it_applies_to_gradient_descent_on_a_fixed_objective_alone(self):
        value = Theorem1().value(design(self.way()))
        assert value == pytest.approx(4 * 0.75**2)
        for way, rule in (
            (None, "gradient descent"),
            (self.way(method="adam"), "gradient descent"),
            (self.way(renewed=(1,)), "renewed"),
            (self.way(loss=np.array([1.0, 2.0, 0.5])), "rose"),
            (self.way(loss=np.array([1.0, 0.5, 0.0])), "reached 0"),
            (self.way().thinned(1), "no step"),
        ):
            found = Theorem1().value(design(way))
            assert isinstance(found, NotApplicable)
            assert rule in found.reason

    def test_it_is_set_against_the_training_loss_and_nothing_else(self):
        assert Theorem1.limits == (TrainingLoss.quantity,) == ("training-loss",)

    def test_the_metric_is_the_last_loss(self):
        class Experiment:
            training = self.way()

        assert TrainingLoss().measure(Experiment()) == Measurement(1.5, 0.0)
        Experiment.training = self.way(method="adam")
        assert isinstance(TrainingLoss().measure(Experiment()), NotApplicable)
        Experiment.training = None
        assert isinstance(TrainingLoss().measure(Experiment()), NotApplicable)
