"""NTK-aware RoPE: a base raised so that a longer context turns the slowest pair no further."""

from __future__ import annotations

from torch import Tensor

from bench import Setting, variant
from suites.positions.problem import PositionedAttention
from suites.positions.rotary import BASE, Rotary, rates


class NtkRope(Rotary):
    """theta_i = (10 000 s^(D/(D-2)))^(-2i/D) for a context s times the one trained for.

    As written down by Peng et al. 2023 (arXiv:2309.00071), section 3.1: the slowest pair turns as
    if positions were divided by s, the fastest as before.
    """

    stretch: float

    def angles(self, position: Tensor) -> Tensor:
        head_dim = self.problem.head_dim
        base = BASE * self.stretch ** (head_dim / (head_dim - 2))
        return position.double()[..., None] * rates(head_dim, base, position)


@variant
def rope_ntk(problem: PositionedAttention, *, setting: Setting) -> NtkRope:
    """NTK-aware interpolation, Peng et al. 2023 (arXiv:2309.00071): trained on `seqlen`."""
    return NtkRope(problem, setting, stretch=problem.positions / problem.seqlen)
