"""Local and strided attention in one softmax, no pair counted twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from bench import Plain, Setting, Unsupported, variant
from bench.compilation import Compiled, compiled_if
from suites.attention.band import hidden_in_band, with_previous
from suites.attention.inputs import QKV, expect_positive
from suites.attention.problem import Attention


@dataclass(frozen=True)
class LocalStridedAttention(Attention):
    """Causal softmax attention over the last `stride` keys and every `stride`-th before them.

    Both heads of Child et al. 2019 (arXiv:1904.10509), section 4.2, as one pattern (section 4.3,
    "merged"). A query's own position is of both, and counts once.
    """

    stride: int = 32

    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"num_heads": 2, "seqlen_q": 144, "head_dim": 16, "stride": 12},
        {"num_heads": 4, "num_kv_heads": 2, "seqlen_q": 96, "head_dim": 16, "stride": 8},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        expect_positive(self, "stride")
        if not self.causal or self.seqlen_q != self.keys:
            raise ValueError("expected causal attention, seqlen_q equal to seqlen_kv")

    def sees(self, query: Tensor, key: Tensor) -> Tensor:
        distance = query - key
        return (distance >= 0) & ((distance < self.stride) | (distance % self.stride == 0))


@variant(marks=["pattern"])
def two_parts(
    problem: LocalStridedAttention, *, setting: Setting, compiled: bool | None = None
) -> Callable[[QKV], Tensor] | Compiled:
    """Logits of a band, and beside them those of the residue, in dense products.

    One softmax over both: cost grows as S (2 stride + S / stride).
    """
    stride, group = problem.stride, problem.group
    if problem.seqlen_q % stride:
        raise Unsupported("needs seqlen divisible by stride")
    length = problem.seqlen_q // stride
    in_band = hidden_in_band(stride, length, setting.device)
    near = torch.ones(length, length, dtype=torch.bool, device=setting.device).triu()

    def step(inputs: QKV) -> Tensor:
        q, k, v = inputs
        if group > 1:
            k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        q, k_NWD, v_NWD = (x.unflatten(2, (-1, stride)) for x in (q * problem.head_dim**-0.5, k, v))
        by_residue = q.transpose(2, 3) @ k_NWD.permute(0, 1, 3, 4, 2)  # (B, H, W, N, N)
        local = q @ with_previous(k, stride).transpose(-2, -1)  # (B, H, N, W, 2W)
        parts = local.masked_fill(in_band, -torch.inf), by_residue.masked_fill(near, -torch.inf)
        weights = torch.cat([parts[0], parts[1].transpose(2, 3)], -1).softmax(-1)
        local, by_residue = weights.split([2 * stride, length], -1)
        apart = (by_residue.transpose(2, 3) @ v_NWD.transpose(2, 3)).transpose(2, 3)
        return (local @ with_previous(v, stride) + apart).flatten(2, 3)

    return compiled_if(compiled, step)
