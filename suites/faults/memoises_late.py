"""A step that computes for as long as anyone looks, and then only remembers."""

from collections.abc import Callable

from torch import Tensor

from bench import variant
from suites.faults.problem import Square

HONEST_CALLS = 4  # check and memory make fewer, a timed process more


@variant
def memoises_late(problem: Square) -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Return copies of right results after a few calls; `impossible`: faster than the device."""
    known: dict[int, Tensor] = {}
    calls = 0

    def step(inputs: tuple[Tensor, ...]) -> Tensor:
        nonlocal calls
        calls += 1
        x = inputs[0]
        if calls <= HONEST_CALLS or x.data_ptr() not in known:
            known[x.data_ptr()] = x @ x
        return known[x.data_ptr()].clone()

    return step
