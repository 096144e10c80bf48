"""The same work a known number of times: a change of exactly known size, where one is wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

ASKED = 100  # repetitions that every yardstick asks for: one more is one percent more work


def repeated(work: Callable[[Any], Tensor], times: int) -> Callable[[Any], Tensor]:
    """Return a step that does the work `times` times over and returns the last result.

    The result is the same however often; ValueError where `times` is below 1.
    """
    if times < 1:
        raise ValueError(f"expected times of at least 1, got {times}")

    def step(inputs: Any) -> Tensor:
        for _ in range(times - 1):
            work(inputs)
        return work(inputs)

    return step
