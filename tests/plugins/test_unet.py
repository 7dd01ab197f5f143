"""The U-Net: its algebra, its symmetries, its size, and that it learns what it is told."""

import copy
import functools
import itertools

import image_modules
import pytest
import torch
from bar_images import bar_images, made, stored, trained
from harness_data.targets import Digits
from harness_ronneberger.networks import Unet
from harness_ronneberger.unet import Attention, ResidualBlock, _doubled
from image_modules import fresh
from torch.func import functional_call, jvp, stack_module_state, vmap

from harness.components import ComponentError
from harness.data_spec import DataSpec
from harness.engine.denoisers import denoiser_from_checkpoint
from harness.engine.modules import initial_module
from harness.errors import NotApplicable
from harness.registry.discovery import load

PRECONDITIONINGS = [cls() for cls in load().classes("preconditioning").values()]
PLAIN, LABELLED = Unet(channels=8), Unet(channels=8, levels=3, blocks=2, growth=1, labels=True)
each_network = pytest.mark.parametrize("network", [PLAIN, LABELLED], ids=["plain", "labelled"])

# Single precision, as they are trained in, where a test does not say otherwise.
given = functools.partial(image_modules.given, dtype=torch.float32)


class TestAlgebra:
    @each_network
    @pytest.mark.parametrize("kind", PRECONDITIONINGS, ids=lambda kind: kind.name)
    def test_untrained_it_is_what_its_preconditioning_skips(self, network, kind):
        own, (x, sigma, *labels) = network.model_copy(update={"precondition": kind}), given(network)
        c = kind.coefficients(sigma, torch.tensor(0.5))
        module = fresh(own, moved=False)
        torch.testing.assert_close(module(x, sigma, *labels), c.skip[:, None, None, None] * x)
        # Then F is what it was trained to be: D = c_skip x + c_out F(c_in x; c_noise).
        moved = fresh(own)
        raw = moved.function(c.inner[:, None, None, None] * x, c.noise, *labels)
        expected = c.skip[:, None, None, None] * x + c.out[:, None, None, None] * raw
        torch.testing.assert_close(moved(x, sigma, *labels), expected)
        assert float(raw.detach().abs().mean()) > 0.01

    @each_network
    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_points_keep_shape_and_dtype(self, network, dtype):
        x, sigma, *labels = given(network, dtype=dtype)
        denoised = fresh(network).to(dtype)(x, sigma, *labels)
        assert (denoised.shape, denoised.dtype) == (x.shape, dtype)
        assert not torch.allclose(denoised, fresh(network, moved=False).to(dtype)(x, sigma, *labels), atol=1e-2)

    @each_network
    def test_points_do_not_depend_on_each_other(self, network):
        module, batch = fresh(network).double(), given(network, dtype=torch.float64)
        single = torch.cat([module(*(part[i : i + 1] for part in batch)) for i in range(6)])
        torch.testing.assert_close(module(*batch), single, rtol=1e-10, atol=1e-11)

    @each_network
    def test_its_forward_derivative_is_that_of_differences(self, network):
        module, (x, *rest) = fresh(network).double(), given(network, dtype=torch.float64)
        direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
        with torch.no_grad():
            value, derivative = jvp(lambda y: module(y, *rest), (x,), (direction,))
            step = 1e-6
            difference = (module(x + step * direction, *rest) - module(x - step * direction, *rest)) / (2 * step)
        assert value.dtype == derivative.dtype == torch.float64
        torch.testing.assert_close(derivative, difference, rtol=1e-5, atol=1e-7)

    def test_it_is_smooth_in_the_level_and_depends_on_it(self):
        module, (x, sigma) = fresh(PLAIN).double(), given(PLAIN, dtype=torch.float64)
        with torch.no_grad():
            _, derivative = jvp(lambda s: module(x, s), (sigma,), (torch.ones_like(sigma),))
            difference = (module(x, sigma + 1e-7) - module(x, sigma - 1e-7)) / 2e-7
        torch.testing.assert_close(derivative, difference, rtol=1e-4, atol=1e-5)
        assert float(derivative.abs().min(0).values.max()) > 0


