"""S4D: the state space with a diagonal matrix, as a convolution and as a recurrence."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench import Setting, variant
from suites.mixers.hippo import measure
from suites.mixers.lru import plain_gated
from suites.mixers.mixer import State, Weights
from suites.mixers.pieces import wide
from suites.mixers.problem import Contestant, Mixing
from suites.mixers.state_space import StateSpace, convolve


class S4d(StateSpace):
    """x' = Lambda x + B u, y = 2 Re(C x) + D u in every channel; one of each conjugate pair.

    Gu et al. 2022 (arXiv:2206.11893), eq. 6 and 8-9, B = 1. Lambda begins at the eigenvalues of
    HiPPO-LegS without its part of low rank (S4D-LegS), or at those of HiPPO-LegT. The kernel is a
    product with the Vandermonde matrix of the discrete Lambda.
    """

    def __init__(
        self,
        width: int,
        form: str = "convolution",
        state: int = 16,
        init: str = "legs",
        rule: str = "zoh",
    ):
        super().__init__(width, form)
        if rule not in ("zoh", "bilinear"):
            raise ValueError(f"expected rule to be zoh or bilinear, got {rule!r}")
        self.rule = rule
        half = _eigenvalues(init, state)
        self.state = len(half)
        self.log_real = nn.Parameter((-half.real).log().float().repeat(width, 1))
        self.imaginary = nn.Parameter(half.imag.float().repeat(width, 1))
        self.c = nn.Parameter(torch.randn(2, width, self.state) * 0.5**0.5)

    def empty(self, x_BSW: Tensor) -> State:
        """Return zeros, and beside them the weights of a step, which are no part of the state."""
        zeros = wide(x_BSW).new_zeros(len(x_BSW), self.width, self.state)
        return torch.complex(zeros, zeros), self._discrete()

    def mix(self, x_BSW: Tensor) -> Tensor:
        if self.form == "recurrent":
            return self._step_by_step(x_BSW)
        log_a_WN, b_WN = self._discrete()
        return self._read(self._convolved(_powers(log_a_WN, x_BSW.shape[1]), b_WN, x_BSW), x_BSW)

    def scan(self, x_BSW: Tensor, state: State) -> tuple[Tensor, State]:
        """Convolve, and add what the state before still gives; S tokens at once."""
        seqlen, (state_BWN, step) = x_BSW.shape[1], state
        log_a_WN, b_WN = step
        powers_WNS = _powers(log_a_WN, seqlen)
        weighed = state_BWN * log_a_WN.exp() * self._c()
        inherited = 2 * torch.einsum("wns,bwn->bsw", powers_WNS, weighed).real
        y_BSW = self._read(self._convolved(powers_WNS, b_WN, x_BSW) + inherited, x_BSW)
        driven = (b_WN[..., None] * powers_WNS).flip(-1)
        added = torch.einsum("wns,bsw->bwn", driven, wide(x_BSW).to(driven.dtype))
        return y_BSW, ((log_a_WN * seqlen).exp() * state_BWN + added, step)

    def mix_one(self, x_BW: Tensor, state: State) -> tuple[Tensor, State]:
        state_BWN, step = state
        log_a_WN, b_WN = step
        state_BWN = log_a_WN.exp() * state_BWN + b_WN * wide(x_BW)[..., None]
        return self._read(2 * (state_BWN * self._c()).sum(-1).real, x_BW), (state_BWN, step)

    def define(self, weights: Weights, x_BSW: Tensor) -> Tensor:
        """Write the recurrence out, on both of every conjugate pair."""
        real, imaginary = -torch.exp(wide(weights["log_real"])), wide(weights["imaginary"])
        half = torch.complex(real, imaginary)
        both = torch.cat([half, half.conj()], -1)
        step = torch.exp(wide(weights["log_step"]))[:, None]
        if self.rule == "bilinear":
            a = (1 + step * both / 2) / (1 - step * both / 2)
            b = step / (1 - step * both / 2)
        else:
            a = torch.exp(step * both)
            b = (a - 1) / both
        c_half = torch.complex(*(wide(c) for c in weights["c"]))
        c, h, mixed = torch.cat([c_half, c_half.conj()], -1), a.new_zeros(()), []
        for x_BW in wide(x_BSW).unbind(1):
            h = a * h + b * x_BW[..., None]
            mixed.append((c * h).sum(-1).real)
        y = torch.stack(mixed, 1) + wide(weights["skip"]) * wide(x_BSW)
        return plain_gated(weights, y.to(x_BSW.dtype))

    def kernel_flops(self, seqlen: int) -> int:
        """Count a complex product and sum a token and state."""
        return 8 * seqlen * self.state

    def _discrete(self) -> tuple[Tensor, Tensor]:
        """Return the logarithm of A, and B, of a step."""
        rate = torch.complex(-wide(self.log_real).exp(), wide(self.imaginary))
        step_W1 = wide(self.log_step).exp()[:, None]
        if self.rule == "zoh":
            return step_W1 * rate, torch.expm1(step_W1 * rate) / rate
        below = 1 - step_W1 * rate / 2
        return ((1 + step_W1 * rate / 2) / below).log(), step_W1 / below

    def _c(self) -> Tensor:
        return torch.complex(*wide(self.c).unbind())

    def _convolved(self, powers_WNS: Tensor, b_WN: Tensor, x_BSW: Tensor) -> Tensor:
        kernel_WS = 2 * ((self._c() * b_WN)[:, None] @ powers_WNS)[:, 0].real
        return convolve(wide(x_BSW), kernel_WS.T)


def _powers(log_a_WN: Tensor, count: int) -> Tensor:
    """Return A^k for k < count (W, N, count): twice as many from each A^(2^i)."""
    powers = torch.ones_like(log_a_WN)[..., None]
    while powers.shape[-1] < count:
        step = torch.exp(log_a_WN * powers.shape[-1])
        powers = torch.cat([powers, step[..., None] * powers], -1)
    return powers[..., :count]


def _eigenvalues(init: str, count: int) -> Tensor:
    """Return one of every conjugate pair of eigenvalues, in float64.

    LegS is a normal matrix less half the product of B with itself; LegT is diagonal as it stands.
    """
    a_NN, b_N = measure(init, count)
    if init == "legs":
        a_NN = a_NN + b_N[:, None] * b_N / 2
    found = torch.linalg.eigvals(a_NN)
    return found[found.imag > 0]


@variant
def s4d(
    problem: Mixing,
    *,
    setting: Setting,
    form: str = "convolution",
    state: int = 16,
    init: str = "legs",
    rule: str = "zoh",
    compiled: bool = False,
) -> Contestant:
    """A structured state space with a diagonal matrix, no dearer than its transforms."""
    return problem.ask(lambda: S4d(problem.width, form, state, init, rule), setting, compiled)
