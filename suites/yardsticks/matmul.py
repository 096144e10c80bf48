"""A product of small matrices: bound by arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench import Setting, variant
from bench.operator import Operands, Operator
from suites.yardsticks.drawn import normal
from suites.yardsticks.repeated import ASKED, repeated


@dataclass(frozen=True)
class Product(Operator):
    """C = A B for square matrices (n, n), `ASKED` times."""

    n: int = 96

    passes: ClassVar[tuple[str, ...]] = ("fwd",)

    def draw(self, generator: torch.Generator, setting: Setting) -> tuple[Tensor, ...]:
        return normal(generator, setting, (self.n, self.n), (self.n, self.n))

    def output_shape(self) -> tuple[int, ...]:
        return (self.n, self.n)

    def reference(self, operands: Operands, dtype: torch.dtype) -> list[Tensor]:
        a, b = operands.tensors
        return [a.to(dtype) @ b.to(dtype)]

    def flops(self, setting: Setting) -> int:
        return ASKED * 2 * self.n**3

    def bytes_moved(self, setting: Setting) -> int:
        return ASKED * 3 * self.n**2 * setting.dtype.itemsize


@variant
def matmul(problem: Product, *, times: int = ASKED) -> Callable[[Any], Tensor]:
    """torch.mm; `times` is how often it is really done."""
    return repeated(lambda tensors: torch.mm(*tensors), times)
