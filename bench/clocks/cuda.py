"""The CUDA clock: event pairs around queued work, with the host kept ahead of the device."""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import Any

import torch

from bench.problem import Call

_EVENT_RESOLUTION_S = 0.5e-6  # CUDA's documented resolution of an event pair
_FLUSH_FACTOR = 2
_SPIN_CYCLES = 2_000_000
_SPIN_MARGIN = 2.0
_SPIN_MARGIN_MOST = 16.0
_SPIN_LEAST_S = 50e-6
_SPIN_MOST_S = 0.2


class CudaClock:
    """Times calls on one CUDA device.

    Before each sample a kernel that only spins is queued, long enough for the host to queue the
    whole sample behind it: no launch gap falls between the two events. If the first event has
    passed by the time the last is queued, the host was not ahead: the sample is thrown away, and
    taken again behind a longer spin. A host call that lasts as long as the spin has waited for
    the device: it synchronises, or fills the launch queue (about a thousand kernels). Such a step
    is timed by the host's clock around a device synchronise, and labelled `blocking`.
    """

    def __init__(self, device: str, cache: str, working_set_bytes: int):
        self._device = torch.device(device)
        self.single_calls = cache == "cold"
        l2 = torch.cuda.get_device_properties(self._device).L2_cache_size
        flushed = _FLUSH_FACTOR * l2 if self.single_calls else 0
        self._flush = (
            torch.empty(flushed, dtype=torch.uint8, device=self._device) if flushed else None
        )
        self._start = torch.cuda.Event(enable_timing=True)
        self._end = torch.cuda.Event(enable_timing=True)
        self._cycles_per_s = self._measure_spin()
        self._margin = _SPIN_MARGIN
        self._most_calls: int | None = None  # that the launch queue takes; found when it is full
        self._enqueue_s = 0.0
        self._blocking: bool | None = None
        self.overhead_s = _EVENT_RESOLUTION_S
        self.labels = {
            "clock": "CUDA events",
            "host_ahead": "yes",
            "cache_bytes": str(l2),
            "flushed_bytes": str(flushed),
            "working_set_bytes": str(working_set_bytes),
        }

    def now(self) -> float:
        return perf_counter()

    def mark(self) -> torch.cuda.Event:
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def seconds(self, begun: torch.cuda.Event, ended: torch.cuda.Event) -> float:
        return begun.elapsed_time(ended) * 1e-3

    def first(self, call: Call, inputs: Any) -> tuple[float, tuple[Any, ...]]:
        torch.cuda.synchronize(self._device)
        started = perf_counter()
        outputs = call(inputs)
        torch.cuda.synchronize(self._device)
        return perf_counter() - started, outputs

    def sample(self, call: Call, batch: list[Any]) -> tuple[dict[str, float], tuple[Any, ...]]:
        if self._blocking is None:
            self._detect_blocking(call, batch[0])
        if self._blocking:
            return self._by_host(call, batch)
        return self._by_events(call, batch)

    def _by_events(self, call: Call, batch: list[Any]) -> tuple[dict[str, float], tuple[Any, ...]]:
        """Time a batch in as many parts as the launch queue needs; each behind its own spin."""
        device_s = enqueue_s = 0.0
        done = 0
        while done < len(batch):
            part = batch[done : done + (self._most_calls or len(batch))]
            part_s, part_enqueue_s, outputs = self._part(call, part)
            if part_s is None:
                continue  # the queue was full; the next part is half as long
            device_s, enqueue_s = device_s + part_s, enqueue_s + part_enqueue_s
            done += len(part)
        times = {"time": device_s / len(batch), "enqueue_time": enqueue_s / len(batch)}
        self.labels["bound"] = "launch" if enqueue_s > device_s else "device"
        return times, outputs

    def _part(self, call: Call, part: list[Any]) -> tuple[float | None, float, tuple[Any, ...]]:
        """Time some calls behind one spin; None where fewer must be tried.

        A host that was slow is ahead behind a longer spin; one that fills the launch queue never.
        """
        for margin in (self._margin, 2 * self._margin, 4 * self._margin):
            spin_s = margin * self._enqueue_s * len(part) + _SPIN_LEAST_S
            self._spin(min(spin_s, _SPIN_MOST_S))
            self._flush_cache()
            self._start.record()
            started = perf_counter()
            for inputs in part:
                outputs = call(inputs)
            enqueue_s = perf_counter() - started
            self._end.record()
            ahead = not self._start.query()
            self._end.synchronize()
            if ahead:
                self._margin = min(margin, _SPIN_MARGIN_MOST)
                return self._start.elapsed_time(self._end) * 1e-3, enqueue_s, outputs
        if len(part) > 1:
            self._most_calls = len(part) // 2
            return None, 0.0, outputs
        self.labels["host_ahead"] = "no"
        return self._start.elapsed_time(self._end) * 1e-3, enqueue_s, outputs

    def _by_host(self, call: Call, batch: list[Any]) -> tuple[dict[str, float], tuple[Any, ...]]:
        self._flush_cache()
        torch.cuda.synchronize(self._device)
        started = perf_counter()
        for inputs in batch:
            outputs = call(inputs)
        torch.cuda.synchronize(self._device)
        return {"time": (perf_counter() - started) / len(batch)}, outputs

    def _detect_blocking(self, call: Call, inputs: Any) -> None:
        """Queue a long spin: a host call that outlasts it, but not itself, has waited for it."""
        call(inputs)
        torch.cuda.synchronize(self._device)
        started = perf_counter()
        call(inputs)
        alone_s = perf_counter() - started
        torch.cuda.synchronize(self._device)
        spin_s = 2 * alone_s + 5e-3
        self._spin(spin_s)
        started = perf_counter()
        call(inputs)
        self._blocking = perf_counter() - started > 0.8 * spin_s
        torch.cuda.synchronize(self._device)
        self._enqueue_s = alone_s
        if self._blocking:
            self.labels |= {
                "clock": "host clock around synchronise",
                "bound": "blocking",
                "host_ahead": "no",
            }

    def _flush_cache(self) -> None:
        if self._flush is not None:
            self._flush.zero_()

    def _spin(self, seconds: float) -> None:
        torch.cuda._sleep(int(seconds * self._cycles_per_s))

    def _measure_spin(self) -> float:
        """Measure how many cycles of the spinning kernel pass in a second."""
        torch.cuda._sleep(1000)
        rates = []
        for _ in range(3):
            self._start.record()
            torch.cuda._sleep(_SPIN_CYCLES)
            self._end.record()
            self._end.synchronize()
            rates.append(_SPIN_CYCLES / (self._start.elapsed_time(self._end) * 1e-3))
        return median(rates)
