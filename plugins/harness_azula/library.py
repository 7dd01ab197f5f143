"""The library's sampler on a grid: its time is σ itself, in the coordinates of its schedule.

A schedule gives the scales α_t and σ_t of z = α_t X_0 + σ_t ξ; with α = 1 z is x itself, with α = 1/√(1 + σ²) its
variance is that of data of variance one. A solver that means what it says gives the same points by both.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Literal

from harness.libraries import Library

if TYPE_CHECKING:
    from torch import Tensor

    from harness.samplers import Denoiser

AZULA = Library("azula", "pip install --no-deps azula einops")

Coordinates = Literal["exploding", "preserving"]


def scale(coordinates: Coordinates, sigma: float) -> float:
    """Return α, which z is larger than x by."""
    return 1.0 if coordinates == "exploding" else 1 / math.sqrt(1 + sigma**2)


def library_sampler(name: str, denoiser: Denoiser, coordinates: Coordinates, options: dict[str, Any]) -> Any:
    """Return the library's sampler of a denoiser.

    Arguments:
        name: of its class.
        denoiser: D(x, σ) of x = z/α.
        coordinates: what z is.
        options: what the class is configured with.
    """
    return getattr(AZULA.module("azula.sample"), name)(_Posterior(denoiser, coordinates), silent=True, **options)


def on_levels(sampler: Any, levels: Sequence[float]) -> Any:
    """Return the sampler with these levels for its times."""
    import torch

    times = torch.tensor(levels, dtype=torch.float64)
    cls = type(sampler)
    sampler.__class__ = type(cls.__name__, (cls,), {"timesteps": property(lambda _: times)})
    return sampler


class _Posterior:
    """A denoiser as the library takes one: of z and t = σ, with a schedule; what it returns has a mean."""

    def __init__(self, denoiser: Denoiser, coordinates: Coordinates) -> None:
        self._denoiser, self._coordinates = denoiser, coordinates

    def schedule(self, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return α and α σ of levels, of their shape."""
        alpha = t**0 if self._coordinates == "exploding" else (1 + t**2).rsqrt()
        return alpha, alpha * t

    def __call__(self, z: Tensor, t: Tensor) -> SimpleNamespace:
        """Return the mean of X_0 given z."""
        sigma = float(t)
        return SimpleNamespace(mean=self._denoiser(z / scale(self._coordinates, sigma), sigma))


class _Torch(ModuleType):
    """Torch, but that what it draws like some points is the run's own noise."""

    def __init__(self, noise: Callable[[], Tensor]) -> None:
        super().__init__("torch")
        self.randn_like = lambda points: noise().to(points.dtype)

    def __getattr__(self, name: str) -> Any:
        import torch

        return getattr(torch, name)


@contextmanager
def noise_of(noise: Callable[[], Tensor]) -> Iterator[None]:
    """Answer the library's request for noise by the run's own."""
    module = AZULA.module("azula.sample")
    own = module.torch
    module.torch = _Torch(noise)
    try:
        yield
    finally:
        module.torch = own
