"""Many operators on next to nothing: all overhead of calling them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from bench import Setting, variant
from bench.operator import Operands, Operator
from suites.yardsticks.drawn import normal
from suites.yardsticks.repeated import ASKED, repeated


@dataclass(frozen=True)
class SmallOperators(Operator):
    """`num_links` times y <- tanh(y w) + x for vectors (n,), the whole chain `ASKED` times.

    Declares neither FLOPs nor bytes: what it costs is neither.
    """

    num_links: int = 4
    n: int = 16

    passes: ClassVar[tuple[str, ...]] = ("fwd",)
    dtypes: ClassVar[tuple[str, ...]] = ("float32",)

    def draw(self, generator: torch.Generator, setting: Setting) -> tuple[Tensor, ...]:
        return normal(generator, setting, (self.n,), (self.n,))

    def output_shape(self) -> tuple[int, ...]:
        return (self.n,)

    def reference(self, operands: Operands, dtype: torch.dtype) -> list[Tensor]:
        return [self.chain(tuple(tensor.to(dtype) for tensor in operands.tensors))]

    def chain(self, tensors: tuple[Tensor, ...]) -> Tensor:
        """Go through all links once."""
        x, w = tensors
        y = x
        for _ in range(self.num_links):
            y = (y * w).tanh() + x
        return y


@variant
def small_operators(problem: SmallOperators, *, times: int = ASKED) -> Callable[[Any], Tensor]:
    """One operator after another; `times` is how often the chain is really gone through."""
    return repeated(problem.chain, times)
