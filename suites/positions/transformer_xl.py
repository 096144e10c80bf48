"""Transformer-XL: a projected sinusoid of the distance, and two biases in place of positions."""

from __future__ import annotations

import torch
from torch import Tensor

from bench import Setting, variant
from suites.positions.encoding import Encoding, distances, rel_shift, toeplitz
from suites.positions.problem import PositionedAttention
from suites.positions.sinusoid import sinusoid
from suites.positions.workload import QKV


class TransformerXl(Encoding):
    """((q_i + u) k_j + (q_i + v) W_kR R_(i-j)) / sqrt(D): Dai et al. 2019 (arXiv:1901.02860), 3.3.

    W (M, M) projects the sinusoid R of a distance, u and v (H, 1, D) stand for a query's position.
    """

    def make(self) -> None:
        heads, head_dim, dim = self.problem.num_heads, self.problem.head_dim, self.problem.dim
        self.weight_MM = self.drawn(dim, dim, std=dim**-0.5)
        self.content_H1D = self.drawn(heads, 1, head_dim)
        self.position_H1D = self.drawn(heads, 1, head_dim)

    def place(self, first: int) -> None:
        problem = self.problem
        back_N = distances(self.standing(first), problem.causal)
        self.sinusoid_NM = sinusoid(back_N, problem.dim).to(self.setting.dtype)
        seen_1N = torch.zeros(1, len(back_N), device=back_N.device, dtype=self.setting.dtype)
        self.hidden_1SS = toeplitz(seen_1N, problem.seqlen).contiguous()

    def forward(self, inputs: QKV) -> Tensor:
        q, k, v = inputs
        told_HDN = self.by_head(self.sinusoid_NM @ self.weight_MM).permute(1, 2, 0)
        by_distance = (q + self.position_H1D) * self.scale @ told_HDN
        bias_BHSS = rel_shift(by_distance) + self.hidden_1SS
        return self.attend(q + self.content_H1D, k, v, bias_BHSS)

    def by_head(self, told: Tensor) -> Tensor:
        """Share the width out among the heads, (*, H, D)."""
        return told.unflatten(-1, (self.problem.num_heads, -1))

    def logits(self, q_BHRD: Tensor, k_BHSD: Tensor, query_R: Tensor, key_S: Tensor) -> Tensor:
        back_RS = query_R[:, None] - key_S
        least = int(1 - self.problem.seqlen)
        every_N = torch.arange(least, -least + 1, device=key_S.device)
        wave_NM = sinusoid(every_N, self.problem.dim).to(q_BHRD.dtype)
        told_RSHD = self.by_head(wave_NM @ self.weight_MM)[back_RS - least]
        content = torch.einsum("bhid,bhjd->bhij", q_BHRD + self.content_H1D, k_BHSD)
        position = torch.einsum("bhid,ijhd->bhij", q_BHRD + self.position_H1D, told_RSHD)
        return (content + position) * self.scale


@variant
def transformer_xl(problem: PositionedAttention, *, setting: Setting) -> TransformerXl:
    """Dai et al. 2019 (arXiv:1901.02860), section 3.3 and appendix B: shifted, not gathered."""
    return TransformerXl(problem, setting)
