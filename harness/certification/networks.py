"""Networks: functions of parameters, points and levels that stack, travel and learn; oracles whose error is as stated.

A trainable one is measured on vectors and on images, with labels where it takes them, away from its initial parameters,
where whole layers may be 0. An oracle is measured on laws whose score is known.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from harness.blobs import Blob, BlobFolder
from harness.certification.cases import generator_of, noised_points, ring, skewed_gaussian
from harness.certification.measurements import PropertyGroup
from harness.data_spec import DataSpec
from harness.engine.checkpoints import read_state, write_state
from harness.engine.checks import check_layer_outputs, check_score_error
from harness.engine.modules import initial_module
from harness.errors import NotApplicable
from harness.mixtures import MixtureDistribution
from harness.networks import Backbone, Network, OracleNetwork, TrainableNetwork
from harness.properties import Property, worst

KINDS = {"vectors": (3,), "images": (1, 8, 8)}
"""Shapes of the points that a network is built for; it need not be made for both."""

CLASSES = 4
POINTS = 8
ROUGH = 0.1
"""Standard deviation of what is added to parameters."""

ROUNDING = 1e-4
"""Difference of two computations in single precision, of the largest number."""

STEPS = 30
"""Steps of Adam by which a network is to learn something."""

SAMPLES = 4096
ERRORS = 6.0
"""Samples by which the error of an oracle is known, and standard errors within which it is to be as stated."""


@dataclass(frozen=True)
class Tried:
    """A network built for some data, with the points that it is tried on.

    Attributes:
        network: the component.
        data: what it is built for.
        given: points, levels, and labels where it takes any.
        seed: of all of it.
    """

    network: TrainableNetwork
    data: DataSpec
    given: tuple[Tensor, ...]
    seed: int

    def module(self, seed: int) -> nn.Module:
        """Return its module for a seed, away from the initial parameters."""
        return _roughened(initial_module(self.network, self.data, seed), seed)


def tried(network: TrainableNetwork, shape: tuple[int, ...], seed: int) -> Tried:
    """Return a network with data of a shape; raises as `initial_module`."""
    data = DataSpec(shape, 0.5, CLASSES if network.conditional else 0)
    initial_module(network, data, seed)
    generator = torch.Generator().manual_seed(seed)
    sigma = data.sigma_data * torch.logspace(-1, 1, POINTS)
    clean = data.sigma_data * torch.randn(POINTS, data.dim, generator=generator)
    x = clean + sigma[:, None] * torch.randn(POINTS, data.dim, generator=generator)
    labels = (torch.arange(POINTS) % CLASSES,) if network.conditional else ()
    return Tried(network, data, (data.shaped(x) if network.shaped else x, sigma, *labels), seed)


def trainable(network: Network, seed: int) -> list[Property]:
    """Measure a trainable network on each kind of data that it is made for."""
    if not isinstance(network, TrainableNetwork):
        return []
    found: list[Property] = []
    for kind, shape in KINDS.items():
        try:
            case = tried(network, shape, seed)
        except NotApplicable as error:
            found.append(Property.skipped(f"as a network for {kind}", error.reason))
            continue
        found += [replace(each, name=f"{each.name}, {kind}") for each in _of(case)]
    return found


def _of(case: Tried) -> list[Property]:
    module = case.module(case.seed)
    with torch.no_grad():
        whole = module(*case.given)
    check_layer_outputs(case.network, case.data)
    return [
        *_shapes(case, module, whole),
        *_independence(case, module, whole),
        *_stacked(case),
        *_kept(case, module, whole),
        *_seeds(case),
        *_labels(case, module, whole),
        *_algebra(case),
        *_learning(case),
    ]


def _apart(found: Tensor, wanted: Tensor) -> float:
    return worst(found.double() - wanted.double()) / float(wanted.abs().max())


@torch.no_grad()
def _shapes(case: Tried, module: nn.Module, whole: Tensor) -> list[Property]:
    x, sigma, *labels = case.given
    double = case.module(case.seed).double()(x.double(), sigma.double(), *labels)
    kept = [whole.shape == x.shape, whole.dtype == x.dtype, double.shape == x.shape, double.dtype == torch.float64]
    far = [module(x * level, torch.full_like(sigma, level), *labels).isfinite().all() for level in (0.002, 80.0)]
    return [
        Property("shape and dtype of points kept, in single and double precision", 1.0, sum(kept) / 4, 0.0),
        Property("single less double precision", 0.0, _apart(whole, double), ROUNDING * 10),
        Property("finite at σ = 0.002 and 80", 1.0, float(torch.stack(far).double().mean()), 0.0),
    ]


@torch.no_grad()
def _independence(case: Tried, module: nn.Module, whole: Tensor) -> list[Property]:
    """Whether a point's result is its own: alone, in another order, a second time, in evaluation."""
    alone = torch.cat([module(*(each[k : k + 1] for each in case.given)) for k in range(POINTS)])
    order = torch.arange(POINTS).flip(0)
    turned = module(*(each[order] for each in case.given))[order]
    state, copies = torch.get_rng_state(), [each.clone() for each in case.given]
    again = module(*case.given)
    pure = torch.equal(state, torch.get_rng_state()) and all(map(torch.equal, copies, case.given))
    evaluated = module.eval()(*case.given)
    module.train()
    level = case.given[1]
    moved = module(case.given[0], level * 1.5, *case.given[2:])
    return [
        Property("points by themselves", 0.0, _apart(alone, whole), ROUNDING),
        Property("points in another order", 0.0, _apart(turned, whole), ROUNDING),
        Property("a second time", 0.0, _apart(again, whole), 0.0),
        Property("in evaluation mode", 0.0, _apart(evaluated, whole), 0.0),
        Property("arguments and random state left alone", 1.0, float(pure), 0.0),
        Property("what another level changes", None, _apart(moved, whole), 0.0),
    ]


