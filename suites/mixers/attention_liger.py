"""Multi-head attention whose norms and rotation are Liger's Triton kernels."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from bench import Setting, variant
from suites.mixers.attention import Attention
from suites.mixers.pieces import EPS, RMSNorm, rotation
from suites.mixers.problem import Contestant, Mixing
from suites.models.on_gpu import UP_TO_FLOAT32, expect_gpu


class LigerNorm(RMSNorm):
    """RMSNorm in float32 up to its last rounding, as torch's own."""

    def __init__(self, width: int, rms_norm: Callable[..., Any]):
        super().__init__(width)
        self.rms_norm = rms_norm

    def forward(self, x: Tensor) -> Tensor:
        normed: Tensor = self.rms_norm(x, self.weight, EPS, casting_mode="gemma")
        return normed


class LigerAttention(Attention):
    """The same layer; there is no kernel of Liger's for a feed-forward without a gate."""

    decodes = False

    def __init__(self, width: int, num_heads: int, rms_norm: Callable[..., Any], rope: Any):
        super().__init__(width, num_heads)
        assert self.feed_forward is not None
        self.rope = rope
        self.norm = LigerNorm(width, rms_norm)
        self.feed_forward.norm = LigerNorm(width, rms_norm)

    def mix(self, x_BSW: Tensor) -> Tensor:
        q, k, v = self._heads(self.qkv(x_BSW))
        q, k = self.rope(q, k, *_turns(x_BSW.shape[1], q.shape[-1], x_BSW.device))
        return self._together(F.scaled_dot_product_attention(q, k, v, is_causal=True))


@lru_cache(maxsize=16)
def _turns(length: int, dim: int, device: torch.device) -> list[Tensor]:
    """Return cos and sin (1, S, D) in float32, each of them for both halves of a head."""
    return [torch.cat([t, t], -1)[None] for t in rotation(0, length, dim, torch.float32, device)]


@variant(marks=["gpu", "matrix"], needs=["liger_kernel"])
def attention_liger(problem: Mixing, *, setting: Setting) -> Contestant:
    """Hsu et al. 2024 (arXiv:2410.10989), section 3.2: RMSNorm and RoPE, each one kernel."""
    expect_gpu(setting, dtypes=UP_TO_FLOAT32)
    from liger_kernel.transformers.functional import liger_rms_norm, liger_rope

    return problem.ask(
        lambda: LigerAttention(problem.width, problem.num_heads, liger_rms_norm, liger_rope),
        setting,
    )
