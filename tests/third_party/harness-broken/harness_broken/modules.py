"""Modules that cannot be trained stacked, each for its own reason."""

import torch
from torch import nn


class Module(nn.Module):
    """A layer, and what makes it break the rule."""

    def __init__(self, way, dim):
        """Take the rule to break and the dimension."""
        super().__init__()
        self.way = way
        self.layer = nn.Linear(dim, dim)
        self.register_buffer("calls", torch.zeros(()))
        self.extra = {"dropout": nn.Dropout(), "batch-norm": nn.BatchNorm1d(dim)}.get(way, nn.Identity())

    def forward(self, x, sigma):
        """Return points, the wrong way."""
        if self.way == "functional-dropout":
            x = nn.functional.dropout(x, 0.5)
        if self.way == "branch" and x.sum() > 0:
            x = -x
        if self.way == "buffer":
            self.calls += 1
        if self.way == "shape":
            return x[:, :1]
        return self.extra(self.layer(x))


def module(way, dim):
    """Return a module; in one way, of another class at each call."""
    if way == "class":
        return type("Another", (Module,), {})(way, dim)
    return Module(way, dim)
