"""Efficient attention: two softmaxes instead of one, so that keys and values meet first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from bench import Plain, Setting, variant
from bench.compilation import Compiled, compiled_if
from bench.operator import Block, BlockwiseOperator
from suites.attention.inputs import QKV, bytes_moved, expect_positive, randn
from suites.attention.problem import REFERENCE_ELEMENTS


@dataclass(frozen=True)
class EfficientAttention(BlockwiseOperator):
    """softmax_D(Q) (softmax_S(K)^T V): over features of a query, over positions of keys.

    Shen et al. 2018 (arXiv:1812.01243), section 3.2, eq. 3 with softmax normalisation. It has no
    causal form: a key's weight depends on the keys after it.
    """

    batch: int = 1
    num_heads: int = 4
    seqlen: int = 1024
    head_dim: int = 64

    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"batch": 2, "num_heads": 2, "seqlen": 128, "head_dim": 16},
        {"num_heads": 2, "seqlen": 90, "head_dim": 32},
    )
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
                    yield Block(rows, (rows, (b, h), (b, h)), _rows)

    def flops(self, setting: Setting) -> int:
        """Count two products of S x D by D x D."""
        forward = 4 * self.batch * self.num_heads * self.seqlen * self.head_dim**2
        return 3 * forward if setting.backward else forward

    def bytes_moved(self, setting: Setting) -> int:
        elements = self.batch * self.num_heads * self.seqlen * self.head_dim
        return bytes_moved(elements, elements, setting)


def _rows(q_RD: Tensor, k_SD: Tensor, v_SD: Tensor) -> Tensor:
    weights_RS = q_RD.softmax(-1) @ k_SD.softmax(-2).T
    return weights_RS @ v_SD


@variant(marks=["variation"])
def queries_first(problem: EfficientAttention) -> Callable[[QKV], Tensor]:
    """Form the S x S matrix of weights, which the other order never has."""

    def step(inputs: QKV) -> Tensor:
        q, k, v = inputs
        return q.softmax(-1) @ k.softmax(-2).transpose(-2, -1) @ v

    return step


@variant
def keys_first(
    problem: EfficientAttention, *, compiled: bool | None = None
) -> Callable[[QKV], Tensor] | Compiled:
    """Form the D x D context of keys and values: time and memory grow as S."""

    def step(inputs: QKV) -> Tensor:
        q, k, v = inputs
        context_BHDD = k.softmax(-2).transpose(-2, -1) @ v
        return q.softmax(-1) @ context_BHDD

    return compiled_if(compiled, step)
