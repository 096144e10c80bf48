"""Reconstruction: what a state of N numbers still tells of the signal that went by.

Shapes: B batch of signals, S samples, N coefficients, P points of the past.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench import Call, Measurement, Plain, Setting, Verdict
from bench.operator import Operands, Operator
from suites.mixers.hippo import RULES, legendre

NUM_LOOKS = 8  # moments, evenly through the signal, at which the past is reconstructed
NUM_POINTS = 256  # of it, in the middle of as many equal parts


@dataclass(frozen=True)
class Reconstruction(Operator):
    """Signals (B, S) to the state after the last sample (B, N), by a linear recurrence.

    A signal is a sum of `num_waves` sines of random phase and of up to `cycles` periods over all of
    it, and has mean square 1. `window` is the share of it that a memory of fixed length looks back.
    Gu et al. 2020 (arXiv:2008.07669), sections 2.3 and 4.3.
    """

    batch: int = 8
    seqlen: int = 1024
    num_coefficients: int = 32
    window: float = 0.25
    cycles: float = 8.0
    num_waves: int = 8

    passes: ClassVar[tuple[str, ...]] = ("fwd",)
    dtypes: ClassVar[tuple[str, ...]] = ("float32",)
    examples: ClassVar[tuple[dict[str, Plain], ...]] = (
        {"batch": 2, "seqlen": 128, "num_coefficients": 8, "cycles": 2.0},
    )

    def __post_init__(self) -> None:
        for name, least in (("batch", 1), ("seqlen", 32), ("num_coefficients", 2)):
            if getattr(self, name) < least:
                raise ValueError(f"expected {name} of at least {least}, got {getattr(self, name)}")
        if not 0 < self.window <= 1:
            raise ValueError(f"expected window above 0 and at most 1, got {self.window}")
        if self.num_waves < 1 or self.cycles <= 0:
            raise ValueError(f"expected waves and cycles, got {self.num_waves} and {self.cycles}")

    def draw(self, generator: torch.Generator, setting: Setting) -> tuple[Tensor]:
        signal = self.signals(generator)
        at_S = (torch.arange(self.seqlen, dtype=torch.float64) + 0.5) / self.seqlen
        return (signal(at_S.expand(self.batch, -1)).to(setting.device, setting.dtype),)

    def signals(self, generator: torch.Generator) -> Callable[[Tensor], Tensor]:
        """Draw signals as functions of times in [0, 1] (B, P)."""
        shape = (self.batch, self.num_waves, 1)
        drawn = torch.rand(
            2, *shape, generator=generator, dtype=torch.float64, device=generator.device
        )
        rate, phase = 2 * math.pi * self.cycles * drawn[0].cpu(), 2 * math.pi * drawn[1].cpu()
        scale = (2 / self.num_waves) ** 0.5
        return lambda at: scale * torch.sin(rate * at[:, None] + phase).sum(1)

    def output_shape(self) -> tuple[int, ...]:
        return (self.batch, self.num_coefficients)

    def call(self, step: Any, setting: Setting) -> Call:
        return MemoryCall(step)

    def reference(self, operands: Operands, dtype: torch.dtype) -> list[Tensor]:
        raise NotImplementedError("every memory has a definition of its own; see `check`")

    def check(self, call: Call, inputs: Operands, setting: Setting) -> Verdict:
        """Hold a memory to its own recurrence in float64, its matrices made in another way."""
        assert isinstance(call, MemoryCall)
        return HeldMemory(self, call.memory).check(call, inputs, setting)

    def work(self, setting: Setting) -> dict[str, float]:
        return {"samples": self.batch * self.seqlen}

    def quality(self, built: Any, seed: int, setting: Setting) -> list[Measurement]:
        """Reconstruct the past at several moments; beside it the best that N polynomials can do.

        Both are root mean squares over points and signals, of signals of mean square 1.
        """
        generator = torch.Generator().manual_seed(seed)
        signal = self.signals(generator)
        at_S = ((torch.arange(self.seqlen).double() + 0.5) / self.seqlen).expand(self.batch, -1)
        states = built.states(signal(at_S).to(setting.device, setting.dtype))
        errors, best = [], []
        for look in range(1, NUM_LOOKS + 1):
            seen = look * self.seqlen // NUM_LOOKS
            found, least = self._errors(built, signal, states[seen - 1].double().cpu(), seen)
            errors.append(found)
            best.append(least)
        last, least = errors[-1], best[-1]
        return [
            Measurement("error_over_time", "1", errors),
            Measurement("best_error_over_time", "1", best),
            Measurement("error", "1", [last]),
            Measurement("best_error", "1", [least]),
        ]

    def _errors(
        self, built: Any, signal: Callable[[Tensor], Tensor], state_BN: Tensor, seen: int
    ) -> tuple[float, float]:
        """Return the error of the past that a state gives, and of its least-squares fit.

        Before its first sample a signal is 0.
        """
        points_P = (torch.arange(NUM_POINTS).double() + 0.5) / NUM_POINTS * 2 - 1
        begin, end = built.past(seen)
        at_P = begin + (end - begin) * (points_P + 1) / 2
        true_BP = signal((at_P / self.seqlen).expand(self.batch, -1)) * (at_P >= 0)
        basis_PN = legendre(self.num_coefficients, points_P)
        given_BP = state_BN @ basis_PN.T
        fitted_BP = torch.linalg.lstsq(basis_PN, true_BP.T).solution.T @ basis_PN.T
        return _rms(given_BP - true_BP), _rms(fitted_BP - true_BP)


class MemoryCall:
    """One pass over signals; the check finds its memory here."""

    def __init__(self, memory: Any):
        self.memory = memory

    def __call__(self, operands: Operands) -> tuple[Tensor]:
        return (self.memory(*operands.tensors),)


class HeldMemory(Operator):
    """The question of a problem with one memory's definition to compare with."""

    input_names = ("x",)
    most_realisations = 4

    def __init__(self, problem: Reconstruction, memory: Any):
        self.problem, self.memory = problem, memory

    def draw(self, generator: torch.Generator, setting: Setting) -> tuple[Tensor]:
        return self.problem.draw(generator, setting)

    def output_shape(self) -> tuple[int, ...]:
        return self.problem.output_shape()

    def reference(self, operands: Operands, dtype: torch.dtype) -> list[Tensor]:
        return [self.memory.define(operands.tensors[0].to(dtype))]


def expect_rule(rule: str) -> str:
    """Return a rule by which time is made discrete; ValueError names those there are."""
    if rule not in RULES:
        raise ValueError(f"expected rule to be {' or '.join(RULES)}, got {rule!r}")
    return rule


def _rms(x: Tensor) -> float:
    return float(x.square().mean().sqrt())
