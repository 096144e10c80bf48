"""An elementwise sum: bound by memory, or by a cache where all of it fits into one."""

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
class Sum(Operator):
    """z = x + y for tensors of `num_bytes` bytes in float32, `ASKED` times."""

    num_bytes: int = 4 << 20

    passes: ClassVar[tuple[str, ...]] = ("fwd",)
    dtypes: ClassVar[tuple[str, ...]] = ("float32",)

    def __post_init__(self) -> None:
        if self.num_bytes < 4 or self.num_bytes % 4:
            raise ValueError(f"expected num_bytes in whole float32 numbers, got {self.num_bytes}")

    def draw(self, generator: torch.Generator, setting: Setting) -> tuple[Tensor, ...]:
        return normal(generator, setting, self.output_shape(), self.output_shape())

    def output_shape(self) -> tuple[int, ...]:
        return (self.num_bytes // 4,)

    def reference(self, operands: Operands, dtype: torch.dtype) -> list[Tensor]:
        x, y = operands.tensors
        return [x.to(dtype) + y.to(dtype)]

    def flops(self, setting: Setting) -> int:
        return ASKED * self.num_bytes // 4

    def bytes_moved(self, setting: Setting) -> int:
        return ASKED * 3 * self.num_bytes


@variant
def add(problem: Sum, *, times: int = ASKED) -> Callable[[Any], Tensor]:
    """torch.add; `times` is how often it is really done."""
    return repeated(lambda tensors: torch.add(*tensors), times)
