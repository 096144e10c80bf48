"""A step that computes once and returns its memory of it ever after."""

from collections.abc import Callable

from torch import Tensor

from bench import variant
from suites.faults.problem import Double


@variant
def remembers(problem: Double) -> Callable[[tuple[Tensor, ...]], Tensor]:
    """Return a copy of the first result, whatever the inputs; the outcome is `incorrect`."""
    kept: list[Tensor] = []

    def step(inputs: tuple[Tensor, ...]) -> Tensor:
        if not kept:
            kept.append(inputs[0] * 2)
        return kept[0].clone()

    return step
