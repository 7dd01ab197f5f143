"""Traced functions: the same bits as the function gives, at numbers that it was not traced at."""

import pytest
import torch
from harness_karras.networks import Mlp
from harness_ronneberger.networks import Unet
from harness_wang.networks import Relu
from torch.func import grad, vmap

from harness.data_spec import DataSpec
from harness.engine.adam import Stack
from harness.engine.traced import Traced
from harness.trainers import Adam


def numbers(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def operations(traced) -> list[str]:
    nodes = traced.operations.graph.nodes
    return [str(node.target) for node in nodes if node.op == "call_function"]


class TestTraced:
    def test_it_computes_with_what_it_is_given(self):
        def function(x, y):
            return x @ y, (x @ y).sum()

        traced = Traced(function, (numbers(3, 4), numbers(4, 5, seed=1)))
        x, y = numbers(3, 4, seed=2), numbers(4, 5, seed=3)
        assert all(torch.equal(a, b) for a, b in zip(traced(x, y), function(x, y), strict=True))

    def test_derivatives_of_many_at_once_are_operations_like_others(self):
        def loss(w, x):
            return (torch.tanh(w @ x)).square().sum()

        def function(w, x):
            return (vmap(grad(loss))(w, x),)

        traced = Traced(function, (numbers(5, 3, 4), numbers(5, 4, seed=1)))
        w, x = numbers(5, 3, 4, seed=2), numbers(5, 4, seed=3)
        assert torch.equal(traced(w, x)[0], function(w, x)[0])

    def test_a_view_that_shows_the_same_is_left_out_and_one_that_does_not_is_kept(self):
        def function(x):
            return (x.view(3, 4).expand(3, 4).detach().exp() + x.view(4, 3).T,)

        x = numbers(3, 4, seed=1)
        traced = Traced(function, (numbers(3, 4),))
        assert torch.equal(traced(x)[0], function(x)[0])
        assert sorted(operations(traced)) == [
            "aten.add.Tensor",
            "aten.exp.default",
            "aten.permute.default",
            "aten.view.default",
        ]

    def test_a_change_in_place_stays_also_where_nothing_else_reads_its_result(self):
        def function(x):
            y = x * 2
            part = y.view(y.shape)
            part.add_(1)
            y[0].mul_(3)
            return (y.exp(),)

        traced, x = Traced(function, (numbers(3, 4),)), numbers(3, 4, seed=1)
        before = x.clone()
        assert torch.equal(traced(x)[0], function(x)[0])
        assert torch.equal(x, before)

    def test_what_it_is_not_given_stays_and_what_python_makes_is_made_anew(self):
        outer = numbers(3, seed=5)

        def function(x):
            made = torch.tensor([1.0, 2.0, 3.0])
            made.add_(x)
            counts = torch.zeros(3)
            counts.add_(made)
            return made * outer, counts

        traced = Traced(function, (numbers(3),))
        for seed in (1, 2):
            x = numbers(3, seed=seed)
            assert all(torch.equal(a, b) for a, b in zip(traced(x), function(x), strict=True))

    def test_of_several_results_each_is_known(self):
        def function(x):
            values, places = x.sort(dim=-1)
            first, rest = x.split([1, 3], -1)
            return values, places, first * rest.sum()

        traced, x = Traced(function, (numbers(2, 4),)), numbers(2, 4, seed=1)
        assert all(torch.equal(a, b) for a, b in zip(traced(x), function(x), strict=True))

    def test_nothing_keeps_a_graph(self):
        traced = Traced(lambda x: (x.square(),), (numbers(3),))
        assert not traced(numbers(3).requires_grad_())[0].requires_grad

    def test_an_error_of_the_function_is_told_as_it_is(self):
        def function(x):
            raise ValueError("no such thing")

        with pytest.raises(ValueError, match="no such thing"):
            Traced(function, (numbers(3),))


@pytest.mark.parametrize(
    ("network", "shape"),
    [
        (Mlp(width=16, depth=2), (3,)),
        (Relu(width=16, depth=2), (3,)),
        (Unet(channels=16), (1, 8, 8)),
    ],
    ids=str,
)
def test_a_step_of_each_network_has_the_bits_of_vmap_and_autograd(network, shape):
    data, size, batch = DataSpec(shape, 0.5), 2, 32
    stack = Stack(network, data, range(size), Adam(batch_size=batch))
    stack.roughen(range(size))

    def given(seed):
        sigma, weight = numbers(size, batch, seed=seed + 2).exp(), numbers(size, batch, seed=seed + 3).exp()
        return numbers(size, batch, data.dim, seed=seed), numbers(size, batch, data.dim, seed=seed + 1), sigma, weight

    stack.differentiate(*given(0))
    # Traced at other numbers, with other parameters.
    stack.descend()
    squared, loss = stack.differentiate(*given(10))
    wanted = stack._derivatives(*stack.tensors().values(), *given(10))
    found = squared, loss, *stack._split(stack.gradient()).values()
    assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))
    assert all(float(each.abs().sum()) > 0 for each in found)
