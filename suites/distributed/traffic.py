"""Count what a step communicates: elements by collective as asked, bytes on the wire as sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from bench.workload import tensors_in

# Operator of torch's c10d library -> collective, and the argument that holds the whole buffer:
# an all-gather is counted by what it delivers, others by what they are given.
COLLECTIVES = {
    "allreduce_": ("all_reduce", 0),
    "allreduce_coalesced_": ("all_reduce", 0),
    "broadcast_": ("broadcast", 0),
    "reduce_": ("reduce", 0),
    "allgather_": ("all_gather", 0),
    "_allgather_base_": ("all_gather", 0),
    "allgather_coalesced_": ("all_gather", 0),
    "allgather_into_tensor_coalesced_": ("all_gather", 0),
    "reduce_scatter_": ("reduce_scatter", 1),
    "_reduce_scatter_base_": ("reduce_scatter", 1),
    "reduce_scatter_tensor_coalesced_": ("reduce_scatter", 1),
    "alltoall_": ("all_to_all", 1),
    "alltoall_base_": ("all_to_all", 1),
    "send": ("send", 0),
}
# Carry no elements, or those that another rank counts as sent.
UNCOUNTED = ("barrier", "monitored_barrier_", "recv_", "recv_any_source_")
CONTROL_ELEMENTS = 2  # a flag or a norm: no model has a tensor so small that is worth a message


class Traffic(TorchDispatchMode):
    """Count elements by collective while active; a flag or a norm counts as control instead."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.elements: Counter[str] = Counter()
        self.control_elements = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func.namespace == "c10d":
            self._count(func._schema.name.partition("::")[2], args)
        return func(*args, **(kwargs or {}))

    def _count(self, operator: str, args: Any) -> None:
        if operator in UNCOUNTED:
            return
        collective, position = COLLECTIVES.get(operator, (operator, 0))
        elements = sum(tensor.numel() for tensor in tensors_in(args[position]))
        if elements <= CONTROL_ELEMENTS:
            self.control_elements += elements
        else:
            self.elements[collective] += elements


class Wire:
    """Bytes this process wrote: with gloo on CPU, what it sent to other ranks."""

    num_bytes = 0


@contextmanager
def wire() -> Iterator[Wire]:
    """Count the bytes written within the block; nothing else may write in it."""
    counted = Wire()
    before = _written_bytes()
    yield counted
    counted.num_bytes = _written_bytes() - before


def wire_is_visible(device: torch.device) -> bool:
    """Say whether sent bytes pass the kernel's counter: NCCL's do not."""
    return device.type == "cpu"


def _written_bytes() -> int:
    for line in Path("/proc/self/io").read_text().splitlines():
        if line.startswith("wchar:"):
            return int(line.split()[1])
    raise OSError("/proc/self/io has no wchar")
