"""Hybrid sharding: FSDP2 on a mesh of two dimensions (Zhao et al. 2023, section 3.2.2).

Shards are over groups of near ranks, replicas over the groups: what is gathered stays in a group,
and a shard's gradients are all-reduced between groups after they are reduced and scattered.
"""

from __future__ import annotations

from dataclasses import replace

from torch.distributed.device_mesh import DeviceMesh, init_device_mesh

from bench import Setting, Unsupported, variant
from suites.distributed.fsdp2 import Fsdp2, sharded_elements
from suites.distributed.problem import Training
from suites.distributed.theory import Layout

SHARDS = 2  # ranks that share a copy of everything


class Hybrid(Fsdp2):
    """Sharded over two ranks, replicated over the rest."""

    one_group = False
    as_paper = False  # which has no replicas of shards

    def mesh(self) -> DeviceMesh:
        replicas = self.setting.ranks // SHARDS
        names = ("replicas", "shards")
        return init_device_mesh(self.setting.device.type, (replicas, SHARDS), mesh_dim_names=names)

    @property
    def copies(self) -> int:
        return self.setting.ranks // SHARDS

    @staticmethod
    def predicted_bytes(layout: Layout) -> dict[str, float]:
        return Fsdp2.predicted_bytes(_group(layout))

    @staticmethod
    def predicted_traffic(layout: Layout) -> dict[str, float]:
        own = sharded_elements(_group(layout))
        return {**Fsdp2.predicted_traffic(_group(layout)), "all_reduce": own}

    @staticmethod
    def padding(layout: Layout) -> int:
        return Fsdp2.padding(_group(layout))


def _group(layout: Layout) -> Layout:
    """Return the layout within one group, which holds everything once."""
    return replace(layout, ranks=SHARDS, rank=layout.rank % SHARDS)


@variant(marks=["grouped"])
def fsdp2_hybrid(problem: Training, *, setting: Setting) -> Hybrid:
    """Shard over near ranks and replicate over the others."""
    if setting.ranks < 2 * SHARDS or setting.ranks % SHARDS:
        raise Unsupported(f"needs several groups of {SHARDS} ranks")
    return Hybrid(problem, setting)
