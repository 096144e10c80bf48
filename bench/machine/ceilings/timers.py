"""What reading each clock costs, and how finely it tells times apart."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise
from statistics import median

import torch

from bench.machine.ceilings.roofline import Timer

NUM_READINGS = 2000
NUM_EVENTS = 200


def timers_of(device: torch.device) -> list[Timer]:
    """Measure the clocks that time calls on a device."""
    host = [
        host_timer("perf_counter", time.perf_counter_ns),
        host_timer("thread_time", time.thread_time_ns),
    ]
    return [*host, _events(device)] if device.type == "cuda" else host


def host_timer(name: str, read_ns: Callable[[], int]) -> Timer:
    """Read a clock back to back: the median gap is its cost, the least above 0 its resolution."""
    readings = [read_ns() for _ in range(NUM_READINGS)]
    return _timer(name, [(b - a) * 1e-9 for a, b in pairwise(readings)])


def _events(device: torch.device) -> Timer:
    """Record events back to back on the device."""
    events = [torch.cuda.Event(enable_timing=True) for _ in range(NUM_EVENTS)]
    for event in events:
        event.record()
    torch.cuda.synchronize(device)
    pairs = pairwise(events)
    return _timer("CUDA events", [a.elapsed_time(b) * 1e-3 for a, b in pairs])


def _timer(name: str, gaps_s: list[float]) -> Timer:
    """Summarise gaps; a clock that never moved has the whole stretch as its resolution."""
    resolution_s = min((gap for gap in gaps_s if gap > 0), default=sum(gaps_s))
    return Timer(name, median(gaps_s), resolution_s)
