"""Measure a device's ceilings; runs in a worker of its own."""

from __future__ import annotations

import os
from dataclasses import replace
from time import perf_counter

import torch

from bench.cases.case import DTYPES
from bench.machine.ceilings.probes import LAUNCH, probes_of
from bench.machine.ceilings.roofline import Bandwidth, Ceilings, ProductRate
from bench.machine.ceilings.rounds import Best, best_of_rounds
from bench.machine.ceilings.timers import timers_of
from bench.state import allocator, load
from bench.timing.clocks import clock_on

NUM_ROUNDS = 5
NUM_TRIES = 2  # where other work disturbs the first


def measure(device: str, threads: int) -> Ceilings:
    """Return the ceilings of a device at a number of threads, or what others left of them.

    One thread has moments to itself on a busy machine too, and the best of them counts. Several
    wait for each other in every call: what they reach then is no ceiling.
    """
    torch.set_num_threads(threads)
    if device != "cpu":
        torch.cuda.set_device(device)
    elif not allocator.cannot_fix():
        allocator.fix()
    for _ in range(NUM_TRIES):
        before = load.snapshot()
        found = _once(device, threads)
        elsewhere = load.between(before, load.snapshot())
        free = max(len(os.sched_getaffinity(0)) - threads, 0)
        if threads == 1 or not (elsewhere.contended or elsewhere.crowded(free)):
            return found
        if found.rounds < NUM_ROUNDS:
            break  # it drags on: a second try would only take as long
    return replace(found, disturbed=True)


def _once(device: str, threads: int) -> Ceilings:
    started = perf_counter()
    there = torch.device(device)
    with torch.inference_mode():
        best = best_of_rounds(probes_of(there), lambda: clock_on(device), NUM_ROUNDS)
    return Ceilings(
        device=device,
        threads=threads,
        bandwidths=[_bandwidth(b) for kind, b in best.items() if kind not in (*DTYPES, LAUNCH)],
        products=[_product_rate(best[dtype]) for dtype in DTYPES if dtype in best],
        launch_s=1 / best[LAUNCH].rate,
        timers=timers_of(there),
        rounds=best[LAUNCH].num_rounds,
        wall_s=perf_counter() - started,
    )


def _bandwidth(best: Best) -> Bandwidth:
    return Bandwidth(int(best.probe.amount), best.rate, best.spread, best.probe.name)


def _product_rate(best: Best) -> ProductRate:
    return ProductRate(best.probe.kind, best.rate, best.spread, int(best.probe.name))
