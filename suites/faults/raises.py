"""An exception in the step."""

from collections.abc import Callable

from torch import Tensor

from bench import variant
from suites.faults.problem import Double


@variant
def raises(problem: Double) -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Raise; the outcome is `error`, with its text."""

    def step(inputs: tuple[Tensor, ...]) -> Tensor:
        raise RuntimeError("this kernel is having a bad day")

    return step