class TestSymmetries:
    @each_network
    def test_kernels_and_images_transposed_give_the_transposed(self, network):
        # Height and width are told apart nowhere: neither on the way down nor up, nor in the attention.
        square = (2, 8, 8)
        module, (x, *rest) = fresh(network, square).double(), given(network, shape=square, dtype=torch.float64)
        turned = copy.deepcopy(module)
        with torch.no_grad():
            for parameter in turned.parameters():
                if parameter.ndim == 4:
                    parameter.copy_(parameter.transpose(-2, -1).clone())
        expected = module(x, *rest).transpose(-2, -1)
        torch.testing.assert_close(turned(x.transpose(-2, -1), *rest), expected, rtol=1e-10, atol=1e-11)

    def test_attention_does_not_know_where_pixels_are(self):
        torch.manual_seed(0)
        attention, h = Attention(8, 2).double(), torch.randn(3, 8, 4, 6, dtype=torch.float64)
        torch.nn.init.normal_(attention.outer.weight)
        order = torch.randperm(24)
        shuffled = h.flatten(2)[:, :, order].reshape(h.shape)
        expected = attention(h).flatten(2)[:, :, order].reshape(h.shape)
        torch.testing.assert_close(attention(shuffled), expected)
        assert not torch.allclose(attention(h), h)

    def test_attention_follows_its_formula(self):
        torch.manual_seed(0)
        attention, h = Attention(8, 2).double(), torch.randn(1, 8, 2, 2, dtype=torch.float64)
        torch.nn.init.normal_(attention.outer.weight)
        inner = (attention.inner.weight[:, :, 0, 0] @ attention.norm(h)[0].flatten(1)) + attention.inner.bias[:, None]
        query, key, value = inner.reshape(3, 2, 4, 4)
        heads = [value[i] @ torch.softmax(query[i].T @ key[i] / 2, dim=1).T for i in range(2)]
        out = attention.outer.weight[:, :, 0, 0] @ torch.cat(heads) + attention.outer.bias[:, None]
        torch.testing.assert_close(attention(h)[0], h[0] + out.reshape(8, 2, 2))

    def test_what_a_block_adds_does_not_depend_on_contrast(self):
        torch.manual_seed(0)
        block, h = ResidualBlock(8, 8, 16).double(), 10 * torch.randn(3, 8, 4, 4, dtype=torch.float64)
        torch.nn.init.normal_(block.outer.weight)
        told = torch.randn(3, 16, dtype=torch.float64)
        assert float((block(h, told) - h).detach().abs().mean()) > 0.1
        torch.testing.assert_close(block(7 * h, told) - 7 * h, block(h, told) - h, rtol=1e-5, atol=1e-5)

    def test_classes_are_names(self):
        module, (x, sigma, labels) = fresh(LABELLED).double(), given(LABELLED, dtype=torch.float64)
        renamed, order = copy.deepcopy(module), torch.tensor([2, 0, 4, 1, 3])
        with torch.no_grad():
            weight = renamed.function.embedding.label.weight
            weight[order] = weight.clone()
        torch.testing.assert_close(renamed(x, sigma, order[labels]), module(x, sigma, labels))
        assert not torch.allclose(module(x, sigma, order[labels]), module(x, sigma, labels), atol=1e-3)

    def test_pixels_are_doubled(self):
        h = torch.randn(2, 3, 4, 5)
        assert torch.equal(_doubled(h), h.repeat_interleave(2, 2).repeat_interleave(2, 3))
        torch.testing.assert_close(torch.nn.functional.avg_pool2d(_doubled(h), 2), h)


