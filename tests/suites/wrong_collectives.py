"""Collectives that are wrong in one byte on one rank, and one that only looks wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from bench import Call, Incorrect, Problem, Setting, Verdict, variant
from suites.distributed import torch_collectives
from suites.distributed.collectives import AllReduce, AllToAll, Collective, Reduce

WRONG_RANK = 1
RIGHT = {own.problem_type: own for own in vars(torch_collectives).values() if hasattr(own, "build")}
Step = Callable[[Tensor], Tensor]


def one_byte_off(problem: Collective, setting: Setting) -> Step:
    """Do it right, and change the lowest bit of the last byte but two on one rank."""
    step = RIGHT[type(problem)].build(problem, setting, {})

    def wrong(contribution: Tensor) -> Tensor:
        got = step(contribution).clone()
        if dist.get_rank() == WRONG_RANK:
            got.view(torch.uint8)[-3] ^= 1
        return got

    return wrong


def kept(problem: Collective, setting: Setting) -> Step:
    """Keep what one has: a byte in N is right by chance alone."""
    return lambda contribution: contribution.clone()


def at_another_root(problem: Reduce, setting: Setting) -> Step:
    """Sum at another rank than was asked."""

    def step(contribution: Tensor) -> Tensor:
        total = contribution.clone()
        dist.reduce(total, (problem.root + 1) % setting.ranks)
        return total if dist.get_rank() == problem.root else contribution.new_empty(0)

    return step


def littering(problem: Reduce, setting: Setting) -> Step:
    """Leave garbage in the buffers of others, which is theirs to leave."""

    def step(contribution: Tensor) -> Tensor:
        total = contribution.clone()
        dist.reduce(total, problem.root)
        if dist.get_rank() == problem.root:
            return total
        total.fill_(7)
        return contribution.new_empty(0)

    return step


@dataclass(frozen=True)
class Caught(Problem):
    """Puts every planted fault to its check, in one launch of ranks."""

    def make_inputs(self, seed: int, setting: Setting) -> int:
        return seed

    def call(self, step: Any, setting: Setting) -> Call:
        return lambda seed: (torch.tensor(step(seed)),)

    def check(self, call: Call, inputs: int, setting: Setting) -> Verdict:
        on_one, everywhere = [WRONG_RANK], list(range(setting.ranks))
        for kind in RIGHT:
            # a byte can only be wrong where there are any
            root = {"root": WRONG_RANK if kind is Reduce else 0} if hasattr(kind, "root") else {}
            expect(kind(4096, **root), one_byte_off, on_one, setting)
        expect(AllReduce(4096), kept, everywhere, setting)
        expect(AllToAll(4096), kept, everywhere, setting)
        expect(Reduce(4096, root=1), at_another_root, [1], setting)
        expect(Reduce(4096, root=1), littering, [], setting)
        return Verdict([], [(0.0, 0.0)])


def expect(problem: Collective, build: Any, wrong_ranks: list[int], setting: Setting) -> None:
    """Raise Incorrect unless exactly these ranks find their result wrong."""
    inputs = problem.make_inputs(0, setting)
    call = problem.call(build(problem, setting), setting)
    try:
        problem.check(call, inputs, setting)
        found = False
    except Incorrect:
        found = True
    if found != (dist.get_rank() in wrong_ranks):
        said = "accused" if found else "let through"
        raise Incorrect(f"{build.__name__} of {problem} was {said} on rank {dist.get_rank()}")


@variant
def planted(problem: Caught) -> Any:
    return lambda seed: seed


@variant
def wrong_all_reduce(problem: AllReduce, *, setting: Setting) -> Step:
    return one_byte_off(problem, setting)
