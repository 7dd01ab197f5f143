"""The DDPM++ layout: against diffusers' U-Net, block by block against its source, its symmetries, its size."""

import copy
import math

import pytest
import torch
from harness_ddpmpp.ddpmpp import Attention, Embedding, ResidualBlock, resized
from harness_ddpmpp.layout import Step, way_down, way_up
from harness_ddpmpp.networks import Ddpmpp
from torch import nn

from harness.data_spec import DataSpec
from harness.errors import NotApplicable

EDM = Ddpmpp(channels=128, multipliers=(2, 2, 2), blocks=4)
"""That of CIFAR-10 in Karras et al."""


def moved(module, scale=0.1):
    """A module away from its start, in double precision."""
    torch.manual_seed(7)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(scale * torch.randn_like(parameter))
    return module.double()


class Levels(nn.Module):
    """Stands for diffusers' features of whole time steps: ours, of c, and of the labels that are put there."""

    def __init__(self, embedding):
        super().__init__()
        self.frequencies, self.vectors, self.labels = embedding.frequencies, embedding.label, ()

    def forward(self, c):
        phase = c[:, None] * self.frequencies
        features = torch.cat([phase.cos(), phase.sin()], dim=-1)
        return features if self.vectors is None else features + self.vectors(*self.labels)


