"""A step that overwrites its inputs."""

from collections.abc import Callable

from torch import Tensor

from bench import variant
from suites.faults.problem import Double


@variant
def mutates(problem: Double) -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Double in place; right once, and `incorrect`: a second call would double again."""
    return lambda inputs: inputs[0].mul_(2)
