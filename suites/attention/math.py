"""Softmax attention as the equation stands: the n x n matrix in memory."""

from collections.abc import Callable

import torch
from torch import Tensor

from bench import Setting, variant
from bench.compilation import Compiled, compiled_if
from suites.attention.problem import QKV, Attention


@variant(marks=["plain"])
def math(
    problem: Attention, *, setting: Setting, compiled: bool | None = None
) -> Callable[[QKV], Tensor] | Compiled:
    """softmax(Q K^T / sqrt(D)) V with torch's matmul and softmax; time and memory grow as S^2.

    Heads that share keys are rows of one product, so that no key is copied.
    """
    adds = problem.scored and problem.additive
    bias = problem.bias(setting) if adds else None
    hidden = ~problem.mask(setting.device) if problem.masked and not adds else None
    places = problem.places(setting.device)
    scale, shared = problem.head_dim**-0.5, (problem.kv_heads, problem.group)

    def step(inputs: QKV) -> Tensor:
        q, k = problem.prepared(inputs.q_BHSD, inputs.k_BKSD)
        rows = (q * scale).unflatten(1, shared).flatten(2, 3)
        logits = (rows @ k.transpose(-2, -1)).unflatten(2, (problem.group, -1)).flatten(1, 2)
        logits_BHSS = logits + bias if bias is not None else problem.score(logits, *places)
        if hidden is not None:
            logits_BHSS = logits_BHSS.masked_fill(hidden, -torch.inf)
        weights = logits_BHSS.softmax(-1).unflatten(1, shared).flatten(2, 3)
        return (weights @ inputs.v_BKSD).unflatten(2, (problem.group, -1)).flatten(1, 2)

    return compiled_if(compiled, step)
