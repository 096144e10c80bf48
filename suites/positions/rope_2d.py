"""2-D RoPE: half of a head's dimensions turn with the row of a patch, half with its column."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bench import Setting, variant
from suites.positions.problem import PositionedAttention
from suites.positions.rotary import Rotary, rates

BASE = 100.0  # places go as far as the square root of the tokens


class Rope2d(Rotary):
    """Axial rotary positions, Heo et al. 2024 (arXiv:2403.13298), section 3.1.

    Tokens are patches in raster order of a square as wide as `side`. Rows and columns have their
    own D / 4 pairs, with rates of 100^(-4i/D).
    """

    side: int

    @property
    def shift(self) -> int:
        """Return the most whole rows that there is room for."""
        return super().shift // self.side * self.side

    def angles(self, position: Tensor) -> Tensor:
        own = rates(self.problem.head_dim // 2, BASE, position)
        places = (position // self.side, position % self.side)
        return torch.cat([place.double()[..., None] * own for place in places], -1)


@variant
def rope_2d(problem: PositionedAttention, *, setting: Setting) -> Rope2d:
    """Heo et al. 2024 (arXiv:2403.13298): axial, on the smallest square that holds the tokens."""
    return Rope2d(problem, setting, side=math.isqrt(problem.seqlen - 1) + 1)