def as_in_diffusers(network, data):
    """The U-Net of diffusers, made what DDPM++ is where its arguments do not reach, and ours with the same weights.

    Not reached: sums rescaled in all blocks, groups by the number of channels, a convolution around a block that
    resizes, attention after the last block alone on the way up, its normalisation in the middle of an adaptive one.
    """
    diffusers = pytest.importorskip("diffusers")
    from diffusers.models.attention_processor import Attention as TheirAttention
    from diffusers.models.resnet import ResnetBlock2D

    kinds = [max(data.shape[1:]) / 2**level in network.attention for level in range(len(network.multipliers))]
    theirs = diffusers.UNet2DModel(
        in_channels=data.shape[0],
        out_channels=data.shape[0],
        sample_size=data.shape[1:],
        layers_per_block=network.blocks,
        block_out_channels=[network.channels * multiplier for multiplier in network.multipliers],
        down_block_types=["AttnDownBlock2D" if attends else "ResnetDownsampleBlock2D" for attends in kinds],
        up_block_types=["AttnUpBlock2D" if attends else "ResnetUpsampleBlock2D" for attends in reversed(kinds)],
        downsample_type="resnet",
        upsample_type="resnet",
        attention_head_dim=None,
        norm_num_groups=4,
        norm_eps=1e-6,
        resnet_time_scale_shift="scale_shift" if network.adaptive else "default",
    )
    for block in theirs.modules():
        if isinstance(block, ResnetBlock2D):
            block.output_scale_factor = math.sqrt(2)
            if (block.up or block.down) and block.conv_shortcut is None:
                block.conv_shortcut = nn.Conv2d(block.in_channels, block.out_channels, 1)
        if isinstance(block, TheirAttention):
            block.rescale_output_factor, block.heads = math.sqrt(2), network.heads
            block.group_norm = nn.GroupNorm(4, block.query_dim)
        if isinstance(block, nn.GroupNorm):
            block.num_groups, block.eps = min(32, block.num_channels // 4), 1e-6
    for block in theirs.up_blocks:
        for place in range(network.blocks):
            if hasattr(block, "attentions"):
                block.attentions[place] = nn.Identity()
    torch.manual_seed(0)
    ours = moved(network.function(data))
    theirs.time_proj = Levels(ours.embedding)
    with torch.no_grad():
        _copy_weights(theirs, ours)
    return theirs.double().eval(), ours


def _copy_weights(theirs, ours):
    put(theirs.conv_in, ours.first)
    put(theirs.time_embedding.linear_1, ours.embedding.inner)
    put(theirs.time_embedding.linear_2, ours.embedding.last)
    put(theirs.conv_norm_out, ours.norm)
    put(theirs.conv_out, ours.last)
    down, up = iter(ours.down), iter(ours.up)
    for block in theirs.down_blocks:
        attentions = list(getattr(block, "attentions", [None] * len(block.resnets)))
        for resnet, attention in zip(block.resnets, attentions, strict=True):
            put_block(resnet, attention, next(down))
        for resnet in block.downsamplers or []:
            put_block(resnet, None, next(down))
    put_block(theirs.mid_block.resnets[0], theirs.mid_block.attentions[0], next(up))
    put_block(theirs.mid_block.resnets[1], None, next(up))
    for block in theirs.up_blocks:
        attentions = list(getattr(block, "attentions", [None] * len(block.resnets)))
        for resnet, attention in zip(block.resnets, attentions, strict=True):
            put_block(resnet, None if isinstance(attention, nn.Identity) else attention, next(up))
        for resnet in block.upsamplers or []:
            put_block(resnet, None, next(up))
    # None of ours is left over.
    assert (next(down, None), next(up, None)) == (None, None)


def put(layer, ours):
    layer.weight.copy_(ours.weight.reshape(layer.weight.shape))
    layer.bias.copy_(ours.bias)


def put_block(resnet, attention, ours):
    for name, layer in [
        ("norm1", ours.norms[0]),
        ("conv1", ours.inner),
        ("time_emb_proj", ours.told),
        ("norm2", ours.norms[1]),
        ("conv2", ours.outer),
    ]:
        put(getattr(resnet, name), layer)
    assert isinstance(ours.around, nn.Identity) == (resnet.conv_shortcut is None)
    if resnet.conv_shortcut is not None:
        put(resnet.conv_shortcut, ours.around)
    assert isinstance(ours.attention, nn.Identity) == (attention is None)
    if attention is not None:
        put(attention.group_norm, ours.attention.norm)
        put(attention.to_out[0], ours.attention.outer)
        weights, biases = ours.attention.inner.weight.chunk(3), ours.attention.inner.bias.chunk(3)
        for layer, weight, bias in zip((attention.to_q, attention.to_k, attention.to_v), weights, biases, strict=True):
            layer.weight.copy_(weight[:, :, 0, 0])
            layer.bias.copy_(bias)


@pytest.mark.parametrize(
    "network",
    [
        Ddpmpp(channels=8, multipliers=(1, 2), attention=(4,)),
        Ddpmpp(channels=8, multipliers=(1, 1, 1), labels=True),
        Ddpmpp(channels=8, multipliers=(1, 2, 2), blocks=2, attention=(8, 2), heads=2, embedding="fourier"),
        Ddpmpp(channels=16, multipliers=(1, 1), attention=(), adaptive=True),
    ],
    ids=lambda network: network.label(),
)
def test_it_is_the_unet_of_diffusers_with_the_same_weights(network):
    theirs, ours = as_in_diffusers(network, DataSpec((3, 8, 8), 0.5, classes=4))
    x = torch.randn(5, 3, 8, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    noise = torch.linspace(-1, 1, 5, dtype=torch.float64)
    theirs.time_proj.labels = labels = (torch.arange(5) % 4,) if network.labels else ()
    with torch.no_grad():
        found, expected = ours(x, noise, *labels), theirs(x, noise).sample
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    assert float(found.std()) > 0.1
    assert sum(p.numel() for p in ours.parameters()) == sum(p.numel() for p in theirs.parameters())


def test_the_layout_is_that_of_the_source_on_images_of_32_by_32():
    down, up = EDM.steps((32, 32))

    def told(step):
        return step.inputs, step.outputs, 32 >> step.level, step.resize, step.attends

    assert [told(step) for step in down] == [
        (128, 256, 32, "keep", False),
        *[(256, 256, 32, "keep", False)] * 3,
        (256, 256, 16, "halve", False),
        *[(256, 256, 16, "keep", True)] * 4,
        (256, 256, 8, "halve", False),
        *[(256, 256, 8, "keep", False)] * 4,
    ]
    assert [told(step) for step in up] == [
        (256, 256, 8, "keep", True),
        (256, 256, 8, "keep", False),
        *[(512, 256, 8, "keep", False)] * 5,
        (256, 256, 16, "double", False),
        *[(512, 256, 16, "keep", False)] * 4,
        (512, 256, 16, "keep", True),
        (256, 256, 32, "double", False),
        *[(512, 256, 32, "keep", False)] * 4,
        (384, 256, 32, "keep", False),
    ]


@pytest.mark.parametrize("multipliers", [(1,), (2, 1, 3), (1, 2, 3, 4)])
def test_each_output_on_the_way_down_is_joined_once_on_the_way_up_where_sides_are_the_same(multipliers):
    layout = 8, multipliers, 2, frozenset()
    seen = [(8, 0), *((step.outputs, step.level) for step in way_down(*layout))]
    now = seen[-1][0]
    for step in way_up(*layout):
        if step.joins:
            channels, level = seen.pop()
            assert (step.inputs, step.level) == (now + channels, level)
        else:
            assert step.inputs == now
        now = step.outputs
    assert seen == []
    assert now == 8 * multipliers[0]


def size(network, data):
    """The number of parameters, from the layers that there should be."""
    c, k = network.channels, data.classes if network.labels else 0

    def convolution(a, b, side=3):
        return a * b * side**2 + b

    total = k * c + (c + 1) * 4 * c + (4 * c + 1) * 4 * c
    down, up = network.steps(data.shape[1:])
    for step in (*down, *up):
        a, b = step.inputs, step.outputs
        total += 2 * a + 2 * b + convolution(a, b) + convolution(b, b) + (4 * c + 1) * b * (1 + network.adaptive)
        total += convolution(a, b, 1) * (a != b or step.resize != "keep")
        total += (2 * b + convolution(b, 3 * b, 1) + convolution(b, b, 1)) * step.attends
    last = up[-1].outputs
    return total + convolution(data.shape[0], c) + 2 * last + convolution(last, data.shape[0])


@pytest.mark.parametrize(
    "settings",
    [{}, {"labels": True, "adaptive": True}, {"multipliers": (2, 3, 1), "blocks": 2, "attention": (8, 4), "heads": 2}],
    ids=str,
)
def test_it_has_the_declared_size(settings):
    network, data = Ddpmpp(**({"channels": 8} | settings)), DataSpec((3, 8, 16), 1.0, classes=7)
    assert sum(p.numel() for p in network.module(data).parameters()) == size(network, data)


def test_the_one_of_the_source_has_its_56_million_parameters():
    data = DataSpec((3, 32, 32), 0.5)
    with torch.device("meta"):
        counted = sum(p.numel() for p in EDM.module(data).parameters())
    assert counted == size(EDM, data) == 55_732_739


def test_the_sum_of_a_block_keeps_the_variance_of_two_that_are_independent():
    # With an outer convolution that copies, h + its normalised activation over √2; checked by hand.
    torch.manual_seed(0)
    block = moved(ResidualBlock(Step(8, 8, 0), 12, 1, False))
    h, told = torch.randn(3, 8, 4, 4, dtype=torch.float64), torch.randn(3, 12, dtype=torch.float64)
    first, second = block.norms

    def active(norm, images):
        groups = images.reshape(len(images), 2, -1)
        mean, variance = groups.mean(2, keepdim=True), groups.var(2, correction=0, keepdim=True)
        normal = ((groups - mean) / (variance + 1e-6).sqrt()).reshape(images.shape)
        normal = normal * norm.weight[:, None, None] + norm.bias[:, None, None]
        return normal * torch.sigmoid(normal)

    inner = block.inner(active(first, h)) + (told @ block.told.weight.T + block.told.bias)[:, :, None, None]
    torch.testing.assert_close(block(h, told), (h + block.outer(active(second, inner))) / math.sqrt(2))


def test_an_adaptive_block_scales_and_shifts_what_is_normalised():
    torch.manual_seed(0)
    block = moved(ResidualBlock(Step(8, 8, 0), 12, 1, True))
    h, told = torch.randn(3, 8, 4, 4, dtype=torch.float64), torch.randn(3, 12, dtype=torch.float64)
    scale, shift = (told @ block.told.weight.T + block.told.bias)[:, :, None, None].chunk(2, dim=1)
    first, second = block.norms
    normal = second(block.inner(nn.functional.silu(first(h)))) * (1 + scale) + shift
    torch.testing.assert_close(block(h, told), (h + block.outer(nn.functional.silu(normal))) / math.sqrt(2))


def test_attention_does_not_know_where_pixels_are():
    torch.manual_seed(0)
    attention, h = moved(Attention(8, 2)), torch.randn(3, 8, 4, 6, dtype=torch.float64)
    order = torch.randperm(24)
    shuffled = h.flatten(2)[:, :, order].reshape(h.shape)
    torch.testing.assert_close(attention(shuffled), attention(h).flatten(2)[:, :, order].reshape(h.shape))
    assert not torch.allclose(attention(h) * math.sqrt(2), h, atol=0.01)


@pytest.mark.parametrize("network", [Ddpmpp(channels=8, attention=(8,)), Ddpmpp(channels=8, adaptive=True)], ids=str)
def test_kernels_and_images_transposed_give_the_transposed(network):
    # Height and width are told apart nowhere: neither on the way down nor up, nor in the attention.
    torch.manual_seed(0)
    module = moved(network.function(DataSpec((2, 8, 8), 0.5)))
    x, noise = torch.randn(3, 2, 8, 8, dtype=torch.float64), torch.linspace(-1, 1, 3, dtype=torch.float64)
    turned = copy.deepcopy(module)
    with torch.no_grad():
        for parameter in turned.parameters():
            if parameter.ndim == 4:
                parameter.copy_(parameter.transpose(-2, -1).clone())
    torch.testing.assert_close(turned(x.transpose(-2, -1), noise), module(x, noise).transpose(-2, -1))


def test_images_are_resized_as_torch_does():
    h = torch.randn(2, 3, 4, 6)
    torch.testing.assert_close(resized(h, "halve"), nn.functional.avg_pool2d(h, 2))
    assert torch.equal(resized(h, "double"), nn.functional.interpolate(h, scale_factor=2, mode="nearest"))
    assert resized(h, "keep") is h


def test_the_frequencies_fall_geometrically_from_1_or_are_normal():
    frequencies = Embedding(8, "positional", 0).frequencies
    torch.testing.assert_close(frequencies, torch.tensor([1, 10 ** (-4 / 3), 10 ** (-8 / 3), 1e-4]))
    torch.manual_seed(0)
    drawn = Embedding(1024, "fourier", 0).frequencies / (2 * math.pi)
    assert abs(float(drawn.square().mean()) - 1) < 4 * (2 / 512) ** 0.5


def test_weights_start_with_the_variance_of_the_source():
    torch.manual_seed(0)
    module = Ddpmpp(channels=32, attention=(8,), labels=True).function(DataSpec((1, 8, 8), 0.5, classes=40))
    attention = module.up[0].attention
    for weight, gain, fans in [
        (module.down[0].inner.weight, 1, 2 * 32 * 9),
        (module.down[0].told.weight, 1, 128 + 32),
        (attention.inner.weight, 0.2**0.5, 64 + 192),
        (module.embedding.label.weight, 40**0.5, 40 + 32),
    ]:
        variance = 2 * gain**2 / fans
        # Of a uniform law the fourth moment is 9/5 of the squared second.
        z = (float(weight.detach().square().mean()) / variance - 1) / (0.8 / weight.numel()) ** 0.5
        assert abs(z) < 4


@pytest.mark.parametrize("attention", [(15,), (14, 16), (28, 3)])
def test_a_side_that_is_chosen_to_attend_is_some_levels(attention):
    wrong = next(side for side in attention if side not in (28, 14))
    with pytest.raises(NotApplicable, match=rf"no level has the side {wrong}; those .* are 28, 14$"):
        Ddpmpp(channels=4, attention=attention).module(DataSpec((1, 28, 20), 1.0))


@pytest.mark.parametrize(("attention", "attending"), [((16,), 1), ((), 1), ((14,), 3), ((28, 14), 5)])
def test_other_sides_than_the_sources_attend_where_they_are_named(attention, attending):
    # The default, the source's 16, is no level's at 28×28: the middle alone attends, as without any.
    module = Ddpmpp(channels=4, attention=attention).module(DataSpec((1, 28, 28), 1.0))
    assert sum(isinstance(each, Attention) for each in module.modules()) == attending


@pytest.mark.parametrize(("shape", "most"), [((1, 8, 6), "2 multipliers"), ((1, 7, 8), "1 multiplier")])
def test_sides_must_be_halved_level_by_level(shape, most):
    sides = f"{shape[1]}×{shape[2]}"
    with pytest.raises(
        NotApplicable, match=f"of 3 levels needs sides that 4 divides, and images are {sides}; give {most}$"
    ):
        Ddpmpp(channels=4, multipliers=(1, 1, 1)).module(DataSpec(shape, 1.0))