@torch.no_grad()
def _stacked(case: Tried) -> list[Property]:
    """Whether a stack of three modules computes what each does."""
    modules = [case.module(case.seed + k) for k in range(3)]

    def call(parameters: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
        found: Tensor = functional_call(modules[0], (parameters, buffers), case.given)
        return found

    together = vmap(call)(*stack_module_state(modules))
    looped = torch.stack([module(*case.given) for module in modules])
    return [Property("three stacked less each in turn", 0.0, _apart(together, looped), ROUNDING)]


@torch.no_grad()
def _kept(case: Tried, module: nn.Module, whole: Tensor) -> list[Property]:
    """Whether a module of another seed computes the same with the parameters and buffers of a checkpoint."""
    tensors = dict((*module.named_parameters(), *module.named_buffers()))
    with tempfile.TemporaryDirectory() as folder:
        blobs = BlobFolder(Path(folder))
        state = read_state(Blob(write_state(blobs, {name: each.detach() for name, each in tensors.items()}), blobs))
    other = case.module(case.seed + 1)
    for name, value in (*other.named_parameters(), *other.named_buffers()):
        value.copy_(state[name])
    return [Property("read from a checkpoint less as it was", 0.0, _apart(other(*case.given), whole), 0.0)]


@torch.no_grad()
def _seeds(case: Tried) -> list[Property]:
    """Whether the initial module is that of its seed."""
    first, again, other = (initial_module(case.network, case.data, case.seed + k) for k in (0, 0, 1))
    same = all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))
    differs = any(not torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))
    return [Property("initial parameters: the same by one seed, others by another", 1.0, (same + differs) / 2, 0.0)]


@torch.no_grad()
def _labels(case: Tried, module: nn.Module, whole: Tensor) -> list[Property]:
    if not case.network.conditional:
        return []
    x, sigma, labels = case.given
    changed = labels.clone()
    changed[0] = (changed[0] + 1) % CLASSES
    moved = (module(x, sigma, changed) - whole).flatten(1).abs().amax(1) / whole.abs().max()
    return [
        Property("whether its own label matters to a point", 1.0, float(moved[0] > ROUNDING), 0.0),
        Property("what the label of another changes", 0.0, float(moved[1:].max()), ROUNDING),
    ]


@torch.no_grad()
def _algebra(case: Tried) -> list[Property]:
    """Whether D = c_skip x + c_out F(c_in x; c_noise), where F and the coefficients are given apart."""
    if not isinstance(case.network, Backbone):
        return []
    x, sigma, *labels = case.given
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(case.seed)
        function = _roughened(case.network.function(case.data), case.seed)
        torch.manual_seed(case.seed)
        module = _roughened(case.network.module(case.data), case.seed)
    scale = torch.tensor(case.network.sigma_data or case.data.sigma_data)
    c = case.network.precondition.coefficients(sigma, scale)
    each = (-1,) + (1,) * (x.ndim - 1)
    by_hand = c.skip.reshape(each) * x + c.out.reshape(each) * function(c.inner.reshape(each) * x, c.noise, *labels)
    return [Property("D less c_skip x + c_out F(c_in x; c_noise)", 0.0, _apart(module(*case.given), by_hand), ROUNDING)]


