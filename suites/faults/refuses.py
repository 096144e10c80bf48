"""A variant that knows it cannot run here."""

from collections.abc import Callable

from torch import Tensor

from bench import Unsupported, variant
from suites.faults.problem import Double


@variant
def refuses(problem: Double) -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Say why it cannot run; the outcome is `unsupported`."""
    raise Unsupported("needs a device from next year")
