"""Work of known length, timed by us, torch.utils.benchmark and pytest-benchmark.

A spin reads a monotonic clock until its deadline and notes how long that really took, so that its
true length (the median) is known of the very calls that were timed: what a timer says beyond it is
bias, the cost of a call of Python's among it. Timers take turns in an order drawn by lot. The clock
itself is read back to back.
"""

from __future__ import annotations

import random
import time
from array import array
from collections.abc import Callable, Iterator
from statistics import median
from time import perf_counter_ns
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from benchmarks.results import FOLDER, Output, Quick, Row, Target, draw, machine_facts, tell, write
from benchmarks.timers import Timer, timers

LENGTHS_S = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
REPEATS, SECONDS = 7, 0.3
QUICK_SECONDS = 0.01
SEED = 20


class Spin:
    """Work until a deadline so many seconds away; how long that took is known afterwards."""

    def __init__(self, seconds: float):
        self._ns = round(seconds * 1e9)
        self._spent_ns = array("q")

    def __call__(self) -> None:
        begin = now = perf_counter_ns()
        deadline = begin + self._ns
        while now < deadline:
            now = perf_counter_ns()
        self._spent_ns.append(now - begin)

    @property
    def truth_s(self) -> float:
        return median(self._spent_ns) * 1e-9


def main(
    repeats: Annotated[int, typer.Option(min=1, help="Times each timer is asked.")] = REPEATS,
    seconds: Annotated[float, typer.Option(help="Seconds each may take.")] = SECONDS,
    quick: Quick = False,
    output: Output = FOLDER,
) -> None:
    """Measure the bias of this project's sampling and of two peers' timers."""
    console = Console(stderr=True)
    found, missing = timers()
    for line in missing:
        console.print(line, markup=False)
    lengths = LENGTHS_S[:2] if quick else LENGTHS_S
    repeats, seconds = (2, QUICK_SECONDS) if quick else (repeats, seconds)
    asked = [(length, i) for length in lengths for i in range(repeats)]
    rows = [
        row
        for length, i in track(asked, "timing", console=console)
        for row in _turn(length, found, seconds, random.Random(f"{SEED}-{i}"))
    ]
    from benchmarks.cost_figures import timer_figure

    paths = [write("timer", [*rows, *clock_rows()], machine_facts(), output)]
    paths.append(draw("timer", timer_figure(rows), output))
    tell([*_summary(rows)], paths, console)


def _turn(
    length_s: float,
    found: dict[str, Timer],
    seconds: float,
    order: random.Random,
) -> Iterator[Row]:
    """Let every timer time a work of its own, one after another in an order drawn by lot."""
    for name in order.sample(sorted(found), len(found)):
        job = Spin(length_s)
        begun = time.perf_counter()
        told_s = found[name](job, seconds)
        wall_s = time.perf_counter() - begun
        yield {
            "work": "spin",
            "asked_s": length_s,
            "timer": name,
            "time_s": told_s,
            "truth_s": job.truth_s,
            "bias_s": told_s - job.truth_s,
            "bias": told_s / job.truth_s - 1,
            "wall_s": wall_s,
        }


def clock_rows() -> list[Row]:
    """Read each clock back to back: what a reading costs, and the smallest step it shows."""
    clocks = {"perf_counter": time.perf_counter_ns, "thread_time": time.thread_time_ns}
    return [
        {"work": "clock", "timer": name, "time_s": overhead_s, "resolution_s": resolution_s}
        for name, clock in clocks.items()
        for overhead_s, resolution_s in [_read(clock)]
    ]


def _read(clock: Callable[[], int]) -> tuple[float, float]:
    gaps = []
    for _ in range(20_000):
        begin = clock()
        gaps.append(clock() - begin)
    return median(gaps) * 1e-9, min(gap for gap in gaps if gap > 0) * 1e-9


def _summary(rows: list[Row]) -> Iterator[Target]:
    """Say the median bias of every timer, by work and length."""
    keys = dict.fromkeys((row["work"], row["asked_s"], row["timer"]) for row in rows)
    for key in keys:
        own = [r for r in rows if (r["work"], r["asked_s"], r["timer"]) == key]
        bias, bias_s = (median(row[name] for row in own) for name in ("bias", "bias_s"))
        what = f"{key[0]} of {key[1] * 1e6:g} us, {key[2]}"
        yield Target(what, f"{bias:+.3%}, {bias_s * 1e9:+.0f} ns a call", None)


if __name__ == "__main__":
    typer.run(main)
