"""Watch the dispatcher: every operator of a call, in every thread that autograd runs for it.

A compiled region stays compiled and is passed by, except for the operators that its graph calls
from outside of what was fused. A tensor that handles operators itself (a DTensor) is let to: what
it runs then is seen.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from bench.checking.structure.flops import flops_of
from bench.checking.structure.operators import COPIES, Operator, num_bytes, tensors_among
from bench.checking.structure.structure import Structure

NUM_HEAVY = 12
_NO_HANDLER = Tensor.__torch_dispatch__  # of tensors that leave operators to torch
_COLLECTIVES = ("c10d::", "_c10d_functional::", "_dtensor::")
_INSTRUMENTS = ("profiler::", "prim::")
_NO_COLLECTIVES = ("wait_tensor", "barrier", "monitored_barrier_")


class Tally:
    """Counts operators as they end; it keeps no tensor."""

    def __init__(self) -> None:
        self.operators: dict[str, int] = {}
        self.host_reads: dict[str, int] = {}
        self.copies: dict[str, int] = {}
        self.copied_bytes: dict[str, int] = {}
        self.collectives: dict[str, int] = {}
        self.flops = self.read = self.written = 0
        self._shaped: dict[tuple[str, tuple[Any, ...]], list[int]] = {}
        self._order = blake2b(digest_size=8)

    def add(self, called: Any, own: Operator, args: Any, kwargs: Any, output: Any) -> None:
        """Count one call of an operator."""
        given = list(tensors_among((*args, *kwargs.values())))
        made = list(tensors_among((output,)))
        label = f"{own.name} {_dtypes(given, made)}".rstrip()
        self.operators[label] = self.operators.get(label, 0) + 1
        shapes = tuple(tuple(one.shape) for one in given)
        self._order.update(f"{label}{shapes}".encode())
        read, written = _moved(own, args, kwargs, given, made)
        flops = flops_of(called, args, kwargs, output)
        self._weigh((label, shapes), flops, read + written)
        self.read, self.written = self.read + read, self.written + written
        self.flops += flops
        self._sort(own, given, made, read)

    def _weigh(self, key: tuple[str, tuple[Any, ...]], flops: int, moved: int) -> None:
        found = self._shaped.setdefault(key, [0, 0, 0])
        for place, value in enumerate((flops, moved, 1)):
            found[place] += value

    def _sort(self, own: Operator, given: list[Tensor], made: list[Tensor], read: int) -> None:
        """Enter what is more than an operator: a read by the host, a copy, a collective."""
        if own.waits(given):
            _count(self.host_reads, own.name)
        elif own.name in COPIES and given and made:
            source = given[-1] if own.name == "copy_" else given[0]
            where = _direction(source, made[0])
            _count(self.copies, where)
            _count(self.copied_bytes, where, num_bytes(source))
        elif own.name.startswith(_COLLECTIVES) and not own.name.endswith(_NO_COLLECTIVES):
            sent = sum(map(num_bytes, given))
            _count(self.collectives, f"{own.name.partition('::')[2]} {sent} bytes")

    def structure(self) -> Structure:
        """Return what was counted."""
        heaviest = sorted(self._shaped.items(), key=lambda item: (-item[1][0], -item[1][1]))
        kept = [(_shaped(*key), found[2]) for key, found in heaviest[:NUM_HEAVY] if any(found[:2])]
        return Structure(
            operators=self.operators,
            order=self._order.hexdigest(),
            heavy=dict(kept),
            host_reads=self.host_reads,
            copies=self.copies,
            copied_bytes=self.copied_bytes,
            collectives=self.collectives,
            flops=self.flops,
            bytes_read=self.read,
            bytes_written=self.written,
        )


class Watch(TorchDispatchMode):
    """The mode that a call runs under."""

    supports_higher_order_operators = True

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.tally = Tally()
        self._known: dict[Any, Operator] = {}

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Keep torch from importing Dynamo for every call that is watched; see `watch`."""
        return False

    @classmethod
    def ignore_compile_internals(cls) -> bool:
        """Let what is compiled run as it is."""
        return True

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type[Tensor]],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Run an operator, and count it."""
        kwargs = kwargs or {}
        if any(kind.__torch_dispatch__ is not _NO_HANDLER for kind in types):
            return NotImplemented
        own = self._known.get(func)
        if own is None:
            own = self._known[func] = Operator.of(func)
        if own.composite:  # without autograd, as in inference mode, nobody has taken it apart
            with self:
                parts = func.decompose(*args, **kwargs)
            if parts is not NotImplemented:
                return parts
        output = func(*args, **kwargs)
        if not own.name.startswith(_INSTRUMENTS):
            self.tally.add(func, own, args, kwargs, output)
        return output


def watch() -> Watch:
    """Return a mode; where Dynamo is there, one that it leaves alone."""
    dynamo = sys.modules.get("torch._dynamo")
    if dynamo is None:
        return Watch()
    left_alone = dynamo.disable(Watch.__torch_dispatch__)

    class Untraced(Watch):
        __torch_dispatch__ = left_alone

    return Untraced()


def _moved(
    own: Operator, args: Any, kwargs: Any, given: list[Tensor], made: list[Tensor]
) -> tuple[int, int]:
    """Return the bytes that an operator reads of its tensors, and writes."""
    if own.views:
        return 0, 0
    changed = own.changed(args, kwargs)
    written = changed or ([] if own.reserves else made)
    ours = {id(one) for one in changed} if "out" in own.writes or own.name == "copy_" else set()
    read = sum(num_bytes(one) for one in given if id(one) not in ours)
    return read, sum(map(num_bytes, written))


def _dtypes(given: list[Tensor], made: list[Tensor]) -> str:
    """Name the dtypes that an operator was given, and those it made of them where they differ."""
    before = "+".join(dict.fromkeys(_dtype(one) for one in given))
    after = "+".join(dict.fromkeys(_dtype(one) for one in made))
    if not before or not after or before == after:
        return before or after
    return f"{before} → {after}"


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _direction(source: Tensor, target: Tensor) -> str:
    here, there = source.device.type, target.device.type
    return f"within {here}" if here == there else f"{here} → {there}"


def _shaped(label: str, shapes: tuple[Any, ...]) -> str:
    told = " ".join("×".join(map(str, shape)) or "()" for shape in shapes[:4])
    return f"{label} {told}{' …' if len(shapes) > 4 else ''}"


def _count(found: dict[str, int], name: str, number: int = 1) -> None:
    found[name] = found.get(name, 0) + number
