"""A result with a NaN in it."""

from collections.abc import Callable

from torch import Tensor

from bench import variant
from suites.faults.problem import Double


@variant
def not_finite(problem: Double) -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Return one NaN; the outcome is `incorrect`."""

    def step(inputs: tuple[Tensor, ...]) -> Tensor:
        doubled = inputs[0] * 2
        doubled[-1] = float("nan")
        return doubled

    return step
