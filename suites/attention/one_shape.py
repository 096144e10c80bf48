"""Operators on queries, keys and values of one shape: linear attention and its kin.

Shapes: B batch, H num_heads, S seqlen, D head_dim, R some rows.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from typing import ClassVar

import torch
from torch import Tensor

from bench import Setting
from bench.operator import Block, BlockwiseOperator
from suites.attention.inputs import QKV, REFERENCE_ELEMENTS, bytes_moved, expect_positive, randn

Rows = Callable[[Tensor, Tensor, Tensor], Tensor]


class OneShape(BlockwiseOperator):
    """Subclass as a frozen dataclass with these sizes: q, k and v have one shape (B, H, S, D)."""

    batch: int
    num_heads: int
    seqlen: int
    head_dim: int

    input_names: ClassVar[tuple[str, ...]] = ("q", "k", "v")

    def __post_init__(self) -> None:
        expect_positive(self, "batch", "num_heads", "seqlen", "head_dim")

    def output_shape(self) -> tuple[int, ...]:
        return (self.batch, self.num_heads, self.seqlen, self.head_dim)

    def draw(self, generator: torch.Generator, setting: Setting) -> QKV:
        return QKV(*(randn(self.output_shape(), generator, setting) for _ in range(3)))

    def blocks(self) -> Iterator[Block]:
        step = max(REFERENCE_ELEMENTS // self.seqlen, 1)
        for b in range(self.batch):
            for h in range(self.num_heads):
                for start in range(0, self.seqlen, step):
                    rows = (b, h, slice(start, start + step))
                    yield Block(rows, (rows, (b, h), (b, h)), self.rows_from(start))

    @abstractmethod
    def rows_from(self, start: int) -> Rows:
        """Return the reference of some queries (R, D), from `start` on, with all keys (S, D)."""

    def bytes_moved(self, setting: Setting) -> int:
        elements = self.batch * self.num_heads * self.seqlen * self.head_dim
        return bytes_moved(elements, elements, setting)
