"""ALiBi: every head subtracts a multiple of the distance."""

import torch
from torch import Tensor

from bench import Setting, variant
from suites.positions.encoding import Encoding, distances, toeplitz
from suites.positions.problem import PositionedAttention
from suites.positions.workload import QKV


class Alibi(Encoding):
    """q k / sqrt(D) - m_h |i - j|: Press et al. 2022 (arXiv:2108.12409), section 3.

    Slopes m are a geometric sequence from 2^(-8/H) on; not causal, the distance counts both ways.
    """

    def place(self, first: int) -> None:
        problem = self.problem
        apart_N = distances(self.standing(first), problem.causal).abs()
        numbers = torch.arange(1, problem.num_heads + 1, device=apart_N.device)
        slopes_H = torch.exp2(-8.0 * numbers.double() / problem.num_heads)
        by_distance_HN = -slopes_H[:, None] * apart_N
        # distances beyond a few hundred are beyond bfloat16
        self.bias_1HSS = toeplitz(by_distance_HN.float(), problem.seqlen)[None].contiguous()

    def forward(self, inputs: QKV) -> Tensor:
        return self.attend(*inputs, self.bias_1HSS)

    def logits(self, q_BHRD: Tensor, k_BHSD: Tensor, query_R: Tensor, key_S: Tensor) -> Tensor:
        apart_RS = (query_R[:, None] - key_S).abs().to(q_BHRD.dtype)
        heads = self.problem.num_heads
        slopes = [2.0 ** (-8.0 * h / heads) for h in range(1, heads + 1)]
        biases_HRS = torch.stack([-slope * apart_RS for slope in slopes])
        return super().logits(q_BHRD, k_BHSD, query_R, key_S) + biases_HRS


@variant
def alibi(problem: PositionedAttention, *, setting: Setting) -> Alibi:
    """Press et al. 2022 (arXiv:2108.12409), section 3, as a bias that is made beforehand."""
    return Alibi(problem, setting)
