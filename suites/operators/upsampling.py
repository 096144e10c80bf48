"""Upsampling by an integer factor r. Shapes: B batch, C channels, H height, W width."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from bench import Plain, Setting, variant
from bench.operator import Operands, Operator
from suites.operators.drawn import expect_positive, normal

Inputs = tuple[Tensor, ...]
TAPS = 3  # of the convolution, on a side


@dataclass(frozen=True)
class Upsampling(Operator):
    """From (B, C, H, W) to (B, C, r H, r W) with `factor` r, H = W = `side`."""

    batch: int = 4
    channels: int = 64
    side: int = 32
    factor: int = 2

    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"batch": 2, "channels": 3, "side": 5},
        {"batch": 1, "channels": 4, "side": 7, "factor": 3},
    )
    input_names: ClassVar[tuple[str, ...]] = ("x",)

    def __post_init__(self) -> None:
        expect_positive(self, "batch", "channels", "side", "factor")

    def output_shape(self) -> tuple[int, ...]:
        wide = self.side * self.factor
        return (self.batch, self.channels, wide, wide)

    def draw(self, generator: torch.Generator, setting: Setting) -> Inputs:
        shape = (self.batch, self.channels, self.side, self.side)
        return (normal(generator, setting, *shape),)

    @abstractmethod
    def formula(self, *inputs: Tensor) -> Tensor:
        """Compute the output plainly, in the inputs' dtype."""

    def reference(self, operands: Operands, dtype: torch.dtype) -> list[Tensor]:
        backward = operands.grad_output is not None
        inputs = [t.detach().to(dtype).requires_grad_(backward) for t in operands.tensors]
        with torch.set_grad_enabled(backward):
            output = self.formula(*inputs)
        if not backward:
            return [output]
        gradients = torch.autograd.grad(output, inputs, operands.grad_output.to(dtype))
        return [output.detach(), *gradients]

    def bytes_moved(self, setting: Setting) -> int:
        """Count the input read and the output written; a backward pass reads and writes as many."""
        small = self.batch * self.channels * self.side**2
        elements = small * (1 + self.factor**2) * (2 if setting.backward else 1)
        return elements * setting.dtype.itemsize


class NearestUpsampling(Upsampling):
    """Every pixel becomes a block of r x r."""

    def formula(self, *inputs: Tensor) -> Tensor:
        place = torch.arange(self.side * self.factor, device=inputs[0].device) // self.factor
        return inputs[0][:, :, place][..., place]


class BilinearUpsampling(Upsampling):
    """Linear between pixel centres in both directions, edges repeated beyond them."""

    def formula(self, *inputs: Tensor) -> Tensor:
        (x,) = inputs
        along = self.weights(x)
        return torch.einsum("ij,bcjk,lk->bcil", along, x, along)

    def weights(self, like: Tensor) -> Tensor:
        """Return how much of every input place (columns) is in an output place (rows)."""
        fine = torch.arange(self.side * self.factor, device=like.device, dtype=torch.float64)
        centre = ((fine + 0.5) / self.factor - 0.5).clamp(0, self.side - 1)
        coarse = torch.arange(self.side, device=like.device, dtype=torch.float64)
        return (1 - (centre[:, None] - coarse).abs()).clamp_min(0).to(like.dtype)


