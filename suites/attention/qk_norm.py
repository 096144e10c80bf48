"""QK-norm: queries and keys of one length, so that no logit passes sqrt(D)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench import Measurement, Plain, Setting
from bench.operator import Operands
from suites.attention.problem import QKV, SoftmaxAttention

EPS = 1e-6


@dataclass(frozen=True)
class QKNormAttention(SoftmaxAttention):
    """Softmax attention of q and k divided by their root mean square over D, without gains.

    Stable Diffusion 3, Esser et al. 2024 (arXiv:2403.03206), section 5.3.2, after ViT-22B
    (arXiv:2302.05442), section 2. `spread` is the standard deviation of q and k as they come.
    """

    spread: float = 1.0

    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"num_heads": 2, "seqlen_q": 128, "head_dim": 16},
        {"num_heads": 4, "num_kv_heads": 2, "seqlen_q": 96, "head_dim": 16, "spread": 30.0},
    )

    def draw(self, generator: torch.Generator, setting: Setting) -> QKV:
        q, k, v = super().draw(generator, setting)
        return QKV(q * self.spread, k * self.spread, v)

    def prepared(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        return _normed(q), _normed(k)

    def account(self, built: Any, inputs: Operands, setting: Setting) -> list[Measurement]:
        """Tell the largest logit of those seen, with the norm and without it."""
        q, k, _ = (x.detach().float() for x in inputs.tensors)
        found = {"largest_logit": self.prepared(q, k), "largest_logit_without_norm": (q, k)}
        return [Measurement(name, "1", [self._largest(*qk)]) for name, qk in found.items()]

    def _largest(self, q: Tensor, k: Tensor) -> float:
        """Return the largest size of a visible logit, one head of one sequence after another."""
        hidden = ~self.mask(q.device)
        heads = zip(q.flatten(0, 1), k.repeat_interleave(self.group, 1).flatten(0, 1), strict=True)
        logits = ((one @ other.T).masked_fill(hidden, 0).abs().max() for one, other in heads)
        return float(max(logits)) * self.head_dim**-0.5


def _normed(x: Tensor) -> Tensor:
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    return (wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + EPS)).to(x.dtype)
