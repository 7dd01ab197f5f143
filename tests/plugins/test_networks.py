import copy
import math

import numpy as np
import pytest
import torch
from harness_ddpmpp.networks import Ddpmpp
from harness_diffusers.networks import DiffusersUnet
from harness_karras.networks import Mlp
from harness_karras.preconditionings import Edm
from harness_peebles.networks import Dit
from harness_ronneberger.networks import Unet
from harness_wang.networks import Relu
from torch.func import functional_call, jvp, stack_module_state, vmap

from harness.data_spec import DataSpec
from harness.engine.adam import Stack
from harness.trainers import Adam

NETWORKS = [Mlp(width=16, depth=2, features=4), Relu(width=16, depth=2)]
each_network = pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)


def fresh(network, dim=3, sigma_data=0.5, seed=0, moved=True):
    """A module away from its start, so that no layer is zero."""
    torch.manual_seed(seed)
    module = network.module(DataSpec((dim,), sigma_data))
    if moved:
        with torch.no_grad():
            for parameter in module.parameters():
                if parameter.requires_grad:
                    parameter.add_(0.3 * torch.randn_like(parameter))
    return module


def points(n=7, dim=3, dtype=torch.float32):
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(n, dim, generator=generator, dtype=torch.float64)
    sigma = torch.logspace(-2, 1, n, dtype=torch.float64)
    return x.to(dtype), sigma.to(dtype)


@each_network
def test_stacked_modules_equal_each_alone(network):
    # Modules for different data scales: what differs between them must be state, not a number.
    modules = [fresh(network, sigma_data=0.3 * (i + 1), seed=i) for i in range(4)]
    x = torch.randn(4, 7, 3)
    sigma = torch.rand(4, 7) + 0.1
    parameters, buffers = stack_module_state(modules)
    base = copy.deepcopy(modules[0]).to("meta")

    def call(parameters, buffers, x, sigma):
        return functional_call(base, (parameters, buffers), (x, sigma))

    stacked = vmap(call)(parameters, buffers, x, sigma)
    alone = torch.stack([m(x[i], sigma[i]) for i, m in enumerate(modules)])
    torch.testing.assert_close(stacked, alone, rtol=1e-4, atol=1e-5)


@each_network
def test_rows_do_not_depend_on_each_other(network):
    module, (x, sigma) = fresh(network).double(), points(dtype=torch.float64)
    single = torch.cat([module(x[i : i + 1], sigma[i : i + 1]) for i in range(len(x))])
    torch.testing.assert_close(module(x, sigma), single, rtol=1e-12, atol=1e-13)


@each_network
def test_forward_derivative_in_double_precision(network):
    module, (x, sigma) = fresh(network).double(), points(dtype=torch.float64)
    direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    value, derivative = jvp(lambda y: module(y, sigma), (x,), (direction,))
    assert value.dtype == derivative.dtype == torch.float64
    step = 1e-6
    difference = (module(x + step * direction, sigma) - module(x - step * direction, sigma)) / (2 * step)
    torch.testing.assert_close(derivative.detach(), difference.detach(), rtol=1e-5, atol=1e-7)


