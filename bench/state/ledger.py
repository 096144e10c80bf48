"""Every block that torch's CPU allocator hands out and takes back, from before set-up on.

Events of the profiler are joined by address, so that it does not matter who holds a block: a Python
object of whatever type, a graph of autograd, a container of C++. The profiler does not follow
threads that Python or a library starts; whoever counts has to look for theirs by other means, of
which malloc's own count of large blocks is one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from torch._C._profiler import _EventType
from torch.autograd.profiler import profile, record_function

from bench.state import allocator

_MARK = "touchstone: mark"


@dataclass(frozen=True)
class Block:
    """What lies at one address: its length, and the how manieth allocation it was."""

    num_bytes: int
    serial: int


@dataclass(frozen=True)
class Moment:
    """A marked moment: the blocks alive by address, and the most bytes alive since the one before.

    `operators` are the names of what ran since the one before, in order; `allocations` and
    `allocated_bytes` are of then, too.
    """

    live: dict[int, Block]
    peak_bytes: int
    operators: list[str]
    allocations: int = 0
    allocated_bytes: int = 0

    @property
    def live_bytes(self) -> int:
        return sum(block.num_bytes for block in self.live.values())

    @property
    def large_blocks(self) -> list[int]:
        """List the lengths of blocks that have a mapping of their own."""
        lengths = (block.num_bytes for block in self.live.values())
        return [length for length in lengths if length >= allocator.OWN_MAPPING_BYTES]

    def born_since(self, before: Moment) -> int:
        """Return the bytes alive now that were allocated after an earlier moment."""
        old = {(address, block.serial) for address, block in before.live.items()}
        born = ((a, b) for a, b in self.live.items() if (a, b.serial) not in old)
        return sum(block.num_bytes for _, block in born)


class Ledger:
    """Opened before the first allocation that counts, marked where it matters, closed, read."""

    def __init__(self) -> None:
        self._large_before = allocator.separate_bytes() if self.separate() else None
        self._profiler = profile(profile_memory=True)
        self._profiler.__enter__()

    def separate(self) -> bool:
        """Have malloc count large blocks; again after others' code, which may tell it otherwise."""
        return allocator.separate_blocks()

    def mark(self) -> None:
        """Remember this moment."""
        with record_function(_MARK):
            pass

    def large_bytes(self) -> int | None:
        """Return what malloc holds in blocks of 64 KiB and more, tensors or not, since the opening.

        None where malloc does not tell.
        """
        if self._large_before is None:
            return None
        return allocator.separate_bytes() - self._large_before

    def close(self) -> None:
        """Stop following; only then can it be read."""
        self._profiler.__exit__(None, None, None)

    def moments(self) -> list[Moment]:
        """Return what was alive at every mark."""
        live: dict[int, Block] = {}
        moments: list[Moment] = []
        operators: list[str] = []
        total = peak = serial = number = taken = 0
        for event in sorted(self._events(), key=lambda event: event.start_time_ns):
            if event.name == _MARK:
                moments.append(Moment(dict(live), peak, operators, number, taken))
                operators, peak, number, taken = [], total, 0, 0
            elif event.tag != _EventType.Allocation:
                operators.append(event.name)
            elif event.extra_fields.device.type == "cpu":
                serial += 1
                asked = max(event.extra_fields.alloc_size, 0)
                number, taken = number + (asked > 0), taken + asked
                total += _book(live, event.extra_fields, serial)
                peak = max(peak, total)
        return moments

    def _events(self) -> Iterator[Any]:
        results = self._profiler.kineto_results
        assert results is not None  # it is closed
        waiting: list[Any] = list(results.experimental_event_tree())
        while waiting:
            event = waiting.pop()
            waiting.extend(event.children)
            if event.tag in (_EventType.Allocation, _EventType.TorchOp):
                yield event


def _book(live: dict[int, Block], entry: Any, serial: int) -> int:
    """Enter an allocation or a free; return by how many bytes what is alive has grown.

    A block whose end nobody saw ends where its address is handed out again.
    """
    ended = live.pop(entry.ptr, None)
    grown = -ended.num_bytes if ended else 0
    if entry.alloc_size < 0:
        return grown
    live[entry.ptr] = Block(entry.alloc_size, serial)
    return grown + entry.alloc_size
