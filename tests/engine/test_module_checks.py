"""What a network's module may not do: each is told before anything is trained, in a line that names it and the rule."""

import re

import pytest
import torch
from made_trainings import RELU, TARGET, LinearScore, adam, descended, learner
from torch import nn
from torch.nn.functional import batch_norm, dropout

from harness.components import Part
from harness.data_spec import DataSpec
from harness.engine import module_checks
from harness.engine.adam import train
from harness.engine.modules import initial_module
from harness.errors import ContractError
from harness.networks import Backbone, TrainableNetwork
from harness.preconditionings import Coefficients, Preconditioning

DATA = DataSpec((3,), 0.7)


class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 3)
        nn.init.zeros_(self.layer.weight)  # At the start much is hidden.
        nn.init.zeros_(self.layer.bias)


class Dropping(Base):
    def __init__(self):
        super().__init__()
        self.dropout = nn.Dropout(0.1)

    def forward(self, x, sigma):
        return self.dropout(self.layer(x))


class DroppingByFunction(Base):
    def forward(self, x, sigma):
        return dropout(self.layer(x), 0.1, training=self.training)


class Branching(Base):
    def forward(self, x, sigma):
        return self.layer(x) if x.sum() > 0 else x


class Reading(Base):
    def forward(self, x, sigma):
        return self.layer(x) * sigma.max().item()


class Normalising(Base):
    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(3)

    def forward(self, x, sigma):
        return self.norm(self.layer(x))


class NormalisingByFunction(Base):
    def forward(self, x, sigma):
        return self.layer(batch_norm(x, None, None, training=True))


class Centring(Base):
    def forward(self, x, sigma):
        return self.layer(x - x.mean(0))


class Counting(Base):
    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x, sigma):
        self.calls += 1
        return self.layer(x)


class Replacing(Counting):
    def forward(self, x, sigma):
        self.calls = self.calls + 0
        return self.layer(x)


class Remembering(Base):
    calls = 0

    def forward(self, x, sigma):
        self.calls += 1
        return self.calls * self.layer(x)


class Flattening(Base):
    def forward(self, x, sigma):
        return self.layer(x)[:, 0]


class Widening(Base):
    def forward(self, x, sigma):
        return torch.cat([x, x], 1)


class Doubling(Base):
    def forward(self, x, sigma):
        return self.layer(x).double()


class Telling(Base):
    def forward(self, x, sigma):
        return (self.layer(x), sigma)


class Failing(Base):
    def forward(self, x, sigma):
        raise ValueError("no\nnumbers")


class Hiding(Base):
    """Fixed features drawn at random, kept as no buffer: another seed, and a checkpoint, know others."""

    def __init__(self):
        super().__init__()
        self.frequencies = torch.randn(3)

    def forward(self, x, sigma):
        return self.layer(x) + (sigma[:, None] * self.frequencies).cos()


MODULES = {cls.__name__: cls for cls in Base.__subclasses__()} | {"Replacing": Replacing}


class Made(TrainableNetwork):
    """Any of these."""

    name = "made"
    of: str = ""

    def module(self, data):
        return MODULES[self.of]()


STACKED = module_checks.STACKED
RULES = {
    "Dropping": f"dropout is a Dropout; {STACKED}",
    "DroppingByFunction": STACKED,
    "Branching": STACKED,
    "Reading": STACKED,
    "Normalising": f"norm is a BatchNorm1d; {STACKED}",
    "NormalisingByFunction": STACKED,
    "Centring": f"what it makes of a point depends on the others; {STACKED}",
    "Counting": f"its buffer calls changes when it is called; {STACKED}",
    "Replacing": f"its buffer calls changes when it is called; {STACKED}",
    "Remembering": f"two calls with the same points differ; {STACKED}",
    "Flattening": "shape (4,) of (4, 3); it must keep the shape",
    "Widening": "shape (4, 6) of (4, 3); it must keep the shape",
    "Doubling": "returned torch.float64 of torch.float32; it must compute in the dtype of x",
    "Telling": "returned a tuple; it must return a tensor, the points denoised",
    "Hiding": f"it computes with tensors that are no parameters and no buffers; {module_checks.KEPT}",
    "Failing": "test_module_checks.py, line 1",
}


@pytest.mark.parametrize("of", MODULES)
def test_each_is_refused_in_a_line_that_names_the_network_and_the_rule(of):
    torch.manual_seed(3)
    state = torch.random.get_rng_state()
    with pytest.raises(ContractError) as caught:
        initial_module(Made(of=of), DATA, 0)
    text = str(caught.value)
    assert text.startswith(f"network made:of={of}: module: ")
    assert RULES[of] in text
    assert len(text) <= 300
    assert "\n" not in text
    assert torch.equal(state, torch.random.get_rng_state())


