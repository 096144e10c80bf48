"""A step that never returns."""

import time
from collections.abc import Callable

from torch import Tensor

from bench import variant
from suites.faults.problem import Double


@variant
def hang(problem: Double) -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Sleep for ever; the outcome is `timeout`."""

    def step(inputs: tuple[Tensor, ...]) -> Tensor:
        while True:
            time.sleep(3600)

    return step
