"""Networks for images but `unet`: what holds of each, whatever is inside; each learns what it is told."""

import copy

import pytest
import torch
from bar_images import bar_images, made, stored, trained
from harness_ddpmpp.networks import Ddpmpp
from harness_diffusers.networks import DiffusersUnet
from harness_peebles.networks import Dit
from harness_ronneberger.networks import Unet
from image_modules import SHAPE, fresh, given
from torch.func import functional_call, jvp, stack_module_state, vmap

from harness.components import ComponentError
from harness.data_spec import DataSpec
from harness.engine.adam import Stack
from harness.engine.denoisers import denoiser_from_checkpoint
from harness.engine.modules import initial_module
from harness.errors import NotApplicable
from harness.registry.discovery import load
from harness.trainers import Adam

PRECONDITIONINGS = [cls() for cls in load().classes("preconditioning").values()]
NETWORKS = {
    "dit": Dit(width=16, depth=2, heads=2, features=4),
    "dit, labelled": Dit(width=24, depth=1, heads=3, patch=4, labels=True),
    "ddpmpp": Ddpmpp(channels=8, embedding="fourier"),
    "ddpmpp, labelled": Ddpmpp(channels=8, multipliers=(2, 1, 1), attention=(6,), heads=2, adaptive=True, labels=True),
    "diffusers-unet": DiffusersUnet(channels=8, attention=(12,), head_channels=4),
    "diffusers-unet, labelled": DiffusersUnet(channels=8, multipliers=(2, 1, 1), labels=True),
}
each_network = pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)


@each_network
@pytest.mark.parametrize("kind", PRECONDITIONINGS, ids=lambda kind: kind.name)
def test_untrained_it_is_what_its_preconditioning_skips(network, kind):
    own, (x, sigma, *labels) = network.model_copy(update={"precondition": kind}), given(network)
    c = kind.coefficients(sigma, torch.tensor(0.5, dtype=torch.float64))
    module = fresh(own, moved=False).double()
    # The last layer is zero, so that this holds to the last bit.
    assert torch.equal(module(x, sigma, *labels), c.skip[:, None, None, None] * x)
    # Then F is what it was trained to be: D = c_skip x + c_out F(c_in x; c_noise).
    moved = fresh(own).double()
    raw = moved.function(c.inner[:, None, None, None] * x, c.noise, *labels)
    expected = c.skip[:, None, None, None] * x + c.out[:, None, None, None] * raw
    torch.testing.assert_close(moved(x, sigma, *labels), expected)
    assert float(raw.detach().abs().mean()) > 0.01


@each_network
def test_points_do_not_depend_on_each_other_nor_on_how_levels_are_given(network):
    module, batch = fresh(network).double(), given(network)
    single = torch.cat([module(*(part[i : i + 1] for part in batch)) for i in range(6)])
    torch.testing.assert_close(module(*batch), single, rtol=1e-10, atol=1e-11)
    # Samplers give one level for all points, of which what is told of the noise is made once.
    x, _, *labels = batch
    one = torch.tensor([0.7], dtype=torch.float64)
    torch.testing.assert_close(module(x, one.expand(6), *labels), module(x, one.repeat(6), *labels))


@each_network
def test_its_forward_derivative_is_that_of_differences(network):
    module, (x, *rest) = fresh(network).double(), given(network)
    direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    with torch.no_grad():
        value, derivative = jvp(lambda y: module(y, *rest), (x,), (direction,))
        step = 1e-6
        difference = (module(x + step * direction, *rest) - module(x - step * direction, *rest)) / (2 * step)
    assert value.dtype == derivative.dtype == torch.float64
    torch.testing.assert_close(derivative, difference, rtol=1e-5, atol=1e-7)


@each_network
def test_it_is_smooth_in_the_level_and_depends_on_it(network):
    module, (x, sigma, *labels) = fresh(network).double(), given(network)
    with torch.no_grad():
        _, derivative = jvp(lambda s: module(x, s, *labels), (sigma,), (torch.ones_like(sigma),))
        step = 1e-7
        difference = (module(x, sigma + step, *labels) - module(x, sigma - step, *labels)) / (2 * step)
        told = jvp(lambda c: module.function(x, c, *labels), (sigma,), (torch.ones_like(sigma),))[1]
    torch.testing.assert_close(derivative, difference, rtol=1e-4, atol=1e-5)
    assert float(told.abs().flatten(1).amax(1).min()) > 1e-3


