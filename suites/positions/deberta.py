"""DeBERTa's disentangled attention: content to position and position to content."""

from __future__ import annotations

import torch
from torch import Tensor

from bench import Setting, variant
from suites.positions.encoding import Encoding
from suites.positions.problem import PositionedAttention
from suites.positions.workload import QKV


class Deberta(Encoding):
    """(Qc_i Kc_j + Qc_i Kr_d(i,j) + Kc_j Qr_d(j,i)) / sqrt(3 D), Kr = P W_k, Qr = P W_q.

    He et al. 2021 (arXiv:2006.03654), eq. 3-4; P (2k, M), d(i, j) = clip(i - j, -k, k - 1) + k.
    """

    max_distance: int

    def make(self) -> None:
        dim = self.problem.dim
        self.table_CM = self.drawn(2 * self.max_distance, dim)
        self.keys_MM = self.drawn(dim, dim, std=dim**-0.5)
        self.queries_MM = self.drawn(dim, dim, std=dim**-0.5)

    def place(self, first: int) -> None:
        position_S = self.standing(first)
        back_SS = position_S[:, None] - position_S
        reach = self.max_distance
        self.row_SS = back_SS.clamp(-reach, reach - 1) + reach
        hidden_SS = torch.zeros_like(back_SS, dtype=self.setting.dtype)
        causal = self.problem.causal
        self.hidden_SS = hidden_SS.masked_fill(back_SS < 0, -torch.inf) if causal else hidden_SS

    @property
    def scale(self) -> float:
        return float((3 * self.problem.head_dim) ** -0.5)

    def forward(self, inputs: QKV) -> Tensor:
        q, k, v = inputs
        row = self.row_SS.expand(*q.shape[:2], -1, -1)
        keys_HDC = self.by_head(self.table_CM @ self.keys_MM).permute(1, 2, 0)
        queries_HDC = self.by_head(self.table_CM @ self.queries_MM).permute(1, 2, 0)
        to_position = (q * self.scale @ keys_HDC).gather(-1, row)
        to_content = (k * self.scale @ queries_HDC).gather(-1, row).transpose(-2, -1)
        return self.attend(q, k, v, to_position + to_content + self.hidden_SS)

    def by_head(self, told: Tensor) -> Tensor:
        """Share the width out among the heads, (*, H, D)."""
        return told.unflatten(-1, (self.problem.num_heads, -1))

    def logits(self, q_BHRD: Tensor, k_BHSD: Tensor, query_R: Tensor, key_S: Tensor) -> Tensor:
        keys_CHD = self.by_head(self.table_CM @ self.keys_MM)
        queries_CHD = self.by_head(self.table_CM @ self.queries_MM)
        forth, back = self.row(query_R[:, None], key_S), self.row(key_S, query_R[:, None])
        content = torch.einsum("bhid,bhjd->bhij", q_BHRD, k_BHSD)
        to_position = torch.einsum("bhid,ijhd->bhij", q_BHRD, keys_CHD[forth])
        to_content = torch.einsum("bhjd,ijhd->bhij", k_BHSD, queries_CHD[back])
        return (content + to_position + to_content) * self.scale

    def row(self, one: Tensor, other: Tensor) -> Tensor:
        """Return the relative distance of eq. 3: 0 from k ahead on, 2k - 1 from k back on."""
        back, reach = one - other, self.max_distance
        inside = torch.where(back >= reach, 2 * reach - 1, back + reach)
        return torch.where(back <= -reach, 0, inside)


@variant
def deberta(problem: PositionedAttention, *, setting: Setting, max_distance: int = 512) -> Deberta:
    """He et al. 2021 (arXiv:2006.03654), algorithm 1: both by row of the table, then gathered."""
    return Deberta(problem, setting, max_distance=max_distance)
