"""T5's bias: one number for a head and a bucket of distances, wider the farther away."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bench import Setting, variant
from suites.positions.encoding import Encoding, distances, toeplitz
from suites.positions.problem import PositionedAttention
from suites.positions.workload import QKV


class T5Bias(Encoding):
    """q k / sqrt(D) + b_h[bucket(i - j)]: Raffel et al. 2020 (arXiv:1910.10683), section 2.1.

    Half of the buckets hold one distance each, the others grow by a factor up to `max_distance`,
    beyond which there is one. Not causal, half of all buckets are of keys ahead. T5 itself does not
    divide by sqrt(D), which its initialisation makes up for.
    """

    num_buckets: int
    max_distance: int

    def make(self) -> None:
        self.bias_HK = self.drawn(self.problem.num_heads, self.num_buckets)

    def place(self, first: int) -> None:
        self.bucket_N = self.bucket(distances(self.standing(first), self.problem.causal))

    def bucket(self, back: Tensor) -> Tensor:
        """Return the bucket of keys that lie so far back; ahead where negative."""
        num = self.num_buckets if self.problem.causal else self.num_buckets // 2
        near = num // 2
        apart = back.clamp_min(0) if self.problem.causal else back.abs()
        share = (apart.clamp_min(1).double() / near).log() / math.log(self.max_distance / near)
        far = (near + (share * (num - near)).long()).clamp_max(num - 1)
        found = torch.where(apart < near, apart, far)
        return found if self.problem.causal else found + num * (back < 0)

    def forward(self, inputs: QKV) -> Tensor:
        bias_HSS = toeplitz(self.bias_HK[:, self.bucket_N], self.problem.seqlen)
        return self.attend(*inputs, bias_HSS[None])

    def logits(self, q_BHRD: Tensor, k_BHSD: Tensor, query_R: Tensor, key_S: Tensor) -> Tensor:
        plain = super().logits(q_BHRD, k_BHSD, query_R, key_S)
        back_RS = query_R[:, None] - key_S
        bucket_RS = sum((back_RS >= first).long() for first in self.firsts())
        if not self.problem.causal:
            ahead_RS = sum((-back_RS >= first).long() for first in self.firsts())
            bucket_RS = torch.where(
                back_RS < 0, ahead_RS + self.num_buckets // 2, torch.as_tensor(bucket_RS)
            )
        return plain + self.bias_HK[:, bucket_RS]

    def firsts(self) -> list[int]:
        """Return the least distance of every bucket but the first, from the formula's inverse."""
        num = self.num_buckets if self.problem.causal else self.num_buckets // 2
        near = num // 2
        growth = self.max_distance / near
        wide = [near * growth ** (k / (num - near)) for k in range(1, num - near)]
        return [*range(1, near + 1), *(math.ceil(first - 1e-9) for first in wide)]


@variant
def t5_bias(
    problem: PositionedAttention,
    *,
    setting: Setting,
    num_buckets: int = 32,
    max_distance: int = 128,
) -> T5Bias:
    """Raffel et al. 2020 (arXiv:1910.10683), section 2.1, a bias by distance laid out by rows."""
    if num_buckets < 4 or num_buckets % 4 or max_distance <= num_buckets // 2:
        raise ValueError(
            "expected num_buckets in multiples of 4 and max_distance above half of it, got "
            f"{num_buckets} and {max_distance}"
        )
    return T5Bias(problem, setting, num_buckets=num_buckets, max_distance=max_distance)
