"""Gather every rank's rows, with gradients."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def gathered(own: Tensor) -> Tensor:
    """Gather rows of all ranks in order; every rank's gradients come back to the owner, summed."""
    return _Gathered.apply(own)  # type: ignore[no-untyped-call]


def gathered_alike(own: Tensor) -> Tensor:
    """Gather rows for a loss that every rank computes alike: nothing is sent back.

    A rank's own gradient stands for all N of them.
    """
    return _GatheredAlike.apply(own)  # type: ignore[no-untyped-call]


def _gather(own: Tensor) -> Tensor:
    # torch 2.13 renamed it, and warns of the old name
    gather = getattr(dist, "all_gather_single", None) or dist.all_gather_into_tensor
    whole = own.new_empty(dist.get_world_size() * len(own), *own.shape[1:])
    gather(whole, own.contiguous())
    return whole


class _Gathered(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        return _gather(own)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (whole,) = gradients
        scatter = getattr(dist, "reduce_scatter_single", None) or dist.reduce_scatter_tensor
        own = whole.new_empty(len(whole) // dist.get_world_size(), *whole.shape[1:])
        scatter(own, whole.contiguous())
        return own


class _GatheredAlike(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:
        return _gather(own)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (whole,) = gradients
        own = whole.chunk(dist.get_world_size())[dist.get_rank()]
        return own * dist.get_world_size()
