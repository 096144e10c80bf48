"""What a computation would hold on a device, counted on one that holds nothing: torch's `meta`.

Kernels there compute shapes and types, forward and backward. What looks at values gets an answer.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

ATEN = torch.ops.aten
NUMBER = 1e4  # what a value is taken to be: of errors and norms, one that passes for an honest one


def answered(func: Any, args: Any) -> Any:
    """Return what an operator that looks at values would find at most; NotImplemented for others.

    Conditions hold, whole numbers are 0 and others `NUMBER`; a mask selects everything.
    """
    if not any(isinstance(arg, Tensor) and arg.is_meta for arg in args):
        return NotImplemented
    if func is ATEN._local_scalar_dense.default:
        kind = args[0].dtype
        return True if kind is torch.bool else NUMBER if kind.is_floating_point else 0
    if func is ATEN.equal.default:
        return True
    if func is ATEN.index.Tensor and any(i is not None and i.dtype is torch.bool for i in args[1]):
        return torch.empty_like(args[0]).reshape(-1)
    return NotImplemented


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of all storages on `meta` that are alive, and keeps their `peak`."""

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0
        self._known: weakref.WeakSet[Any] = weakref.WeakSet()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = answered(func, args)
        if found is NotImplemented:
            found = func(*args, **(kwargs or {}))
        for tensor in tree_iter(found):
            if isinstance(tensor, Tensor) and tensor.is_meta:
                self._count(tensor.untyped_storage())
        return found

    def _count(self, storage: torch.UntypedStorage) -> None:
        if storage in self._known:
            return
        self._known.add(storage)
        self.live += storage.nbytes()
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._free, storage.nbytes())

    def _free(self, num_bytes: int) -> None:
        self.live -= num_bytes


class HostGenerator(torch.Generator):
    """A generator of the host, for whatever device it is asked."""

    def __new__(cls, device: object = None) -> HostGenerator:
        return super().__new__(cls, "cpu")


@contextmanager
def counted_memory() -> Iterator[LiveBytes]:
    """Count what lives on `meta`; attention keeps its matrix, as a GPU's does in float64."""
    with (
        patch.object(torch, "Generator", HostGenerator),
        sdpa_kernel(SDPBackend.MATH),
        LiveBytes() as counted,
    ):
        yield counted
