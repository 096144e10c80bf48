"""Death of one rank, while the other waits for it."""

import os
import signal
from collections.abc import Callable

import torch.distributed as dist
from torch import Tensor

from bench import variant
from suites.faults.ranks import SumOverRanks, summed


@variant
def dead_rank(problem: SumOverRanks) -> Callable[[Tensor], Tensor]:
    """Kill rank 1 by SIGKILL; the outcome is `crash`, and names the rank."""

    def step(inputs: Tensor) -> Tensor:
        if dist.get_rank() == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return summed(inputs)

    return step
