"""Fresh inputs for every call, and poison for every output before it is written again."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from bench.tensors import storage_bytes, tensors_in


class Rotation:
    """Hands out the sets of inputs in turn and keeps the last outputs of each.

    With `copy_first` it also keeps a copy of the very first outputs, which poison spares.
    """

    def __init__(self, input_sets: list[Any], copy_first: bool = False):
        self.input_sets = input_sets
        self.last_outputs: dict[int, tuple[Tensor, ...]] = {}
        self.first_outputs: tuple[Tensor, ...] = ()
        self._copy_first = copy_first
        tensors = [tensor for inputs in input_sets for tensor in tensors_in(inputs)]
        self._input_storages = {t.untyped_storage().data_ptr() for t in tensors}
        self.input_bytes = storage_bytes(input_sets)
        self._next = 0

    def take(self, count: int) -> list[Any]:
        """Return the inputs of the next `count` calls."""
        numbers = [(self._next + i) % len(self.input_sets) for i in range(count)]
        self._next = (self._next + count) % len(self.input_sets)
        self._last = numbers[-1]
        return [self.input_sets[number] for number in numbers]

    def keep(self, outputs: tuple[Tensor, ...]) -> None:
        """Remember the outputs of the last call that was handed inputs."""
        if self._copy_first:
            self.first_outputs = tuple(output.detach().clone() for output in outputs)
            self._copy_first = False
        self.last_outputs[self._last] = outputs

    def poison(self) -> None:
        """Fill what is about to be computed again with NaN and free it, for the allocator to reuse.

        A step that returns without writing then hands back NaN (or memory it never touched).
        """
        for output in self.last_outputs.pop(self._next, ()):
            aliases_input = output.untyped_storage().data_ptr() in self._input_storages
            if output.is_floating_point() and not aliases_input:
                with torch.no_grad():
                    output.detach().fill_(float("nan"))
