"""The smallest question for two ranks, so that only the fault of one of them is of interest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.distributed as dist
from torch import Tensor

from bench import Call, Incorrect, Problem, Setting, Unsupported, Verdict


@dataclass(frozen=True)
class SumOverRanks(Problem):
    """The sum over ranks of x of shape (n,), which is the rank plus one everywhere."""

    n: int = 4096

    dtypes: ClassVar[tuple[str, ...]] = ("float32",)
    ranks: ClassVar[tuple[int, ...]] = (2,)

    def make_inputs(self, seed: int, setting: Setting) -> Tensor:
        if setting.ranks < 2:
            raise Unsupported("needs at least two ranks")
        return torch.full((self.n,), dist.get_rank() + 1.0, device=setting.device)

    def call(self, step: Callable[[Any], Any], setting: Setting) -> Call:
        return lambda inputs: (step(inputs),)

    def check(self, call: Call, inputs: Tensor, setting: Setting) -> Verdict:
        (total,) = call(inputs)
        expected = setting.ranks * (setting.ranks + 1) / 2
        if not bool((total == expected).all()):
            raise Incorrect(f"expected {expected} everywhere, got {float(total.max())}")
        return Verdict([], [(0.0, 0.0)])


def summed(inputs: Tensor) -> Tensor:
    """Sum over ranks, out of place; waits for every rank."""
    total = inputs.clone()
    dist.all_reduce(total)
    return total
