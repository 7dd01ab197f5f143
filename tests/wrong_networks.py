"""Wrong networks and oracles: each is one that ships with a slip in it."""

from typing import ClassVar

import numpy as np
import torch
from harness_karras.networks import Mlp
from harness_oracles.networks import Exact, Inexact
from harness_wang.networks import Relu
from torch import nn

from harness.networks import TrainableNetwork


class Module(nn.Module):
    """A small denoiser, right but for what a subclass does."""

    def __init__(self, dim):
        super().__init__()
        self.first = nn.Linear(dim + 1, 16)
        self.last = nn.Linear(16, dim)

    def hidden(self, x, sigma):
        return self.first(torch.cat([x, sigma.log()[:, None]], 1)).tanh()

    def forward(self, x, sigma):
        return self.last(self.hidden(x, sigma))


class Labelled(Module):
    """The same, with labels."""

    def __init__(self, dim):
        super().__init__(dim)
        self.classes = nn.Embedding(4, 16)

    def forward(self, x, sigma, labels):
        return self.last(self.hidden(x, sigma) + self.classes(labels))


class Right(TrainableNetwork):
    """The network of a module."""

    name = "right"
    kind: ClassVar[type] = Module

    def module(self, data):
        return self.kind(data.dim)


class RightLabelled(Right):
    name = "right-labelled"
    kind: ClassVar[type] = Labelled

    @property
    def conditional(self):
        return True


class Dropped(Module):
    """Drops units."""

    def forward(self, x, sigma):
        return self.last(nn.functional.dropout(self.hidden(x, sigma), 0.1, self.training))


class OfTheBatch(Module):
    """Normalised over the batch."""

    def forward(self, x, sigma):
        hidden = self.hidden(x, sigma)
        return self.last(hidden - hidden.mean(0))


class FirstLevel(Module):
    """Takes the first level for that of all."""

    def forward(self, x, sigma):
        return self.last(self.hidden(x, sigma[:1].expand(len(x))))


class Constant(Module):
    """A tensor that is neither parameter nor buffer."""

    def __init__(self, dim):
        super().__init__(dim)
        self.bias = torch.randn(dim)

    def forward(self, x, sigma):
        return super().forward(x, sigma) + self.bias.to(x)


class Counting(Module):
    """A buffer that changes with each call."""

    def __init__(self, dim):
        super().__init__(dim)
        self.register_buffer("calls", torch.zeros(1))

    def forward(self, x, sigma):
        self.calls += 1
        return super().forward(x, sigma) * (1 + 0.01 * self.calls)


class Noisy(Module):
    def forward(self, x, sigma):
        return super().forward(x, sigma) + 0.01 * torch.randn_like(x)


class Branching(Module):
    """A branch by what is in the batch."""

    def forward(self, x, sigma):
        found = super().forward(x, sigma)
        return found if float(found.sum()) > 0 else 2 * found


class Detached(Module):
    """The first layer learns nothing."""

    def forward(self, x, sigma):
        return self.last(self.hidden(x, sigma).detach())


class Unused(Module):
    """A layer that nothing goes through."""

    def __init__(self, dim):
        super().__init__(dim)
        self.middle = nn.Linear(16, 16)


class Flattened(Module):
    """One number a point."""

    def forward(self, x, sigma):
        return super().forward(x, sigma).mean(1)


class AlwaysSingle(Module):
    """Computes in single precision, whatever it is given."""

    def forward(self, x, sigma):
        weight = self.last.weight.float()
        return nn.functional.linear(self.hidden(x, sigma).float(), weight, self.last.bias.float())


class Frozen(Module):
    """Nothing is to be trained but a bias that does not count."""

    def __init__(self, dim):
        super().__init__(dim)
        for parameter in self.parameters():
            parameter.requires_grad_(False)
        self.bias = nn.Parameter(torch.zeros(dim))

    def forward(self, x, sigma):
        return super().forward(x, sigma) + 0 * self.bias


class InPlace(Module):
    def forward(self, x, sigma):
        return super().forward(x.mul_(0.5), sigma)


class Overflowing(Module):
    """Not finite at high levels."""

    def forward(self, x, sigma):
        return super().forward(x, sigma) * (2 * sigma[:, None]).exp()


class Evaluating(Module):
    """Another function in evaluation."""

    def forward(self, x, sigma):
        found = super().forward(x, sigma)
        return found if self.training else 0.9 * found


class Unseeded(Module):
    """Initial parameters by a generator of its own."""

    def __init__(self, dim):
        super().__init__(dim)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(3)))


class IgnoresLabels(Labelled):
    def forward(self, x, sigma, labels):
        return super().forward(x, sigma, 0 * labels)


class LabelOfTheNeighbour(Labelled):
    """The label of the point before."""

    def forward(self, x, sigma, labels):
        return super().forward(x, sigma, labels.roll(1))


def network(kind, labelled=False):
    """Return the network of a module."""
    right = RightLabelled if labelled else Right
    made = type(kind.__name__, (right,), {"__module__": __name__})
    made.kind = kind
    return made()


class SkipTwice(Mlp):
    """c_skip x is added to what has it already."""

    name = "skip-twice"

    def module(self, data):
        return Doubled(super().module(data))


class Doubled(nn.Module):
    def __init__(self, right):
        super().__init__()
        self.right = right

    def forward(self, x, sigma):
        return self.right(x, sigma) + 0.5 * x


class NoOutputs(Relu):
    """Says that its layers put out nothing."""

    name = "no-outputs"

    def layer_outputs(self, data=None):
        return 0


class ErrorOfTheRoot(Inexact):
    """The root of the error is stated."""

    name = "error-of-the-root"

    def score_error(self, sigma, dim):
        return np.sqrt(super().score_error(sigma, dim))


class ErrorOfOne(Inexact):
    """The error of one coordinate is stated."""

    name = "error-of-one"

    def score_error(self, sigma, dim):
        return super().score_error(sigma, dim) / dim


class SaysExact(Inexact):
    name = "says-exact"

    def score_error(self, sigma, dim):
        return 0 * sigma


class TheNextLevel(Exact):
    """The denoiser of a level a tenth higher."""

    name = "the-next-level"

    def denoise(self, target, x, sigma):
        return super().denoise(target, x, 1.1 * sigma)


class SingleInside(Exact):
    """Always single precision."""

    name = "single-inside"

    def denoise(self, target, x, sigma):
        return super().denoise(target, x.float(), sigma)


class AmongOthers(Exact):
    name = "among-others"

    def denoise(self, target, x, sigma):
        return super().denoise(target, x, sigma) + 1e-6 * (x - x.mean(0))


class NewNoise(Inexact):
    """Another error at each call."""

    name = "new-noise"

    def denoise(self, target, x, sigma):
        return Exact().denoise(target, x, sigma) + 0.1 * sigma * torch.randn_like(x)


RIGHT = [Right(), RightLabelled()]
PLAIN = [
    Dropped,
    OfTheBatch,
    FirstLevel,
    Constant,
    Counting,
    Noisy,
    Branching,
    Detached,
    Unused,
    Flattened,
    AlwaysSingle,
    Frozen,
    InPlace,
    Overflowing,
    Evaluating,
    Unseeded,
]
WRONG = [
    *map(network, PLAIN),
    network(IgnoresLabels, labelled=True),
    network(LabelOfTheNeighbour, labelled=True),
    SkipTwice(width=16, depth=1),
    NoOutputs(width=16, depth=1),
    ErrorOfTheRoot(),
    ErrorOfOne(),
    SaysExact(),
    TheNextLevel(),
    SingleInside(),
    AmongOthers(),
    NewNoise(),
]
