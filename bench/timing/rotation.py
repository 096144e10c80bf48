"""Fresh inputs for every call, and poison for every output before it is written again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bench.cases.tensors import copied, replaced, tensors_in
from bench.checking.ownership import aliases, ours_alone, poison_part, poison_storage
from bench.checking.storages import storage_bytes

COPIES_BYTES = 64 << 20  # of inputs that are copied for the calls of one sample


class Rotation:
    """Hands out the sets of inputs in turn and keeps the last outputs of each.

    Memory is poisoned only where nobody else holds it; what a step keeps to itself is copied before
    the next call can overwrite it, and left alone, but for the parts that the check has seen
    `rewritten` by every call. With `copy_first` the very first outputs are copied too. `fresh`
    copies inputs that a call changes.
    """

    def __init__(
        self,
        input_sets: list[Any],
        copy_first: bool = False,
        rewritten: Sequence[int] = (),
        fresh: Callable[[Any], Any] | None = None,
    ):
        self.input_sets = input_sets
        self.last_outputs: dict[int, tuple[Any, ...]] = {}
        self.first_outputs: tuple[Any, ...] = ()
        self.input_bytes = storage_bytes(input_sets)
        self._copy_first, self._rewritten, self._fresh = copy_first, rewritten, fresh
        self._next = self._last = 0

    @property
    def most_calls(self) -> int | None:
        """Return the most calls a sample may have; None: any number."""
        if self._fresh is None:
            return None
        return max(COPIES_BYTES * len(self.input_sets) // max(self.input_bytes, 1), 1)

    def take(self, count: int) -> list[Any]:
        """Return the inputs of the next `count` calls."""
        numbers = [(self._next + i) % len(self.input_sets) for i in range(count)]
        self._next = (self._next + count) % len(self.input_sets)
        self._last = numbers[-1]
        return [self.given(number) for number in numbers]

    def given(self, number: int) -> Any:
        """Return a set of inputs as a call gets it."""
        inputs = self.input_sets[number]
        return inputs if self._fresh is None else self._fresh(inputs)

    def keep(self, returned: tuple[Any, ...]) -> None:
        """Remember what the last call that was handed inputs returned."""
        kept = aliases(returned)
        if self._copy_first:
            self.first_outputs = copied(kept)
            self._copy_first = False
        self.last_outputs[self._last] = kept

    def poison(self) -> None:
        """Fill what is about to be computed again with NaN and free it, for the allocator to reuse.

        A step that returns without writing then hands back NaN (or memory it never touched).
        """
        self._rescue()
        outputs = tensors_in(self.last_outputs.pop(self._next, ()))
        for mine, tensor in zip(ours_alone(outputs, self.input_sets), outputs, strict=True):
            if mine:
                poison_storage(tensor)

    def _rescue(self) -> None:
        """Copy those of the latest outputs that the step holds as well: it may write them again."""
        latest = self.last_outputs.get(self._last, ())
        outputs = tensors_in(latest)
        shared = [i for i, mine in enumerate(ours_alone(outputs, self.input_sets)) if not mine]
        if not shared:
            return
        copies = {id(outputs[number]): outputs[number].clone() for number in shared}
        self.last_outputs[self._last] = replaced(latest, lambda t: copies.get(id(t), t))
        for number in set(shared) & set(self._rewritten):
            poison_part(outputs[number])
