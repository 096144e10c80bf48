"""Whether a yardstick run beside each timed process tells what the machine did to it then.

Two neighbouring processes are the two sides of a round of unchanged code. The log ratio of their
times is regressed on that of their yardsticks, run just before and after, in the even rounds; how
much less it spreads by that slope is told of the odd ones.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from statistics import fmean, stdev
from typing import Annotated

import typer
from rich.console import Console
from scipy import stats

from benchmarks.placement import WORKLOADS, forked, median_s
from benchmarks.results import FOLDER, Output, Row, machine_facts, tell, write

ROUNDS = 120
YARDSTICK_S = 0.015
SHARE_S = 0.08

Told = dict[str, float]  # seconds of a call, of the workload and of every yardstick


def main(
    rounds: Annotated[int, typer.Option(min=8, help="Pairs of processes.")] = ROUNDS,
    output: Output = FOLDER,
) -> None:
    """Measure how much steadier a round's log ratio is once a yardstick is taken into account."""
    import torch

    torch.set_num_threads(1)
    pairs: dict[str, list[tuple[Told, Told]]] = {name: [] for name in WORKLOADS}
    for _ in range(rounds):
        for name, workload in WORKLOADS.items():
            pairs[name].append((_process(workload), _process(workload)))
    rows = [row_of(*names, pairs[names[0]]) for names in _both()]
    tell([], [write("covariate", rows, machine_facts(), output)], Console(stderr=True))


def row_of(workload: str, yardstick: str, pairs: list[tuple[Told, Told]]) -> Row:
    """Return the slope of the even rounds, and the spread of the odd ones with it and without."""
    logs = [[math.log(a[name] / b[name]) for a, b in pairs] for name in (workload, yardstick)]
    (time_even, time_odd), (stick_even, stick_odd) = ((own[::2], own[1::2]) for own in logs)
    slope = sum(map(math.prod, zip(stick_even, time_even, strict=True))) / sum(
        x * x for x in stick_even
    )
    left = [t - slope * x for t, x in zip(time_odd, stick_odd, strict=True)]
    correlation = stats.spearmanr(logs[0], logs[1])
    return {
        "workload": workload,
        "yardstick": yardstick,
        "rounds": len(pairs),
        "spread": stdev(time_odd),
        "spread_with_it": stdev(left),
        "gain": stdev(time_odd) / stdev(left),
        "slope": slope,
        "rank_correlation": float(correlation.statistic),
        "yardstick_spread": stdev(stick_odd),
    }


def _both() -> list[tuple[str, str]]:
    return [(workload, yardstick) for workload in WORKLOADS for yardstick in ("compute", "memory")]


def _process(workload: Callable[[], Callable[[], object]]) -> Told:
    """Return what one process tells: its calls, and each yardstick's mean of before and after."""
    name = next(key for key, value in WORKLOADS.items() if value is workload)

    def told() -> Told:
        from bench.state import allocator

        allocator.fix()
        allocator.ask_for_huge_pages()
        sticks, call = _yardsticks(), workload()
        before = {key: median_s(stick, YARDSTICK_S) for key, stick in sticks.items()}
        own_s = median_s(call, SHARE_S)
        after = {key: median_s(stick, YARDSTICK_S) for key, stick in sticks.items()}
        return {name: own_s} | {key: fmean((before[key], after[key])) for key in sticks}

    found: Told = forked(told)
    return found


def _yardsticks() -> dict[str, Callable[[], object]]:
    import torch

    a, b = torch.randn(96, 96), torch.randn(96, 96)
    x, y = torch.randn(1 << 18), torch.randn(1 << 18)
    return {"compute": lambda: a @ b, "memory": lambda: x + y}


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    typer.run(main)
