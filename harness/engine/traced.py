"""Traced functions: write down, once, the operations that a function of tensors comes down to, and repeat those alone.

What `vmap` and autograd do around the arithmetic of a small network takes as long as the arithmetic, and at tensors of
the same shapes they come down to the same operations in the same order. So one call is watched (`make_fx`), and the
next ones are its operations, derivatives included, to the same bits. What a function decides by numbers, or keeps
from call to call, is lost in that: a network has neither (`harness.engine.module_checks.STACKED`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, fx
from torch.fx.experimental.proxy_tensor import make_fx


class Traced:
    """The operations of a function, at tensors of the shapes, strides, types and devices of an example.

    Arguments:
        function: of tensors alone; it reads no other ones that may change, and changes none.
        example: what it is called with.

    Raises what the function raises at the example.
    """

    def __init__(self, function: Callable[..., Sequence[Tensor]], example: Sequence[Tensor]) -> None:
        with torch.no_grad():
            operations = make_fx(function)(*example)
            operations.graph.set_codegen(fx.graph.CodeGen())
            operations.recompile()
            idle = _Idle(operations)
            idle.run(*example)
        # Of a chain the last comes first: what it is given may be left out as well.
        for operation, given in reversed(idle.found.items()):
            operation.replace_all_uses_with(given)
        operations.graph.eliminate_dead_code()
        operations.recompile()
        self._repeat = cast(Callable[..., Sequence[Tensor]], operations.forward)

    def __call__(self, *tensors: Tensor) -> Sequence[Tensor]:
        """Return what the function would, without a graph."""
        with torch.no_grad():
            return self._repeat(*tensors)


class _Idle(fx.Interpreter):
    """Runs operations and finds those that return what they are given: of views made for a stack, about a third.

    Attributes:
        found: such an operation, and what it is given.
    """

    def __init__(self, operations: fx.GraphModule) -> None:
        super().__init__(operations)
        self.found: dict[fx.Node, fx.Node] = {}

    def run_node(self, n: fx.Node) -> Any:
        """Run one operation."""
        result = super().run_node(n)
        given = n.args[0] if n.args else None
        if isinstance(given, fx.Node) and n.op == "call_function" and not n.is_impure():
            before = self.env[given]
            if isinstance(result, Tensor) and isinstance(before, Tensor) and _seen_alike(result, before):
                self.found[n] = given
        return result


def _seen_alike(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors are the same numbers in memory, in the same order."""
    layouts = ((t.data_ptr(), t.dtype, t.shape, t.stride()) for t in (one, other))
    return one.numel() > 0 and len(set(layouts)) == 1
