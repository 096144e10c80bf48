"""Causal sliding-window attention as a band of blocks: cost grows as S x window, not S^2."""

from collections.abc import Callable

import torch
from torch import Tensor

from bench import Setting, Unsupported, variant
from suites.attention.problem import QKV, SoftmaxAttention


@variant(marks=["window"])
def banded(problem: SoftmaxAttention, *, setting: Setting) -> Callable[[QKV], Tensor]:
    """Cut S into blocks of `window`; a block sees itself and the block before it.

    The local pattern of Child et al. 2019 (arXiv:1904.10509) and Beltagy et al. 2020
    (arXiv:2004.05150), in dense products.
    """
    window = problem.window
    if window is None or not problem.causal or problem.seqlen_q % window:
        raise Unsupported("needs causal attention with a window that divides seqlen")
    group = problem.num_heads // problem.kv_heads
    positions = torch.arange(window, device=setting.device)
    hidden = ~problem.sees(
        positions[:, None] + window, torch.arange(2 * window, device=setting.device)
    )
    hidden_first = hidden | (torch.arange(2 * window, device=setting.device) < window)
    hidden_NWX = hidden.repeat(problem.seqlen_q // window, 1, 1)
    hidden_NWX[0] = hidden_first

    def step(inputs: QKV) -> Tensor:
        q, k, v = inputs
        if group > 1:
            k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        q_BHNWD = q.unflatten(2, (-1, window)) * problem.head_dim**-0.5
        logits_BHNWX = q_BHNWD @ _with_previous(k, window).transpose(-2, -1)
        weights = logits_BHNWX.masked_fill(hidden_NWX, -torch.inf).softmax(-1)
        return (weights @ _with_previous(v, window)).flatten(2, 3)

    return step


def _with_previous(x_BHSD: Tensor, window: int) -> Tensor:
    """Return each block of `window` positions behind the block before it: (B, H, N, 2W, D)."""
    blocks = x_BHSD.unflatten(2, (-1, window))
    previous = torch.cat([torch.zeros_like(blocks[:, :, :1]), blocks[:, :, :-1]], 2)
    return torch.cat([previous, blocks], 3)
