"""RetNet: retention with a fixed decay by head, in its three forms, and its feed-forward."""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench import Setting, variant
from suites.mixers.mixer import Recurrence, State, Weights, expect_form
from suites.mixers.pieces import EPS, chunk_of, plain_rotate, rotate, wide
from suites.mixers.problem import Contestant, Mixing


class RetNet(Recurrence):
    """Multi-scale retention, Sun et al. 2023 (arXiv:2307.08621), eq. 5-8; K = D, V = 2 D by head.

    Head h decays by 1 - 2^(-5 - h). `parallel` is eq. 5, `recurrent` eq. 6, `chunked` eq. 7. Their
    normalisations of Q K^T have no effect after the norm of every head, and are left out.
    """

    def __init__(self, width: int, num_heads: int, form: str = "chunked", chunk: int = 64):
        super().__init__(width, hidden=2 * width)
        self.num_heads, self.chunk = num_heads, chunk
        self.form = expect_form(form, "chunked", "recurrent", "parallel")
        self.qk = nn.Linear(width, 2 * width, bias=False)
        self.vg = nn.Linear(width, 4 * width, bias=False)
        self.out = nn.Linear(2 * width, width, bias=False)

    def empty(self, x_BSW: Tensor) -> State:
        head_dim = self.width // self.num_heads
        return wide(x_BSW).new_zeros(len(x_BSW), self.num_heads, head_dim, 2 * head_dim), 0

    def scan(self, x_BSW: Tensor, state: State) -> tuple[Tensor, State]:
        seqlen, (memory_BHKV, start) = x_BSW.shape[1], state
        chunk = seqlen if self.form == "parallel" else chunk_of(seqlen, self.chunk)
        q, k, v, gate_BSV = self._projected(x_BSW, start)
        q, k, v = (x.unflatten(2, (-1, chunk)) for x in (q, k, v))
        inner, reach, left, whole = _decays(self.num_heads, chunk, wide(v).dtype, v.device)
        within = (wide(q @ k.mT) * inner).to(v.dtype) @ v
        added = wide((k * left.to(k.dtype)).mT @ v)
        before = []
        for added_BHKV in added.unbind(2):
            before.append(memory_BHKV)
            memory_BHKV = whole * memory_BHKV + added_BHKV
        across = (wide(q) * reach) @ torch.stack(before, 2)
        mixed = (within + across).flatten(2, 3)
        return self._gated(mixed, gate_BSV), (memory_BHKV, start + seqlen)

    def mix_one(self, x_BW: Tensor, state: State) -> tuple[Tensor, State]:
        memory_BHKV, position = state
        q, k, v, gate = self._projected(x_BW[:, None], position)
        gamma = decay(self.num_heads, memory_BHKV.dtype, x_BW.device)[:, None, None]
        memory_BHKV = gamma * memory_BHKV + wide(k).mT * wide(v)
        return self._gated(wide(q) @ memory_BHKV, gate)[:, 0], (memory_BHKV, position + 1)

    def define(self, weights: Weights, x_BSW: Tensor) -> Tensor:
        """Sum over all pairs: sum of gamma^(n - m) (q_n . k_m) v_m over m <= n."""
        q, k = (x_BSW @ weights["qk.weight"].T).unflatten(-1, (2, self.num_heads, -1)).unbind(2)
        v, gate = (x_BSW @ weights["vg.weight"].T).chunk(2, -1)
        v = v.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
        q, k = (plain_rotate(each.transpose(1, 2)) for each in (q, k))
        at = torch.arange(x_BSW.shape[1], device=v.device)
        gaps = (at[:, None] - at).clamp_min(0).double()
        powers = torch.stack([(1 - 2.0 ** (-5 - h)) ** gaps for h in range(self.num_heads)]).tril()
        pairs = wide(q) @ wide(k).mT * q.shape[-1] ** -0.5 * powers.to(wide(q).dtype)
        mixed = (pairs @ wide(v)).transpose(1, 2)
        mixed = mixed - mixed.mean(-1, keepdim=True)
        mixed = mixed / (mixed.square().mean(-1, keepdim=True) + EPS).sqrt()
        return (mixed.flatten(-2).to(gate.dtype) * F.silu(gate)) @ weights["out.weight"].T

    def mix_flops(self, seqlen: int) -> int:
        """Count the recurrence: 8 W² of projections, and a state of 2 W² / H kept and read."""
        return seqlen * (16 * self.width**2 + 10 * self.width**2 // self.num_heads)

    def _projected(self, x_BSW: Tensor, start: int) -> tuple[Tensor, ...]:
        heads = self.qk(x_BSW).unflatten(-1, (2, self.num_heads, -1))
        q_BHSK, k_BHSK = heads.permute(2, 0, 3, 1, 4).unbind()
        v, gate = self.vg(x_BSW).chunk(2, -1)
        v_BHSV = v.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
        scale = q_BHSK.shape[-1] ** -0.5
        return rotate(q_BHSK, start), rotate(k_BHSK, start) * scale, v_BHSV, gate

    def _gated(self, mixed_BHSV: Tensor, gate_BSV: Tensor) -> Tensor:
        normed = F.layer_norm(mixed_BHSV, mixed_BHSV.shape[-1:], eps=EPS)
        out: Tensor = self.out(
            normed.transpose(1, 2).flatten(-2).to(gate_BSV.dtype) * F.silu(gate_BSV)
        )
        return out


def decay(num_heads: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return gamma of every head (H,), eq. 8."""
    return (1 - 2.0 ** (-5 - torch.arange(num_heads, device=device).double())).to(dtype)


@lru_cache(maxsize=16)
def _decays(
    num_heads: int, chunk: int, dtype: torch.dtype, device: torch.device
) -> tuple[Tensor, ...]:
    """Return what pairs in a chunk keep, queries of the state, keys for it, and it of a chunk."""
    gamma = decay(num_heads, torch.float64, device)[:, None, None, None]
    at = torch.arange(chunk, device=device, dtype=torch.float64)
    inner = (gamma ** (at[:, None] - at).clamp_min(0)).tril()
    reach, left = gamma ** (at[:, None] + 1), gamma ** (chunk - 1 - at[:, None])
    whole = gamma[:, 0] ** chunk
    return tuple(x.to(dtype) for x in (inner, reach, left, whole))


@variant
def retnet(
    problem: Mixing,
    *,
    setting: Setting,
    form: str = "chunked",
    chunk: int = 64,
    compiled: bool = False,
) -> Contestant:
    """Multi-scale retention and a feed-forward of twice the width."""
    return problem.ask(
        lambda: RetNet(problem.width, problem.num_heads, form, chunk), setting, compiled
    )
