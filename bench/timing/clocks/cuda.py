"""The CUDA clock: event pairs around queued work, with the host kept ahead of the device."""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import Any

import torch

from bench.cases.problem import Call
from bench.timing.clocks.cuda_wall import LABEL, CudaWallClock

_EVENT_RESOLUTION_S = 0.5e-6  # CUDA's documented resolution of an event pair
_SPIN_CYCLES = 2_000_000
_WARM_UP_CYCLES = 100_000_000  # tens of milliseconds: an idle device's clock is low
_SPIN_MARGIN = 2.0
_SPIN_MARGIN_MOST = 16.0
_SPIN_LEAST_S = 50e-6
_SPIN_MOST_S = 0.2
_FULL = 0.8  # of a spin: a host that took so long to queue work behind it waited for a place
_TRIES = 4


class CudaClock(CudaWallClock):
    """Times calls on one CUDA device.

    Before each sample a kernel that only spins is queued, long enough for the host to queue the
    whole sample behind it: no launch gap falls between the two events. If the first event has
    passed by the time the last is queued, the host was not ahead: the sample is thrown away, and
    taken again behind a longer spin, or in halves where the launch queue (about a thousand
    kernels) was full. What even then has a gap is kept, and its share told. A host call that lasts
    as long as the spin has waited for the device: it synchronises, or fills the queue alone. Such a
    step is timed by the wall clock, and labelled `blocking`.
    """

    def __init__(self, device: str, cache: str, working_set_bytes: int):
        super().__init__(device, cache, working_set_bytes)
        self._cycles_per_s = self._measure_spin()
        self._margin = _SPIN_MARGIN
        self._most_calls: int | None = None  # that the launch queue takes; found when it is full
        self._enqueue_s = 0.0
        self._blocking: bool | None = None
        self._parts = self._behind = 0
        self.overhead_s = _EVENT_RESOLUTION_S
        self.labels |= {"clock": "CUDA events", "host_ahead": "yes"}

    def sample(self, call: Call, batch: list[Any]) -> tuple[dict[str, float], tuple[Any, ...]]:
        if self._blocking is None:
            self._detect_blocking(call, batch[0])
        if self._blocking:
            return super().sample(call, batch)
        return self._by_events(call, batch)

    def _by_events(self, call: Call, batch: list[Any]) -> tuple[dict[str, float], tuple[Any, ...]]:
        """Time a batch in as many parts as the launch queue needs; each behind its own spin."""
        device_s = enqueue_s = 0.0
        done = 0
        while done < len(batch):
            part = batch[done : done + (self._most_calls or len(batch))]
            timed = self._part(call, part)
            if timed is None:
                continue  # the queue was full; the next part is half as long
            part_s, part_enqueue_s, outputs = timed
            device_s, enqueue_s = device_s + part_s, enqueue_s + part_enqueue_s
            done += len(part)
        times = {"time": device_s / len(batch), "enqueue_time": enqueue_s / len(batch)}
        self.labels["bound"] = "launch" if enqueue_s > device_s else "device"
        return times, outputs

    def _part(self, call: Call, part: list[Any]) -> tuple[float, float, tuple[Any, ...]] | None:
        """Time some calls behind one spin; None where fewer must be tried.

        A host that was slow is ahead behind a longer spin; one that fills the launch queue never.
        """
        for margin in (self._margin, 2 * self._margin, 4 * self._margin):
            spin_s = min(margin * self._enqueue_s * len(part) + _SPIN_LEAST_S, _SPIN_MOST_S)
            self._spin(spin_s)
            self.flush()
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
                self._tell_of(ahead=True)
                return self.seconds(self._start, self._end), enqueue_s, outputs
            if len(part) > 1 and enqueue_s > _FULL * spin_s:
                break
        if len(part) > 1:
            self._most_calls = len(part) // 2
            return None
        self._tell_of(ahead=False)
        return self.seconds(self._start, self._end), enqueue_s, outputs

    def _tell_of(self, ahead: bool) -> None:
        """Keep the share of parts that the host was not ahead for: those hold launch gaps."""
        self._parts += 1
        self._behind += not ahead
        if self._behind:
            self.labels["host_ahead"] = "no"
            self.labels["host_behind_share"] = f"{self._behind / self._parts:.3f}"

    def _detect_blocking(self, call: Call, inputs: Any) -> None:
        """Queue a long spin: a host call that outlasts it, but not itself, has waited for it.

        Spins are counted in cycles, and a device whose clock has risen outruns them: each is timed
        by events, and a spin that was too short to tell is tried again.
        """
        call(inputs)
        torch.cuda.synchronize(self._device)
        started = perf_counter()
        call(inputs)
        alone_s = perf_counter() - started
        torch.cuda.synchronize(self._device)
        self._enqueue_s = alone_s
        for _ in range(_TRIES):
            took_s, spun_s = self._behind_a_spin(call, inputs, 2 * alone_s + 5e-3)
            if spun_s > 1.5 * alone_s:
                break
        self._blocking = took_s > _FULL * spun_s
        if self._blocking:
            self.labels |= {"clock": LABEL, "bound": "blocking", "host_ahead": "no"}

    def _behind_a_spin(self, call: Call, inputs: Any, spin_s: float) -> tuple[float, float]:
        """Return the seconds of a host call behind a spin, and those of the spin itself."""
        self._start.record()
        self._spin(spin_s)
        self._end.record()
        started = perf_counter()
        call(inputs)
        took_s = perf_counter() - started
        torch.cuda.synchronize(self._device)
        spun_s = self.seconds(self._start, self._end)
        self._cycles_per_s *= spin_s / spun_s
        return took_s, spun_s

    def _spin(self, seconds: float) -> None:
        torch.cuda._sleep(int(seconds * self._cycles_per_s))

    def _measure_spin(self) -> float:
        """Measure how many cycles of the spinning kernel pass in a second, on a warm device."""
        torch.cuda._sleep(_WARM_UP_CYCLES)
        rates = []
        for _ in range(3):
            self._start.record()
            torch.cuda._sleep(_SPIN_CYCLES)
            self._end.record()
            self._end.synchronize()
            rates.append(_SPIN_CYCLES / self.seconds(self._start, self._end))
        return median(rates)
