"""One rank that never comes, while the other waits for it."""

import time
from collections.abc import Callable

import torch.distributed as dist
from torch import Tensor

from bench import variant
from suites.faults.ranks import SumOverRanks, summed


@variant
def hung_rank(problem: SumOverRanks) -> Callable[[Tensor], Tensor]:
    """Let rank 1 sleep for ever; the outcome is `timeout`, and tells where each rank stood."""

    def step(inputs: Tensor) -> Tensor:
        while dist.get_rank() == 1:
            time.sleep(3598)
        return summed(inputs)

    return step
