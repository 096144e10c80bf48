"""S4: a state space with a HiPPO matrix a layer, as a convolution and as a recurrence."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bench import Setting, variant
from suites.mixers.hippo import discrete, measure
from suites.mixers.lru import plain_gated
from suites.mixers.mixer import State, Weights
from suites.mixers.pieces import wide
from suites.mixers.problem import Contestant, Mixing
from suites.mixers.state_space import StateSpace, convolve


class S4(StateSpace):
    """x' = A x + B u, y = C x + D u in every channel, each with its own step; then a gated map.

    Gu et al. 2021 (arXiv:2111.00396), eq. 1-5; A and B begin at HiPPO's, made discrete by `rule`.
    The kernel C A^k B comes by doubling, A^(2k) from A^k, in O(N^2) a token and channel: the same
    function as the paper's sums over Cauchy matrices, which are singular at Nyquist's frequency.
    """

    def __init__(
        self,
        width: int,
        form: str = "convolution",
        state: int = 16,
        init: str = "legs",
        rule: str = "bilinear",
    ):
        super().__init__(width, form)
        self.rule, self.state = rule, state
        a_NN, b_N = measure(init, state)
        self.a, self.b = nn.Parameter(a_NN.float()), nn.Parameter(b_N.float())
        self.c = nn.Parameter(torch.randn(width, state) * state**-0.5)

    def empty(self, x_BSW: Tensor) -> State:
        """Return zeros, and beside them the weights of a step, which are no part of the state."""
        zeros = wide(x_BSW).new_zeros(len(x_BSW), self.width, self.state)
        return zeros, self._discrete()

    def mix(self, x_BSW: Tensor) -> Tensor:
        if self.form == "recurrent":
            return self._step_by_step(x_BSW)
        a_WNN, b_WN = self._discrete()
        driven_WNS = powers_applied(a_WNN, b_WN, x_BSW.shape[1])
        return self._read(self._convolved(driven_WNS, x_BSW), x_BSW)

    def scan(self, x_BSW: Tensor, state: State) -> tuple[Tensor, State]:
        """Convolve, and add what the state before still gives; S tokens at once."""
        seqlen, (state_BWN, (a_WNN, b_WN)) = x_BSW.shape[1], state
        driven_WNS = powers_applied(a_WNN, b_WN, seqlen)
        seen_WNS = powers_applied(a_WNN.mT, (wide(self.c)[:, None] @ a_WNN)[:, 0], seqlen)
        inherited = torch.einsum("wns,bwn->bsw", seen_WNS, state_BWN)
        y_BSW = self._read(self._convolved(driven_WNS, x_BSW) + inherited, x_BSW)
        moved_BWN = (torch.linalg.matrix_power(a_WNN, seqlen) @ state_BWN[..., None])[..., 0]
        added_BWN = torch.einsum("wns,bsw->bwn", driven_WNS.flip(-1), wide(x_BSW))
        return y_BSW, (moved_BWN + added_BWN, (a_WNN, b_WN))

    def mix_one(self, x_BW: Tensor, state: State) -> tuple[Tensor, State]:
        state_BWN, (a_WNN, b_WN) = state
        state_BWN = (a_WNN @ state_BWN[..., None])[..., 0] + b_WN * wide(x_BW)[..., None]
        return self._read((state_BWN * wide(self.c)).sum(-1), x_BW), (state_BWN, (a_WNN, b_WN))

    def define(self, weights: Weights, x_BSW: Tensor) -> Tensor:
        """Write the recurrence out, its step made discrete by inverses or by eigenvalues alone."""
        a, b, c = (wide(weights[name]) for name in ("a", "b", "c"))
        step_W11 = torch.exp(wide(weights["log_step"]))[:, None, None]
        one = torch.eye(self.state, dtype=a.dtype, device=a.device)
        if self.rule == "bilinear":
            inverse = torch.linalg.inv(one - step_W11 / 2 * a)
            a_bar, b_bar = inverse @ (one + step_W11 / 2 * a), (inverse * step_W11) @ b
        else:
            a_bar = torch.linalg.matrix_exp(step_W11 * a)
            b_bar = torch.linalg.solve(a, ((a_bar - one) @ b).mT).mT
        x, h, mixed = wide(x_BSW), 0.0 * b_bar, []
        for x_BW in x.unbind(1):
            h = torch.einsum("wnm,...wm->...wn", a_bar, h) + b_bar * x_BW[..., None]
            mixed.append(torch.einsum("bwn,wn->bw", h, c))
        y = torch.stack(mixed, 1) + wide(weights["skip"]) * x
        return plain_gated(weights, y.to(x_BSW.dtype))

    def kernel_flops(self, seqlen: int) -> int:
        """Count N^2 a token."""
        return 2 * seqlen * (self.state**2 + self.state)

    def _discrete(self) -> tuple[Tensor, Tensor]:
        steps_W = wide(self.log_step).exp()
        return discrete(wide(self.a), wide(self.b), steps_W, self.rule)

    def _convolved(self, driven_WNS: Tensor, x_BSW: Tensor) -> Tensor:
        kernel_WS = (wide(self.c)[:, None] @ driven_WNS)[:, 0]
        return convolve(wide(x_BSW), kernel_WS.T)


def powers_applied(a_WNN: Tensor, b_WN: Tensor, count: int) -> Tensor:
    """Return A^k b for k < count (W, N, count): twice as many columns from every square of A."""
    columns = b_WN[..., None]
    while columns.shape[-1] < count:
        columns = torch.cat([columns, a_WNN @ columns], -1)
        a_WNN = a_WNN @ a_WNN
    return columns[..., :count]


@variant
def s4(
    problem: Mixing,
    *,
    setting: Setting,
    form: str = "convolution",
    state: int = 16,
    init: str = "legs",
    rule: str = "bilinear",
    compiled: bool = False,
) -> Contestant:
    """A structured state space whose matrix is HiPPO's when training begins."""
    return problem.ask(lambda: S4(problem.width, form, state, init, rule), setting, compiled)
