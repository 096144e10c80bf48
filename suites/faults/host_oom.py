"""More host memory than there is."""

from collections.abc import Callable

import torch
from torch import Tensor

from bench import variant
from suites.faults.problem import Double

CHUNK_BYTES = 256 << 20


@variant
def host_oom(problem: Double) -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Allocate until the worker's data limit stops it, touching nothing; the outcome is `oom`."""

    def step(inputs: tuple[Tensor, ...]) -> Tensor:
        hoard = []
        while True:
            hoard.append(torch.empty(CHUNK_BYTES, dtype=torch.uint8))

    return step
