"""Labels: give them to a denoiser, and to the samples that it is to make.

Samplers see a denoiser D(x, σ); where the network is given labels, each sample has one of its own, drawn by the
frequencies of the classes, and the denoiser that the sampler sees knows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from harness.engine.random_streams import seed_from

if TYPE_CHECKING:
    from torch import Tensor

    from harness.samplers import Denoiser
    from harness.targets import Distribution


class LabelledDenoiser(Protocol):
    """A denoiser of flat points that may be given their labels; without them it is a `Denoiser`."""

    def __call__(self, x: Tensor, sigma: float, labels: Tensor | None = None, /) -> Tensor:
        """Denoise points of shape (n, d) at one level; labels of shape (n,), int64, for a network that takes them."""


def given(denoiser: LabelledDenoiser, labels: Tensor | None) -> Denoiser:
    """Return the denoiser of points that have these labels, shape (n,); the same where there are none."""
    return denoiser if labels is None else lambda x, sigma: denoiser(x, sigma, labels)


def sample_labels(law: Distribution, seed: int, count: int) -> Tensor:
    """Return the labels of the samples of a seed, shape (n,), int64: that of sample i depends on (seed, i) alone."""
    import numpy as np
    import torch

    # numpy draws one number after another: the first are the same, however many there are.
    quantile = np.random.Generator(np.random.PCG64(seed_from("labels", seed))).random(count)
    cumulative = law.class_weights().cumsum(0).numpy()
    label = np.searchsorted(cumulative / cumulative[-1], quantile, side="right")
    return torch.from_numpy(label.clip(max=law.classes - 1).astype(np.int64))
