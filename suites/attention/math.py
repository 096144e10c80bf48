"""Softmax attention as the equation stands: the n x n matrix in memory."""

from collections.abc import Callable

import torch
from torch import Tensor

from bench import Setting, variant
from suites.attention.problem import QKV, SoftmaxAttention


@variant(marks=["plain"])
def math(problem: SoftmaxAttention, *, setting: Setting) -> Callable[[QKV], Tensor]:
    """softmax(Q K^T / sqrt(D)) V with torch's matmul and softmax; time and memory grow as S^2."""
    hidden = ~problem.mask(setting.device) if problem.masked else None
    group = problem.num_heads // problem.kv_heads
    scale = problem.head_dim**-0.5

    def step(inputs: QKV) -> Tensor:
        q, k, v = inputs
        if group > 1:
            k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        logits_BHSS = (q * scale) @ k.transpose(-2, -1)
        if hidden is not None:
            logits_BHSS = logits_BHSS.masked_fill(hidden, -torch.inf)
        return logits_BHSS.softmax(-1) @ v

    return step
