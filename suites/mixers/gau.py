"""The gated attention unit: one head, squared ReLU for softmax, and the feed-forward within it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench import Setting, variant
from suites.mixers.mixer import Mixer, State, Weights
from suites.mixers.pieces import plain_rotate, rotate, wide
from suites.mixers.problem import Contestant, Mixing

SHARED = 128  # features of queries and keys, at most


class GatedAttention(Mixer):
    """out(U * (A V)), A = relu(Q K^T / n)^2; U, V of E = 2 W channels, Q, K of K shared features.

    Hua et al. 2022 (arXiv:2202.10447), eq. 3-5 and figure 2, causal, queries and keys rotated. n is
    the length of the sequences that a model is made for: a constant, also where fewer are there.
    """

    def __init__(self, width: int, length: int):
        super().__init__(width)
        self.inner, self.length, self.shared = 2 * width, length, min(SHARED, width)
        self.project = nn.Linear(width, 2 * self.inner + self.shared)
        self.gain = nn.Parameter(torch.ones(2, self.shared) + 0.02 * torch.randn(2, self.shared))
        self.offset = nn.Parameter(torch.zeros(2, self.shared))
        self.out = nn.Linear(self.inner, width)

    def mix(self, x_BSW: Tensor) -> Tensor:
        u, v, q, k = self._projected(x_BSW, 0)
        weight_BSS = ((q @ k.mT) / self.length).relu().square().tril()
        return self._gated(u, weight_BSS @ v)

    def mix_one(self, x_BW: Tensor, state: State) -> tuple[Tensor, State]:
        k_BSK, v_BSE, length = state
        u, v, q, k = self._projected(x_BW[:, None], length)
        if length == k_BSK.shape[1]:
            k_BSK, v_BSE = (F.pad(t, (0, 0, 0, max(length, 1))) for t in (k_BSK, v_BSE))
        k_BSK[:, length], v_BSE[:, length] = k[:, 0], v[:, 0]
        weight = ((q @ k_BSK[:, : length + 1].mT) / self.length).relu().square()
        return self._gated(u, weight @ v_BSE[:, : length + 1])[:, 0], (k_BSK, v_BSE, length + 1)

    def after(self, x_BSW: Tensor) -> State:
        _, v, _, k = self._projected(x_BSW, 0)
        return F.pad(k, (0, 0, 0, 1)), F.pad(v, (0, 0, 0, 1)), x_BSW.shape[1]

    def mix_last(self, x_BSW: Tensor) -> Tensor:
        u, v, q, k = self._projected(x_BSW, 0)
        weight = ((q[:, -1:] @ k.mT) / self.length).relu().square()
        return self._gated(u[:, -1:], weight @ v)[:, 0]

    def define(self, weights: Weights, x_BSW: Tensor) -> Tensor:
        u, v, q, k = plain_gates(self, weights, x_BSW)
        pairs = torch.einsum("bnk,bmk->bnm", q, k) / self.length
        kept = torch.where(pairs > 0, pairs**2, 0.0).tril()
        mixed = torch.einsum("bnm,bme->bne", kept, v)
        return (u * mixed) @ weights["out.weight"].T + weights["out.bias"]

    def mix_flops(self, seqlen: int) -> int:
        """Count the projections, and two products over visible pairs."""
        projected = self.width * (3 * self.inner + self.shared)
        return 2 * seqlen * projected + seqlen * (seqlen + 1) * (self.shared + self.inner)

    def _projected(self, x_BSW: Tensor, start: int) -> tuple[Tensor, ...]:
        u, v, z = F.silu(self.project(x_BSW)).split([self.inner, self.inner, self.shared], -1)
        q, k = (z[..., None, :] * self.gain + self.offset).unbind(-2)
        return u, v, rotate(q, start), rotate(k, start)

    def _gated(self, u: Tensor, mixed: Tensor) -> Tensor:
        out: Tensor = self.out(u * mixed)
        return out


def plain_gates(mixer: GatedAttention, weights: Weights, x_BSW: Tensor) -> tuple[Tensor, ...]:
    """Write out U, V, Q and K."""
    hidden = wide(x_BSW @ weights["project.weight"].T + weights["project.bias"])
    hidden = (hidden * torch.sigmoid(hidden)).to(x_BSW.dtype)
    u, v, z = hidden.split([mixer.inner, mixer.inner, mixer.shared], -1)
    (q_gain, k_gain), (q_offset, k_offset) = weights["gain"], weights["offset"]
    return u, v, plain_rotate(z * q_gain + q_offset), plain_rotate(z * k_gain + k_offset)


@variant(marks=["matrix"])
def gau(problem: Mixing, *, setting: Setting, compiled: bool = False) -> Contestant:
    """The n x n matrix of one head, and gates that make the feed-forward needless."""
    return problem.ask(lambda: GatedAttention(problem.width, problem.length), setting, compiled)
