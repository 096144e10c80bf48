"""Lengths of kernels by the CUDA clock, by a plain pair of events, and by the host's clock."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import torch

from bench.timing.clocks import clock_on

SPIN_CYCLES = 50_000_000  # tens of milliseconds
TIMES = 5
SIZE = 4096


def lengths(device: str) -> dict[str, float]:
    """Return seconds by name, and the cycles of a spin in one of them."""
    torch.cuda.set_device(device)
    _warm_up()
    spin_s = _by_events(lambda: _spin(SPIN_CYCLES))
    product = _product(device)
    return {
        "spin_by_events": spin_s,
        "spin_by_host": _by_host(lambda: _spin(SPIN_CYCLES)),
        "tenfold_by_events": _by_events(lambda: _spin(10 * SPIN_CYCLES), times=2),
        "spin_by_clock": by_clock(device, lambda: _spin(SPIN_CYCLES)),
        "product_by_events": _by_events(product),
        "product_by_clock": by_clock(device, product),
        "cycles_per_s": SPIN_CYCLES / spin_s,
    }


def by_clock(device: str, call: Callable[[], Any], cache: str = "warm") -> float:
    """Return the median seconds of a call by the instrument's own clock."""
    clock = clock_on(device, cache)

    def timed(_: None) -> tuple[Any, ...]:
        return (call(),)

    clock.first(timed, None)
    return median(clock.sample(timed, [None])[0]["time"] for _ in range(3 * TIMES))


def _by_events(call: Callable[[], Any], times: int = TIMES) -> float:
    begun, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    taken = []
    for _ in range(times):
        begun.record()
        call()
        ended.record()
        ended.synchronize()
        taken.append(begun.elapsed_time(ended) * 1e-3)
    return median(taken)


def _by_host(call: Callable[[], Any]) -> float:
    taken = []
    for _ in range(TIMES):
        torch.cuda.synchronize()
        started = perf_counter()
        call()
        torch.cuda.synchronize()
        taken.append(perf_counter() - started)
    return median(taken)


def _product(device: str) -> Callable[[], Any]:
    """Return a product of some milliseconds, beside which a launch is nothing."""
    left = torch.randn(SIZE, SIZE, device=device)
    out = torch.empty_like(left)
    torch.mm(left, left, out=out)
    return lambda: torch.mm(left, left, out=out)


def _spin(cycles: int) -> None:
    torch.cuda._sleep(cycles)


def _warm_up() -> None:
    """Let the clock of an idle device rise."""
    for _ in range(3):
        _spin(2 * SPIN_CYCLES)
    torch.cuda.synchronize()