@each_network
def test_stacked_modules_equal_each_alone(network):
    # Modules for different data scales: what differs between them must be state, not a number.
    modules = [fresh(network, sigma_data=0.3 * (i + 1), seed=i).double() for i in range(3)]
    stacked_batch = [part.reshape(3, 2, *part.shape[1:]) for part in given(network)]
    parameters, buffers = stack_module_state(modules)
    base = copy.deepcopy(modules[0]).to("meta")

    def call(parameters, buffers, *batch):
        return functional_call(base, (parameters, buffers), batch)

    stacked = vmap(call)(parameters, buffers, *stacked_batch)
    alone = torch.stack([m(*(part[i] for part in stacked_batch)) for i, m in enumerate(modules)])
    torch.testing.assert_close(stacked, alone, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("name", ["dit, labelled", "ddpmpp, labelled"])
def test_classes_are_names(name):
    network = NETWORKS[name]
    module, (x, sigma, labels) = fresh(network).double(), given(network)
    renamed, order = copy.deepcopy(module), torch.tensor([2, 0, 4, 1, 3])
    with torch.no_grad():
        weight = renamed.function.embedding.label.weight
        weight[order] = weight.clone()
    torch.testing.assert_close(renamed(x, sigma, order[labels]), module(x, sigma, labels))
    assert not torch.allclose(module(x, sigma, order[labels]), module(x, sigma, labels), atol=1e-3)


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ("dit:patch=0", "greater than or equal to 1"),
        ("dit:width=6", "multiple of 4"),
        ("dit:width=16384", "less than or equal to 8192"),
        ("dit:depth=0", "greater than or equal to 1"),
        ("dit:heads=0", "greater than or equal to 1"),
        ("dit:heads=3", "heads=3 must divide width=128"),
        ("dit:features=0", "greater than or equal to 1"),
        ("dit:labels=perhaps", "boolean"),
        ("ddpmpp:channels=6", "multiple of 4"),
        ("ddpmpp:multipliers=[]", "at least 1"),
        ("ddpmpp:multipliers=2", "tuple"),
        ("ddpmpp:multipliers=[1, 0]", r"multipliers=\[1, 0\] must each be from 1 to 16"),
        ("ddpmpp:attention=[0]", r"attention=\[0\] must be sides in pixels"),
        ("ddpmpp:blocks=0", "greater than or equal to 1"),
        ("ddpmpp:heads=5", "heads=5 must divide the 32 channels"),
        ("ddpmpp:embedding=learned", "positional"),
        ("ddpmpp:precondition=nothing", "unknown preconditioning"),
    ],
)
def test_a_parameter_outside_its_range_is_refused(registry, form, why):
    with pytest.raises(ComponentError, match=why) as error:
        registry.parse("network", form)
    assert len(str(error.value)) <= 300
    assert "\n" not in str(error.value)


@each_network
@pytest.mark.parametrize("shape", [(2,), (8, 8), (1, 2, 8, 8)])
def test_it_is_for_images(network, shape):
    with pytest.raises(NotApplicable, match=rf"^{network.name} is for images \(channels, height, width\)"):
        network.module(DataSpec(shape, 1.0, classes=5))


@each_network
def test_one_with_labels_is_for_points_that_have_them(network):
    data = DataSpec(SHAPE, 1.0)
    if not network.conditional:
        initial_module(network, data, 0)
        return
    with pytest.raises(NotApplicable, match="is given labels, and the target has none"):
        initial_module(network, data, 0)


@pytest.fixture(scope="module")
def bars():
    return bar_images()


SMALL = {
    "dit": Dit(width=32, depth=2, heads=2, features=8, labels=True),
    "ddpmpp": Ddpmpp(channels=8, multipliers=(1, 1), attention=(4,), embedding="fourier", labels=True),
}
each_small = pytest.mark.parametrize("network", SMALL.values(), ids=SMALL)


@pytest.mark.parametrize("network", [Unet(channels=4, labels=True), *SMALL.values()], ids=["unet", *SMALL])
def test_a_stack_has_the_gradients_of_each_network_alone(bars, network):
    # Training asks first whether a stack keeps the bits, and trains each alone where not; a stack is forced here.
    generator = torch.Generator().manual_seed(1)
    points, labels = bars.labelled(2 * 64, generator)
    clean, labels = points.float().view(2, 64, -1), labels.view(2, 64)
    noise = torch.randn(clean.shape, generator=generator)
    sigma, weight = 0.1 + 3 * torch.rand(2, 2, 64, generator=generator)
    batch = (clean, noise, sigma, weight, labels)

    def gradients(seeds, rows):
        stack = Stack(network, bars.data, seeds, Adam(batch_size=64))
        stack.roughen(seeds)
        squared, loss = stack.differentiate(*(each[rows] for each in batch))
        return stack.gradient().clone(), squared, loss

    together = gradients((4, 5), slice(None))
    for row, seed in enumerate((4, 5)):
        for found, alone in zip(together, gradients((seed,), slice(row, row + 1)), strict=True):
            assert float((found[row] - alone[0]).norm()) < 1e-5 * float(alone[0].norm())
    assert not torch.allclose(together[0][0], together[0][1], rtol=0.1)


@each_small
def test_a_network_does_not_depend_on_its_stack(bars, network):
    # To the last bit, whether the harness finds that they can be stacked here or trains each alone.
    together = trained(bars, network, 3, seeds=(0, 1))
    for seed, snapshot in enumerate(together):
        (alone,) = trained(bars, network, 3, seeds=(seed,))
        assert alone.loss == snapshot.loss
        assert all(torch.equal(alone.state[name], value) for name, value in snapshot.state.items())
    assert together[0].loss != together[1].loss


@each_small
def test_a_checkpoint_brings_back_the_network(bars, network, tmp_path):
    (snapshot,) = trained(bars, network, 4)
    x, labels = bars.labelled(5, torch.Generator().manual_seed(0))
    module = initial_module(network, bars.data, 0)
    module.load_state_dict(snapshot.state)
    levels = torch.full((5,), 0.7)
    expected = module(bars.data.shaped(x.float()), levels, labels).flatten(1).detach()
    denoiser = denoiser_from_checkpoint(stored(network, snapshot, tmp_path), bars.data)
    torch.testing.assert_close(denoiser(x.float(), 0.7, labels), expected)
    torch.testing.assert_close(denoiser(x, 0.7, labels).float(), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@each_small
def test_samples_have_the_class_that_was_asked_for(bars, network, tmp_path):
    (snapshot,) = trained(bars, network, 400)
    denoiser = denoiser_from_checkpoint(stored(network, snapshot, tmp_path), bars.data)
    labels = torch.arange(60) % 2

    def right(labels):
        images = bars.data.shaped(made(bars, denoiser, labels))[:, 0]
        # The mean over rows varies more than that over columns where a row is bright.
        return int(((images.mean(2).var(1) > images.mean(1).var(1)) == (torch.arange(60) % 2).bool()).sum())

    assert right(labels) >= 54
    assert right(1 - labels) <= 6
