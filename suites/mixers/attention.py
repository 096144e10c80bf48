"""Multi-head attention with its feed-forward, the transformer's layer, as torch runs it fastest."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench import Setting, variant
from suites.mixers.mixer import Mixer, State, Weights, expect_form
from suites.mixers.pieces import plain_rotate, rotate, wide
from suites.mixers.problem import Contestant, Mixing


class Attention(Mixer):
    """softmax(Q K^T / sqrt(D)) V by head, rotated; the state is a cache of keys and values.

    Vaswani et al. 2017 (arXiv:1706.03762), eq. 1; hidden width 4 W. `fused` is torch's operator,
    `plain` the n x n matrix.
    """

    def __init__(self, width: int, num_heads: int, form: str = "fused"):
        super().__init__(width, hidden=4 * width)
        self.num_heads, self.form = num_heads, expect_form(form, "fused", "plain")
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def mix(self, x_BSW: Tensor) -> Tensor:
        q, k, v = self._heads(self.qkv(x_BSW))
        q, k = rotate(q), rotate(k)
        if self.form == "fused":
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            mixed = _attend(q, k, v)
        return self._together(mixed)

    def mix_one(self, x_BW: Tensor, state: State) -> tuple[Tensor, State]:
        k_BHSD, v_BHSD, length = state
        q, k, v = self._heads(self.qkv(x_BW)[:, None])
        if length == k_BHSD.shape[2]:
            k_BHSD, v_BHSD = (_roomier(cache) for cache in (k_BHSD, v_BHSD))
        k_BHSD[:, :, length], v_BHSD[:, :, length] = rotate(k, length)[:, :, 0], v[:, :, 0]
        seen = (cache[:, :, : length + 1] for cache in (k_BHSD, v_BHSD))
        mixed = F.scaled_dot_product_attention(rotate(q, length), *seen)
        return self._together(mixed)[:, 0], (k_BHSD, v_BHSD, length + 1)

    def after(self, x_BSW: Tensor) -> State:
        _, k, v = self._heads(self.qkv(x_BSW))
        return F.pad(rotate(k), (0, 0, 0, 1)), F.pad(v, (0, 0, 0, 1)), x_BSW.shape[1]

    def mix_last(self, x_BSW: Tensor) -> Tensor:
        q, k, v = self._heads(self.qkv(x_BSW))
        return self._together(_attend(rotate(q)[:, :, -1:], rotate(k), v))[:, 0]

    def define(self, weights: Weights, x_BSW: Tensor) -> Tensor:
        q, k, v = self._heads(x_BSW @ weights["qkv.weight"].T)
        logits = wide(plain_rotate(q) @ plain_rotate(k).mT) * q.shape[-1] ** -0.5
        weight = torch.exp(logits - logits.amax(-1, keepdim=True)).tril()
        shares = (weight / weight.sum(-1, keepdim=True)).to(v.dtype)
        return self._together(shares @ v, weights["out.weight"])

    def mix_flops(self, seqlen: int) -> int:
        """Count four projections, and two products over visible pairs."""
        return 8 * seqlen * self.width**2 + 2 * seqlen * (seqlen + 1) * self.width

    def _heads(self, qkv_BSX: Tensor) -> tuple[Tensor, ...]:
        parts = qkv_BSX.unflatten(-1, (3, self.num_heads, -1))
        return parts.permute(2, 0, 3, 1, 4).unbind()

    def _together(self, x_BHSD: Tensor, weight: Tensor | None = None) -> Tensor:
        return F.linear(x_BHSD.transpose(1, 2).flatten(-2), self._out(weight))

    def _out(self, weight: Tensor | None) -> Tensor:
        return self.out.weight if weight is None else weight


def _attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attend with the matrix in memory; queries are the last of the keys."""
    logits = q @ k.mT * q.shape[-1] ** -0.5
    hidden = torch.ones(logits.shape[-2:], dtype=torch.bool, device=q.device)
    logits = logits.masked_fill(hidden.triu(k.shape[-2] - q.shape[-2] + 1), -torch.inf)
    return wide(logits).softmax(-1).to(v.dtype) @ v


def _roomier(cache_BHSD: Tensor) -> Tensor:
    """Double a cache that is full."""
    return F.pad(cache_BHSD, (0, 0, 0, max(cache_BHSD.shape[2], 1)))


@variant(marks=["matrix"])
def attention(
    problem: Mixing, *, setting: Setting, form: str = "fused", compiled: bool = False
) -> Contestant:
    """Multi-head softmax attention and a feed-forward of four times the width."""
    return problem.ask(lambda: Attention(problem.width, problem.num_heads, form), setting, compiled)
