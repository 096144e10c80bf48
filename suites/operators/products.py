"""Matrix products by type, and of numbers in float8. Shapes: M rows, K inner, N columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from bench import Plain, Setting, Unsupported, variant
from bench.operator import Operands, Operator, nudged
from suites.operators.drawn import expect_positive, normal

SCALED_SINCE = (8, 9)  # NVIDIA's compute capability
ALIGNED = 16  # inner sizes and columns that the scaled product takes are multiples of this
MOST = 448.0  # the largest number of float8 e4m3


@dataclass(frozen=True)
class Product(Operator):
    """Sizes and costs of a product of M x K by K x N."""

    rows: int = 512
    cols: int = 512
    inner: int = 512

    passes: ClassVar[tuple[str, ...]] = ("fwd",)
    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"rows": 32, "cols": 48, "inner": 64},
        {"rows": 1, "cols": 16, "inner": 128},
    )

    def __post_init__(self) -> None:
        expect_positive(self, "rows", "cols", "inner")

    def output_shape(self) -> tuple[int, ...]:
        return (self.rows, self.cols)

    def flops(self, setting: Setting) -> int:
        """Count a multiplication and an addition each."""
        return 2 * self.rows * self.cols * self.inner

    def bytes_moved(self, setting: Setting) -> int:
        read = (self.rows + self.cols) * self.inner * self.itemsize(setting)
        return read + self.rows * self.cols * setting.dtype.itemsize

    def itemsize(self, setting: Setting) -> int:
        """Return the bytes of a factor's element."""
        return setting.dtype.itemsize


@dataclass(frozen=True)
class MatrixProduct(Product):
    """Multiply matrices of the setting's type."""

    def draw(self, generator: torch.Generator, setting: Setting) -> tuple[Tensor, Tensor]:
        left = normal(generator, setting, self.rows, self.inner)
        return left, normal(generator, setting, self.inner, self.cols)

    def reference(self, operands: Operands, dtype: torch.dtype) -> list[Tensor]:
        left, right = (tensor.to(dtype) for tensor in operands.tensors)
        return [left @ right]


class Scaled(NamedTuple):
    """Factors (M, K) and (N, K) as the bytes of float8 e4m3, and the scale of each, float32."""

    left: Tensor
    right: Tensor
    left_scale: Tensor
    right_scale: Tensor


@dataclass(frozen=True)
class ScaledProduct(Product):
    """Multiply matrices of float8 e4m3 with one scale each: arXiv:2209.05433, section 3."""

    dtypes: ClassVar[tuple[str, ...]] = ("bfloat16",)  # of the result

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.cols % ALIGNED or self.inner % ALIGNED:
            raise ValueError(
                f"expected cols and inner that {ALIGNED} divides, got {self.cols} and {self.inner}"
            )

    def itemsize(self, setting: Setting) -> int:
        return 1

    def draw(self, generator: torch.Generator, setting: Setting) -> Scaled:
        factors = [
            normal(generator, setting, n, self.inner).float() for n in (self.rows, self.cols)
        ]
        scales = [factor.abs().max() / MOST for factor in factors]
        narrow = [f.div(s).to(torch.float8_e4m3fn) for f, s in zip(factors, scales, strict=True)]
        return Scaled(*(n.view(torch.uint8) for n in narrow), *scales)

    def reference(self, operands: Operands, dtype: torch.dtype) -> list[Tensor]:
        given = operands.tensors
        left, right = (_wide(factor, dtype) for factor in given[:2])
        return [(left @ right.T) * (given.left_scale.to(dtype) * given.right_scale.to(dtype))]

    def nudged(self, operands: Operands, generator: torch.Generator) -> Operands:
        """Move the scale: elements of float8 have no neighbours that are nearly as good."""
        moved = operands.tensors._replace(left_scale=nudged(operands.tensors.left_scale, generator))
        return replace(operands, tensors=moved)


@variant
def matmul(problem: MatrixProduct) -> Callable[[tuple[Tensor, Tensor]], Tensor]:
    """torch.matmul, in the type of its factors."""
    return lambda inputs: inputs[0] @ inputs[1]


@variant(computes_in=["float8_e4m3fn"])
def scaled_mm(problem: ScaledProduct, *, setting: Setting) -> Callable[[Scaled], Tensor]:
    """torch._scaled_mm: the factors stay in float8."""
    device = setting.device
    if device.type == "cuda" and torch.cuda.get_device_capability(device) < SCALED_SINCE:
        raise Unsupported("products of float8 need an NVIDIA GPU since Ada or Hopper")

    def step(inputs: Scaled) -> Tensor:
        left, right = (factor.view(torch.float8_e4m3fn) for factor in inputs[:2])
        return torch._scaled_mm(
            left,
            right.T,
            scale_a=inputs.left_scale,
            scale_b=inputs.right_scale,
            out_dtype=setting.dtype,
        )

    return step


@variant(computes_in=["bfloat16"])
def widened(problem: ScaledProduct, *, setting: Setting) -> Callable[[Scaled], Tensor]:
    """Cast the factors to bfloat16 in every call, which holds all of float8, and multiply."""

    def step(inputs: Scaled) -> Tensor:
        left, right = (_wide(factor, setting.dtype) for factor in inputs[:2])
        product = left @ right.T
        return (product * (inputs.left_scale * inputs.right_scale)).to(setting.dtype)

    return step


def _wide(factor: Tensor, dtype: torch.dtype) -> Tensor:
    return factor.view(torch.float8_e4m3fn).to(dtype)
