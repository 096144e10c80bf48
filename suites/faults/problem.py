"""The smallest operators there are, so that only the fault is of interest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from bench import Plain, Setting
from bench.operator import Operands, Operator


@dataclass(frozen=True)
class Double(Operator):
    """y = 2 x for x of shape (n,)."""

    n: int = 4096

    input_names: ClassVar[tuple[str, ...]] = ("x",)

    def draw(self, generator: torch.Generator, setting: Setting) -> tuple[Tensor, ...]:
        return (
            torch.randn(self.n, generator=generator, dtype=setting.dtype, device=setting.device),
        )

    def output_shape(self) -> tuple[int, ...]:
        return (self.n,)

    def reference(self, operands: Operands, dtype: torch.dtype) -> list[Tensor]:
        doubled = 2 * operands.tensors[0].detach().to(dtype)
        if operands.grad_output is None:
            return [doubled]
        return [doubled, 2 * operands.grad_output.to(dtype)]

    def flops(self, setting: Setting) -> int:
        return self.n

    def bytes_moved(self, setting: Setting) -> int:
        return 2 * self.n * setting.dtype.itemsize


@dataclass(frozen=True)
class Square(Operator):
    """Y = X X for X of shape (n, n): milliseconds of work, so that doing none of it shows."""

    n: int = 512

    passes: ClassVar[tuple[str, ...]] = ("fwd",)
    examples: ClassVar[tuple[dict[str, Plain], ...]] = ({"n": 64},)

    def draw(self, generator: torch.Generator, setting: Setting) -> tuple[Tensor, ...]:
        shape = (self.n, self.n)
        return (
            torch.randn(shape, generator=generator, dtype=setting.dtype, device=setting.device),
        )

    def output_shape(self) -> tuple[int, ...]:
        return (self.n, self.n)

    def reference(self, operands: Operands, dtype: torch.dtype) -> list[Tensor]:
        x = operands.tensors[0].to(dtype)
        return [x @ x]

    def flops(self, setting: Setting) -> int:
        return 2 * self.n**3

    def bytes_moved(self, setting: Setting) -> int:
        return 2 * self.n**2 * setting.dtype.itemsize
