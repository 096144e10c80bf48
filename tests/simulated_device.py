"""A device that is not there: tensors that say they are on `meta`, and hold their numbers here.

What would make a host wait for a GPU is noted as it happens: a number or a mask read back, and
copies between the device and the host that are not queued. What stays on the host (an optimizer's
count of steps) is of the host here too, and so is not mistaken for a wait. Autograd takes `meta` on
the calling thread, backward passes included.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import torch._dynamo  # imported later, it would meet the stand-ins
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

DEVICE = torch.device("meta")
HOST = torch.device("cpu")
TORCH = str(Path(torch.__file__).parent)

# what a GPU answers with a number of the host's, or with a shape that depends on numbers
READS = frozenset(
    """
    _local_scalar_dense nonzero masked_select is_nonzero equal unique_dim unique_consecutive
    _unique2 repeat_interleave bincount histc
    """.split()  # noqa: SIM905
)
COPIES = frozenset(("_to_copy", "copy_"))
INDEXES = frozenset(("index", "index_put", "index_put_"))


@dataclass(frozen=True)
class Wait:
    """What waited, and the file of whoever asked torch for it."""

    what: str
    file: str


class OnDevice(Tensor):
    """A tensor of the device; `held` has its numbers."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> OnDevice:
        made: OnDevice = Tensor._make_wrapper_subclass(
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=DEVICE,
        )
        made.held = held
        return made

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        raise AssertionError(f"expected a simulated device around {func}")


class Simulated(TorchDispatchMode):
    """Computes for tensors of the device, and keeps what waited for it."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[Wait] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        there = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, OnDevice)]
        _expect_one_device(func, args, kwargs, there)
        asked = kwargs.get("device")
        to_device = torch.device(asked).type == DEVICE.type if asked is not None else bool(there)
        if what := _waits(func, args, kwargs, len(there), to_device):
            self.waits.append(Wait(what, _asker()))
        if asked is not None and to_device:
            kwargs = {**kwargs, "device": HOST}
        unwrapped = tree_map_only(OnDevice, lambda t: t.held, (args, kwargs))
        found = func(*unwrapped[0], **unwrapped[1])
        if _mutates(func):
            return _written(func, args, kwargs, found)
        return tree_map_only(Tensor, OnDevice, found) if to_device else found


def _expect_one_device(func: Any, args: Any, kwargs: Any, there: list[OnDevice]) -> None:
    """Refuse what kernels refuse: tensors of both, unless one is a number of the host's."""
    name = func.overloadpacket.__name__
    if not there or name in COPIES or name in INDEXES:
        return
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    if any(tensor.dim() and not isinstance(tensor, OnDevice) for tensor in tensors):
        raise RuntimeError(f"expected all tensors of {func} on one device")


def _waits(func: Any, args: Any, kwargs: Any, num_there: int, to_device: bool) -> str:
    """Name what makes the host wait; nothing where it only queues."""
    name = func.overloadpacket.__name__
    if num_there and (name in READS or (name in INDEXES and _by_mask_or_list(args))):
        return name
    if name not in COPIES or _queued(name, args, kwargs):
        return ""
    crosses = num_there == 1 if name == "copy_" else bool(num_there) != to_device
    return ("copy from the device" if num_there else "copy to the device") if crosses else ""


def _asker() -> str:
    """Return the file of the innermost frame that is neither torch's nor of this simulation."""
    frame = sys._getframe(1)
    while frame.f_code.co_filename.startswith((TORCH, __file__)) and frame.f_back:
        frame = frame.f_back
    return frame.f_code.co_filename


def _by_mask_or_list(args: Any) -> bool:
    """Say whether an index is a mask, whose size the host must know, or lies on the host."""
    indices = [i for i in args[1] if i is not None]
    return any(i.dtype in (torch.bool, torch.uint8) or not isinstance(i, OnDevice) for i in indices)


def _queued(name: str, args: Any, kwargs: Any) -> bool:
    return bool(kwargs.get("non_blocking") or (name == "copy_" and len(args) > 2 and args[2]))


def _mutates(func: Any) -> bool:
    return any(a.alias_info is not None and a.alias_info.is_write for a in func._schema.arguments)


def _written(func: Any, args: Any, kwargs: Any, found: Any) -> Any:
    """Return what was written to, as it was given; None where nothing is returned."""
    if found is None or not func._schema.returns:
        return None
    named = [
        kwargs.get(a.name) if a.name in kwargs or i >= len(args) else args[i]
        for i, a in enumerate(func._schema.arguments)
        if a.alias_info is not None and a.alias_info.is_write
    ]
    return named[0] if len(func._schema.returns) == 1 else tuple(named)


class _Made(TorchFunctionMode):
    """Makes tensors of Python's numbers on the host first, and copies them, as torch does."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is Tensor.tolist:  # torch has it for no subclass
            return args[0].cpu().tolist()
        asked = kwargs.get("device")
        makes = func in (torch.tensor, torch.as_tensor, torch.asarray, torch.scalar_tensor)
        if makes and asked is not None and torch.device(asked).type == DEVICE.type:
            return func(*args, **{**kwargs, "device": HOST}).to(DEVICE)
        return func(*args, **kwargs)


class _Generator(torch.Generator):
    """A generator of the host's, whichever device it is asked for."""

    def __new__(cls, device: object = HOST) -> torch.Generator:
        return super().__new__(cls)


class _Autocast(torch.autocast):
    """Casts nothing: of which type products are does not change who waits for them."""

    def __init__(self, kind: str, *_: Any, **__: Any):
        super().__init__("cpu", enabled=False)


@contextmanager
def simulated(patch: pytest.MonkeyPatch) -> Iterator[Simulated]:
    """Compute on the device within; what torch has only for devices that it knows stands in."""
    patch.setattr(torch, "Generator", _Generator)
    patch.setattr(torch, "autocast", _Autocast)
    with ExitStack() as stack:
        found = stack.enter_context(Simulated())
        stack.enter_context(_Made())
        yield found
