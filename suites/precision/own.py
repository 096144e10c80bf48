"""A module and a loss of the user's own, trained under every policy."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn

from bench.workload import lifted
from suites.models.own_training import OwnParts
from suites.models.seeded import seeded
from suites.precision.training import Training
from suites.precision.workload import Batch


@dataclass(frozen=True)
class OwnTraining(OwnParts, Training):
    """Subclass as a frozen dataclass with `build`, `make_batch` and `loss`; see docs/adding.md.

    What is checked of a forward pass is the loss. Types that a module names inside are float64
    where it is held to float64.
    """

    contested_by: ClassVar[str] = "suites.precision"
    num_steps: int = 40

    @abstractmethod
    def loss(self, module: nn.Module, batch: Any) -> Tensor:  # type: ignore[override]
        """Return the mean loss of a batch, a scalar."""

    def network(self, seed: int) -> nn.Module:
        return seeded(seed, self.build)

    def draw(self, seed: int) -> Batch:
        return self.make_batch(seed)

    def output(self, network: nn.Module, batch: Batch) -> Tensor:
        return self.loss(network, batch).reshape(1)

    def loss_of(self, output: Tensor, batch: Batch) -> Tensor:
        return output.sum()

    def exactly(self) -> AbstractContextManager[None]:
        return lifted()
