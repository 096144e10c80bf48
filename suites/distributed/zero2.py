"""DeepSpeed ZeRO stage 2: gradients and optimizer states partitioned, parameters replicated.

By default the engine all-reduces whole buckets and keeps its own slice, which moves 3 Psi elements
where a reduce to each owner (`reduce_to_owner`) moves the paper's 2 Psi in more messages.
"""

from __future__ import annotations

from typing import Any, ClassVar

from bench import Setting, variant
from suites.distributed.deepspeed_engine import offloaded
from suites.distributed.flat_partitions import FlatPartitions, padded_elements
from suites.distributed.problem import Training
from suites.distributed.theory import Layout


class Zero2(FlatPartitions):
    """A rank keeps the gradients of its partition only."""

    stage = 2


class Zero2ToOwner(Zero2):
    """The same, each gradient reduced to its owner alone."""

    zero_options: ClassVar[dict[str, Any]] = {"use_multi_rank_bucket_allreduce": False}

    @staticmethod
    def predicted_traffic(layout: Layout) -> dict[str, float]:
        return {"reduce": layout.num_parameters, "all_gather": padded_elements(layout)}


@variant
def zero2(
    problem: Training,
    *,
    setting: Setting,
    reduce_to_owner: bool = False,
    offload: str | None = None,
) -> Zero2:
    """Partition gradients and optimizer states; Rajbhandari et al. 2020 (arXiv:1910.02054).

    `offload=optimizer` keeps the states, and the update, on the host.
    """
    given = offloaded(setting, offload, ("optimizer",))
    return (Zero2ToOwner if reduce_to_owner else Zero2)(problem, setting, **given)
