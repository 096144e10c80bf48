"""Efficient attention: two softmaxes instead of one, so that keys and values meet first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from bench import Plain, Setting, variant
from bench.compilation import Compiled, compiled_if
from suites.attention.inputs import QKV
from suites.attention.one_shape import OneShape, Rows


@dataclass(frozen=True)
class EfficientAttention(OneShape):
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

    def rows_from(self, start: int) -> Rows:
        return _rows

    def flops(self, setting: Setting) -> int:
        """Count two products of S x D by D x D."""
        forward = 4 * self.batch * self.num_heads * self.seqlen * self.head_dim**2
        return 3 * forward if setting.backward else forward


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
