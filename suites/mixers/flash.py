"""FLASH: the gated attention unit, quadratic within groups of tokens and linear across them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench import Setting, variant
from suites.mixers.gau import SHARED
from suites.mixers.mixer import SEGMENT, Recurrence, State, Weights
from suites.mixers.pieces import plain_rotate, rotate, wide
from suites.mixers.problem import Contestant, Mixing


class Flash(Recurrence):
    """out(U * (A V + Q' sum of K'^T V over earlier groups / n)), A = relu(Q K^T / C)^2 in a group.

    Hua et al. 2022 (arXiv:2202.10447), eq. 6-8, causal: mixed chunk attention in groups of C
    tokens, which are part of what is computed. The four queries and keys are scaled and shifted
    features of one projection, rotated; the linear part is divided by the length n. The state is
    the sum over whole groups, and keys and values of the one that is not yet full.
    """

    def __init__(self, width: int, length: int, group: int = 64):
        super().__init__(width)
        if group < 1 or SEGMENT % group:
            raise ValueError(f"expected group to divide {SEGMENT}, got {group}")
        self.inner, self.length, self.shared = 2 * width, length, min(SHARED, width)
        self.group = group
        self.project = nn.Linear(width, 2 * self.inner + self.shared)
        self.gain = nn.Parameter(torch.ones(4, self.shared) + 0.02 * torch.randn(4, self.shared))
        self.offset = nn.Parameter(torch.zeros(4, self.shared))
        self.out = nn.Linear(self.inner, width)

    def empty(self, x_BSW: Tensor) -> State:
        batch = len(x_BSW)
        keys = x_BSW.new_zeros(batch, self.group, 2 * self.shared)
        values = x_BSW.new_zeros(batch, self.group, self.inner)
        return wide(x_BSW).new_zeros(batch, self.shared, self.inner), keys, values, 0

    def scan(self, x_BSW: Tensor, state: State) -> tuple[Tensor, State]:
        total_BKE, _, _, start = state
        assert start % self.group == 0, "groups begin at whole numbers of them"
        seqlen = x_BSW.shape[1]
        u, v, *qk = self._projected(x_BSW, start)
        missing = -seqlen % self.group
        q, k, far_q, far_k, v = (
            F.pad(t, (0, 0, 0, missing)).unflatten(1, (-1, self.group)) for t in (*qk, v)
        )
        within = ((q @ k.mT) / self.group).relu().square().tril() @ v
        added_BMKE = wide(far_k.mT @ v) / self.length
        totals = total_BKE[:, None] + added_BMKE.cumsum(1)
        before = torch.cat([total_BKE[:, None], totals[:, :-1]], 1)
        mixed = within + (wide(far_q) @ before).to(v.dtype)
        y_BSW = self.out(u * mixed.flatten(1, 2)[:, :seqlen])
        kept = totals[:, -1] if missing == 0 else before[:, -1]
        return y_BSW, (kept, torch.cat([k, far_k], -1)[:, -1], v[:, -1], start + seqlen)

    def mix_one(self, x_BW: Tensor, state: State) -> tuple[Tensor, State]:
        total_BKE, keys, values, position = state
        u, v, q, k, far_q, far_k = self._projected(x_BW[:, None], position)
        at = position % self.group
        keys, values = keys.clone(), values.clone()  # the state before stays as it was
        keys[:, at], values[:, at] = torch.cat([k, far_k], -1)[:, 0], v[:, 0]
        near, far = keys[:, : at + 1].split(self.shared, -1)
        weight = ((q @ near.mT) / self.group).relu().square()
        mixed = weight @ values[:, : at + 1] + (wide(far_q) @ total_BKE).to(v.dtype)
        if at == self.group - 1:
            total_BKE = total_BKE + wide(far.mT @ values) / self.length
        return self.out(u * mixed)[:, 0], (total_BKE, keys, values, position + 1)

    def define(self, weights: Weights, x_BSW: Tensor) -> Tensor:
        """Weigh all pairs: those of one group by the square, those of earlier ones linearly."""
        hidden = wide(x_BSW @ weights["project.weight"].T + weights["project.bias"])
        hidden = (hidden * torch.sigmoid(hidden)).to(x_BSW.dtype)
        u, v, z = hidden.split([self.inner, self.inner, self.shared], -1)
        q, k, far_q, far_k = (
            plain_rotate(z * gain + offset)
            for gain, offset in zip(weights["gain"], weights["offset"], strict=True)
        )
        group = torch.arange(x_BSW.shape[1], device=v.device) // self.group
        near = torch.where(q @ k.mT > 0, (q @ k.mT / self.group) ** 2, 0.0).tril()
        together, earlier = group[:, None] == group, group[:, None] > group
        far = torch.where(earlier, wide(far_q) @ wide(far_k).mT / self.length, 0.0)
        mixed = (near * together) @ v + (far @ wide(v)).to(v.dtype)
        return (u * mixed) @ weights["out.weight"].T + weights["out.bias"]

    def mix_flops(self, seqlen: int) -> int:
        """Count the projections, pairs within groups, and sums of K^T V made and read."""
        projected = self.width * (3 * self.inner + self.shared)
        near = (self.group + 1) * (self.shared + self.inner)
        return seqlen * (2 * projected + near + 4 * self.shared * self.inner)

    def _projected(self, x_BSW: Tensor, start: int) -> tuple[Tensor, ...]:
        u, v, z = F.silu(self.project(x_BSW)).split([self.inner, self.inner, self.shared], -1)
        turned = (z[..., None, :] * self.gain + self.offset).unbind(-2)
        return u, v, *(rotate(each, start) for each in turned)


@variant
def flash(
    problem: Mixing, *, setting: Setting, group: int = 64, compiled: bool = False
) -> Contestant:
    """Mixed chunk attention: the gated attention unit in linear time."""
    return problem.ask(lambda: Flash(problem.width, problem.length, group), setting, compiled)
