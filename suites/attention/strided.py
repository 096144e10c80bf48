"""Strided attention: a query sees every `stride`-th key before it, so the keys of its residue."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from bench import Plain, Setting, Unsupported, variant
from bench.compilation import Compiled, compiled_if
from suites.attention.inputs import QKV, expect_positive
from suites.attention.problem import Attention


@dataclass(frozen=True)
class StridedAttention(Attention):
    """Softmax attention over keys at distances that `stride` divides.

    The second head of Child et al. 2019 (arXiv:1904.10509), section 4.2; at a stride of sqrt(S)
    its cost grows as S sqrt(S).
    """

    stride: int = 32

    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"num_heads": 2, "seqlen_q": 144, "head_dim": 16, "stride": 12},
        {"num_heads": 4, "num_kv_heads": 2, "seqlen_q": 96, "head_dim": 16, "causal": False},
        {"num_heads": 2, "seqlen_q": 50, "seqlen_kv": 75, "head_dim": 16, "stride": 7},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        expect_positive(self, "stride")

    def sees(self, query: Tensor, key: Tensor) -> Tensor:
        distance = query - key
        visible = distance % self.stride == 0
        return visible & (distance >= 0) if self.causal else visible


@variant(marks=["pattern"])
def by_residue(
    problem: StridedAttention, *, setting: Setting, compiled: bool | None = None
) -> Callable[[QKV], Tensor] | Compiled:
    """Sort positions by their residue: dense attention within each, of S / stride keys."""
    square = problem.seqlen_q == problem.keys
    if not square or problem.seqlen_q % problem.stride:
        raise Unsupported("needs as many queries as keys, divisible by stride")
    across, group = (-1, problem.stride), problem.group
    length = problem.seqlen_q // problem.stride
    later = torch.ones(length, length, dtype=torch.bool, device=setting.device).triu(1)

    def step(inputs: QKV) -> Tensor:
        q, k, v = inputs
        if group > 1:
            k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        q, k, v = (x.unflatten(2, across).transpose(2, 3) for x in (q, k, v))
        logits_BHWNN = (q * problem.head_dim**-0.5) @ k.transpose(-2, -1)
        if problem.causal:
            logits_BHWNN = logits_BHWNN.masked_fill(later, -torch.inf)
        return (logits_BHWNN.softmax(-1) @ v).transpose(2, 3).flatten(2, 3)

    return compiled_if(compiled, step)