def size(network, image, classes):
    """The number of parameters, from the layers that there should be."""
    b, f, width = network.blocks, network.features, 4 * network.channels
    c = [network.channels * network.growth**level for level in range(network.levels)]
    k = classes if network.labels else 0

    def convolution(a, out, side=3):
        return a * out * side**2 + out

    def block(a, out):
        around = 0 if a == out else convolution(a, out, 1)
        return 2 * a + 2 * out + convolution(a, out) + convolution(out, out) + (width + 1) * out + around

    total = (2 * f + 1 + k) * width + (width + 1) * width
    total += convolution(image, c[0]) + 2 * c[0] + convolution(c[0], image)
    for wide, narrow in itertools.pairwise(c):
        total += convolution(wide, narrow) + convolution(narrow, wide)
        total += b * block(wide, wide) + block(2 * wide, wide) + (b - 1) * block(wide, wide)
    attention = 2 * c[-1] + convolution(c[-1], 3 * c[-1], 1) + convolution(c[-1], c[-1], 1)
    return total + 2 * b * block(c[-1], c[-1]) + (attention if network.heads else 0)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"labels": True},
        {"levels": 1, "heads": 0},
        {"levels": 3, "growth": 1, "blocks": 3, "channels": 12, "features": 5},
        {"levels": 4, "growth": 3, "channels": 4, "labels": True, "heads": 1},
    ],
    ids=str,
)
def test_it_has_the_declared_size(settings):
    network = Unet(**({"channels": 16} | settings))
    module = network.module(DataSpec((3, 8, 16), 1.0, classes=7))
    assert sum(p.numel() for p in module.parameters()) == size(network, 3, 7)


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ("unet:channels=0", "greater than or equal to 4"),
        ("unet:channels=6", "multiple of 4"),
        ("unet:channels=2048", "less than or equal to 1024"),
        ("unet:levels=0", "greater than or equal to 1"),
        ("unet:levels=9", "less than or equal to 8"),
        ("unet:growth=0", "greater than or equal to 1"),
        ("unet:growth=5", "less than or equal to 4"),
        ("unet:blocks=0", "greater than or equal to 1"),
        ("unet:blocks=17", "less than or equal to 16"),
        ("unet:heads=-1", "greater than or equal to 0"),
        ("unet:heads=65", "less than or equal to 64"),
        ("unet:heads=3", "must divide the 64 channels"),
        ("unet:features=0", "greater than or equal to 1"),
        ("unet:features=5000", "less than or equal to 4096"),
        ("unet:labels=perhaps", "boolean"),
        ("unet:sigma_data=0", "greater than 0"),
        ("unet:precondition=nothing", "unknown preconditioning"),
    ],
)
def test_a_parameter_outside_its_range_is_refused(registry, form, why):
    with pytest.raises(ComponentError, match=why) as error:
        registry.parse("network", form)
    assert len(str(error.value)) <= 300
    assert "\n" not in str(error.value)


class TestApplicability:
    @pytest.mark.parametrize("shape", [(2,), (8, 8), (1, 2, 8, 8)])
    def test_it_is_for_images(self, shape):
        with pytest.raises(NotApplicable, match=r"unet is for images \(channels, height, width\)"):
            Unet().module(DataSpec(shape, 1.0))

    @pytest.mark.parametrize(("shape", "most"), [((1, 8, 6), 2), ((1, 12, 10), 2), ((1, 7, 8), 1), ((1, 4, 20), 3)])
    def test_sides_must_be_halved_level_by_level(self, shape, most):
        sides = f"{shape[1]}×{shape[2]}"
        with pytest.raises(
            NotApplicable, match=f"needs sides that 8 divides, and images are {sides}; .*levels={most}$"
        ):
            Unet(levels=4).module(DataSpec(shape, 1.0))
        Unet(levels=most).module(DataSpec(shape, 1.0))

    def test_one_with_labels_is_for_points_that_have_them(self):
        with pytest.raises(NotApplicable, match="is given labels, and the target has none"):
            initial_module(Unet(labels=True), DataSpec((1, 8, 8), 1.0), 0)
        initial_module(Unet(labels=True), DataSpec((1, 8, 8), 1.0, classes=2), 0)


@pytest.fixture(scope="module")
def bars():
    return bar_images()


SMALL = Unet(channels=8, labels=True, features=8)


