"""The wall clock of a CUDA device: calls as whoever makes them waits for them."""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import Any

import torch

from bench.cases.problem import Call

FLUSH_FACTOR = 2
LABEL = "host clock around synchronise"
_SYNCHRONISATIONS = 20


class CudaWallClock:
    """Times n calls and one synchronise by the host's clock, launch gaps and all.

    Right for whatever waits for the device on its way, and for whatever is asked of the host too: a
    training step, a sampler. `device_time` beside it is what lies between two events around the
    same calls. Nothing synchronises within them.
    """

    def __init__(self, device: str, cache: str, working_set_bytes: int):
        self._device = torch.device(device)
        self.single_calls = cache == "cold"
        l2 = torch.cuda.get_device_properties(self._device).L2_cache_size
        flushed = FLUSH_FACTOR * l2 if self.single_calls else 0
        self._flush = (
            torch.empty(flushed, dtype=torch.uint8, device=self._device) if flushed else None
        )
        self._start = torch.cuda.Event(enable_timing=True)
        self._end = torch.cuda.Event(enable_timing=True)
        self.overhead_s = self._measure_synchronise()
        self.labels = {
            "clock": LABEL,
            "cache_bytes": str(l2),
            "flushed_bytes": str(flushed),
            "working_set_bytes": str(working_set_bytes),
        }

    def now(self) -> float:
        return perf_counter()

    def mark(self) -> torch.cuda.Event:
        return marked()

    def seconds(self, begun: torch.cuda.Event, ended: torch.cuda.Event) -> float:
        return begun.elapsed_time(ended) * 1e-3

    def first(self, call: Call, inputs: Any) -> tuple[float, tuple[Any, ...]]:
        torch.cuda.synchronize(self._device)
        started = perf_counter()
        outputs = call(inputs)
        torch.cuda.synchronize(self._device)
        return perf_counter() - started, outputs

    def sample(self, call: Call, batch: list[Any]) -> tuple[dict[str, float], tuple[Any, ...]]:
        self.flush()
        torch.cuda.synchronize(self._device)
        started = perf_counter()
        self._start.record()
        for inputs in batch:
            outputs = call(inputs)
        self._end.record()
        torch.cuda.synchronize(self._device)
        wall_s = perf_counter() - started
        device_s = self.seconds(self._start, self._end)
        return {"time": wall_s / len(batch), "device_time": device_s / len(batch)}, outputs

    def flush(self) -> None:
        """Write through twice the L2 cache, where calls are asked for cold."""
        if self._flush is not None:
            self._flush.zero_()

    def _measure_synchronise(self) -> float:
        """Measure what waiting for an idle device takes."""
        taken = []
        for _ in range(_SYNCHRONISATIONS):
            torch.cuda.synchronize(self._device)
            started = perf_counter()
            torch.cuda.synchronize(self._device)
            taken.append(perf_counter() - started)
        return max(median(taken), 1e-9)


def marked() -> torch.cuda.Event:
    """Record an event on the current stream; nothing waits."""
    event = torch.cuda.Event(enable_timing=True)
    event.record()
    return event
