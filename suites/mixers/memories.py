"""HiPPO-LegS and HiPPO-LegT as what they are: online projections of all, or of the last, past."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from functools import cache

import torch
from torch import Tensor

from bench import Setting, variant
from suites.mixers.hippo import discrete, legs, legt
from suites.mixers.reconstruction import Reconstruction, expect_rule

Discrete = Callable[[int], tuple[Tensor, Tensor]]  # A and B of the step to sample k, in float64


class Memory:
    """c_k = A_k c_(k-1) + B_k f_k, with matrices that set-up makes once: (S or 1, N, N)."""

    def __init__(self, a: Tensor, b: Tensor, setting: Setting, plain: Discrete, reach: float):
        self.a_SNN, self.b_SN = (t.to(setting.device, setting.dtype) for t in (a, b))
        self.plain, self.reach = cache(plain), reach

    def __call__(self, signals_BS: Tensor) -> Tensor:
        for state_BN in self._run(signals_BS):
            last = state_BN
        return last

    def states(self, signals_BS: Tensor) -> list[Tensor]:
        """Return the state after every sample."""
        return list(self._run(signals_BS))

    def past(self, seen: int) -> tuple[float, float]:
        """Return from where to where, in samples, the state looks back once `seen` went by."""
        return 0.0 if self.reach == math.inf else seen - self.reach, float(seen)

    def define(self, signals_BS: Tensor) -> Tensor:
        """Run the same recurrence one signal and sample at a time, from its written-out step."""
        state_BN = signals_BS.new_zeros(len(signals_BS), self.b_SN.shape[-1])
        for k, samples_B in enumerate(signals_BS.unbind(1), 1):
            a, b = (t.to(signals_BS.device, signals_BS.dtype) for t in self.plain(k))
            state_BN = torch.einsum("nm,bm->bn", a, state_BN) + samples_B[:, None] * b
        return state_BN

    def _run(self, signals_BS: Tensor) -> Iterator[Tensor]:
        state_BN = signals_BS.new_zeros(len(signals_BS), self.b_SN.shape[-1])
        length = signals_BS.shape[1]
        moves = self.a_SNN.mT.expand(length, -1, -1).unbind()
        gains = self.b_SN.expand(length, -1).unbind()
        for move_NN, gain_N, samples_B in zip(moves, gains, signals_BS.unbind(1), strict=True):
            state_BN = torch.addmm(torch.outer(samples_B, gain_N), state_BN, move_NN)
            yield state_BN


@variant
def hippo_legs(problem: Reconstruction, *, setting: Setting, rule: str = "bilinear") -> Memory:
    """All of the past on one scale, Gu et al. 2020 (arXiv:2008.07669), theorem 2.

    dc/dt = (A c + B f) / t is dc/ds = A c + B f in s = log t: to hold sample k takes s from
    log(k - 1) to log k, all of it where k is 1. The bilinear rule takes A / k at both ends.
    """
    a_NN, b_N = legs(problem.num_coefficients)
    at_S = torch.arange(1, problem.seqlen + 1, dtype=torch.float64)
    if expect_rule(rule) == "bilinear":
        a, b = _bilinear(a_NN, b_N, at_S)
        return Memory(a, b, setting, lambda k: _bilinear_plain(a_NN, b_N, k), math.inf)
    a, b = discrete(a_NN, b_N, (at_S / (at_S - 1).clamp_min(1)).log(), rule)
    held = torch.linalg.solve(a_NN, -b_N)  # what a signal that never changes comes to
    a[0], b[0] = 0.0, held
    return Memory(a, b, setting, lambda k: _held_plain(a_NN, b_N, k), math.inf)


def _bilinear(a_NN: Tensor, b_N: Tensor, at_S: Tensor) -> tuple[Tensor, Tensor]:
    """Step by half of what holds before a sample, and half of what holds after it."""
    one = torch.eye(len(a_NN), dtype=torch.float64)
    halves = a_NN / (2 * at_S[:, None, None])
    both = torch.cat([one + halves, (b_N / at_S[:, None])[..., None]], -1)
    solved = torch.linalg.solve(one - halves, both)
    return solved[..., :-1], solved[..., -1]


def _bilinear_plain(a_NN: Tensor, b_N: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Write the step to sample k out, by an inverse."""
    one = torch.eye(len(a_NN), dtype=torch.float64)
    inverse = torch.linalg.inv(2 * k * one - a_NN)
    return inverse @ (2 * k * one + a_NN), 2 * inverse @ b_N


def _held_plain(a_NN: Tensor, b_N: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Write the step to sample k out: what is kept is exp(A log(k / (k - 1)))."""
    rest = torch.linalg.solve(a_NN, b_N)
    if k == 1:
        return torch.zeros_like(a_NN), -rest
    kept = torch.linalg.matrix_exp(a_NN * math.log(k / (k - 1)))
    return kept, kept @ rest - rest


@variant
def hippo_legt(problem: Reconstruction, *, setting: Setting, rule: str = "bilinear") -> Memory:
    """The last `window` of the past, Gu et al. 2020 (arXiv:2008.07669), theorem 1."""
    a_NN, b_N = legt(problem.num_coefficients)
    reach = problem.window * problem.seqlen
    a, b = discrete(a_NN, b_N, torch.tensor([1 / reach], dtype=torch.float64), expect_rule(rule))
    step = _windowed_plain(a_NN, b_N, reach, rule)
    return Memory(a, b, setting, lambda k: step, reach)


def _windowed_plain(a_NN: Tensor, b_N: Tensor, reach: float, rule: str) -> tuple[Tensor, Tensor]:
    """Write a step of 1 / reach out, by an inverse or by an exponential."""
    one = torch.eye(len(a_NN), dtype=torch.float64)
    if rule == "bilinear":
        inverse = torch.linalg.inv(2 * reach * one - a_NN)
        return inverse @ (2 * reach * one + a_NN), 2 * inverse @ b_N
    kept = torch.linalg.matrix_exp(a_NN / reach)
    return kept, torch.linalg.solve(a_NN, (kept - one) @ b_N)
