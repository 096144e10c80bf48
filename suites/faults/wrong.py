"""A result that is nearly right."""

from collections.abc import Callable

from torch import Tensor

from bench import variant
from suites.faults.problem import Double


@variant
def wrong(problem: Double) -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Miss one element of 4096 by a hundredth; the outcome is `incorrect`."""

    def step(inputs: tuple[Tensor, ...]) -> Tensor:
        doubled = inputs[0] * 2
        doubled[problem.n // 2] += 0.01
        return doubled

    return step
