"""The diffusion transformer: against diffusers', its symmetries, its places, its size."""

import itertools
import math

import pytest
import torch
from harness_peebles.dit import Block, NoisyDit, cut, joined, place_features
from harness_peebles.networks import Dit
from torch import nn

from harness.data_spec import DataSpec
from harness.errors import NotApplicable


def moved(module, scale=0.2):
    """A module away from its start, where gates are closed, in double precision."""
    torch.manual_seed(7)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(scale * torch.randn_like(parameter))
    return module.double()


def built(shape=(3, 8, 8), patch=2, classes=4, **settings):
    known = {"width": 24, "depth": 3, "heads": 3, "features": 5} | settings
    torch.manual_seed(0)
    return NoisyDit(shape, patch=patch, classes=classes, **known)


class Told(nn.Module):
    """Stands for diffusers' embedding of time and class, which knows whole steps alone: what ours says."""

    def __init__(self, embedding):
        super().__init__()
        self.embedding = embedding

    def forward(self, timestep, class_labels, hidden_dtype=None):
        return self.embedding(timestep, class_labels)


def as_in_diffusers(module, shape, patch):
    """The transformer of diffusers, with the weights of ours."""
    diffusers = pytest.importorskip("diffusers")
    width, heads = module.first.out_features, module.blocks[0].attention.heads
    theirs = diffusers.DiTTransformer2DModel(
        num_attention_heads=heads,
        attention_head_dim=width // heads,
        in_channels=shape[0],
        num_layers=len(module.blocks),
        sample_size=shape[1],
        patch_size=patch,
        norm_eps=1e-6,
    )
    channels = shape[0]

    def put(layer, ours):
        layer.weight.copy_(ours.weight.reshape(layer.weight.shape))
        layer.bias.copy_(ours.bias)

    with torch.no_grad():
        # Their convolution counts channels first within a patch, ours last.
        kernel = module.first.weight.reshape(width, patch, patch, channels).permute(0, 3, 1, 2)
        theirs.pos_embed.proj.weight.copy_(kernel)
        theirs.pos_embed.proj.bias.copy_(module.first.bias)
        for their, our in zip(theirs.transformer_blocks, module.blocks, strict=True):
            their.norm1.emb = Told(module.embedding)
            put(their.norm1.linear, our.modulation)
            for name, weight, bias in zip(
                ("to_q", "to_k", "to_v"),
                our.attention.inner.weight.chunk(3),
                our.attention.inner.bias.chunk(3),
                strict=True,
            ):
                getattr(their.attn1, name).weight.copy_(weight)
                getattr(their.attn1, name).bias.copy_(bias)
            put(their.attn1.to_out[0], our.attention.outer)
            put(their.ff.net[0].proj, our.inner)
            put(their.ff.net[2], our.outer)
        put(theirs.proj_out_1, module.modulation)
        put(theirs.proj_out_2, module.last)
    return theirs.double().eval()


@pytest.mark.parametrize(("shape", "patch"), [((3, 8, 8), 2), ((1, 12, 12), 4)])
def test_it_is_the_transformer_of_diffusers_with_the_same_weights(shape, patch):
    module = moved(built(shape, patch))
    theirs = as_in_diffusers(module, shape, patch)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(5, *shape, generator=generator, dtype=torch.float64)
    noise, labels = torch.linspace(-1, 1, 5, dtype=torch.float64), torch.arange(5) % 4
    with torch.no_grad():
        ours, expected = module(x, noise, labels), theirs(x, noise, labels).sample
    # Their places are kept in single precision, as ours.
    torch.testing.assert_close(ours, expected, rtol=1e-6, atol=1e-6)
    assert float(ours.std()) > 0.1


def test_blocks_are_the_identity_before_training():
    torch.manual_seed(0)
    block, h, told = Block(16, 2), torch.randn(3, 6, 16), torch.randn(3, 16)
    assert torch.equal(block(h, told), h)
    assert not torch.allclose(moved(block)(h.double(), told.double()), h.double(), atol=0.1)


