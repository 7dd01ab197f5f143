"""Mixed precision: computes products of matrices and convolutions in bfloat16, and all else as it was written.

`torch.autocast` does it below `vmap`, where a stack's convolutions are none of the operations that it knows on a CPU.
So operands are cast where a network calls for the product, and its result is cast back: the same on every device.

References:
    Micikevicius et al., Mixed Precision Training, arXiv 1710.03740; in bfloat16, which needs no scaling of the loss:
    Kalamkar et al., arXiv 1905.12322.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

PRODUCTS = frozenset(
    [
        "linear",
        "matmul",
        "__matmul__",
        "__rmatmul__",
        "mm",
        "bmm",
        "mv",
        "dot",
        "inner",
        "addmm",
        "addmv",
        "addbmm",
        "baddbmm",
        "linalg_matmul",
        "linalg_multi_dot",
        "chain_matmul",
        "tensordot",
        "einsum",
        "bilinear",
        "scaled_dot_product_attention",
        "multi_head_attention_forward",
        "conv1d",
        "conv2d",
        "conv3d",
        "conv_transpose1d",
        "conv_transpose2d",
        "conv_transpose3d",
    ]
)
"""Functions of torch, by name, whose float32 operands are cast.

What such a function calls is not seen from here: those that are made of several products, as attention, compute all
between them in bfloat16 too, and products in a function that is not listed stay in float32.
"""


class Bfloat16Products(TorchFunctionMode):
    """While it is entered, products of float32 tensors take their operands in bfloat16 and return float32."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call a function of torch."""
        named = kwargs or {}
        if getattr(func, "__name__", "") not in PRODUCTS:
            return func(*args, **named)
        given = tree_map(_lowered, (args, dict(named)))
        return tree_map(_raised, func(*given[0], **given[1]))


def _lowered(value: Any) -> Any:
    return value.bfloat16() if isinstance(value, Tensor) and value.dtype is torch.float32 else value


def _raised(value: Any) -> Any:
    return value.float() if isinstance(value, Tensor) and value.dtype is torch.bfloat16 else value