class Formed(Preconditioning):
    """Gives what it is told to."""

    name = "formed"
    how: str = ""

    def coefficients(self, sigma, sigma_data):
        one = torch.ones_like(sigma)
        made = {
            "tuple": (one, one, one, one),
            "number": Coefficients(0.0, one, one, one),
            "one": Coefficients(one, one[0], one, one),
            "infinite": Coefficients(one, one, one, (sigma - sigma).log()),
        }
        return 1 / 0 if self.how == "raises" else made.get(self.how, Coefficients(one, one, one, one))


class Narrow(nn.Module):
    def forward(self, x, noise):
        return x[:, :1]


class Bare(Backbone):
    name = "bare"
    precondition: Part[Preconditioning] = Formed()

    def function(self, data):
        return None if self.precondition.how == "alone" else Narrow()


FORMED = "preconditioning formed:how="


@pytest.mark.parametrize(
    ("how", "told"),
    [
        (
            "tuple",
            f"{FORMED}tuple: coefficients: type tuple; it must be harness.preconditionings.Coefficients(skip, out,",
        ),
        ("number", f"{FORMED}number: coefficients: skip: float; it must be a tensor of the shape of sigma, (n,)"),
        ("one", f"{FORMED}one: coefficients: out: (); it must be a tensor of the shape of sigma, (n,)"),
        ("infinite", f"{FORMED}infinite: coefficients: noise is not finite; it must be"),
        ("raises", f"{FORMED}raises: coefficients: ZeroDivisionError: "),
        (
            "alone",
            'network bare:precondition="formed:how=alone": module: TypeError: function: type NoneType; it must be',
        ),
        # What the sum with c_skip x would spread over the shape of x.
        ("", "network bare: module: ValueError: function: shape (4, 1) of (4, 3); it must keep the shape"),
    ],
)
def test_a_broken_preconditioning_or_function_is_named(how, told):
    with pytest.raises(ContractError, match=f"^{re.escape(told)}"):
        initial_module(Bare(precondition=Formed(how=how)), DATA, 0)


def trained(network, who):
    return list(train(network, TARGET.distribution(), who, adam(batch_size=8), (2,)))


@pytest.mark.parametrize("of", ["DroppingByFunction", "Branching", "Counting", "Widening"])
@pytest.mark.parametrize("descending", [False, True])
def test_both_kinds_of_training_refuse_it(of, descending):
    with pytest.raises(ContractError, match=f"^network made:of={of}: module: "):
        descended(Made(of=of)) if descending else trained(Made(of=of), [learner()])


class Local(TrainableNetwork):
    """A class of its own at each call."""

    name = "local"

    def module(self, data):
        class Here(Base):
            def forward(self, x, sigma):
                return self.layer(x)

        return Here()


class Growing(TrainableNetwork):
    """A layer more at each call."""

    name = "growing"

    def module(self, data):
        count = self.__dict__["count"] = self.__dict__.get("count", 0) + 1
        return Deep(count)


class Deep(nn.Module):
    def __init__(self, depth):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(3, 3) for _ in range(depth))

    def forward(self, x, sigma):
        for layer in self.layers:
            x = layer(x)
        return x


@pytest.mark.parametrize(
    ("network", "rule"),
    [
        (Local(), r"Local.module.<locals>.Here and .*Here are two classes; at each call it must be of one"),
        (Growing(), r"parameters of other shapes at each call; they must be the same for every seed"),
    ],
)
def test_modules_of_several_seeds_must_be_alike(network, rule):
    who = [learner(seed=0), learner(seed=1)]
    with pytest.raises(ContractError, match=f"^network {network.name}: module: {rule}"):
        trained(network, who)


def test_what_ships_is_sound_with_every_preconditioning(registry):
    shipped = [cls() for cls in registry.classes("network").values() if issubclass(cls, TrainableNetwork)]
    assert len(shipped) >= 2
    for network in [*shipped, RELU, LinearScore()]:
        data = DataSpec((1, 8, 8), 0.7, 10) if network.shaped else DATA
        data = DataSpec(data.shape, 0.7, 10) if network.conditional else data
        parts = [None]
        if "precondition" in type(network).model_fields:
            parts = [cls() for cls in registry.classes("preconditioning").values()]
        for part in parts:
            chosen = network if part is None else network.model_copy(update={"precondition": part})
            assert isinstance(initial_module(chosen, data, 0), nn.Module)


def test_it_is_tried_once_for_each_network_and_data(monkeypatch):
    tried = []
    monkeypatch.setattr(module_checks, "_SOUND", set())
    monkeypatch.setattr(module_checks, "_try", lambda network, data, module: tried.append((network, data)))
    other = DataSpec((3,), 0.8)
    for data in (DATA, DATA, other):
        initial_module(RELU, data, 0)
    assert tried == [(RELU, DATA), (RELU, other)]


def test_trying_changes_no_parameter():
    one, again = (initial_module(RELU, DATA, 0).state_dict() for _ in range(2))
    module_checks._SOUND.clear()
    tried = initial_module(RELU, DATA, 0).state_dict()
    assert all(torch.equal(one[k], again[k]) and torch.equal(one[k], tried[k]) for k in one)
