"""Mamba-2: a selective state space whose decay is one number a head, as products of matrices."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench import Setting, variant
from suites.mixers.mixer import Recurrence, State, Weights, expect_form
from suites.mixers.pieces import (
    EPS,
    ShortConvolution,
    chunk_of,
    plain_convolution,
    segment_sums,
    wide,
)
from suites.mixers.problem import Contestant, Mixing

LEAST_STEP, MOST_STEP = 1e-3, 0.1


class Mamba2(Recurrence):
    """h_t = exp(dt A) h_(t-1) + dt B_t x_t, y_t = C_t h_t + D x_t; E = 2 W channels, N a state.

    Dao and Gu 2024 (arXiv:2405.21060), eq. 1-2 and, `chunked`, section 6; the block is figure 6.
    """

    def __init__(
        self, width: int, num_heads: int, form: str = "chunked", state: int = 64, chunk: int = 64
    ):
        super().__init__(width)
        self.num_heads, self.state, self.chunk, self.inner = num_heads, state, chunk, 2 * width
        self.form = expect_form(form, "chunked", "recurrent")
        self.project = nn.Linear(width, 2 * self.inner + 2 * state + num_heads, bias=False)
        self.convolution = ShortConvolution(self.inner + 2 * state)
        steps = torch.empty(num_heads).uniform_(math.log(LEAST_STEP), math.log(MOST_STEP)).exp()
        self.step_bias = nn.Parameter(steps.expm1().log())  # softplus of it is the step
        self.log_a = nn.Parameter(torch.empty(num_heads).uniform_(1, 16).log())
        self.skip = nn.Parameter(torch.ones(num_heads))
        self.gain = nn.Parameter(torch.ones(self.inner))
        self.out = nn.Linear(self.inner, width, bias=False)

    def empty(self, x_BSW: Tensor) -> State:
        head_dim = self.inner // self.num_heads
        memory = wide(x_BSW).new_zeros(len(x_BSW), self.num_heads, self.state, head_dim)
        return memory, self.convolution.empty(x_BSW)

    def scan(self, x_BSW: Tensor, state: State) -> tuple[Tensor, State]:
        memory_BHNP, past = state
        z, x, b, c, step, past = self._projected(x_BSW, past)
        chunk = chunk_of(x_BSW.shape[1], self.chunk)
        x, b, c, step = (t.unflatten(1, (-1, chunk)) for t in (x, b, c, step))
        decay_BMHC = (step * -wide(self.log_a).exp()).mT
        drive_BMHCP = (x * step[..., None].to(x.dtype)).transpose(2, 3)
        within = wide(c @ b.mT)[:, :, None] * segment_sums(decay_BMHC).exp()
        local = within.to(x.dtype) @ drive_BMHCP
        run = decay_BMHC.cumsum(-1)
        left = (run[..., -1:] - run).exp()[..., None]
        added = wide(b.mT[:, :, None] @ (drive_BMHCP * left.to(x.dtype)))
        before = []
        for kept, added_BHNP in zip(run[..., -1].exp().unbind(1), added.unbind(1), strict=True):
            before.append(memory_BHNP)
            memory_BHNP = kept[..., None, None] * memory_BHNP + added_BHNP
        across = (wide(c)[:, :, None] @ torch.stack(before, 1)) * run.exp()[..., None]
        mixed = (wide(local) + across).transpose(2, 3) + wide(self.skip)[:, None] * wide(x)
        return self._gated(mixed.flatten(3).flatten(1, 2), z), (memory_BHNP, past)

    def mix_one(self, x_BW: Tensor, state: State) -> tuple[Tensor, State]:
        memory_BHNP, past = state
        z, x, b, c, step, past = self._projected(x_BW[:, None], past)
        x_BHP, step_BH = wide(x[:, 0]), step[:, 0]
        kept = torch.exp(step_BH * -wide(self.log_a).exp())[..., None, None]
        drive = wide(b[:, 0])[:, None, :, None] * (x_BHP * step_BH[..., None])[:, :, None]
        memory_BHNP = kept * memory_BHNP + drive
        read = (wide(c[:, 0])[:, None, None] @ memory_BHNP)[:, :, 0]
        mixed = read + wide(self.skip)[:, None] * x_BHP
        return self._gated(mixed.flatten(1), z[:, 0]), (memory_BHNP, past)

    def define(self, weights: Weights, x_BSW: Tensor) -> Tensor:
        """Write the recurrence out."""
        n, e = self.state, self.inner
        z, xbc, step = (x_BSW @ weights["project.weight"].T).split(
            [e, e + 2 * n, self.num_heads], -1
        )
        x, b, c = wide(plain_convolution(weights, "convolution", xbc)).split([e, n, n], -1)
        x = x.unflatten(-1, (self.num_heads, -1))
        step = torch.log1p(torch.exp(wide(step) + wide(weights["step_bias"])))
        rates, h, mixed = torch.exp(wide(weights["log_a"])), x.new_zeros(()), []
        for x_BHP, b_BN, c_BN, step_BH in zip(*(t.unbind(1) for t in (x, b, c, step)), strict=True):
            drive = torch.einsum("bh,bn,bhp->bhnp", step_BH, b_BN, x_BHP)
            h = torch.exp(-step_BH * rates)[..., None, None] * h + drive
            mixed.append(torch.einsum("bn,bhnp->bhp", c_BN, h))
        y = (torch.stack(mixed, 1) + wide(weights["skip"])[:, None] * x).flatten(2)
        y = y * wide(z) * torch.sigmoid(wide(z))
        y = y / (y.square().mean(-1, keepdim=True) + EPS).sqrt() * wide(weights["gain"])
        return y.to(x_BSW.dtype) @ weights["out.weight"].T

    def mix_flops(self, seqlen: int) -> int:
        """Count the recurrence: projections, the convolution, a state of N E kept and read."""
        projected = self.width * (3 * self.inner + 2 * self.state + self.num_heads)
        convolved = self.convolution.taps * (self.inner + 2 * self.state)
        return seqlen * (2 * projected + 2 * convolved + 5 * self.state * self.inner)

    def _projected(self, x_BSW: Tensor, past: Tensor) -> tuple[Tensor, ...]:
        n, e = self.state, self.inner
        z, xbc, step = self.project(x_BSW).split([e, e + 2 * n, self.num_heads], -1)
        xbc, past = self.convolution(xbc, past)
        x, b, c = xbc.split([e, n, n], -1)
        step = F.softplus(wide(step) + wide(self.step_bias))
        return z, x.unflatten(-1, (self.num_heads, -1)), b, c, step, past

    def _gated(self, mixed: Tensor, z: Tensor) -> Tensor:
        gated = F.rms_norm(mixed * F.silu(wide(z)), (self.inner,), wide(self.gain), EPS)
        out: Tensor = self.out(gated.to(z.dtype))
        return out


@variant
def mamba2(
    problem: Mixing,
    *,
    setting: Setting,
    form: str = "chunked",
    state: int = 64,
    chunk: int = 64,
    compiled: bool = False,
) -> Contestant:
    """State-space duality: a scalar decay a head, inputs and outputs shared by heads."""
    return problem.ask(
        lambda: Mamba2(problem.width, problem.num_heads, form, state, chunk), setting, compiled
    )
