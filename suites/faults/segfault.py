"""Death by SIGSEGV in native code."""

import ctypes
from collections.abc import Callable

from torch import Tensor

from bench import variant
from suites.faults.problem import Double


@variant
def segfault(problem: Double) -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Read address 0; the outcome is `crash`, and names the signal."""

    def step(inputs: tuple[Tensor, ...]) -> Tensor:
        ctypes.string_at(0)
        return inputs[0] * 2

    return step
