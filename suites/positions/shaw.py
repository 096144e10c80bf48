"""Shaw et al.'s relative positions: a vector for every clipped distance, in keys and in values."""

from __future__ import annotations

import torch
from torch import Tensor

from bench import Setting, variant
from suites.positions.encoding import Encoding
from suites.positions.problem import PositionedAttention
from suites.positions.workload import QKV


class Shaw(Encoding):
    """e_ij = q_i (k_j + a^K_ij) / sqrt(D), z_i = sum_j alpha_ij (v_j + a^V_ij).

    Shaw et al. 2018 (arXiv:1803.02155), eq. 3-4; a_ij is row clip(j - i, -k, k) + k of a table
    that all heads share.
    """

    clip: int

    def make(self) -> None:
        self.keys_CD = self.drawn(2 * self.clip + 1, self.problem.head_dim)
        self.values_CD = self.drawn(2 * self.clip + 1, self.problem.head_dim)

    def place(self, first: int) -> None:
        position_S = self.standing(first)
        ahead_SS = position_S - position_S[:, None]
        self.row_SS = ahead_SS.clamp(-self.clip, self.clip) + self.clip
        hidden_SS = torch.zeros_like(ahead_SS, dtype=torch.bool)
        self.hidden_SS = ahead_SS > 0 if self.problem.causal else hidden_SS

    def forward(self, inputs: QKV) -> Tensor:
        q, k, v = inputs
        row = self.row_SS.expand(*q.shape[:2], -1, -1)
        q = q * self.scale
        logits_BHSS = q @ k.transpose(-2, -1) + (q @ self.keys_CD.T).gather(-1, row)
        weights_BHSS = logits_BHSS.masked_fill(self.hidden_SS, -torch.inf).softmax(-1)
        by_row_BHSC = weights_BHSS.new_zeros(*q.shape[:3], len(self.values_CD), dtype=torch.float32)
        by_row_BHSC = by_row_BHSC.scatter_add(-1, row, weights_BHSS.float())
        return weights_BHSS @ v + by_row_BHSC.to(v.dtype) @ self.values_CD

    def logits(self, q_BHRD: Tensor, k_BHSD: Tensor, query_R: Tensor, key_S: Tensor) -> Tensor:
        told = torch.einsum("bhid,ijd->bhij", q_BHRD, self.keys_CD[self.row(query_R, key_S)])
        return super().logits(q_BHRD, k_BHSD, query_R, key_S) + told * self.scale

    def values(
        self, weights_BHRS: Tensor, v_BHSD: Tensor, query_R: Tensor, key_S: Tensor
    ) -> Tensor:
        told_RSD = self.values_CD[self.row(query_R, key_S)]
        return weights_BHRS @ v_BHSD + torch.einsum("bhij,ijd->bhid", weights_BHRS, told_RSD)

    def row(self, query_R: Tensor, key_S: Tensor) -> Tensor:
        """Return the row of the tables for every pair, by eq. 3 and the lines after it."""
        return (key_S - query_R[:, None]).clamp(min=-self.clip, max=self.clip) + self.clip


@variant
def shaw(problem: PositionedAttention, *, setting: Setting, clip: int = 16) -> Shaw:
    """Shaw et al. 2018 (arXiv:1803.02155), section 3.3: by row of the table, then by pair."""
    return Shaw(problem, setting, clip=clip)
