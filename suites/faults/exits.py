"""A library that ends the process."""

import os
from collections.abc import Callable

from torch import Tensor

from bench import variant
from suites.faults.problem import Double


@variant
def exits(problem: Double) -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Leave with status 3; the outcome is `crash`."""
    return lambda inputs: os._exit(3)