@each_network
def test_a_seed_decides_the_start(network):
    x, sigma = points()
    first, again, other = (fresh(network, seed=s)(x, sigma) for s in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


@pytest.mark.parametrize("sigma_data", [0.05, 0.5, 4.0])
def test_edm_preconditioning_gives_unit_variances(sigma_data):
    sigma, scale = (
        torch.logspace(-3, 2, 50, dtype=torch.float64),
        torch.tensor(sigma_data, dtype=torch.float64),
    )
    c_skip, c_out, c_in, _ = Edm().coefficients(sigma, scale)
    one = torch.ones_like(sigma)
    torch.testing.assert_close(c_in**2 * (scale**2 + sigma**2), one)
    # Target (x_0 − c_skip(x_0 + σξ))/c_out.
    torch.testing.assert_close(((1 - c_skip) ** 2 * scale**2 + c_skip**2 * sigma**2) / c_out**2, one)
    # c_skip makes c_out as small as it can be: the two parts of the target are then uncorrelated with x.
    torch.testing.assert_close((1 - c_skip) * scale**2, c_skip * sigma**2)


def test_mlp_starts_as_the_denoiser_of_a_gaussian():
    sigma_data, (x, sigma) = 0.5, points()
    module = fresh(Mlp(), sigma_data=sigma_data, moved=False)
    posterior = x * (sigma_data**2 / (sigma_data**2 + sigma**2)).unsqueeze(-1)
    torch.testing.assert_close(module(x, sigma), posterior)


def test_mlp_scale_of_the_data_can_be_set():
    x, sigma = points()
    module = fresh(Mlp(sigma_data=2.0), sigma_data=0.5, moved=False)
    torch.testing.assert_close(module(x, sigma), x * (4 / (4 + sigma**2)).unsqueeze(-1))


def test_mlp_follows_its_formula():
    network, (x, sigma) = NETWORKS[0], points(dtype=torch.float64)
    module = fresh(network).double()
    state = {name: value.numpy() for name, value in module.function.state_dict().items()}
    s, sd = sigma.numpy()[:, None], 0.5
    phase = 2 * math.pi * np.log(s) / 4 * state["frequencies"]
    features = np.concatenate([np.cos(phase), np.sin(phase)], axis=1)
    h = (x.numpy() / np.sqrt(s**2 + sd**2)) @ state["point.weight"].T + state["point.bias"]
    h = h + features @ state["noise.weight"].T
    h = h / (1 + np.exp(-h))
    h = h @ state["hidden.0.weight"].T + state["hidden.0.bias"]
    h = h / (1 + np.exp(-h))
    raw = h @ state["last.weight"].T + state["last.bias"]
    expected = sd**2 / (s**2 + sd**2) * x.numpy() + s * sd / np.sqrt(s**2 + sd**2) * raw
    np.testing.assert_allclose(module(x, sigma).detach().numpy(), expected, rtol=1e-10)


def test_mlp_has_the_declared_size():
    module = fresh(Mlp(width=10, depth=4, features=6), dim=3)
    counted = sum(p.numel() for p in module.parameters())
    assert counted == (3 + 12 + 1) * 10 + 3 * 11 * 10 + 11 * 3


def score(module, x, sigma):
    return (module(x, sigma) - x) / sigma.unsqueeze(-1) ** 2


def test_relu_follows_its_formula():
    module, (x, sigma) = fresh(NETWORKS[1]).double(), points(dtype=torch.float64)
    state = {name: value.numpy() for name, value in module.state_dict().items()}
    h = np.concatenate([x.numpy(), sigma.numpy()[:, None]], axis=1)
    for name in ("first", "hidden.0", "hidden.1"):
        h = np.maximum(h @ state[name].T, 0)
    expected = h @ state["last"].T
    np.testing.assert_allclose(score(module, x, sigma).detach().numpy(), expected, rtol=1e-8, atol=1e-9)


def test_relu_score_is_positively_homogeneous():
    module, (x, sigma) = fresh(Relu()).double(), points(dtype=torch.float64)
    torch.testing.assert_close(score(module, 7 * x, 7 * sigma), 7 * score(module, x, sigma), rtol=1e-9, atol=1e-10)


def test_relu_initial_variances():
    dim, width = 50, 200
    module = fresh(Relu(width=width, depth=2), dim=dim, moved=False)
    drawn = {name: parameter.detach() for name, parameter in module.named_parameters()}
    expected = {"first": 2 / width, "hidden.0": 2 / width, "hidden.1": 2 / width, "last": 1 / dim}
    assert drawn.keys() == expected.keys()
    for name, variance in expected.items():
        count = drawn[name].numel()
        z = (float((drawn[name] ** 2).mean()) / variance - 1) * math.sqrt(count / 2)
        assert abs(z) < 4, name
        assert abs(float(drawn[name].mean())) < 4 * math.sqrt(variance / count), name


def test_relu_initial_score_has_the_norm_of_its_input():
    # E‖S‖² = ‖x‖² + σ² over initialisations, whatever the depth.
    x, sigma = torch.tensor([[1.0, -2.0, 0.5]]), torch.tensor([1.5])
    torch.manual_seed(0)
    network = Relu(width=64, depth=3)
    with torch.no_grad():
        squares = [float((score(network.module(DataSpec((3,), 1.0)), x, sigma) ** 2).sum()) for _ in range(1500)]
    mean, error = np.mean(squares), np.std(squares) / math.sqrt(len(squares))
    assert abs(mean - 7.5) < 4 * error
    assert error < 0.25


def test_relu_outer_matrices_are_frozen():
    module = Relu(width=8, depth=3).module(DataSpec((2,), 1.0))
    trained = {name for name, parameter in module.named_parameters() if parameter.requires_grad}
    assert trained == {"hidden.0", "hidden.1", "hidden.2"}
    assert [tuple(p.shape) for p in module.parameters() if not p.requires_grad] == [(8, 3), (2, 8)]


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (Mlp(), (2,)),
        (Mlp(width=256, depth=6), (64,)),
        (Relu(), (2,)),
        (Relu(width=32, depth=6), (8,)),
        (Unet(), (3, 32, 32)),
        (Unet(), (1, 8, 8)),
        (Unet(heads=0), (3, 32, 32)),
        (Unet(levels=3, blocks=2), (3, 32, 32)),
        (Unet(channels=16, levels=1), (1, 8, 8)),
        (Dit(), (3, 16, 16)),
        (Dit(patch=4, width=64, depth=2, heads=8), (1, 32, 32)),
        (Ddpmpp(), (3, 16, 16)),
        (Ddpmpp(channels=16, multipliers=(1, 2, 2), blocks=2, attention=(), adaptive=True), (1, 16, 16)),
        (DiffusersUnet(), (3, 16, 16)),
        (DiffusersUnet(channels=16, multipliers=(1, 2, 2), blocks=2, attention=(8,)), (1, 16, 16)),
    ],
    ids=str,
)
def test_what_layers_put_out_is_what_a_stack_keeps_for_its_gradient(network, shape):
    data = DataSpec(shape, 0.5)
    stack = Stack(network, data, [0], Adam(batch_size=16))
    stack.roughen([0])

    def kept(points):
        """Numbers in all that is kept, each once; the parameters cancel in a difference."""
        storages = {}

        def keep(tensor):
            storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes() // 4, tensor
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            x, sigma = torch.randn(1, points, data.dim), torch.rand(1, points) + 0.5
            stack.denoise({name: v.detach().requires_grad_() for name, v in stack.tensors().items()}, x, sigma)
        return sum(count for count, _ in storages.values())

    measured = (kept(32) - kept(16)) / 16
    assert network.layer_outputs(data) == pytest.approx(measured, rel=0.15)


def test_before_the_data_are_known_images_are_taken_for_those_of_32_by_32():
    for network in (Unet(), Dit(), Ddpmpp(), DiffusersUnet()):
        assert network.layer_outputs() == network.layer_outputs(DataSpec((3, 32, 32), 0.5))
