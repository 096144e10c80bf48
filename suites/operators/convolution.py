"""Convolutions by type. Shapes: B batch, I and O channels in and out, H height and width."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from bench import Plain, Setting, variant
from bench.operator import Operands, Operator
from suites.operators.drawn import expect_positive, normal

Inputs = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Convolution(Operator):
    """Convolve images (B, I, H, H) with taps (O, I, k, k), k odd; images keep their size."""

    batch: int = 8
    channels_in: int = 64
    channels_out: int = 64
    side: int = 32
    taps: int = 3

    passes: ClassVar[tuple[str, ...]] = ("fwd",)
    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"batch": 2, "channels_in": 5, "channels_out": 8, "side": 7},
        {"batch": 1, "channels_in": 8, "channels_out": 3, "side": 6, "taps": 1},
    )

    def __post_init__(self) -> None:
        expect_positive(self, "batch", "channels_in", "channels_out", "side", "taps")
        if self.taps % 2 == 0:
            raise ValueError(f"expected taps odd, got {self.taps}")

    def output_shape(self) -> tuple[int, ...]:
        return (self.batch, self.channels_out, self.side, self.side)

    def draw(self, generator: torch.Generator, setting: Setting) -> Inputs:
        x_BIHH = normal(generator, setting, self.batch, self.channels_in, self.side, self.side)
        taps = normal(generator, setting, self.channels_out, self.channels_in, self.taps, self.taps)
        return x_BIHH, taps

    def reference(self, operands: Operands, dtype: torch.dtype) -> list[Tensor]:
        """Add the products of every tap, one tap at a time."""
        x, weight = (tensor.to(dtype) for tensor in operands.tensors)
        around = self.taps // 2
        padded, out = F.pad(x, (around,) * 4), x.new_zeros(self.output_shape())
        for u in range(self.taps):
            for v in range(self.taps):
                seen = padded[:, :, u : u + self.side, v : v + self.side]
                out = out + torch.einsum("bihw,oi->bohw", seen, weight[:, :, u, v])
        return [out]

    def flops(self, setting: Setting) -> int:
        """Count the products of taps that lie inside: edges have fewer."""
        around = self.taps // 2
        along = sum(max(self.side - abs(offset), 0) for offset in range(-around, around + 1))
        return 2 * self.batch * self.channels_in * self.channels_out * along**2

    def bytes_moved(self, setting: Setting) -> int:
        images = self.batch * (self.channels_in + self.channels_out) * self.side**2
        return (images + self.channels_in * self.channels_out) * setting.dtype.itemsize


@variant
def conv2d(problem: Convolution) -> Callable[[Inputs], Tensor]:
    """torch.nn.functional.conv2d."""
    return lambda inputs: F.conv2d(*inputs, padding=problem.taps // 2)


@variant
def channels_last(problem: Convolution) -> Callable[[Inputs], Tensor]:
    """The same of images laid out channels last, which every call pays for."""

    def step(inputs: Inputs) -> Tensor:
        x, weight = (t.contiguous(memory_format=torch.channels_last) for t in inputs)
        return F.conv2d(x, weight, padding=problem.taps // 2).contiguous()

    return step


@variant
def unfolded(problem: Convolution) -> Callable[[Inputs], Tensor]:
    """One product with every pixel's surroundings written out: im2col."""

    def step(inputs: Inputs) -> Tensor:
        x, weight = inputs
        columns = F.unfold(x, problem.taps, padding=problem.taps // 2)
        return (weight.flatten(1) @ columns).reshape(problem.output_shape())

    return step
