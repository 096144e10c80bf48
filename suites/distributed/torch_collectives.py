"""torch.distributed's own collectives: gloo between CPUs, NCCL between GPUs."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.distributed as dist
from torch import Tensor

from bench import Setting, variant
from suites.distributed.collectives import AllGather, AllReduce, ReduceScatter


@variant
def all_reduce(problem: AllReduce) -> Callable[[Tensor], Tensor]:
    """Sum out of place: torch has no such call, so a copy of the buffer is part of the time."""

    def step(contribution: Tensor) -> Tensor:
        total = contribution.clone()
        dist.all_reduce(total)
        return total

    return step


@variant
def all_gather(problem: AllGather, *, setting: Setting) -> Callable[[Tensor], Tensor]:
    """Gather into one tensor."""
    # torch 2.13 renamed it, and warns of the old name
    gather = getattr(dist, "all_gather_single", None) or dist.all_gather_into_tensor

    def step(contribution: Tensor) -> Tensor:
        gathered = contribution.new_empty(contribution.numel() * setting.ranks)
        gather(gathered, contribution)
        return gathered

    return step


@variant
def reduce_scatter(problem: ReduceScatter, *, setting: Setting) -> Callable[[Tensor], Tensor]:
    """Sum one tensor and keep a part."""
    scatter = getattr(dist, "reduce_scatter_single", None) or dist.reduce_scatter_tensor

    def step(contribution: Tensor) -> Tensor:
        own = torch.empty_like(contribution[: contribution.numel() // setting.ranks])
        scatter(own, contribution)
        return own

    return step