class TestStack:
    @each_network
    def test_stacked_modules_equal_each_alone(self, network):
        # Modules for different data scales: what differs between them must be state, not a number.
        modules = [fresh(network, sigma_data=0.3 * (i + 1), seed=i).double() for i in range(3)]
        batch = given(network, n=6, dtype=torch.float64)
        stacked_batch = [part.reshape(3, 2, *part.shape[1:]) for part in batch]
        parameters, buffers = stack_module_state(modules)
        base = copy.deepcopy(modules[0]).to("meta")

        def call(parameters, buffers, *given):
            return functional_call(base, (parameters, buffers), given)

        stacked = vmap(call)(parameters, buffers, *stacked_batch)
        alone = torch.stack([m(*(part[i] for part in stacked_batch)) for i, m in enumerate(modules)])
        torch.testing.assert_close(stacked, alone, rtol=1e-10, atol=1e-11)

    @pytest.mark.parametrize("network", [SMALL, Unet(channels=4, levels=3, growth=1)], ids=["labelled", "plain"])
    def test_a_network_does_not_depend_on_its_stack(self, bars, network):
        # To the last bit, whether the harness finds that they can be stacked here or trains each alone.
        together = trained(bars, network, 3, seeds=(0, 1, 2))
        for seed, snapshot in enumerate(together):
            (alone,) = trained(bars, network, 3, seeds=(seed,))
            assert alone.loss == snapshot.loss
            assert all(torch.equal(alone.state[name], value) for name, value in snapshot.state.items())
        assert together[0].loss != together[1].loss


class TestLearning:
    def test_a_checkpoint_brings_back_the_network(self, bars, tmp_path):
        (snapshot,) = trained(bars, SMALL, 4)
        network = stored(SMALL, snapshot, tmp_path)
        x, labels = bars.labelled(5, torch.Generator().manual_seed(0))
        module = initial_module(SMALL, bars.data, 0)
        module.load_state_dict(snapshot.state)
        levels = torch.full((5,), 0.7)
        expected = module(bars.data.shaped(x.float()), levels, labels).flatten(1)
        denoiser = denoiser_from_checkpoint(network, bars.data)
        assert torch.equal(denoiser(x.float(), 0.7, labels), expected.detach())
        torch.testing.assert_close(denoiser(x, 0.7, labels).float(), expected.detach(), rtol=1e-4, atol=1e-5)

    def test_samples_have_the_class_that_was_asked_for(self, bars, tmp_path):
        (snapshot,) = trained(bars, SMALL, 250)
        denoiser = denoiser_from_checkpoint(stored(SMALL, snapshot, tmp_path), bars.data)
        labels = torch.arange(60) % 2
        images = bars.data.shaped(made(bars, denoiser, labels))[:, 0]
        # The mean over rows varies more than that over columns where a row is bright.
        bright_row = images.mean(2).var(1) > images.mean(1).var(1)
        assert int((bright_row == labels.bool()).sum()) >= 54
        swapped = bars.data.shaped(made(bars, denoiser, 1 - labels))[:, 0]
        assert int(((swapped.mean(2).var(1) > swapped.mean(1).var(1)) == labels.bool()).sum()) <= 6


@pytest.mark.slow
def test_digits_are_drawn_as_asked(tmp_path):
    from sklearn.linear_model import LogisticRegression

    law, network = Digits().distribution(), Unet(channels=16, labels=True)
    (snapshot,) = trained(law, network, 600, batch_size=128)
    denoiser = denoiser_from_checkpoint(stored(network, snapshot, tmp_path), law.data)
    points, known = law.labelled(4000, torch.Generator().manual_seed(0))
    classifier = LogisticRegression(max_iter=500).fit(points.numpy(), known.numpy())
    labels = torch.arange(200) % 10
    right = (classifier.predict(made(law, denoiser, labels, 18).numpy()) == labels.numpy()).mean()
    # Chance is 0.1; of held-out digits the classifier knows 96 in 100.
    assert right > 0.85
