"""DeepSpeed ZeRO stage 1: optimizer states partitioned, gradients and parameters replicated."""

from __future__ import annotations

from bench import Setting, variant
from suites.distributed.flat_partitions import FlatPartitions
from suites.distributed.problem import Training


class Zero1(FlatPartitions):
    """A rank updates its partition; without accumulation it drops other gradients at once."""

    stage = 1


@variant
def zero1(problem: Training, *, setting: Setting) -> Zero1:
    """Partition the optimizer states; Rajbhandari et al. 2020 (arXiv:1910.02054)."""
    return Zero1(problem, setting)
