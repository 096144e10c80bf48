"""Causal sliding-window attention as a band of blocks: cost grows as S x window, not S^2."""

from collections.abc import Callable

import torch
from torch import Tensor

from bench import Setting, Unsupported, variant
from bench.compilation import Compiled, compiled_if
from suites.attention.band import hidden_in_band, with_previous
from suites.attention.problem import QKV, SoftmaxAttention


@variant(marks=["window"])
def banded(
    problem: SoftmaxAttention, *, setting: Setting, compiled: bool | None = None
) -> Callable[[QKV], Tensor] | Compiled:
    """Cut S into blocks of `window`; a block sees itself and the block before it.

    The local pattern of Child et al. 2019 (arXiv:1904.10509) and Beltagy et al. 2020
    (arXiv:2004.05150), in dense products.
    """
    window = problem.window
    if window is None or not problem.causal or problem.seqlen_q % window:
        raise Unsupported("needs causal attention with a window that divides seqlen")
    group = problem.group
    hidden_NWX = hidden_in_band(window, problem.seqlen_q // window, setting.device)

    def step(inputs: QKV) -> Tensor:
        q, k, v = inputs
        if group > 1:
            k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        q_BHNWD = q.unflatten(2, (-1, window)) * problem.head_dim**-0.5
        logits_BHNWX = q_BHNWD @ with_previous(k, window).transpose(-2, -1)
        weights = logits_BHNWX.masked_fill(hidden_NWX, -torch.inf).softmax(-1)
        return (weights @ with_previous(v, window)).flatten(2, 3)

    return compiled_if(compiled, step)
