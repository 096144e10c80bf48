"""What torch.compile ran in a call: graphs, the kernels it fused, and where it gave up.

A mode sees nothing of a fused kernel. So the graphs that are called are asked for their own source,
which calls each kernel by a name that says what was fused.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from unittest.mock import patch

_OUTPUT = "torch._inductor.output_code"
_BEGINS = "async_compile.wait"  # above it are the kernels themselves
_KERNEL = re.compile(r"^ +((?:cpp|triton)_\w+)(?:\.run)?\(", re.MULTILINE)
_MOST_CHARACTERS = 120


@dataclass
class Graphs:
    """How many compiled graphs were called, and the kernels in them."""

    number: int = 0
    kernels: Counter[str] = field(default_factory=Counter)


@contextmanager
def graphs_called() -> Iterator[Graphs]:
    """Follow the graphs that Inductor made, where it was imported at all."""
    found, module = Graphs(), sys.modules.get(_OUTPUT)
    if module is None:
        yield found
        return
    graph = module.CompiledFxGraph
    call = graph.__call__

    def followed(self: Any, *args: Any, **kwargs: Any) -> Any:
        found.number += 1
        found.kernels.update(_kernels_in(self.source_code))
        return call(self, *args, **kwargs)

    with patch.object(graph, "__call__", followed):
        yield found


@cache
def _kernels_in(source: str) -> tuple[str, ...]:
    """Name the kernels that a graph's source calls, in order."""
    found = _KERNEL.findall(source.partition(_BEGINS)[2])
    return tuple(name[:_MOST_CHARACTERS] for name in found)


@dataclass(frozen=True)
class Compiling:
    """What Dynamo did in this process so far. None of it depends on what a cache held."""

    breaks: dict[str, int] = field(default_factory=dict)
    recompilations: int = 0
    fallbacks: int = 0

    @classmethod
    def so_far(cls) -> Compiling:
        """Read Dynamo's own counters, where it was imported at all."""
        counters = _counters()
        breaks: Counter[str] = Counter()
        for reason, times in counters.get("graph_break", {}).items():
            breaks[_first_line(reason)] += times
        frames = counters.get("frames", Counter())
        frame = sys.modules.get("torch._dynamo.convert_frame")
        compiled = getattr(frame, "FRAME_COMPILE_COUNTER", {})
        return cls(
            dict(breaks),
            sum(times - 1 for times in compiled.values() if times > 1),
            max(0, frames.get("total", 0) - frames.get("ok", 0)),
        )


def cached_work() -> str:
    """Say what compilers did and what they found in a cache: it differs from run to run."""
    counters = _counters()
    told = [
        f"{name.replace('_', ' ')} {times}"
        for group in ("aot_autograd", "inductor")
        for name, times in sorted(counters.get(group, {}).items())
        if "cache" in name
    ]
    return ", ".join(told)


def _counters() -> dict[str, Counter[str]]:
    dynamo = sys.modules.get("torch._dynamo.utils")
    return dict(dynamo.counters) if dynamo else {}


def _first_line(reason: str) -> str:
    return (reason.splitlines() or [""])[0][:_MOST_CHARACTERS]
