"""Module checks: hold the module of a network against what stacking needs, before anything is trained.

A module must be a function of its parameters, its buffers and its arguments, point by point. It is tried on a few
points, away from its initial parameters, where whole layers may be 0: called twice, on half of them, and stacked.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.dropout import _DropoutNd

from harness.data_spec import DataSpec
from harness.engine.checks import blamed, name_of
from harness.errors import ContractError, one_line, shortened
from harness.networks import Backbone, TrainableNetwork
from harness.preconditionings import Coefficients, Preconditioning

STACKED = (
    "modules train stacked, by vmap: no dropout, no branch that depends on data, no statistics of the batch, "
    "no buffer that changes"
)
"""The rule for what a network computes."""

KEPT = "a stack and a checkpoint know these alone: write self.register_buffer(name, tensor)"
"""The rule for what a network computes with."""

POINTS = 4
"""On which a module is tried."""

ROUGH = 0.1
"""Standard deviation of what is added to parameters before anything is tried, where whole layers start at 0."""

ROUNDING = 1e-3
"""Difference of two computations of one thing, in units of its largest number, that may be rounding."""

_SOUND: set[tuple[TrainableNetwork, DataSpec]] = set()
"""What was found sound in this process."""


def check_module(network: TrainableNetwork, data: DataSpec, module: nn.Module) -> nn.Module:
    """Check the module of a network before it is trained or used: once for each network and data in a process.

    Raises:
        ContractError: it is no module, breaks the rule `STACKED`, or returns another shape or dtype than it was given.
    """
    if not isinstance(module, nn.Module):
        raise _broken(network, f"type {type(module).__name__}; it must be a torch.nn.Module")
    for name, part in module.named_modules():
        if isinstance(part, (_BatchNorm, _DropoutNd)):
            raise _broken(network, f"{name or 'it'} is a {type(part).__name__}; {STACKED}")
    if (network, data) not in _SOUND:
        if isinstance(network, Backbone):
            _try_preconditioning(network, data)
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            _try(network, data, copy.deepcopy(module))
        _SOUND.add((network, data))
    return module


def check_alike(network: TrainableNetwork, modules: Sequence[nn.Module]) -> None:
    """Check that the modules of several seeds can be stacked.

    Raises:
        ContractError: they are of several classes, or their parameters and buffers of several shapes.
    """
    classes = {type(module): None for module in modules}
    if len(classes) > 1:
        names = " and ".join(cls.__qualname__ for cls in list(classes)[:2])
        raise _broken(network, f"{names} are two classes; at each call it must be of one, defined once")
    if len({_shapes(module) for module in modules}) > 1:
        raise _broken(network, "parameters of other shapes at each call; they must be the same for every seed")


def _shapes(module: nn.Module) -> tuple[tuple[str, torch.Size], ...]:
    return tuple((name, value.shape) for name, value in (*module.named_parameters(), *module.named_buffers()))


def _try(network: TrainableNetwork, data: DataSpec, module: nn.Module) -> None:
    """Call a module that nobody else uses, in each way in which it will be; raises like `check_module`."""
    torch.manual_seed(0)
    for parameter in module.parameters():
        parameter.add_(ROUGH * torch.randn_like(parameter))
    given = _arguments(network, data)
    before = {name: (id(value), value.clone()) for name, value in module.named_buffers()}
    with blamed(network, "module"):
        found, again, half = module(*given), module(*given), module(*(each[: POINTS // 2] for each in given))
    _check_shape(network, found, given[0])
    for name, value in module.named_buffers():
        if name not in before or id(value) != before[name][0] or not torch.equal(value, before[name][1]):
            raise _broken(network, f"its buffer {name} changes when it is called; {STACKED}")
    if not _alike(again, found):
        raise _broken(network, f"two calls with the same points differ; {STACKED}")
    if not _alike(half, found[: POINTS // 2]):
        raise _broken(network, f"what it makes of a point depends on the others; {STACKED}")
    if not _alike(_stacked(network, module, given), found):
        raise _broken(network, f"stacked it computes something else; {STACKED}")
    if not _alike(_read_back(network, data, module)(*given), found):
        raise _broken(network, f"it computes with tensors that are no parameters and no buffers; {KEPT}")


def _read_back(network: TrainableNetwork, data: DataSpec, module: nn.Module) -> nn.Module:
    """Return the module as it comes back from a checkpoint: made anew, with the parameters and buffers of another."""
    with blamed(network, "module"):
        again = network.module(data)
    check_alike(network, [module, again])
    state = dict((*module.named_parameters(), *module.named_buffers()))
    for name, value in (*again.named_parameters(), *again.named_buffers()):
        value.copy_(state[name])
    return again


def _try_preconditioning(network: Backbone, data: DataSpec) -> None:
    """Ask the preconditioning of a network for its coefficients; raises like `check_module`, and names it."""
    sigma, scale = _levels(data), torch.tensor(network.sigma_data or data.sigma_data)
    with blamed(network.precondition, "coefficients"):
        found = network.precondition.coefficients(sigma, scale)
    if not isinstance(found, Coefficients):
        rule = "it must be harness.preconditionings.Coefficients(skip, out, inner, noise)"
        raise _unfit(network.precondition, f"type {type(found).__name__}; {rule}")
    for what, value in found._asdict().items():
        given = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
        if given != tuple(sigma.shape):
            raise _unfit(network.precondition, f"{what}: {given}; it must be a tensor of the shape of sigma, (n,)")
        if not bool(value.isfinite().all()):
            raise _unfit(network.precondition, f"{what} is not finite; it must be at any level above 0")


def _unfit(preconditioning: Preconditioning, rule: str) -> ContractError:
    return ContractError(shortened(f"{name_of(preconditioning)}: coefficients: {rule}"))


def _levels(data: DataSpec) -> Tensor:
    return data.sigma_data * torch.logspace(-1, 1, POINTS)


def _arguments(network: TrainableNetwork, data: DataSpec) -> tuple[Tensor, ...]:
    """Return points, levels, and labels where the network is given any."""
    x = data.sigma_data * torch.randn(POINTS, data.dim)
    labels = (torch.arange(POINTS) % data.classes,) if network.conditional else ()
    return (data.shaped(x) if network.shaped else x, _levels(data), *labels)


def _check_shape(network: TrainableNetwork, found: Tensor, x: Tensor) -> None:
    if not isinstance(found, Tensor):
        raise _broken(network, f"returned a {type(found).__name__}; it must return a tensor, the points denoised")
    if found.shape != x.shape:
        raise _broken(network, f"shape {tuple(found.shape)} of {tuple(x.shape)}; it must keep the shape")
    if found.dtype != x.dtype:
        raise _broken(network, f"returned {found.dtype} of {x.dtype}; it must compute in the dtype of x")


def _stacked(network: TrainableNetwork, module: nn.Module, given: Sequence[Tensor]) -> Tensor:
    """Return what a stack of two copies of a module computes, by the first."""

    def call(parameters: dict[str, Tensor], buffers: dict[str, Tensor]) -> Tensor:
        denoised: Tensor = functional_call(module, (parameters, buffers), tuple(given))
        return denoised

    stacked: Callable[..., Tensor] = vmap(call)
    try:
        return stacked(*stack_module_state([module, module]))[0]
    except Exception as error:
        raise _broken(network, f"{STACKED} ({shortened(one_line(error), 80)})") from error


def _alike(found: Tensor, wanted: Tensor) -> bool:
    """Whether two tensors are equal but for rounding; what is not a number in both is no difference."""
    scale = float(wanted.abs().nan_to_num(0.0, 0.0, 0.0).max())
    return torch.allclose(found, wanted, rtol=0.0, atol=ROUNDING * scale, equal_nan=True)


def _broken(network: TrainableNetwork, rule: str) -> ContractError:
    return ContractError(shortened(f"{name_of(network)}: module: {rule}"))
