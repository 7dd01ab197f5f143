"""Traced functions: write down, once, the operations that a function of tensors comes down to, and repeat those alone.

What `vmap` and autograd do around the arithmetic of a small network takes as long as the arithmetic, and at tensors of
the same shapes they come down to the same operations in the same order. So one call is watched, and the next ones are
its operations, derivatives included, to the same bits. What a function decides by numbers, or keeps from call to call,
is lost in that: a network has neither (`harness.engine.module_checks.STACKED`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, fx
from torch.fx.node import map_aggregate
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.weak import WeakTensorKeyDictionary


class Traced:
    """The operations of a function, at tensors of the shapes, strides, types and devices of an example.

    Arguments:
        function: of tensors alone; it reads no other ones that may change, and changes none.
        example: what it is called with.

    Raises what the function raises at the example.
    """

    def __init__(self, function: Callable[..., Sequence[Tensor]], example: Sequence[Tensor]) -> None:
        with torch.no_grad(), _Watch(example) as watch:
            results = function(*example)
        self._others = watch.others
        self.operations = fx.GraphModule({}, watch.finished(results))
        self._repeat = cast(Callable[..., Sequence[Tensor]], self.operations.forward)

    def __call__(self, *tensors: Tensor) -> Sequence[Tensor]:
        """Return what the function would, without a graph."""
        with torch.no_grad():
            return self._repeat(*tensors, *self._others)


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Writes down what is called while it is entered, below autograd and vmap.

    An operation that returns what it is given, as every third view that is made for a stack, is left out.

    Attributes:
        others: tensors that operations were given and that are neither of the example nor results, such as constants.
    """

    def __init__(self, example: Sequence[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.others: list[Tensor] = []
        self._graph = fx.Graph()
        # Known by their identity, and kept no longer than whoever computes with them does.
        self._nodes = WeakTensorKeyDictionary()
        for number, tensor in enumerate(example):
            self._nodes[tensor] = self._graph.placeholder(f"given_{number}")
        self._last_given = next(reversed(self._graph.nodes))

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # Nothing is compiled here; to keep the compiler out, torch would import it: 2 s in each process.
        return False

    def finished(self, results: Sequence[Tensor]) -> fx.Graph:
        """Return the operations that lead to results."""
        self._graph.output(self._stand_ins(tuple(results)))
        self._graph.eliminate_dead_code()
        return self._graph

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Carry out one operation, and write it down."""
        result = func(*args, **(kwargs or {}))
        if func is torch.ops.aten.lift_fresh.default:
            # Numbers of Python as a tensor: at each call another one, which may be changed in place.
            self._nodes[result] = self._graph.call_function(torch.ops.aten.clone.default, (self._node(result.clone()),))
            return result
        given = args[0] if args else None
        if not func._schema.is_mutable and _seen_alike(result, given):
            self._nodes[result] = self._node(given)
            return result
        node = self._graph.call_function(func, self._stand_ins(args), self._stand_ins(kwargs or {}))
        if isinstance(result, Tensor):
            self._nodes[result] = node
        elif isinstance(result, (tuple, list)):
            for place, each in enumerate(result):
                if isinstance(each, Tensor):
                    self._nodes[each] = self._graph.call_function(operator.getitem, (node, place))
        return result

    def _stand_ins(self, arguments: Any) -> Any:
        return map_aggregate(arguments, self._node)

    def _node(self, value: Any) -> Any:
        """Return what stands for an argument: the node of a tensor, and any other value itself."""
        if not isinstance(value, Tensor):
            return value
        if value not in self._nodes:
            with self._graph.inserting_after(self._last_given):
                self._last_given = self._nodes[value] = self._graph.placeholder(f"other_{len(self.others)}")
            self.others.append(value)
        return self._nodes[value]


def _seen_alike(one: Any, other: Any) -> bool:
    """Whether two things are tensors of the same numbers in memory, in the same order."""
    if not (isinstance(one, Tensor) and isinstance(other, Tensor)):
        return False
    layouts = ((t.data_ptr(), t.dtype, t.shape, t.stride()) for t in (one, other))
    return one.numel() > 0 and len(set(layouts)) == 1