def test_patches_in_another_order_are_told_apart_by_their_places_alone():
    module, x = moved(built()), torch.randn(2, 3, 8, 8, dtype=torch.float64)
    noise, labels, order = torch.zeros(2, dtype=torch.float64), torch.tensor([0, 3]), torch.randperm(16)

    def shuffled(images):
        return joined(cut(images, 2)[:, order], images.shape, 2)

    assert not torch.allclose(module(shuffled(x), noise, labels), shuffled(module(x, noise, labels)), atol=0.01)
    module.positions.zero_()
    torch.testing.assert_close(module(shuffled(x), noise, labels), shuffled(module(x, noise, labels)))


def test_patches_are_those_of_an_independent_function_and_are_joined_again():
    x = torch.randn(2, 3, 6, 8)
    patches = cut(x, 2)
    unfolded = nn.functional.unfold(x, 2, stride=2).reshape(2, 3, 4, 12).permute(0, 3, 2, 1)
    assert torch.equal(patches, unfolded.reshape(2, 12, 12))
    assert torch.equal(joined(patches, x.shape, 2), x)


def test_the_product_of_two_places_depends_on_their_difference_alone():
    # Σ sin a sin b + cos a cos b = Σ cos(a − b), at each frequency, for columns and for rows.
    rows, columns, width = 3, 5, 16
    found = place_features(rows, columns, width).double()
    frequencies = [10_000 ** -(i / 4) for i in range(4)]
    places = list(itertools.product(range(rows), range(columns)))
    for (k, (row, column)), (m, (other_row, other_column)) in itertools.product(enumerate(places), repeat=2):
        expected = sum(math.cos(f * (row - other_row)) + math.cos(f * (column - other_column)) for f in frequencies)
        assert float(found[k] @ found[m]) == pytest.approx(expected, abs=1e-5)


def size(network, data):
    """The number of parameters, from the layers that there should be."""
    w, pixels = network.width, data.shape[0] * network.patch**2
    told = (2 * network.features + 1) * w + (w + 1) * w + (data.classes * w if network.labels else 0)
    block = 6 * w * (w + 1) + 3 * w * (w + 1) + w * (w + 1) + (w + 1) * 4 * w + (4 * w + 1) * w
    return told + (pixels + 1) * w + network.depth * block + 2 * w * (w + 1) + (w + 1) * pixels


@pytest.mark.parametrize(
    "settings", [{}, {"labels": True}, {"patch": 4, "width": 20, "heads": 5, "depth": 1, "features": 3}], ids=str
)
def test_it_has_the_declared_size(settings):
    network, data = Dit(**({"width": 32} | settings)), DataSpec((3, 8, 16), 1.0, classes=7)
    assert sum(p.numel() for p in network.module(data).parameters()) == size(network, data)


def test_the_small_one_of_the_paper_has_its_33_million_parameters():
    # DiT-S/2 (table 1): latents of 4×32×32, 1,000 classes and none, 256 features of the level.
    network, data = Dit(width=384, depth=12, heads=6, features=128, labels=True), DataSpec((4, 32, 32), 1.0, 1001)
    with torch.device("meta"):
        counted = sum(p.numel() for p in network.module(data).parameters())
    assert counted == size(network, data)
    # The paper's last layer also returns variances, of 4 channels.
    assert round((counted + 4 * 4 * 385) / 1e6) == 33


@pytest.mark.parametrize(("shape", "most"), [((1, 8, 6), 2), ((1, 9, 12), 3), ((1, 7, 8), 1)])
def test_patches_must_divide_the_sides(shape, most):
    with pytest.raises(
        NotApplicable, match=f"needs sides that 4 divides.*{shape[1]}×{shape[2]}; write dit:patch={most}$"
    ):
        Dit(patch=4).module(DataSpec(shape, 1.0))
    Dit(patch=most, width=8).module(DataSpec(shape, 1.0))
