"""No fault: the control that the other variants are read against."""

from collections.abc import Callable

from torch import Tensor

from bench import variant
from suites.faults.problem import Double


@variant
def none(problem: Double) -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Double correctly; the outcome is `ok`."""
    return lambda inputs: inputs[0] * 2
