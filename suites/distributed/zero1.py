"""DeepSpeed ZeRO stage 1: optimizer states partitioned, gradients and parameters replicated."""

from __future__ import annotations

from bench import Setting, variant
from suites.distributed.deepspeed_engine import offloaded
from suites.distributed.flat_partitions import FlatPartitions
from suites.distributed.problem import Training


class Zero1(FlatPartitions):
    """A rank updates its partition; without accumulation it drops other gradients at once."""

    stage = 1


@variant
def zero1(problem: Training, *, setting: Setting, offload: str | None = None) -> Zero1:
    """Partition the optimizer states; Rajbhandari et al. 2020 (arXiv:1910.02054).

    `offload=optimizer` keeps them, and the update, on the host.
    """
    return Zero1(problem, setting, **offloaded(setting, offload, ("optimizer",)))
