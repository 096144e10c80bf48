"""An operator whose variants also tell what their result is worth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from bench import Measurement, Setting
from suites.faults.problem import Double


@dataclass(frozen=True)
class GradedDouble(Double):
    """y = 2 x, with a quality; the step of every variant is right, only the quality has faults."""

    def quality(self, built: Any, seed: int, setting: Setting) -> list[Measurement]:
        return [Measurement("error", "1", [built.worth(seed)])]


class Doubling(ABC):
    """The step that they share, beside the worth of a seed."""

    def step(self, inputs: tuple[Tensor, ...]) -> Tensor:
        return inputs[0] * 2

    @abstractmethod
    def worth(self, seed: int) -> float:
        """Return how good the result is."""
