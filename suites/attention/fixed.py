"""Fixed attention: blocks of keys, and the last few of every block, which all later queries see."""

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
class FixedAttention(Attention):
    """Causal softmax attention within blocks of `stride`, and over the last `summary` of each.

    Both heads of the fixed pattern of Child et al. 2019 (arXiv:1904.10509), section 4.2, as one
    (section 4.3, "merged"): l is `stride`, c is `summary`. What both see counts once.
    """

    stride: int = 32
    summary: int = 4

    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"num_heads": 2, "seqlen_q": 144, "head_dim": 16, "stride": 12},
        {"num_heads": 4, "num_kv_heads": 2, "seqlen_q": 96, "head_dim": 16, "stride": 8},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        expect_positive(self, "stride", "summary")
        if not self.causal or self.seqlen_q != self.keys:
            raise ValueError("expected causal attention, seqlen_q equal to seqlen_kv")
        if self.summary > self.stride:
            raise ValueError(f"expected summary of at most {self.stride}, got {self.summary}")

    def sees(self, query: Tensor, key: Tensor) -> Tensor:
        together = query // self.stride == key // self.stride
        return (key <= query) & (together | (key % self.stride >= self.stride - self.summary))


@variant(marks=["pattern"])
def blocks_and_summaries(
    problem: FixedAttention, *, setting: Setting, compiled: bool | None = None
) -> Callable[[QKV], Tensor] | Compiled:
    """Logits within blocks, and beside them those of earlier blocks' summaries, dense products.

    One softmax over both: cost grows as S (stride + summary S / stride).
    """
    stride, summary, group = problem.stride, problem.summary, problem.group
    if problem.seqlen_q % stride:
        raise Unsupported("needs seqlen divisible by stride")
    block = torch.arange(problem.seqlen_q // stride, device=setting.device)
    later = torch.ones(stride, stride, dtype=torch.bool, device=setting.device).triu(1)
    own = (block[:, None] <= block).repeat_interleave(summary, -1)[:, None]  # (N, 1, N summary)

    def step(inputs: QKV) -> Tensor:
        q, k, v = inputs
        if group > 1:
            k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        q, k, v = (x.unflatten(2, (-1, stride)) for x in (q * problem.head_dim**-0.5, k, v))
        k_last, v_last = (x[..., stride - summary :, :].flatten(2, 3) for x in (k, v))
        within = (q @ k.transpose(-2, -1)).masked_fill(later, -torch.inf)
        beyond = (q @ k_last[:, :, None].transpose(-2, -1)).masked_fill(own, -torch.inf)
        weights = torch.cat([within, beyond], -1).softmax(-1)
        within, beyond = weights.split([stride, k_last.shape[2]], -1)
        return (within @ v + beyond @ v_last[:, :, None]).flatten(2, 3)

    return compiled_if(compiled, step)
