"""What all rotary positions share: pairs of dimensions that turn as their token moves on."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from suites.positions.encoding import Encoding
from suites.positions.workload import QKV

BASE = 10_000.0


class Rotary(Encoding):
    """(R_i q_i) (R_j k_j) / sqrt(D): Su et al. 2021 (arXiv:2104.09864), eq. 14-16 and 34.

    R_p turns dimensions 2i and 2i + 1 by an angle of theirs at p. Angles are float64, turns
    float32: at position 1000 the angle itself is off by whole radians in bfloat16.
    """

    @abstractmethod
    def angles(self, position: Tensor) -> Tensor:
        """Return the angles (*position, D / 2) in float64."""

    def place(self, first: int) -> None:
        angles = self.angles(self.standing(first))
        turn = torch.stack([angles.cos(), angles.sin()], -1).float()
        self.turn_SD = torch.view_as_complex(turn)

    def turned(self, x: Tensor) -> Tensor:
        """Turn every pair, as complex numbers in float32."""
        pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))
        return torch.view_as_real(pairs * self.turn_SD).flatten(-2).to(x.dtype)

    def forward(self, inputs: QKV) -> Tensor:
        q, k, v = inputs
        return self.attend(self.turned(q), self.turned(k), v)

    def logits(self, q_BHRD: Tensor, k_BHSD: Tensor, query_R: Tensor, key_S: Tensor) -> Tensor:
        q, k = self.rotated(q_BHRD, query_R), self.rotated(k_BHSD, key_S)
        return q @ k.transpose(-2, -1) * self.scale

    def rotated(self, x: Tensor, position: Tensor) -> Tensor:
        """Write eq. 34 out: each dimension with its cosine, its partner with the sine."""
        angles = self.angles(position).repeat_interleave(2, -1)
        even, odd = x[..., 0::2], x[..., 1::2]
        partner = torch.stack([-odd, even], -1).flatten(-2)
        return x * angles.cos().to(x.dtype) + partner * angles.sin().to(x.dtype)


def rates(head_dim: int, base: float, like: Tensor) -> Tensor:
    """Return theta_i = base^(-2i/D) (D / 2,), float64."""
    even = torch.arange(0, head_dim, 2, dtype=torch.float64, device=like.device)
    return base ** (-even / head_dim)
