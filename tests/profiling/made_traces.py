"""Made-up traces in Chrome's format, whose every time is known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bench.profiling.facts import Facts
from bench.profiling.steps import Steps
from bench.profiling.trace import events_of

Plain = dict[str, Any]

MAIN = 1


def event(
    name: str, start: float, dur: float, cat: str = "cpu_op", tid: int = MAIN, **args: Any
) -> Plain:
    """Return one event, in microseconds; the names of arguments have `_` for spaces."""
    told = {key.replace("_", " "): value for key, value in args.items()}
    return {
        "ph": "X",
        "cat": cat,
        "name": name,
        "pid": 1,
        "tid": tid,
        "ts": start,
        "dur": dur,
        "args": told,
    }


def named(name: str, start: float, dur: float) -> Plain:
    return event(name, start, dur, "user_annotation")


def product(start: float, dur: float, n: int = 8, k: int = 16, m: int = 4) -> Plain:
    """Return a product of (n, k) and (k, m) in float32."""
    return event("aten::mm", start, dur, Input_Dims=[[n, k], [k, m]], Input_type=["float"] * 2)


def allocation(start: float, num_bytes: int) -> Plain:
    return {
        "ph": "i",
        "cat": "cpu_instant_event",
        "name": "[memory]",
        "pid": 1,
        "tid": MAIN,
        "ts": start,
        "args": {"Bytes": num_bytes},
    }


def training_step(start: float = 0.0, slower: float = 0.0) -> list[Plain]:
    """Return a step of 100 us: forward of 40, backward of 50, and 10 outside of phases.

    `slower` is what the product of the forward pass takes more.
    """
    return [
        named("step", start, 100 + slower),
        named("forward", start, 40 + slower),
        event("aten::linear", start + 5, 30 + slower, Input_Dims=[[8, 16]], Input_type=["float"]),
        event("aten::t", start + 6, 2),
        product(start + 10, 20 + slower),
        allocation(start + 11, 128),
        named("backward", start + 40 + slower, 50),
        event("autograd::engine::evaluate_function: MmBackward0", start + 45 + slower, 40),
        event("MmBackward0", start + 46 + slower, 38),
        product(start + 50 + slower, 30),
    ]


def facts(**changes: Any) -> Facts:
    given: dict[str, Any] = {
        "rank": 0,
        "ranks": 1,
        "device": "cpu",
        "plain_s": [9e-5, 9e-5],
        "profiled_s": [1e-4, 1e-4],
        "phases": ["forward", "backward"],
        "composite": ["aten::linear"],
        "views": ["aten::t"],
    }
    return Facts(**(given | changes))


def steps(plain: Sequence[Plain], **changes: Any) -> Steps:
    return Steps.of(list(events_of(plain)), facts(**changes))
