"""Modules: make the one that training starts from, and call one with flat points."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from harness.data_spec import DataSpec
from harness.engine.checks import blamed
from harness.engine.module_checks import check_module
from harness.engine.random_streams import seed_from
from harness.errors import NotApplicable
from harness.networks import TrainableNetwork
from harness.trainers import Precision

DTYPES: dict[Precision, torch.dtype] = {"float32": torch.float32, "float64": torch.float64}
"""The arithmetic of torch in each precision."""

Forward = Callable[..., Tensor]
"""Denoises x of shape (n, d) at sigma of shape (n,), with labels of shape (n,) where the network is given any."""


def initial_module(network: TrainableNetwork, data: DataSpec, seed: int) -> nn.Module:
    """Return the module that training with this seed starts from.

    Raises:
        NotApplicable: the network is given labels and the data have none, or it says that it is not made for them.
        ContractError: it is no module that can be stacked, or could not be made.
    """
    if network.conditional and not data.classes:
        rule = "harness show TARGET says whether a target can be given them"
        raise NotApplicable(f"network {network.label()} is given labels, and the target has none; {rule}")
    with torch.random.fork_rng(devices=[]), blamed(network, "module"):
        torch.manual_seed(seed_from("initialisation", seed))
        module = network.module(data)
    return check_module(network, data, module)


def flattened(network: TrainableNetwork, data: DataSpec, module: Forward) -> Forward:
    """Return what a module computes as a function of flat points: one that sees their shape is given it."""
    if not network.shaped:
        return module

    def forward(x: Tensor, sigma: Tensor, *labels: Tensor) -> Tensor:
        return module(data.shaped(x), sigma, *labels).flatten(1)

    return forward
