"""The modules of the networks; the only one of these files that needs torch to be imported, beside the laws."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, silu


class ClassMLPFunction(nn.Module):
    """F of points (n, d), noise conditions (n,) and labels (n,)."""

    def __init__(self, dim: int, classes: int, width: int) -> None:
        super().__init__()
        self.classes = classes
        self.first, self.last = nn.Linear(dim + 1 + classes, width), nn.Linear(width, dim)

    def forward(self, x: Tensor, noise: Tensor, labels: Tensor) -> Tensor:
        told = one_hot(labels, self.classes).to(x.dtype)
        out: Tensor = self.last(silu(self.first(torch.cat([x, noise[:, None], told], 1))))
        return out


class ConvolutionFunction(nn.Module):
    """F of images (n, C, H, W), noise conditions (n,) and, where there are classes, labels (n,)."""

    def __init__(self, inputs: int, classes: int, channels: int) -> None:
        super().__init__()
        self.classes = classes
        self.first = nn.Conv2d(inputs + 1 + classes, channels, 3, padding=1)
        self.last = nn.Conv2d(channels, inputs, 3, padding=1)

    def forward(self, x: Tensor, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        told = [noise[:, None]]
        if labels is not None:
            told.append(one_hot(labels, self.classes).to(x.dtype))
        planes = torch.cat(told, 1)[:, :, None, None].expand(-1, -1, *x.shape[2:])
        out: Tensor = self.last(silu(self.first(torch.cat([x, planes], 1))))
        return out
