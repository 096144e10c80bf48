"""Rotary positions as published, and the base that a context asks for."""

from __future__ import annotations

from torch import Tensor

from bench import Measurement, Setting, variant
from suites.positions.problem import PositionedAttention
from suites.positions.rope_base import bounds
from suites.positions.rotary import BASE, Rotary, rates


class Rope(Rotary):
    """Angle p theta_i, theta_i = base^(-2i/D): Su et al. 2021 (arXiv:2104.09864), eq. 15."""

    base: float

    def angles(self, position: Tensor) -> Tensor:
        return position.double()[..., None] * rates(self.problem.head_dim, self.base, position)

    def findings(self, seed: int) -> list[Measurement]:
        """Compute which bases a context allows; no seed matters to it, so that the first tells."""
        return bounds(self.problem.head_dim) if seed == 0 else []


@variant(marks=["rotary"])
def rope(problem: PositionedAttention, *, setting: Setting, base: float = BASE) -> Rope:
    """Su et al. 2021 (arXiv:2104.09864), eq. 34, as complex numbers; base 10 000 as published."""
    return Rope(problem, setting, base=base)
