"""Memory over one step by category, as torch's own memory profiler tells them apart."""

from __future__ import annotations

import json
import tempfile
import warnings
from bisect import bisect_right
from pathlib import Path

import torch
from torch.profiler import profile
from torch.profiler._memory_profiler import _CATEGORY_TO_INDEX

from bench.profiling.facts import MemoryOverTime

MOST_MOMENTS = 400
MOST_HISTORY = 100_000  # allocations and frees of a snapshot


def memory_over_time(profiler: profile, device: str, since_us: float) -> MemoryOverTime:
    """Return bytes alive by category from a moment on, by the clock of the whole trace."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", FutureWarning
        )  # torch recommends its viewer, for CUDA alone
        path = Path(folder) / "memory.json"
        profiler.export_memory_timeline(str(path), device)
        times, sizes = json.loads(path.read_bytes())
    names = [_name(category) for category in _CATEGORY_TO_INDEX]
    first = max(bisect_right(times, since_us) - 1, 0)  # what was alive then
    moments = [max(time - since_us, 0.0) / 1e6 for time in times[first:]]
    series = {name: [row[number + 1] for row in sizes[first:]] for number, name in enumerate(names)}
    return thinned(moments, series)


def _name(category: object) -> str:
    name = getattr(category, "name", "other")
    return str(name).lower().replace("_", " ")


def thinned(times: list[float], series: dict[str, list[int]]) -> MemoryOverTime:
    """Return at most so many moments: of each stretch of time the one with most bytes alive."""
    moments = range(len(times))
    total = [sum(series[name][moment] for name in series) for moment in moments]
    stretch = -(-len(times) // MOST_MOMENTS) or 1
    kept = [
        max(moments[begin : begin + stretch], key=total.__getitem__)
        for begin in range(0, len(times), stretch)
    ]
    present = {name: own for name, own in series.items() if any(own)}
    return MemoryOverTime(
        [times[moment] for moment in kept],
        {name: [own[moment] for moment in kept] for name, own in present.items()},
    )


def start_history() -> None:
    """Have CUDA's allocator remember what it hands out; see torch's memory viewer."""
    torch.cuda.memory._record_memory_history(max_entries=MOST_HISTORY)


def save_history(path: Path) -> None:
    """Write what CUDA's allocator remembers, and let it forget again."""
    torch.cuda.memory._dump_snapshot(str(path))
    torch.cuda.memory._record_memory_history(enabled=None)
