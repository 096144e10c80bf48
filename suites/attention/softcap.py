"""Soft-capped attention: logits that cannot pass a bound."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from bench import Plain
from suites.attention.problem import SoftmaxAttention


@dataclass(frozen=True)
class SoftcapAttention(SoftmaxAttention):
    """softcap x tanh(logits / softcap): Gemma 2 (arXiv:2408.00118), section 2."""

    softcap: float = 50.0

    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"num_heads": 2, "seqlen_q": 128, "head_dim": 16, "softcap": 1.5},
        {"num_heads": 4, "num_kv_heads": 2, "seqlen_q": 96, "head_dim": 16, "window": 32},
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.softcap <= 0:
            raise ValueError(f"expected softcap above 0, got {self.softcap}")

    def score(self, logits: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        wide = torch.promote_types(logits.dtype, torch.float32)
        return (self.softcap * torch.tanh(logits.to(wide) / self.softcap)).to(logits.dtype)
