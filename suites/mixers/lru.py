"""The linear recurrent unit: one complex diagonal recurrence between two dense maps."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bench import Setting, variant
from suites.mixers.mixer import Recurrence, State, Weights, expect_form
from suites.mixers.pieces import chunk_of, wide
from suites.mixers.problem import Contestant, Mixing

LEAST_RADIUS, MOST_RADIUS = 0.9, 0.999
MOST_PHASE = math.pi / 10


class Lru(Recurrence):
    """h_t = lambda h_(t-1) + gamma B x_t, y_t = Re(C h_t) + D x_t, then a gated linear unit.

    Orvieto et al. 2023 (arXiv:2303.06349), eq. 4-7: lambda = exp(-exp(nu) + i exp(theta)) and
    gamma = sqrt(1 - |lambda|^2). `chunked` is a product with the powers of every lambda, chunk by
    chunk; `recurrent` the loop. Complex numbers are of float32 at least.
    """

    def __init__(self, width: int, form: str = "chunked", chunk: int = 32):
        super().__init__(width)
        self.form, self.chunk = expect_form(form, "chunked", "recurrent"), chunk
        squares = torch.empty(width).uniform_(LEAST_RADIUS**2, MOST_RADIUS**2)
        self.nu = nn.Parameter((-squares.log() / 2).log())
        self.theta = nn.Parameter((MOST_PHASE * torch.rand(width)).log())
        self.b = nn.Parameter(torch.randn(2, width, width) * (2 * width) ** -0.5)
        self.c = nn.Parameter(torch.randn(2, width, width) * width**-0.5)
        self.skip = nn.Parameter(torch.randn(width))
        self.out = nn.Linear(width, 2 * width)

    def empty(self, x_BSW: Tensor) -> State:
        """Return zeros, and beside them lambda, which is no part of the state."""
        zeros = wide(x_BSW).new_zeros(len(x_BSW), self.width)
        return torch.complex(zeros, zeros), self._powers(1)[1]

    def scan(self, x_BSW: Tensor, state: State) -> tuple[Tensor, State]:
        h_BN, rate = state
        chunk = chunk_of(x_BSW.shape[1], self.chunk)
        drive_BMCN = self._driven(x_BSW).unflatten(1, (-1, chunk))
        powers = self._powers(chunk)
        at = torch.arange(chunk, device=x_BSW.device)
        kept_NCC = powers[:chunk].T[:, (at[:, None] - at).clamp_min(0)].tril()
        local_BMCN = _by_channel(kept_NCC, drive_BMCN)
        before = []
        for added_BN in local_BMCN[:, :, -1].unbind(1):
            before.append(h_BN)
            h_BN = powers[chunk] * h_BN + added_BN
        whole = local_BMCN + powers[1:] * torch.stack(before, 1)[:, :, None]
        return self._read(whole.flatten(1, 2), x_BSW), (h_BN, rate)

    def mix_one(self, x_BW: Tensor, state: State) -> tuple[Tensor, State]:
        h_BN, rate = state
        h_BN = rate * h_BN + self._driven(x_BW)
        return self._read(h_BN, x_BW), (h_BN, rate)

    def define(self, weights: Weights, x_BSW: Tensor) -> Tensor:
        """Write the recurrence out, real and imaginary parts apart."""
        size = torch.exp(-torch.exp(wide(weights["nu"])))
        angle = torch.exp(wide(weights["theta"]))
        gain = (1 - size**2).sqrt()
        driven = [gain * wide(x_BSW @ b.T) for b in weights["b"]]
        real, imaginary, states = 0.0, 0.0, []
        for more_real, more_imaginary in zip(*(t.unbind(1) for t in driven), strict=True):
            cosine, sine = size * torch.cos(angle), size * torch.sin(angle)
            real, imaginary = (
                cosine * real - sine * imaginary + more_real,
                sine * real + cosine * imaginary + more_imaginary,
            )
            states.append((real, imaginary))
        h_real, h_imaginary = (torch.stack(each, 1) for each in zip(*states, strict=True))
        c_real, c_imaginary = (wide(c) for c in weights["c"])
        y = h_real @ c_real.T - h_imaginary @ c_imaginary.T + wide(weights["skip"]) * wide(x_BSW)
        return plain_gated(weights, y.to(x_BSW.dtype))

    def mix_flops(self, seqlen: int) -> int:
        """Count the recurrence: two complex maps and the gated one, and 8 a complex state."""
        return seqlen * (12 * self.width**2 + 8 * self.width)

    def _powers(self, most: int) -> Tensor:
        """Return lambda^0 to lambda^most (most + 1, N)."""
        at = torch.arange(most + 1, device=self.nu.device)[:, None]
        nu, theta = wide(self.nu).exp(), wide(self.theta).exp()
        return torch.polar(torch.exp(-at * nu), at * theta)

    def _driven(self, x: Tensor) -> Tensor:
        gain = (-torch.expm1(-2 * wide(self.nu).exp())).sqrt()
        real, imaginary = (wide(F.linear(x, b)) * gain for b in self.b.unbind())
        return torch.complex(real, imaginary)

    def _read(self, h: Tensor, x: Tensor) -> Tensor:
        both = torch.cat([h.real, h.imag], -1)
        c_real, c_imaginary = wide(self.c).unbind()
        y = F.linear(both, torch.cat([c_real, -c_imaginary], 1)) + wide(self.skip) * wide(x)
        return F.glu(self.out(F.gelu(y.to(x.dtype))))


def plain_gated(weights: Weights, y: Tensor) -> Tensor:
    """Write out what follows a state space: gelu, a linear map, and its gate."""
    half = (1 + torch.erf(wide(y) / math.sqrt(2))) / 2
    mapped = (wide(y) * half).to(y.dtype) @ weights["out.weight"].T + weights["out.bias"]
    value, gate = mapped.chunk(2, -1)
    return value * torch.sigmoid(gate)


def _by_channel(kept_NCC: Tensor, drive_BMCN: Tensor) -> Tensor:
    """Multiply every channel's tokens with its own matrix."""
    batch, chunks, chunk, channels = drive_BMCN.shape
    by_channel = drive_BMCN.permute(3, 2, 0, 1).reshape(channels, chunk, batch * chunks)
    mixed = (kept_NCC @ by_channel).view(channels, chunk, batch, chunks)
    return mixed.permute(2, 3, 1, 0)


@variant
def lru(
    problem: Mixing,
    *,
    setting: Setting,
    form: str = "chunked",
    chunk: int = 32,
    compiled: bool = False,
) -> Contestant:
    """A stable diagonal recurrence without inputs in its decays."""
    return problem.ask(lambda: Lru(problem.width, form, chunk), setting, compiled)
