"""A step that stops working once it has been looked at."""

from collections.abc import Callable

import torch
from torch import Tensor

from bench import variant
from suites.faults.problem import Double

HONEST_CALLS = 8  # the check role makes fewer, a timed process many more


@variant
def unwritten(problem: Double) -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Return memory it did not write after a few calls; poison shows it: `incorrect`."""
    calls = 0

    def step(inputs: tuple[Tensor, ...]) -> Tensor:
        nonlocal calls
        calls += 1
        return inputs[0] * 2 if calls <= HONEST_CALLS else torch.empty_like(inputs[0])

    return step
