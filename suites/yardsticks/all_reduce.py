"""A small all-reduce: what it takes ranks to agree."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
import torch.distributed as dist
from torch import Tensor

from bench import Call, Incorrect, Measurement, Problem, Setting, Unsupported, Verdict, variant
from suites.yardsticks.repeated import ASKED, repeated


@dataclass(frozen=True)
class RankSum(Problem):
    """The sum over ranks of n whole numbers each, which has no rounding; `ASKED` times."""

    n: int = 4096

    ranks: ClassVar[tuple[int, ...]] = (2,)
    dtypes: ClassVar[tuple[str, ...]] = ("float32",)

    def numbers(self, seed: int, rank: int, setting: Setting) -> Tensor:
        """Draw what a rank puts in; every rank can draw everyone's."""
        generator = torch.Generator().manual_seed(1000 * seed + rank)
        drawn = torch.randint(-8, 9, (self.n,), generator=generator)
        return drawn.to(setting.device, setting.dtype)

    def make_inputs(self, seed: int, setting: Setting) -> tuple[Tensor, int]:
        """Return what this rank puts in, and the seed it was drawn from."""
        if setting.ranks < 2:
            raise Unsupported("needs at least two ranks")
        return self.numbers(seed, dist.get_rank(), setting), seed

    def call(self, step: Callable[[Any], Any], setting: Setting) -> Call:
        return lambda inputs: (step(inputs[0]),)

    def check(self, call: Call, inputs: tuple[Tensor, int], setting: Setting) -> Verdict:
        """Expect the exact sum."""
        (got,) = call(inputs)
        everyone = [self.numbers(inputs[1], rank, setting) for rank in range(setting.ranks)]
        error = float((got.double() - torch.stack(everyone).double().sum(0)).abs().max())
        found = [Measurement("out_error_max", "1", [error])]
        if error != 0.0:
            raise Incorrect(f"expected exact sums, off by {error:g}", found)
        return Verdict(found, [(0.0, 0.0)])


@variant
def all_reduce(problem: RankSum, *, times: int = ASKED) -> Callable[[Any], Tensor]:
    """torch.distributed's sum of a copy; `times` is how often it is really done."""
    return repeated(_sum, times)


def _sum(contribution: Tensor) -> Tensor:
    total = contribution.clone()
    dist.all_reduce(total)
    return total
