"""A package that is not installed."""

from collections.abc import Callable

from torch import Tensor

from bench import variant
from suites.faults.problem import Double


@variant
def missing_package(problem: Double) -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Import what nobody has; the outcome is `unsupported`, and names the package."""
    import a_kernel_library_nobody_has

    return a_kernel_library_nobody_has.double
