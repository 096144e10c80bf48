"""Death in the middle of a measurement."""

import os
import signal
from collections.abc import Callable

from torch import Tensor

from bench import variant
from suites.faults.problem import Double

HONEST_CALLS = 50


@variant
def dies_midway(problem: Double) -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Pass the check, then die of SIGKILL while timed; `crash`: no kernel spoke of memory."""
    calls = 0

    def step(inputs: tuple[Tensor, ...]) -> Tensor:
        nonlocal calls
        calls += 1
        if calls > HONEST_CALLS:
            os.kill(os.getpid(), signal.SIGKILL)
        return inputs[0] * 2

    return step
