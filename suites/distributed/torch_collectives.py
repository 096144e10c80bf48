"""torch.distributed's own collectives: gloo between CPUs, NCCL between GPUs."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from bench import Setting, variant
from suites.distributed.collectives import (
    AllGather,
    AllReduce,
    AllToAll,
    Broadcast,
    Collective,
    Reduce,
    ReduceScatter,
)
from suites.distributed.sizes import calls, phase
from suites.distributed.workload import rank_of

Step = Callable[[Tensor], Tensor]


class OverSizes:
    """A collective on one buffer after the other, each size a phase of as many calls as it says."""

    def __init__(self, once: Step, sizes: list[int]):
        self.once, self.sizes = once, sizes

    def phases(self, contributions: list[Tensor]) -> Generator[str, None, tuple[Tensor, ...]]:
        got: list[Tensor] = []
        for size, contribution in zip(self.sizes, contributions, strict=True):
            for _ in range(calls(size)):
                result = self.once(contribution)
            got.append(result)
            yield phase(size)
        return tuple(got)


def over_sizes(problem: Collective, once: Step) -> Any:
    """Return a step, or one told in phases where the problem has several sizes."""
    return once if problem.from_bytes is None else OverSizes(once, problem.sizes)


@variant
def all_reduce(problem: AllReduce) -> Any:
    """Sum out of place: torch has no such call, so a copy of the buffer is part of the time."""

    def step(contribution: Tensor) -> Tensor:
        total = contribution.clone()
        dist.all_reduce(total)
        return total

    return over_sizes(problem, step)


@variant
def all_gather(problem: AllGather, *, setting: Setting) -> Any:
    """Gather into one tensor."""
    # torch 2.13 renamed it, and warns of the old name
    gather = getattr(dist, "all_gather_single", None) or dist.all_gather_into_tensor

    def step(contribution: Tensor) -> Tensor:
        gathered = contribution.new_empty(contribution.numel() * setting.ranks)
        gather(gathered, contribution)
        return gathered

    return over_sizes(problem, step)


@variant
def reduce_scatter(problem: ReduceScatter, *, setting: Setting) -> Any:
    """Sum one tensor and keep a part."""
    scatter = getattr(dist, "reduce_scatter_single", None) or dist.reduce_scatter_tensor

    def step(contribution: Tensor) -> Tensor:
        own = torch.empty_like(contribution[: contribution.numel() // setting.ranks])
        scatter(own, contribution)
        return own

    return over_sizes(problem, step)


@variant
def all_to_all(problem: AllToAll) -> Any:
    """Exchange equal parts of one tensor."""

    def step(contribution: Tensor) -> Tensor:
        received = torch.empty_like(contribution)
        dist.all_to_all_single(received, contribution)
        return received

    return over_sizes(problem, step)


@variant
def broadcast(problem: Broadcast, *, setting: Setting) -> Any:
    """Send the root's buffer as it is; the others receive into one of their own."""
    rank = rank_of(setting)

    def step(contribution: Tensor) -> Tensor:
        if rank == problem.root:
            dist.broadcast(contribution, problem.root)
            return contribution.new_empty(0)
        received = torch.empty_like(contribution)
        dist.broadcast(received, problem.root)
        return received

    return over_sizes(problem, step)


@variant
def reduce(problem: Reduce, *, setting: Setting) -> Any:
    """Sum at the root, out of place: other ranks' buffers too are changed on the way."""
    rank = rank_of(setting)

    def step(contribution: Tensor) -> Tensor:
        total = contribution.clone()
        dist.reduce(total, problem.root)
        return total if rank == problem.root else contribution.new_empty(0)

    return over_sizes(problem, step)
