"""The CPU clock: nanoseconds on the wall, and CPU time of the calling thread beside them."""

from __future__ import annotations

from functools import cache as once
from pathlib import Path
from statistics import median
from time import perf_counter, perf_counter_ns, thread_time_ns
from typing import Any

import torch

from bench.cases.problem import Call

_ASSUMED_CACHE_BYTES = 64 << 20  # where the kernel does not say
_FLUSH_FACTOR = 2


class CpuClock:
    """Times calls on CPU; `cold` writes through twice the last-level cache before every call."""

    def __init__(self, cache: str, working_set_bytes: int):
        self.single_calls = cache == "cold"
        self.overhead_s = timer_overhead_s()
        llc = last_level_cache_bytes()
        flushed = _FLUSH_FACTOR * (llc or _ASSUMED_CACHE_BYTES) if self.single_calls else 0
        self._flush = torch.ones(flushed, dtype=torch.uint8) if flushed else None
        self.labels = {
            "clock": "perf_counter",
            "cache_bytes": str(llc or "unknown"),
            "flushed_bytes": str(flushed),
            "working_set_bytes": str(working_set_bytes),
        }

    def now(self) -> float:
        return perf_counter()

    def mark(self) -> float:
        return perf_counter()

    def seconds(self, begun: float, ended: float) -> float:
        return ended - begun

    def first(self, call: Call, inputs: Any) -> tuple[float, tuple[Any, ...]]:
        started = perf_counter()
        outputs = call(inputs)
        return perf_counter() - started, outputs

    def sample(self, call: Call, batch: list[Any]) -> tuple[dict[str, float], tuple[Any, ...]]:
        if self._flush is not None:
            self._flush.add_(1)
        thread_started = thread_time_ns()
        started = perf_counter_ns()
        for inputs in batch:
            outputs = call(inputs)
        wall = perf_counter_ns() - started
        thread = thread_time_ns() - thread_started
        scale = 1e-9 / len(batch)
        return {"time": wall * scale, "thread_time": thread * scale}, outputs


@once
def timer_overhead_s() -> float:
    """Measure two readings of the clock back to back."""
    gaps = []
    for _ in range(200):
        started = perf_counter_ns()
        gaps.append(perf_counter_ns() - started)
    return max(median(gaps), 1) * 1e-9


def last_level_cache_bytes() -> int | None:
    """Read the largest cache of CPU 0; None where the kernel does not tell."""
    sizes = Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size")
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    texts = [path.read_text().strip() for path in sizes]
    return max((int(t[:-1]) * units[t[-1]] for t in texts if t[-1:] in units), default=None)
