"""Problems of which time, memory and synchronisations are known, and ways to solve them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.distributed as dist
from torch import Tensor

from bench.cases.problem import Call, Incorrect, Problem, Verdict
from bench.cases.setting import Setting
from bench.cases.variant import Unsupported, variant
from bench.checking.operator import Operands, Operator

Step = Callable[[tuple[Tensor, ...]], Tensor]


@dataclass(frozen=True)
class Doubled(Operator):
    """y = 2 x for x of shape (n,)."""

    n: int = 1 << 22

    passes: ClassVar[tuple[str, ...]] = ("fwd",)

    def draw(self, generator: torch.Generator, setting: Setting) -> tuple[Tensor, ...]:
        shape = (self.n,)
        return (
            torch.randn(shape, generator=generator, dtype=setting.dtype, device=setting.device),
        )

    def output_shape(self) -> tuple[int, ...]:
        return (self.n,)

    def reference(self, operands: Operands, dtype: torch.dtype) -> list[Tensor]:
        return [2 * operands.tensors[0].to(dtype)]


@dataclass(frozen=True)
class Squared(Operator):
    """Y = X X for X of shape (n, n)."""

    n: int = 2048

    passes: ClassVar[tuple[str, ...]] = ("fwd",)

    def draw(self, generator: torch.Generator, setting: Setting) -> tuple[Tensor, ...]:
        shape = (self.n, self.n)
        return (
            torch.randn(shape, generator=generator, dtype=setting.dtype, device=setting.device),
        )

    def output_shape(self) -> tuple[int, ...]:
        return (self.n, self.n)

    def reference(self, operands: Operands, dtype: torch.dtype) -> list[Tensor]:
        x = operands.tensors[0].to(dtype)
        return [x @ x]


@dataclass(frozen=True)
class Summed(Problem):
    """The sum over ranks of x of shape (n,), which is the rank plus one everywhere."""

    n: int = 1 << 20

    ranks: ClassVar[tuple[int, ...]] = (2,)

    def make_inputs(self, seed: int, setting: Setting) -> Tensor:
        if setting.ranks < 2:
            raise Unsupported("needs at least two ranks")
        return torch.full((self.n,), dist.get_rank() + 1.0, device=setting.device)

    def call(self, step: Callable[[Any], Any], setting: Setting) -> Call:
        return lambda inputs: (step(inputs),)

    def check(self, call: Call, inputs: Tensor, setting: Setting) -> Verdict:
        """Expect the exact sum."""
        (total,) = call(inputs)
        expected = setting.ranks * (setting.ranks + 1) / 2
        if not bool((total == expected).all()):
            raise Incorrect(f"expected {expected:g} everywhere, got {float(total.max()):g}")
        return Verdict([], [(0.0, 0.0)])


@variant
def never_waits(problem: Doubled) -> Step:
    """A step that only queues its kernel."""
    return lambda tensors: 2 * tensors[0]


@variant
def waits(problem: Doubled) -> Step:
    """A step that reads a number back from the device, as a GradScaler does."""

    def step(tensors: tuple[Tensor, ...]) -> Tensor:
        return float(tensors[0].new_full((), 2.0).item()) * tensors[0]

    return step


@variant
def through_a_copy(problem: Doubled) -> Step:
    """A step that holds three times its input at its peak: x, a copy of it, and the output."""

    def step(tensors: tuple[Tensor, ...]) -> Tensor:
        copy = tensors[0].clone()
        return copy + copy

    return step


@variant
def product(problem: Squared) -> Step:
    """One product, for which cuBLAS has a workspace of its own."""
    return lambda tensors: tensors[0] @ tensors[0]


@variant
def all_reduce(problem: Summed) -> Callable[[Tensor], Tensor]:
    """torch.distributed's sum, of a copy."""

    def step(inputs: Tensor) -> Tensor:
        total = inputs.clone()
        dist.all_reduce(total)
        return total

    return step