class LearnedUpsampling(Upsampling):
    """A transposed convolution of 3r x 3r taps at stride r, which a sub-pixel convolution equals.

    Shi et al. 2016, "Is the deconvolution layer the same as a convolutional layer?"
    (arXiv:1609.07009). The weight is (C, C, 3r, 3r), input channels first.
    """

    input_names: ClassVar[tuple[str, ...]] = ("x", "weight")
    most_realisations: ClassVar[int] = 4  # tap by tap is dear

    def draw(self, generator: torch.Generator, setting: Setting) -> Inputs:
        taps = TAPS * self.factor
        weight = normal(generator, setting, self.channels, self.channels, taps, taps)
        return (*super().draw(generator, setting), weight * (TAPS * self.channels**0.5) ** -1)

    def formula(self, *inputs: Tensor) -> Tensor:
        """Add every pixel's picture of the weight where it belongs, tap by tap."""
        x, weight = inputs
        r, wide = self.factor, self.side * self.factor
        out = x.new_zeros(self.batch, self.channels, wide + 2 * r, wide + 2 * r)
        for u in range(TAPS * r):
            for v in range(TAPS * r):
                part = torch.einsum("bihw,io->bohw", x, weight[:, :, u, v])
                spread = x.new_zeros(*part.shape[:2], wide, wide)
                spread[..., ::r, ::r] = part
                out = out + F.pad(spread, (v, 2 * r - v, u, 2 * r - u))
        return out[..., r:-r, r:-r]

    def flops(self, setting: Setting) -> int:
        """Count the products of taps that lie inside; a backward pass needs two more each."""
        pixels = self.batch * self.side**2 * self.factor**2
        inside = ((TAPS * self.side - 2) / self.side) ** 2  # edges have fewer taps
        forward = int(2 * pixels * self.channels**2 * inside)
        return 3 * forward if setting.backward else forward

    def bytes_moved(self, setting: Setting) -> int:
        weight = self.channels**2 * (TAPS * self.factor) ** 2
        passes = 2 if setting.backward else 1
        return super().bytes_moved(setting) + weight * setting.dtype.itemsize * passes


@variant
def nearest(problem: NearestUpsampling) -> Callable[[Inputs], Tensor]:
    """torch.nn.functional.interpolate."""
    return lambda inputs: F.interpolate(inputs[0], scale_factor=problem.factor, mode="nearest")


@variant
def nearest_expanded(problem: NearestUpsampling) -> Callable[[Inputs], Tensor]:
    """Two dimensions of stride 0, laid out once."""
    r = problem.factor

    def step(inputs: Inputs) -> Tensor:
        blocks = inputs[0][:, :, :, None, :, None].expand(-1, -1, -1, r, -1, r)
        return blocks.reshape(problem.output_shape())

    return step


@variant
def bilinear(problem: BilinearUpsampling) -> Callable[[Inputs], Tensor]:
    """torch.nn.functional.interpolate, pixel centres as they are (align_corners=False)."""

    def step(inputs: Inputs) -> Tensor:
        factor = problem.factor
        return F.interpolate(inputs[0], scale_factor=factor, mode="bilinear", align_corners=False)

    return step


@variant
def bilinear_products(
    problem: BilinearUpsampling, *, setting: Setting
) -> Callable[[Inputs], Tensor]:
    """Two products with the matrix of weights, one for each direction."""
    like = torch.empty(0, dtype=setting.dtype, device=setting.device)
    along = problem.weights(like)
    return lambda inputs: along @ (inputs[0] @ along.T)


@variant
def transposed_convolution(problem: LearnedUpsampling) -> Callable[[Inputs], Tensor]:
    """torch.nn.functional.conv_transpose2d; Zeiler et al. 2010."""
    r = problem.factor
    return lambda inputs: F.conv_transpose2d(inputs[0], inputs[1], stride=r, padding=r)


@variant
def pixel_shuffle(problem: LearnedUpsampling) -> Callable[[Inputs], Tensor]:
    """A convolution to r² times the channels at low resolution, then shuffled.

    Shi et al. 2016 (arXiv:1609.05158), eq. 4; the weight is turned into its form in every call.
    """
    r = problem.factor

    def step(inputs: Inputs) -> Tensor:
        x, weight = inputs
        return F.pixel_shuffle(F.conv2d(x, shuffled(weight, r), padding=TAPS // 2), r)

    return step


def shuffled(weight: Tensor, r: int) -> Tensor:
    """Turn taps (I, O, 3r, 3r) into those of r² channels for one, (O r r, I, 3, 3), flipped."""
    taps = weight.unflatten(3, (TAPS, r)).unflatten(2, (TAPS, r)).flip(2, 4)
    return taps.permute(1, 3, 5, 0, 2, 4).flatten(0, 2).contiguous()
