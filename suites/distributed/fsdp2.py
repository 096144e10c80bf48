"""Fully sharded training, torch's FSDP2: Zhao et al. 2023 (arXiv:2304.11277), ZeRO stage 3.

Every parameter is cut along its first dimension; a block's parameters are gathered when it runs.
Resharded after forward they are gathered again for backward (3 Psi a step, the least memory);
kept, they are not (2 Psi, and whole parameters live from forward to backward).

In mixed precision the shards are the float32 weights, and so are the gradients that are left of a
backward pass: 4 + 4 + 8 bytes as in float32, where the paper has 2 + 2 + 12. What is gathered and
reduced is bfloat16.
"""

from __future__ import annotations

from math import ceil
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

from bench import Setting, Unsupported, variant
from suites.distributed.problem import Training
from suites.distributed.strategy import Strategy, adam_bytes, adamw
from suites.distributed.theory import Layout

SHARD_BYTES = 4  # an element, in either precision


class Fsdp2(Strategy):
    """`fully_shard` on every block, then on what is left; gathers again for backward."""

    stage = 3
    casts = True
    reshard = True

    def __init__(self, problem: Training, setting: Setting, offload: str | None = None):
        if offload not in (None, "optimizer", "parameters"):
            raise ValueError(f"expected offload parameters, got {offload!r}")
        if offload == "optimizer":
            raise Unsupported("offloads parameters with all that belongs to them, or nothing")
        if offload and setting.device.type == "cpu":
            raise Unsupported("keeps shards on the host for an accelerator, which is not here")
        self.offload = offload is not None
        super().__init__(problem, setting)

    def wrap(self, network: nn.Module) -> None:
        from torch.distributed.fsdp import (
            CPUOffloadPolicy,
            MixedPrecisionPolicy,
            OffloadPolicy,
            fully_shard,
        )

        mesh = self.mesh()
        narrow = torch.bfloat16 if self.problem.mixed else None
        policy = MixedPrecisionPolicy(param_dtype=narrow, reduce_dtype=narrow)
        for unit in (*self.problem.layers_of(network), network):
            fully_shard(
                unit,
                mesh=mesh,
                reshard_after_forward=self.reshard,
                mp_policy=policy,
                offload_policy=CPUOffloadPolicy() if self.offload else OffloadPolicy(),
            )
        self.network = network
        self.optimizer = adamw(list(network.parameters()))

    def mesh(self) -> DeviceMesh:
        """Arrange the ranks: all of them share everything."""
        return init_device_mesh(self.setting.device.type, (self.setting.ranks,))

    def full_parameters(self) -> list[Tensor]:
        sharded: list[Any] = list(self.network.parameters())  # DTensors
        return [p.full_tensor().detach() for p in sharded]

    @staticmethod
    def predicted_bytes(layout: Layout) -> dict[str, float]:
        own = sharded_elements(layout)
        return {
            "parameters": SHARD_BYTES * own,
            "gradients": SHARD_BYTES * own,
            "optimizer_state": adam_bytes(own_elements(layout), len(layout.shapes)),
        }

    @staticmethod
    def predicted_traffic(layout: Layout) -> dict[str, float]:
        padded = layout.ranks * sharded_elements(layout)
        return {"all_gather": 2 * padded, "reduce_scatter": padded}

    @staticmethod
    def padding(layout: Layout) -> int:
        return layout.ranks * sharded_elements(layout) - layout.num_parameters


class Fsdp2Kept(Fsdp2):
    """The same, with whole parameters kept from forward to backward."""

    reshard = False
    traffic_stage = 2  # nothing is gathered for backward

    @staticmethod
    def predicted_traffic(layout: Layout) -> dict[str, float]:
        padded = layout.ranks * sharded_elements(layout)
        return {"all_gather": padded, "reduce_scatter": padded}


def sharded_elements(layout: Layout) -> int:
    """Count a rank's elements: rows are divided, and padded where they do not divide evenly."""
    return sum(
        ceil(shape[0] / layout.ranks) * (size // shape[0])
        for shape, size in zip(layout.shapes, layout.sizes, strict=True)
    )


def own_elements(layout: Layout) -> int:
    """Count a rank's elements without padding, which no optimizer sees: last ranks have fewer."""
    total = 0
    for shape, size in zip(layout.shapes, layout.sizes, strict=True):
        rows = ceil(shape[0] / layout.ranks)
        total += max(min(rows, shape[0] - rows * layout.rank), 0) * (size // shape[0])
    return total


@variant
def fsdp2(problem: Training, *, setting: Setting, offload: str | None = None) -> Fsdp2:
    """Shard everything and gather parameters twice, for forward and for backward.

    `offload=parameters` keeps shards, and their update, on the host.
    """
    return Fsdp2(problem, setting, offload)


@variant
def fsdp2_no_reshard(problem: Training, *, setting: Setting) -> Fsdp2Kept:
    """Shard everything, gather parameters once and keep them until backward."""
    return Fsdp2Kept(problem, setting)
