"""Count what a step communicates: elements by collective as asked, bytes on the wire as sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from bench import Measurement
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
    """Count calls, elements and bytes by collective while active.

    A flag or a norm counts as control instead.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.calls: Counter[str] = Counter()
        self.elements: Counter[str] = Counter()
        self.num_bytes: Counter[str] = Counter()
        self.control_elements = 0

    def measurements(self) -> list[Measurement]:
        """Return what was counted, a collective's bytes under its own name."""
        found = []
        for name, count in self.elements.items():
            counted = {"calls": self.calls[name], "elements": count}
            found += [Measurement(f"{name}_{k}", "1", [float(n)]) for k, n in counted.items()]
            found.append(Measurement(name, "bytes", [float(self.num_bytes[name])]))
        return found

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func.namespace == "c10d":
            self._count(operator_of(func), args)
        return func(*args, **(kwargs or {}))

    def _count(self, operator: str, args: Any) -> None:
        if operator in UNCOUNTED:
            return
        collective, position = COLLECTIVES.get(operator, (operator, 0))
        buffers = list(tensors_in(args[position]))
        elements = sum(tensor.numel() for tensor in buffers)
        if elements <= CONTROL_ELEMENTS:
            self.control_elements += elements
            return
        self.calls[collective] += 1
        self.elements[collective] += elements
        self.num_bytes[collective] += sum(tensor.nbytes for tensor in buffers)


def operator_of(func: Any) -> str:
    """Name an operator without its library, as `allreduce_`."""
    name: str = func._schema.name.partition("::")[2]
    return name


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
