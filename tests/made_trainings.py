"""Small trainings of both kinds, for tests of what they do and what they record."""

import torch
from harness_synthetic.targets import Gaussian
from harness_wang.networks import Relu
from torch import nn

from harness.engine.adam_recording import train_recorded
from harness.engine.courses import Course, Learner, LevelTable
from harness.engine.gradient_descent import descend
from harness.engine.levels import table_levels
from harness.engine.objective import draw_objective
from harness.networks import TrainableNetwork
from harness.trainers import Adam, GradientDescent, Recording
from harness.weightings import Weighting

LOW, HIGH = 0.5, 4.0


TABLE = table_levels(LOW, HIGH)


TARGET = Gaussian(dim=3)


class Power(Weighting):
    name = "power"
    power: float = -1.0

    def omega(self, sigma, sigma_data):
        return sigma**self.power


class LinearScore(TrainableNetwork):
    """S = Ax: the objective is a quadratic in A."""

    name = "linear-score"

    def module(self, data):
        return LinearModule(data.dim)


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
    return Learner(made, LevelTable(made.density(TABLE, 1.0), made.omega(TABLE, 1.0)), seed)


def descent(**changes):
    return GradientDescent(**({"points": 4, "levels": 3, "sigma_min": LOW, "sigma_max": HIGH} | changes))


def adam(**changes):
    return Adam(**({"sigma_min": LOW, "sigma_max": HIGH} | changes))


def objective_of(law, who, how):
    return draw_objective(
        law,
        who.table,
        seed=who.seed,
        points=how.points,
        level_count=how.levels,
        sigma_min=how.sigma_min,
        sigma_max=how.sigma_max,
    )


def descended(network=RELU, who=None, lengths=(20,), recording=None, **changes):
    course = Course(TARGET, network, lengths, recording or Recording(every=1))
    return list(descend(who or learner(), descent(**changes), course))


def watched(network, trainer, steps, **recording):
    course = Course(TARGET, network, (steps,), Recording(**recording))
    ((snapshot,),) = train_recorded([learner()], trainer, course)
    return snapshot
