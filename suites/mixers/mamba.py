"""Mamba: a selective state space, every channel with its own diagonal of decays."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench import Setting, variant
from suites.mixers.mamba2 import LEAST_STEP, MOST_STEP
from suites.mixers.mixer import Recurrence, State, Weights, expect_form
from suites.mixers.pieces import ShortConvolution, chunk_of, plain_convolution, wide
from suites.mixers.problem import Contestant, Mixing


class Mamba(Recurrence):
    """h_t = exp(dt A) h_(t-1) + dt B_t x_t, y_t = C_t h_t + D x_t; E = 2 W channels of N states.

    Gu and Dao 2023 (arXiv:2312.00752), algorithm 2 and figure 3. `chunked` takes the tokens of all
    chunks side by side, one place after the other, then adds what every chunk inherits: the work
    of the recurrence, in products that are C times as large.
    """

    def __init__(self, width: int, form: str = "chunked", state: int = 16, chunk: int = 32):
        super().__init__(width)
        self.form, self.state = expect_form(form, "chunked", "recurrent"), state
        self.chunk, self.inner, self.rank = chunk, 2 * width, math.ceil(width / 16)
        self.project = nn.Linear(width, 2 * self.inner, bias=False)
        self.convolution = ShortConvolution(self.inner)
        self.select = nn.Linear(self.inner, self.rank + 2 * state, bias=False)
        self.step = nn.Linear(self.rank, self.inner)
        steps = torch.empty(self.inner).uniform_(math.log(LEAST_STEP), math.log(MOST_STEP)).exp()
        self.step.bias = nn.Parameter(steps.expm1().log())  # softplus of it is the step
        self.log_a = nn.Parameter(torch.arange(1.0, state + 1).log().repeat(self.inner, 1))
        self.skip = nn.Parameter(torch.ones(self.inner))
        self.out = nn.Linear(self.inner, width, bias=False)

    def empty(self, x_BSW: Tensor) -> State:
        memory_BEN = wide(x_BSW).new_zeros(len(x_BSW), self.inner, self.state)
        return memory_BEN, self.convolution.empty(x_BSW)

    def scan(self, x_BSW: Tensor, state: State) -> tuple[Tensor, State]:
        memory_BEN, past = state
        z, x, b, c, step, past = self._projected(x_BSW, past)
        chunk = chunk_of(x_BSW.shape[1], self.chunk)
        x, b, c, step = (t.unflatten(1, (-1, chunk)) for t in (x, b, c, step))
        a_EN = -wide(self.log_a).exp()
        local_BMCEN = _scan_places(step, a_EN, (step * x)[..., None] * b[..., None, :])
        kept_BMCEN = torch.exp(step.cumsum(2)[..., None] * a_EN)
        before = []
        for kept, added in zip(
            kept_BMCEN[:, :, -1].unbind(1), local_BMCEN[:, :, -1].unbind(1), strict=True
        ):
            before.append(memory_BEN)
            memory_BEN = kept * memory_BEN + added
        whole = local_BMCEN + kept_BMCEN * torch.stack(before, 1)[:, :, None]
        mixed = (whole @ c[..., None])[..., 0] + wide(self.skip) * x
        return self._gated(mixed.flatten(1, 2), z), (memory_BEN, past)

    def mix_one(self, x_BW: Tensor, state: State) -> tuple[Tensor, State]:
        memory_BEN, past = state
        z, x, b, c, step, past = self._projected(x_BW[:, None], past)
        kept = torch.exp(step[:, 0, :, None] * -wide(self.log_a).exp())
        memory_BEN = kept * memory_BEN + (step * x)[:, 0, :, None] * b
        mixed = (memory_BEN @ c[:, 0, :, None])[..., 0] + wide(self.skip) * x[:, 0]
        return self._gated(mixed, z[:, 0]), (memory_BEN, past)

    def define(self, weights: Weights, x_BSW: Tensor) -> Tensor:
        """Write the recurrence out."""
        x, z = (x_BSW @ weights["project.weight"].T).chunk(2, -1)
        x = plain_convolution(weights, "convolution", x)
        rank, b, c = (x @ weights["select.weight"].T).split([self.rank, self.state, self.state], -1)
        step = wide(rank @ weights["step.weight"].T) + wide(weights["step.bias"])
        x, b, c, step = wide(x), wide(b), wide(c), torch.log1p(torch.exp(step))
        a, h, mixed = -torch.exp(wide(weights["log_a"])), x.new_zeros(()), []
        for x_BE, b_BN, c_BN, step_BE in zip(*(t.unbind(1) for t in (x, b, c, step)), strict=True):
            drive = torch.einsum("be,bn,be->ben", step_BE, b_BN, x_BE)
            h = torch.exp(torch.einsum("be,en->ben", step_BE, a)) * h + drive
            mixed.append(torch.einsum("bn,ben->be", c_BN, h))
        y = torch.stack(mixed, 1) + wide(weights["skip"]) * x
        return (y * wide(z) * torch.sigmoid(wide(z))).to(z.dtype) @ weights["out.weight"].T

    def mix_flops(self, seqlen: int) -> int:
        """Count the recurrence: projections, the convolution, N E states kept and read."""
        projected = 3 * self.width * self.inner
        projected += self.inner * (2 * self.rank + 2 * self.state)
        convolved = self.convolution.taps * self.inner
        return seqlen * (2 * projected + 2 * convolved + 7 * self.state * self.inner)

    def _projected(self, x_BSW: Tensor, past: Tensor) -> tuple[Tensor, ...]:
        x, z = self.project(x_BSW).chunk(2, -1)
        x, past = self.convolution(x, past)
        rank, b, c = self.select(x).split([self.rank, self.state, self.state], -1)
        step = wide(F.linear(rank, self.step.weight)) + wide(self.step.bias)
        return z, wide(x), wide(b), wide(c), F.softplus(step), past

    def _gated(self, mixed: Tensor, z: Tensor) -> Tensor:
        out: Tensor = self.out((mixed * F.silu(wide(z))).to(z.dtype))
        return out


def _scan_places(step_BMCE: Tensor, a_EN: Tensor, drive_BMCEN: Tensor) -> Tensor:
    """Run every chunk's recurrence from nothing: a loop over places, all chunks at once."""
    kept = torch.exp(step_BMCE[..., None] * a_EN)
    places = zip(kept.unbind(2), drive_BMCEN.unbind(2), strict=True)
    _, state = next(places)
    states = [state]
    for kept_BMEN, drive_BMEN in places:
        state = torch.addcmul(drive_BMEN, kept_BMEN, state)
        states.append(state)
    return torch.stack(states, 2)


@variant
def mamba(
    problem: Mixing,
    *,
    setting: Setting,
    form: str = "chunked",
    state: int = 16,
    chunk: int = 32,
    compiled: bool = False,
) -> Contestant:
    """The selective scan: what is kept is decided by what is read."""
    return problem.ask(lambda: Mamba(problem.width, form, state, chunk), setting, compiled)