@torch.no_grad()
def _roughened(module: nn.Module, seed: int) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        parameter.add_(ROUGH * torch.randn(parameter.shape, generator=generator))
    return module


def _learning(case: Tried) -> list[Property]:
    """Whether the loss falls, and each tensor that is trained has a finite gradient that is not all 0."""
    module = case.module(case.seed)
    x, sigma, *labels = case.given
    generator = torch.Generator().manual_seed(case.seed + 1)
    clean = case.data.sigma_data * torch.randn(x.shape, generator=generator)
    each = (-1,) + (1,) * (x.ndim - 1)
    noised = clean + sigma.reshape(each) * torch.randn(x.shape, generator=generator)

    def loss() -> Tensor:
        denoised: Tensor = module(noised, sigma, *labels)
        return ((denoised - clean) / sigma.reshape(each)).square().mean()

    trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
    gradients = torch.autograd.grad(loss(), trained, allow_unused=True)
    good = [each is not None and bool(each.isfinite().all() and each.any()) for each in gradients]
    optimiser, first = torch.optim.Adam(trained, lr=1e-3), float(loss().detach())
    for _ in range(STEPS):
        optimiser.zero_grad()
        loss().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    gained = 1 - float(loss().detach()) / first
    return [
        Property("share of trained tensors with a finite gradient that is not 0", 1.0, sum(good) / len(good), 0.0),
        Property(f"share of the loss that {STEPS} steps of Adam take away", 0.0, gained, 0.0, at_least=True),
    ]


def oracle(network: Network, seed: int) -> list[Property]:
    """Measure an oracle: its score error, as it is stated, on a mixture and on a Gaussian."""
    if not isinstance(network, OracleNetwork):
        return []
    laws = (("mixture", ring(seed)), ("Gaussian", skewed_gaussian(seed)))
    return [each for name, law in laws for each in _on(network, law, name, seed)]


def _on(network: OracleNetwork, law: MixtureDistribution, name: str, seed: int) -> list[Property]:
    levels = law.sigma_data * np.array([0.1, 0.5, 2.0, 20.0])
    stated = check_score_error(network.score_error(levels.copy(), law.dim), network, len(levels))
    ratios: list[float] = []
    for place, (sigma, error) in enumerate(zip(levels.tolist(), stated.tolist(), strict=True)):
        _, x = noised_points(law, SAMPLES, sigma, generator_of(seed, 14, place))
        found = network.denoise(law, x.clone(), sigma)
        if found.shape != x.shape or found.dtype != x.dtype:
            return [Property(f"shape and dtype of points kept, {name}", 1.0, 0.0, 0.0)]
        squares = ((found - law.denoise(x, sigma)) / sigma**2).square().sum(1)
        spread = float(squares.std()) / SAMPLES**0.5
        scale = law.dim / sigma**2
        ratios.append((float(squares.mean()) - error) / max(spread, 1e-9 * scale, 1e-6 * error))
    _, x = noised_points(law, POINTS, law.sigma_data, generator_of(seed, 14, 9))
    whole = network.denoise(law, x, law.sigma_data)
    alone = torch.cat([network.denoise(law, x[k : k + 1], law.sigma_data) for k in range(POINTS)])
    single = network.denoise(law, x.float(), law.sigma_data)
    return [
        Property(f"score error less that stated, in standard errors, {name}", 0.0, max(ratios, key=abs), ERRORS),
        Property(f"points by themselves, {name}", 0.0, _apart(alone, whole), 1e-9),
        Property(f"a second time, {name}", 0.0, _apart(network.denoise(law, x, law.sigma_data), whole), 0.0),
        Property(f"single less double precision, {name}", 0.0, _apart(single, whole), 1e-4),
        Property(f"single precision stays single, {name}", 1.0, float(single.dtype == torch.float32), 0.0),
    ]


MEASUREMENTS: dict[str, Sequence[PropertyGroup]] = {
    "network": (PropertyGroup("a module", trainable), PropertyGroup("an oracle", oracle))
}
