"""ALiBi: every head loses interest with distance, at a rate of its own."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from bench import Plain
from suites.attention.problem import SoftmaxAttention


@dataclass(frozen=True)
class AlibiAttention(SoftmaxAttention):
    """Logits less slope x distance; head h of H, from 1 on, has the slope 2^(-8 h / H).

    Press et al. 2021 (arXiv:2108.12409), section 3.
    """

    additive: ClassVar[bool] = True
    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"num_heads": 4, "num_kv_heads": 2, "seqlen_q": 128, "head_dim": 16},
        {"num_heads": 3, "seqlen_q": 96, "head_dim": 16, "causal": False},
    )

    def score(self, logits: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        wide = torch.promote_types(logits.dtype, torch.float32)
        slope = torch.exp2((head + 1).to(wide) * (-8 / self.num_heads))
        return (logits.to(wide) - slope * (query - key).abs()).to(logits.dtype)
