"""A small softmax attention: two products with a softmax between them, in one kernel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from bench import Setting, variant
from bench.operator import Operands, Operator
from suites.yardsticks.drawn import normal
from suites.yardsticks.repeated import ASKED, repeated


@dataclass(frozen=True)
class SmallAttention(Operator):
    """softmax(Q K^T / sqrt(D)) V for one batch of (H, S, D), `ASKED` times."""

    num_heads: int = 2
    seqlen: int = 64
    head_dim: int = 32

    passes: ClassVar[tuple[str, ...]] = ("fwd",)
    dtypes: ClassVar[tuple[str, ...]] = ("float32",)

    def draw(self, generator: torch.Generator, setting: Setting) -> tuple[Tensor, ...]:
        return normal(generator, setting, *[self.output_shape()] * 3)

    def output_shape(self) -> tuple[int, ...]:
        return (1, self.num_heads, self.seqlen, self.head_dim)

    def reference(self, operands: Operands, dtype: torch.dtype) -> list[Tensor]:
        q, k, v = (tensor.to(dtype) for tensor in operands.tensors)
        scores = q @ k.transpose(-1, -2) / self.head_dim**0.5
        return [scores.softmax(-1) @ v]

    def flops(self, setting: Setting) -> int:
        return ASKED * 4 * self.num_heads * self.seqlen**2 * self.head_dim

    def bytes_moved(self, setting: Setting) -> int:
        num_elements = self.num_heads * self.seqlen * self.head_dim
        return ASKED * 4 * num_elements * setting.dtype.itemsize


@variant
def sdpa(problem: SmallAttention, *, times: int = ASKED) -> Callable[[Any], Tensor]:
    """PyTorch's scaled_dot_product_attention; `times` is how often it is really done."""
    return repeated(lambda tensors: F.scaled_dot_product_attention(*tensors), times)
