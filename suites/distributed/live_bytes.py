"""Count the bytes of tensors that a computation makes and keeps alive, and the largest of them."""

from __future__ import annotations

import weakref
from typing import Any

from torch import Tensor, UntypedStorage
from torch.utils._python_dispatch import TorchDispatchMode

from bench.workload import tensors_in


class LiveBytes(TorchDispatchMode):
    """While active, follows the storages of all results; those of what is given do not count.

    What kernels and communication threads hold on the way is not seen.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live = self.peak = self.largest = 0
        self._known: weakref.WeakSet[UntypedStorage] = weakref.WeakSet()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        for given in tensors_in((args, kwargs or {})):
            self._known.add(given.untyped_storage())
        found = func(*args, **(kwargs or {}))
        for made in tensors_in(found):
            self._count(made)
        return found

    def _count(self, made: Tensor) -> None:
        storage = made.untyped_storage()
        if storage in self._known:
            return
        self._known.add(storage)
        self.live += storage.nbytes()
        self.peak = max(self.peak, self.live)
        self.largest = max(self.largest, storage.nbytes())
        weakref.finalize(storage, self._free, storage.nbytes())

    def _free(self, num_bytes: int) -> None:
        self.live -= num_bytes
