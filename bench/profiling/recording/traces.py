"""One profiler at work: what it is asked, and its trace as plain events of bounded number."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch.profiler import ProfilerActivity, profile

Events = list[dict[str, Any]]

_ADDRESS = re.compile(r" object at 0x[0-9a-f]+")  # another in every process

KEPT = ("Input Dims", "Input type", "Concrete Inputs", "Bytes", "Device Type", "Device Id")
KEPT_OF_DEVICE = ("External id", "correlation", "stream", "device", "Collective name", "bytes")


@contextmanager
def recorded(device: str, **asked: Any) -> Iterator[profile]:
    """Profile what is done within, on the host and, where there is one, on the GPU."""
    activities = [ProfilerActivity.CPU]
    if device != "cpu":
        activities.append(ProfilerActivity.CUDA)
    with profile(activities=activities, acc_events=True, **asked) as profiler:
        yield profiler


def events_of(profiler: profile) -> Events:
    """Return a finished profiler's events as Chrome's trace format has them, slimmed."""
    return exported(profiler)[0]


def exported(profiler: profile) -> tuple[Events, float]:
    """Return the events, and the microseconds of the epoch that their times begin at."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(path))
        found = json.loads(path.read_bytes())
    events = [_slim(event) for event in found["traceEvents"] if event.get("cat") != "Trace"]
    return events, float(found.get("baseTimeNanoseconds", 0)) * 1e-3


def num_events(profiler: profile) -> int:
    """Count what a finished profiler has seen."""
    results = profiler.profiler.kineto_results if profiler.profiler else None
    return len(results.events()) if results is not None else 0


def fitting(events: Events, most: int) -> tuple[Events, int, float]:
    """Return at most so many events: all ranges, then the longest; how many go, how short in us."""
    if len(events) <= most:
        return events, 0, 0.0
    ranked = sorted(events, key=_worth, reverse=True)
    kept, gone = ranked[:most], ranked[most:]
    shortest = max((float(event.get("dur", 0.0)) for event in gone), default=0.0)
    return sorted(kept, key=lambda event: float(event.get("ts", 0.0))), len(gone), shortest


def _worth(event: dict[str, Any]) -> tuple[bool, float]:
    named = event.get("ph") == "M" or event.get("cat") == "user_annotation"
    return named, float(event.get("dur", 0.0))


def _slim(event: dict[str, Any]) -> dict[str, Any]:
    args = event.get("args", {})
    if event.get("ph") == "M":
        return event
    kept = {name: args[name] for name in (*KEPT, *KEPT_OF_DEVICE) if name in args}
    return {**event, "args": kept}


def python_names(events: Events) -> Events:
    """Shorten the files that frames of Python are named after: to the folder and the file."""
    for event in events:
        if event.get("cat") == "python_function":
            path, _, rest = _ADDRESS.sub("", str(event["name"])).rpartition("(")
            event["name"] = "/".join(path.split("/")[-2:]) + "(" + rest if path else rest
    return events
