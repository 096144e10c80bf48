"""What ran on a GPU in a call, as its profiler saw it: kernels and copies, not what the host did.

A driver may forbid to look, and a profiler may fail to: so a kernel of our own runs along, and
where not even that is seen, nothing is said about the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import torch
from torch.autograd import DeviceType  # type: ignore[attr-defined]
from torch.autograd.profiler import profile

CANARY = "spin_kernel"  # what torch.cuda._sleep runs
_CANARY_CYCLES = 1000
# what CUPTI tells of its own work, on the device's timeline
_OVERHEAD = re.compile(
    r"CUPTI|Activity Buffer|Buffer Flush|Command Buffer|Instrumentation|Lazy (Function|Module)|"
    r"Runtime Triggered|Resource$|Unrecognized"
)


class Event(Protocol):
    """One event of the profiler."""

    def name(self) -> str: ...
    def device_type(self) -> Any: ...
    def start_ns(self) -> int: ...


def kernels_of(run: Callable[[], Any], device: torch.device) -> list[str] | None:
    """Profile a function; name what it ran on the GPU, None where that cannot be seen."""
    with profile(use_device="cuda", use_kineto=True) as profiler:
        torch.cuda._sleep(_CANARY_CYCLES)
        run()
        torch.cuda.synchronize(device)
    assert profiler.kineto_results is not None
    return kernels_among(profiler.kineto_results.events())


def kernels_among(events: Iterable[Event]) -> list[str] | None:
    """Name what ran on the device, in order, besides the canary; None where that is missing."""
    on_device = [e for e in events if e.device_type() == DeviceType.CUDA]
    names = [event.name() for event in sorted(on_device, key=lambda event: event.start_ns())]
    if not any(CANARY in name for name in names):
        return None
    names.remove(next(name for name in names if CANARY in name))
    return [name for name in names if not _OVERHEAD.match(name)]
