"""What training is of a user's own: a module, its batches and its loss, whoever trains it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.utils._pytree import tree_map_only


class OwnParts:
    """Give `build`, `make_batch` and `loss`; the same three for every suite that trains.

    A batch is a tensor, or a tuple or dict of tensors, whose first dimension is the rows.
    """

    @abstractmethod
    def build(self) -> nn.Module:
        """Make the module on CPU in float32; torch's generator is seeded before."""

    @abstractmethod
    def make_batch(self, seed: int) -> Any:
        """Draw a batch on CPU; equal seeds draw equal batches."""

    @abstractmethod
    def loss(self, module: nn.Module, batch: Any) -> Tensor:
        """Return the mean loss of a batch, a scalar."""


def for_tensors(change: Callable[[Tensor], Tensor], batch: Any) -> Any:
    """Change every tensor of a batch, whatever holds it."""
    return tree_map_only(Tensor, change, batch)
