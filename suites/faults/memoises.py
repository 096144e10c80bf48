"""A step that knows its inputs again and hands out what it computed for them before."""

from collections.abc import Callable

from torch import Tensor

from bench import variant
from suites.faults.problem import Double


@variant
def memoises(problem: Double) -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Return copies of right results; `impossible`: nothing computes in a call."""
    known: dict[int, Tensor] = {}

    def step(inputs: tuple[Tensor, ...]) -> Tensor:
        x = inputs[0]
        if x.data_ptr() not in known:
            known[x.data_ptr()] = x * 2
        return known[x.data_ptr()].clone()

    return step
