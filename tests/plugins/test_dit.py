"""The diffusion transformer: its algebra against torch's own layers, its symmetries, its size, and that it learns."""

import copy

import pytest
import torch
from harness_peebles.dit import Layer, cut, joined, waves
from harness_peebles.networks import Dit
from torch.func import jvp
from torch.nn import functional

from harness.components import ComponentError
from harness.data_spec import DataSpec
from harness.engine.modules import initial_module
from harness.errors import NotApplicable
from harness.registry.discovery import load

SHAPE = (2, 4, 6)
PLAIN, LABELLED = Dit(width=16, depth=2), Dit(width=16, depth=2, heads=2, labels=True)
PRECONDITIONINGS = [cls() for cls in load().classes("preconditioning").values()]
each_network = pytest.mark.parametrize("network", [PLAIN, LABELLED], ids=["plain", "labelled"])


def fresh(network, shape=SHAPE, moved=True):
    """A module away from its start, so that no layer is zero."""
    torch.manual_seed(0)
    module = network.module(DataSpec(shape, 0.5, classes=5)).double()
    if moved:
        with torch.no_grad():
            for parameter in module.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
    return module


def given(network, n=6, shape=SHAPE):
    """Points, levels and, where the network takes them, labels."""
    x = torch.randn(n, *shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    sigma = torch.logspace(-2, 1, n, dtype=torch.float64)
    return x, sigma, *([torch.arange(n) % 5] if network.conditional else [])


def layer(width=16, heads=4):
    torch.manual_seed(0)
    made = Layer(width, heads).double()
    torch.nn.init.normal_(made.told.weight, std=0.3)
    return made


class TestAlgebra:
    @each_network
    @pytest.mark.parametrize("kind", PRECONDITIONINGS, ids=lambda kind: kind.name)
    def test_untrained_it_is_what_its_preconditioning_skips(self, network, kind):
        own, (x, sigma, *labels) = network.model_copy(update={"precondition": kind}), given(network)
        skipped = kind.coefficients(sigma, torch.tensor(0.5)).skip[:, None, None, None] * x
        torch.testing.assert_close(fresh(own, moved=False)(x, sigma, *labels), skipped)
        assert not torch.allclose(fresh(own)(x, sigma, *labels), skipped, atol=1e-3)

    def test_its_attention_is_that_of_torch(self):
        made, h = layer(), torch.randn(3, 7, 16, dtype=torch.float64)
        theirs = torch.nn.MultiheadAttention(16, 4, batch_first=True).double()
        with torch.no_grad():
            theirs.in_proj_weight.copy_(made.inner.weight)
            theirs.in_proj_bias.copy_(made.inner.bias)
        theirs.out_proj = made.outer
        torch.testing.assert_close(made.attention(h), theirs(h, h, h)[0])

    def test_a_layer_is_gated_shifted_and_scaled_by_what_it_is_told(self):
        made, h, told = layer(), torch.randn(3, 7, 16, dtype=torch.float64), torch.randn(3, 16, dtype=torch.float64)
        parts = (told @ made.told.weight.T + made.told.bias).reshape(3, 6, 1, 16).unbind(1)

        def modulated(h, shift, scale):
            deviation = (h.var(-1, keepdim=True, unbiased=False) + 1e-6).sqrt()
            return (h - h.mean(-1, keepdim=True)) / deviation * (1 + scale) + shift

        middle = h + parts[2] * made.attention(modulated(h, parts[0], parts[1]))
        hidden = functional.gelu(made.widen(modulated(middle, parts[3], parts[4])), approximate="tanh")
        torch.testing.assert_close(made(h, told), middle + parts[5] * made.narrow(hidden))
        assert torch.equal(Layer(16, 4).double()(h, told), h)

    def test_patches_are_those_of_torch_and_are_put_together_again(self):
        x = torch.randn(3, 2, 6, 9)
        assert torch.equal(cut(x, 3), functional.unfold(x, 3, stride=3).transpose(1, 2))
        assert torch.equal(joined(cut(x, 3), x.shape, 3), x)

    def test_positions_differ_and_their_products_depend_on_the_way_between_them_alone(self):
        found = waves(5, 7, 16).double()
        products = (found @ found.T).reshape(5, 7, 5, 7)
        torch.testing.assert_close(products[:-1, :-1, :-1, :-1], products[1:, 1:, 1:, 1:], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(found.square().sum(1), torch.full((35,), 8.0, dtype=torch.float64))
        assert float(torch.pdist(found).min()) > 0.1

    @each_network
    def test_its_forward_derivative_is_that_of_differences(self, network):
        module, (x, *rest) = fresh(network), given(network)
        direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
        with torch.no_grad():
            _, derivative = jvp(lambda y: module(y, *rest), (x,), (direction,))
            step = 1e-6
            difference = (module(x + step * direction, *rest) - module(x - step * direction, *rest)) / (2 * step)
        torch.testing.assert_close(derivative, difference, rtol=1e-5, atol=1e-7)


class TestSymmetries:
    @each_network
    def test_patches_and_their_positions_in_another_order_give_the_same(self, network):
        module, (x, *rest) = fresh(network), given(network)
        order = torch.randperm(6, generator=torch.Generator().manual_seed(3))

        def shuffled(images):
            return joined(cut(images, 2)[:, order], images.shape, 2)

        elsewhere = copy.deepcopy(module)
        elsewhere.function.positions = module.function.positions[order]
        torch.testing.assert_close(elsewhere(shuffled(x), *rest), shuffled(module(x, *rest)))
        # Without its position a patch would not know where it is.
        assert not torch.allclose(module(shuffled(x), *rest), shuffled(module(x, *rest)), atol=1e-3)

    def test_classes_are_names(self):
        module, (x, sigma, labels) = fresh(LABELLED), given(LABELLED)
        renamed, order = copy.deepcopy(module), torch.tensor([2, 0, 4, 1, 3])
        with torch.no_grad():
            weight = renamed.function.embedding.label.weight
            weight[order] = weight.clone()
        torch.testing.assert_close(renamed(x, sigma, order[labels]), module(x, sigma, labels))
        assert not torch.allclose(module(x, sigma, order[labels]), module(x, sigma, labels), atol=1e-3)


@pytest.mark.parametrize(
    "settings", [{}, {"labels": True}, {"depth": 1, "heads": 1, "patch": 4}, {"width": 12, "features": 3}], ids=str
)
def test_it_has_the_declared_size(settings):
    network = Dit(**({"width": 16, "depth": 3} | settings))
    module = network.module(DataSpec((3, 8, 16), 1.0, classes=7))
    w, pixels = network.width, 3 * network.patch**2
    told = (2 * network.features + 1 + (7 if network.labels else 0)) * w + (w + 1) * w
    block = 6 * w * (w + 1) + 3 * w * (w + 1) + w * (w + 1) + 4 * w * (w + 1) + w * (4 * w + 1)
    ends = (pixels + 1) * w + 2 * w * (w + 1) + pixels * (w + 1)
    assert sum(p.numel() for p in module.parameters()) == told + network.depth * block + ends


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ("dit:width=6", "multiple of 4"),
        ("dit:width=64,heads=3", "heads=3 must divide width=64"),
        ("dit:depth=0", "greater than or equal to 1"),
        ("dit:patch=0", "greater than or equal to 1"),
        ("dit:heads=0", "greater than or equal to 1"),
        ("dit:labels=perhaps", "boolean"),
    ],
)
def test_a_parameter_outside_its_range_is_refused(registry, form, why):
    with pytest.raises(ComponentError, match=why) as error:
        registry.parse("network", form)
    assert len(str(error.value)) <= 300


class TestApplicability:
    @pytest.mark.parametrize("shape", [(2,), (8, 8), (1, 2, 8, 8)])
    def test_it_is_for_images(self, shape):
        with pytest.raises(NotApplicable, match=r"dit is for images \(channels, height, width\)"):
            Dit().module(DataSpec(shape, 1.0))

    @pytest.mark.parametrize(("shape", "fitting"), [((1, 9, 6), 3), ((1, 7, 8), 1), ((1, 6, 10), 2)])
    def test_patches_must_fill_the_image(self, shape, fitting):
        sides = f"{shape[1]}×{shape[2]}"
        with pytest.raises(
            NotApplicable, match=f"sides that 4 divides, and images are {sides}; write dit:patch={fitting}$"
        ):
            Dit(patch=4).module(DataSpec(shape, 1.0))
        Dit(patch=fitting).module(DataSpec(shape, 1.0))

    def test_one_with_labels_is_for_points_that_have_them(self):
        with pytest.raises(NotApplicable, match="is given labels, and the target has none"):
            initial_module(Dit(labels=True), DataSpec((1, 8, 8), 1.0), 0)
