"""Mixed precision: which products take bfloat16, and that no product of a network for images stays in float32."""

import copy

import pytest
import torch
from bar_images import bar_images
from harness_ddpmpp.networks import Ddpmpp
from harness_peebles.networks import Dit
from harness_ronneberger.networks import Unet
from torch import nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from harness.engine.adam import Stack
from harness.engine.mixed_precision import Bfloat16Products
from harness.trainers import Adam

HEADS = nn.MultiheadAttention(8, 2, batch_first=True)
PRODUCTS = {
    "matmul": lambda x, y: x @ y,
    "inner": torch.inner,
    "tensordot": lambda x, y: torch.tensordot(x, y, ([2], [1])),
    "linalg.matmul": torch.linalg.matmul,
    "einsum": lambda x, y: torch.einsum("nij,njk->nik", x, y),
    "conv1d": functional.conv1d,
    "conv_transpose1d": functional.conv_transpose1d,
    "attention": lambda x, y: functional.scaled_dot_product_attention(x, y, y),
    "heads": lambda x, y: (HEADS if x.dtype is torch.float32 else copy.deepcopy(HEADS).bfloat16())(x, y, y)[0],
}


@pytest.mark.parametrize("product", PRODUCTS.values(), ids=PRODUCTS)
def test_a_product_rounds_its_operands_and_returns_single_precision(product):
    x = torch.randn(2, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    with Bfloat16Products():
        found = product(*x)
    assert found.dtype is torch.float32
    assert torch.equal(found, product(*x.bfloat16()).float())
    assert not torch.equal(found, product(*x))


def test_all_else_stays_as_it_was_written():
    x = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
    with Bfloat16Products():
        found = [x.softmax(-1), functional.layer_norm(x, (8,)), x * x, x.exp().sum()]
    for one, other in zip(found, [x.softmax(-1), functional.layer_norm(x, (8,)), x * x, x.exp().sum()], strict=True):
        assert torch.equal(one, other)


class Seen(TorchDispatchMode):
    """Which types of numbers the products of torch's lowest level are given."""

    def __init__(self):
        super().__init__()
        self.types = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func._schema.name
        if any(part in name for part in ("mm", "convolution", "attention", "dot", "::mv")):
            self.types += [each.dtype for each in tree_leaves(args) if isinstance(each, torch.Tensor)]
        return func(*args, **(kwargs or {}))


IMAGES = [Unet(channels=4), Ddpmpp(channels=4, multipliers=(1,), attention=(4,)), Dit(width=8, depth=1, heads=2)]


@pytest.mark.parametrize("network", IMAGES, ids=lambda network: network.name)
def test_no_product_of_a_step_is_given_single_precision(network):
    law = bar_images()
    made = Stack(network, law.data, [0], Adam(batch_size=32, autocast="bfloat16"))
    clean, noise = torch.randn(2, 1, 32, law.dim, generator=torch.Generator().manual_seed(0))
    with Seen() as seen:
        made.differentiate(clean, noise, torch.ones(1, 32), torch.ones(1, 32))
    assert len(seen.types) > 20
    assert set(seen.types) == {torch.bfloat16}
