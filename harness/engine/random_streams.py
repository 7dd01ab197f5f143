"""Random streams: give every draw a seed of its own, made of what it is for.

So no result depends on the order of work, on what else is drawn, or on the process that draws.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def seed_from(*parts: object) -> int:
    """Return a seed for a random stream that no other stream has."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:7], "big")


class NoiseStream:
    """The standard normal draws of consecutive samples; call it for the next draw.

    Noise is made in blocks of `BLOCK` samples, each draw of each block by its own generator, and a block
    is always made whole. torch seeds a generator with 32 bits: a bijection of (block, draw) keeps those of
    one seed distinct, up to 2^16 blocks and draws.

    Arguments:
        seed: which noise.
        start: index of the first sample.
        count: number n of samples.
        dim: the dimension d.
        dtype: of the draws. Normals are made in float32 and then cast, so that all dtypes share them.
    """

    BLOCK = 256

    def __init__(self, seed: int, start: int, count: int, dim: int, dtype: torch.dtype) -> None:
        import torch

        key = hashlib.sha256(f"noise {seed} {dim}".encode()).digest()
        self._key = int.from_bytes(key[:4], "little")
        self._blocks = range(start // self.BLOCK, (start + count - 1) // self.BLOCK + 1)
        self._rows = slice(start % self.BLOCK, start % self.BLOCK + count)
        self._dim = dim
        self._dtype = dtype
        self._draw = 0
        self._generator = torch.Generator()

    def __call__(self) -> Tensor:
        """Return the next draw, shape (n, d)."""
        import torch

        noise = torch.empty(len(self._blocks), self.BLOCK, self._dim)
        for block, part in zip(self._blocks, noise.unbind(), strict=True):
            self._generator.manual_seed(_scramble(block << 16 | self._draw) ^ self._key)
            part.normal_(generator=self._generator)
        self._draw += 1
        return noise.view(-1, self._dim)[self._rows].to(self._dtype)


def _scramble(word: int) -> int:
    """Map a 32-bit word to another: a bijection without visible pattern (MurmurHash3's finalizer)."""
    word &= 0xFFFFFFFF
    word = (word ^ word >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    word = (word ^ word >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return word ^ word >> 16
