"""Learned sinks: a logit of every head's own in the softmax's denominator, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from bench import Plain, Setting, variant
from bench.compilation import Compiled, compiled_if
from bench.operator import Block
from suites.attention.inputs import randn
from suites.attention.problem import SoftmaxAttention

ALIGNED = 8  # features by which a head grows, so that fused kernels still take it


class QKVSinks(NamedTuple):
    """Queries (B, H, S, D), keys and values (B, K, S, D), a logit of every head (H,)."""

    q_BHSD: Tensor
    k_BKSD: Tensor
    v_BKSD: Tensor
    sinks_H: Tensor


@dataclass(frozen=True)
class LearnedSinkAttention(SoftmaxAttention):
    """exp(l_ij) / (exp(s_h) + sum_j exp(l_ij)) V, l the scaled logits that are seen.

    gpt-oss (arXiv:2508.10925), section 2.2; s = 0 is Miller's softmax, the zero sink of Xiao et al.
    2023 (arXiv:2309.17453), section 3.3. A backward pass asks for the gradient of s too.
    """

    contested_by: ClassVar[str] = ""  # kernels of three operands have no place for the fourth
    input_names: ClassVar[tuple[str, ...]] = ("q", "k", "v", "sinks")
    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"batch": 2, "num_heads": 2, "seqlen_q": 128, "head_dim": 16},
        {"num_heads": 4, "num_kv_heads": 2, "seqlen_q": 96, "head_dim": 16, "window": 32},
        {"num_heads": 4, "num_kv_heads": 1, "seqlen_q": 1, "seqlen_kv": 96, "head_dim": 16},
    )

    def draw(self, generator: torch.Generator, setting: Setting) -> QKVSinks:  # type: ignore[override]
        q, k, v = super().draw(generator, setting)
        return QKVSinks(q, k, v, randn((self.num_heads,), generator, setting))

    def blocks(self) -> Iterator[Block]:
        for block in super().blocks():
            _, heads, rows = block.output
            assert isinstance(rows, slice)
            yield Block(block.output, (*block.inputs, (heads,)), self._sunk(rows))

    def _sunk(self, rows: slice) -> Callable[..., Tensor]:
        def attend(q_GRD: Tensor, k_SD: Tensor, v_SD: Tensor, sinks_G: Tensor) -> Tensor:
            logits_GRS = q_GRD @ k_SD.T * self.head_dim**-0.5
            logits_GRS = logits_GRS.masked_fill(~self.mask(q_GRD.device, rows), -torch.inf)
            sinks_G11 = sinks_G[:, None, None]
            top = torch.maximum(logits_GRS.amax(-1, keepdim=True), sinks_G11).detach()
            share = torch.exp(logits_GRS - top)
            below = share.sum(-1, keepdim=True) + torch.exp(sinks_G11 - top)
            return share / below @ v_SD

        return attend

    def bytes_moved(self, setting: Setting) -> int:
        """Count the logits read beside what attention moves, and their gradient written."""
        own = self.num_heads * setting.dtype.itemsize * (2 if setting.backward else 1)
        return super().bytes_moved(setting) + own


@variant(marks=["plain", "pattern"])
def sink_column(
    problem: LearnedSinkAttention, *, setting: Setting, compiled: bool | None = None
) -> Callable[[QKVSinks], Tensor] | Compiled:
    """One more column of logits, dropped after the softmax; the n x n matrix in memory."""
    hidden = ~problem.mask(setting.device) if problem.masked else None
    scale, group = problem.head_dim**-0.5, problem.group

    def step(inputs: QKVSinks) -> Tensor:
        q, k, v, sinks_H = inputs
        if group > 1:
            k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        logits = (q * scale) @ k.transpose(-2, -1)
        if hidden is not None:
            logits = logits.masked_fill(hidden, -torch.inf)
        column = sinks_H[:, None, None].expand(*logits.shape[:-1], 1)
        return torch.cat([logits, column], -1).softmax(-1)[..., :-1] @ v

    return compiled_if(compiled, step)


@variant(marks=["sdpa", "pattern"])
def sink_key(
    problem: LearnedSinkAttention, *, setting: Setting, compiled: bool | None = None
) -> Callable[[QKVSinks], Tensor] | Compiled:
    """One more key, in the kernel that torch picks: a feature of its own finds it, its value is 0.

    The feature is s sqrt(D) in queries, 1 in that key, and 0 in all others.
    """
    scale, dim, grouped = problem.head_dim**-0.5, problem.head_dim, problem.group > 1
    mask = F.pad(problem.mask(setting.device), (0, 1), value=True) if problem.masked else None

    def step(inputs: QKVSinks) -> Tensor:
        q, k, v, sinks_H = inputs
        own = (sinks_H / scale)[:, None, None].expand(*q.shape[:-1], 1)
        q = F.pad(torch.cat([q, own], -1), (0, ALIGNED - 1))
        k, v = (F.pad(x, (0, ALIGNED, 0, 1)) for x in (k, v))
        found = torch.arange(dim + ALIGNED, device=q.device) == dim
        last = torch.arange(k.shape[2], device=q.device)[:, None] == k.shape[2] - 1
        k = k + (found & last).to(k.dtype)
        out = F.scaled_dot_product_attention(
            q, k, v, attn_mask=mask, scale=scale, enable_gqa=grouped
        )
        return out[..., :dim]

    return compiled_if(compiled, step)
